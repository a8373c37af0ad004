//! Our own fixed query over one dataset, built as a plan: no text of it is ever parsed.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::catalog::TableProvider;
use datafusion::common::{Column, ScalarValue};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, SortExpr};
use datafusion::prelude::lit;
use datasets::model::DatasetName;

use crate::error::{Error, Kind, Result};
use crate::gate::errors;
use crate::policy::PolicyTable;
use crate::session::Session;
use crate::session::ask::Ready;
use crate::session::rows::{Filter, Operator, Page};
use crate::session::tables::Named;
use crate::session::tables::unknown;
use crate::statement::Rows;

impl Session {
    /// The rows of one dataset. A page with a limit has a fixed order: the key's, after what `sort` says.
    /// Errors: `NotFound` for a dataset, `Invalid` for a column or a value that does not fit its column.
    pub async fn rows(&self, name: &DatasetName, page: Page) -> Result<Rows> {
        match self.kept_page(name, &page).await? {
            Some(rows) => Ok(rows),
            None => self.planned_rows(name, page).await,
        }
    }

    /// The same, found by the engine.
    pub(super) async fn planned_rows(&self, name: &DatasetName, page: Page) -> Result<Rows> {
        let visible = self.dataset(name)?;
        if page.history && !visible.history {
            return Err(unknown(&format!("{name}_storia"), ""));
        }
        let keys: Vec<String> = visible.contract.key.clone();
        let pinned = self.pin([Named { table: name.name.clone(), dataset: name.clone(), history: page.history, at: page.at }]).await?;
        let table = pinned.tables.values().next().cloned().ok_or_else(|| unknown(&name.to_string(), ""))?;
        let catalog = pinned.catalog()?;
        let state = self.warehouse.context(catalog).state();
        let plan = build(&table, &page, &keys)?;
        let plan = state.create_physical_plan(&plan).await.map_err(errors::finishing)?;
        self.run(Ready { plan, state, versions: pinned.versions })
    }
}

fn build(table: &Arc<PolicyTable>, page: &Page, keys: &[String]) -> Result<datafusion::logical_expr::LogicalPlan> {
    let schema = table.schema();
    let column = |name: &str| position(&schema, name).map(|_| Expr::Column(Column::new_unqualified(name)));
    let mut plan = LogicalPlanBuilder::scan("t", provider_as_source(table.clone()), None).map_err(errors::finishing)?;
    for filter in &page.filters {
        plan = plan.filter(condition(&schema, filter)?).map_err(errors::finishing)?;
    }
    let mut order = Vec::new();
    for sort in &page.sort {
        order.push(SortExpr::new(column(&sort.column)?, !sort.descending, sort.descending));
    }
    if page.limit.is_some() {
        let visible_keys = keys.iter().filter(|k| page.sort.iter().all(|s| &s.column != *k)).filter_map(|k| column(k).ok());
        order.extend(visible_keys.map(|key| SortExpr::new(key, true, false)));
    }
    if !order.is_empty() {
        plan = plan.sort(order).map_err(errors::finishing)?;
    }
    if page.limit.is_some() || page.offset > 0 {
        plan = plan.limit(page.offset, page.limit).map_err(errors::finishing)?;
    }
    if !page.columns.is_empty() {
        let wanted = page.columns.iter().map(|name| column(name)).collect::<Result<Vec<_>>>()?;
        plan = plan.project(wanted).map_err(errors::finishing)?;
    }
    plan.build().map_err(errors::finishing)
}

/// Where a column stands.
pub(super) fn position(schema: &Schema, name: &str) -> Result<usize> {
    schema.index_of(name).map_err(|_| Error::new(Kind::Invalid, "sql.column", format!("column '{name}' not found")))
}

/// A filter over columns of `schema`.
pub(super) fn condition(schema: &Schema, filter: &Filter) -> Result<Expr> {
    let field = schema.field(position(schema, &filter.column)?);
    predicate(Expr::Column(Column::new_unqualified(&filter.column)), filter, field.data_type())
}

fn predicate(left: Expr, filter: &Filter, data_type: &arrow::datatypes::DataType) -> Result<Expr> {
    let misfit = || Error::new(Kind::Invalid, "filter.value", format!("the value does not fit column '{}'", filter.column));
    let text = || filter.value.clone().ok_or_else(misfit);
    let value = || match ScalarValue::try_from_string(text()?, data_type) {
        Ok(value) if !value.is_null() => Ok(lit(value)),
        _ => Err(misfit()),
    };
    Ok(match filter.operator {
        Operator::Eq => left.eq(value()?),
        Operator::Ne => left.not_eq(value()?),
        Operator::Lt => left.lt(value()?),
        Operator::Le => left.lt_eq(value()?),
        Operator::Gt => left.gt(value()?),
        Operator::Ge => left.gt_eq(value()?),
        Operator::Prefix if data_type.is_string() => left.like(lit(format!("{}%", plain(&text()?)))),
        Operator::Contains if data_type.is_string() => left.ilike(lit(format!("%{}%", plain(&text()?)))),
        Operator::Prefix | Operator::Contains => return Err(misfit()),
        Operator::IsNull => left.is_null(),
        Operator::NotNull => left.is_not_null(),
    })
}

/// A text as a part of a pattern.
fn plain(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}
