//! Several datasets at one moment, each to be read whole: what a release is made of. No text of a query is ever parsed.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::common::Column;
use datafusion::datasource::provider_as_source;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, SortExpr};
use datafusion::physical_plan::execute_stream;
use datasets::model::DatasetName;
use futures::StreamExt;

use crate::error::{Error, Result};
use crate::gate::errors;
use crate::policy::PolicyTable;
use crate::session::tables::{Named, unknown};
use crate::session::{Session, plain};
use crate::statement::Rows;

/// Datasets as one principal sees them, all taken at one moment.
pub struct Frozen {
    tables: BTreeMap<DatasetName, Arc<PolicyTable>>,
    versions: BTreeMap<String, u64>,
    state: SessionState,
}

impl Session {
    /// Takes the newest version of each of these datasets.
    pub async fn freeze(&self, names: &[DatasetName]) -> Result<Frozen> {
        let named = names.iter().map(|name| Named { table: name.name.clone(), dataset: name.clone(), history: false, at: None });
        let pinned = self.pin(named).await?;
        let state = self.warehouse.context(pinned.catalog()?).state();
        let tables = pinned.tables.into_iter().map(|(named, table)| (named.dataset, table)).collect();
        Ok(Frozen { tables, versions: pinned.versions, state })
    }
}

impl Frozen {
    /// The version a dataset was taken at.
    pub fn version(&self, name: &DatasetName) -> u64 {
        self.versions.get(&name.to_string()).copied().unwrap_or_default()
    }

    /// All rows, in the order of `order` and then of every other column, so that the same rows always come in the same order.
    /// There is no limit of time: the service reads for itself.
    pub async fn rows(&self, name: &DatasetName, order: &[String]) -> Result<Rows> {
        let table = self.tables.get(name).cloned().ok_or_else(|| unknown(&name.to_string(), ""))?;
        let schema = datafusion::catalog::TableProvider::schema(table.as_ref());
        let wanted = order.iter().filter(|column| schema.field_with_name(column).is_ok());
        let others = schema.fields().iter().map(|f| f.name()).filter(|column| !order.contains(column));
        let sort = wanted.chain(others).map(|column| SortExpr::new(Expr::Column(Column::new_unqualified(column)), true, true));
        let plan = LogicalPlanBuilder::scan("t", provider_as_source(table), None).and_then(|scan| scan.sort(sort)).and_then(LogicalPlanBuilder::build);
        let plan = self.state.create_physical_plan(&plan.map_err(errors::finishing)?).await.map_err(errors::finishing)?;
        let engine = execute_stream(plan, self.state.task_ctx()).map_err(errors::running)?;
        let schema = plain::schema(&engine.schema());
        let layout = schema.clone();
        let batches = engine.map(move |batch| plain::batch(batch.map_err(errors::running)?, &layout).map_err(|e| Error::internal("release.layout", e)));
        Ok(Rows { schema, batches: batches.boxed(), snapshot: self.versions.clone() })
    }
}
