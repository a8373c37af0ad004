//! A dataset read whole, in one fixed order: what a release is made of. No text of a query is ever parsed.

use datafusion::catalog::TableProvider;
use datafusion::common::Column;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, SortExpr};
use datafusion::physical_plan::execute_stream;
use datasets::model::DatasetName;
use futures::StreamExt;

use crate::error::{Error, Result};
use crate::gate::errors;
use crate::session::tables::{Named, unknown};
use crate::session::{Session, plain};
use crate::statement::Rows;

impl Session {
    /// All rows, in the order of `order` and then of every other column, so that the same rows always come in the same order.
    /// There is no limit of time: the service reads for itself.
    pub(crate) async fn whole(&self, name: &DatasetName, order: &[String]) -> Result<Rows> {
        let pinned = self.pin([Named { table: name.name.clone(), dataset: name.clone(), history: false, at: None }]).await?;
        let table = pinned.tables.values().next().cloned().ok_or_else(|| unknown(&name.to_string(), ""))?;
        let state = self.warehouse.context(pinned.catalog()?).state();
        let schema = table.schema();
        let wanted = order.iter().filter(|column| schema.field_with_name(column).is_ok());
        let others = schema.fields().iter().map(|field| field.name()).filter(|column| !order.contains(column));
        let sort: Vec<SortExpr> = wanted.chain(others).map(|column| SortExpr::new(Expr::Column(Column::new_unqualified(column)), true, true)).collect();
        let plan = LogicalPlanBuilder::scan("t", provider_as_source(table), None).and_then(|scan| scan.sort(sort)).and_then(LogicalPlanBuilder::build);
        let plan = state.create_physical_plan(&plan.map_err(errors::finishing)?).await.map_err(errors::finishing)?;
        let engine = execute_stream(plan, state.task_ctx()).map_err(errors::running)?;
        let schema = plain::schema(&engine.schema());
        let layout = schema.clone();
        let batches = engine.map(move |batch| plain::batch(batch.map_err(errors::running)?, &layout).map_err(|e| Error::internal("release.layout", e)));
        Ok(Rows { schema, batches: batches.boxed(), snapshot: pinned.versions })
    }
}
