//! A table as one principal may see it: the policy first, then the user's query, never the other way round.

pub mod leakproof;
pub mod rights;

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::datasource::{TableType, provider_as_source};
use datafusion::error::Result;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, TableProviderFilterPushDown, cast};
use datafusion::physical_plan::ExecutionPlan;

use crate::barrier::BarrierExec;
use crate::policy::leakproof::is_leakproof;

/// How one output column comes about.
#[derive(Clone, Debug)]
pub struct Output {
    pub name: String,
    /// `None`: the stored column of the same name. `Some`: an expression over stored columns.
    pub mask: Option<Expr>,
}

/// A stored table behind a row condition and a list of columns.
pub struct PolicyTable {
    stored: Arc<dyn TableProvider>,
    /// `None`: every stored row is visible.
    rows: Option<Expr>,
    outputs: Vec<Output>,
    schema: SchemaRef,
    open: HashSet<String>,
    few: Arc<HashSet<String>>,
}

impl PolicyTable {
    /// `stored` must keep every filter in the plan (see `lake`: Delta's own provider drops some).
    /// `rows` and the masks are over the stored columns, unqualified.
    pub fn new(stored: Arc<dyn TableProvider>, rows: Option<Expr>, mut outputs: Vec<Output>) -> Result<Self> {
        // A mask takes its column's type: `CASE … THEN 'x' ELSE column` has one type before coercion and another after.
        for output in &mut outputs {
            let kind = stored.schema().field_with_name(&output.name)?.data_type().clone();
            output.mask = output.mask.take().map(|mask| cast(mask, kind));
        }
        let expressions: Vec<Expr> = outputs.iter().map(expression).collect();
        let plan = LogicalPlanBuilder::scan(STORED, provider_as_source(stored.clone()), None)?.project(expressions)?.build()?;
        let schema = Arc::new(plan.schema().as_arrow().clone());
        let open = outputs.iter().filter(|o| o.mask.is_none()).map(|o| o.name.clone()).collect();
        Ok(Self { stored, rows, outputs, schema, open, few: Arc::default() })
    }

    /// The same, knowing which columns have few different values ([`datasets::model::Column::is_few`]).
    pub fn with_few(self, few: Arc<HashSet<String>>) -> Self {
        Self { few, ..self }
    }

    /// Whether an output column has few different values, however many rows there are.
    pub fn is_few(&self, column: &str) -> bool {
        self.few.contains(column) && self.open.contains(column)
    }

    /// Nothing is hidden but whole columns: a plain scan shows the same, with statistics and all its speed.
    fn is_plain(&self) -> bool {
        self.rows.is_none() && self.outputs.iter().all(|o| o.mask.is_none())
    }

    fn leakproof(&self, predicate: &Expr) -> bool {
        is_leakproof(predicate, &self.schema, &|name| self.open.contains(name))
    }

    /// Indices of the stored columns behind the wanted output columns; only for a plain table.
    fn stored_indices(&self, projection: Option<&Vec<usize>>) -> Result<Vec<usize>> {
        let source = self.stored.schema();
        let index = |o: &Output| source.index_of(&o.name).map_err(Into::into);
        match projection {
            Some(wanted) => wanted.iter().map(|i| index(&self.outputs[*i])).collect(),
            None => self.outputs.iter().map(index).collect(),
        }
    }
}

/// Alias of the stored table inside the secured plan.
const STORED: &str = "stored";

fn expression(output: &Output) -> Expr {
    match &output.mask {
        Some(mask) => mask.clone().alias(&output.name),
        None => Expr::Column(Column::new_unqualified(&output.name)),
    }
}

/// The user's filters name the table as the query does; inside, columns are the stored table's.
fn unqualified(predicate: &Expr) -> Result<Expr> {
    let stripped = predicate.clone().transform(|e| match e {
        Expr::Column(c) => Ok(Transformed::yes(Expr::Column(Column::new_unqualified(c.name)))),
        other => Ok(Transformed::no(other)),
    })?;
    Ok(stripped.data)
}

impl fmt::Debug for PolicyTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PolicyTable")
    }
}

#[async_trait]
impl TableProvider for PolicyTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// Leak-proof filters go inside to prune files and row groups, and stay outside too (`Inexact`).
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let answer = |f: &&Expr| if self.leakproof(f) { TableProviderFilterPushDown::Inexact } else { TableProviderFilterPushDown::Unsupported };
        Ok(filters.iter().map(answer).collect())
    }

    async fn scan(&self, state: &dyn Session, projection: Option<&Vec<usize>>, filters: &[Expr], limit: Option<usize>) -> Result<Arc<dyn ExecutionPlan>> {
        // Asked again here: the answer above is a promise of the optimizer's, this is the barrier's own.
        let filters = filters.iter().filter(|f| self.leakproof(f)).map(unqualified).collect::<Result<Vec<_>>>()?;
        if self.is_plain() {
            let indices = self.stored_indices(projection)?;
            return self.stored.scan(state, Some(&indices), &filters, limit).await;
        }
        let mut plan = LogicalPlanBuilder::scan(STORED, provider_as_source(self.stored.clone()), None)?;
        // One filter node: the policy and the leak-proof predicates prune together.
        if let Some(predicate) = conjunction(self.rows.iter().cloned().chain(filters)) {
            plan = plan.filter(predicate)?;
        }
        let wanted: Vec<Expr> = match projection {
            Some(indices) => indices.iter().map(|i| expression(&self.outputs[*i])).collect(),
            None => self.outputs.iter().map(expression).collect(),
        };
        plan = plan.project(wanted)?;
        if limit.is_some() {
            plan = plan.limit(0, limit)?;
        }
        let secured = state.create_physical_plan(&plan.build()?).await?;
        Ok(Arc::new(BarrierExec::new(secured)))
    }
}
