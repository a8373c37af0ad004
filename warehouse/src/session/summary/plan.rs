//! A summary as a plan: nothing of it is ever parsed.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::{Column, ScalarValue};
use datafusion::datasource::provider_as_source;
use datafusion::functions::datetime::expr_fn::{date_part, to_char};
use datafusion::functions_aggregate::expr_fn::{avg, count, count_distinct, max, min, sum};
use datafusion::logical_expr::{Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, SortExpr};
use datafusion::prelude::lit;

use super::{ACROSS, Function, Key, Order, Part, Summary};
use crate::error::Result;
use crate::gate::errors;
use crate::policy::PolicyTable;
use crate::session::fixed;
use crate::session::rows::Filter;

/// The different values of the column across, one more than may be.
pub fn across(table: &Arc<PolicyTable>, across: &Key, filters: &[Filter]) -> Result<LogicalPlan> {
    let plan = filtered(table, filters)?.aggregate(vec![key(across).alias("a")], Vec::<Expr>::new()).map_err(errors::finishing)?;
    let order = vec![SortExpr::new(named("a"), true, false)];
    plan.sort(order).and_then(|p| p.limit(0, Some(ACROSS + 1))).and_then(LogicalPlanBuilder::build).map_err(errors::finishing)
}

/// Groups `g0`, `g1`, … then a column for each value across, then one over all.
pub fn summary(table: &Arc<PolicyTable>, summary: &Summary, across: &[(String, ScalarValue)]) -> Result<LogicalPlan> {
    let groups: Vec<Expr> = summary.group.iter().enumerate().map(|(n, k)| key(k).alias(format!("g{n}"))).collect();
    let mut measures = Vec::new();
    if let Some(by) = &summary.across {
        for (n, (_, value)) in across.iter().enumerate() {
            let these = if value.is_null() { key(by).is_null() } else { key(by).eq(lit(value.clone())) };
            let one = measure(summary).filter(these).build().map_err(errors::finishing)?;
            measures.push(one.alias(format!("a{n}")));
        }
    }
    measures.push(measure(summary).alias("v"));
    let mut order: Vec<SortExpr> = (0..groups.len()).map(|n| SortExpr::new(named(&format!("g{n}")), true, false)).collect();
    if summary.order == Order::Value && !groups.is_empty() {
        order.insert(0, SortExpr::new(named("v"), false, false));
    }
    let mut plan = filtered(table, &summary.filters)?.aggregate(groups, measures).map_err(errors::finishing)?;
    if !order.is_empty() {
        plan = plan.sort(order).map_err(errors::finishing)?;
    }
    if summary.limit.is_some() {
        plan = plan.limit(0, summary.limit).map_err(errors::finishing)?;
    }
    plan.build().map_err(errors::finishing)
}

/// The number of groups.
pub fn size(table: &Arc<PolicyTable>, summary: &Summary) -> Result<LogicalPlan> {
    let plan = filtered(table, &summary.filters)?;
    let groups: Vec<Expr> = summary.group.iter().enumerate().map(|(n, k)| key(k).alias(format!("g{n}"))).collect();
    let plan = plan.aggregate(groups, Vec::<Expr>::new()).and_then(|plan| plan.aggregate(Vec::<Expr>::new(), vec![count(lit(1_i64)).alias("n")]));
    plan.and_then(LogicalPlanBuilder::build).map_err(errors::finishing)
}

fn filtered(table: &Arc<PolicyTable>, filters: &[Filter]) -> Result<LogicalPlanBuilder> {
    let schema = table.schema();
    let mut plan = LogicalPlanBuilder::scan("t", provider_as_source(table.clone()), None).map_err(errors::finishing)?;
    for filter in filters {
        plan = plan.filter(fixed::condition(&schema, filter)?).map_err(errors::finishing)?;
    }
    Ok(plan)
}

fn key(key: &Key) -> Expr {
    match key.part {
        None => named(&key.column),
        Some(Part::Year) => date_part(lit("year"), named(&key.column)),
        Some(Part::Month) => to_char(named(&key.column), lit("%Y-%m")),
    }
}

fn measure(summary: &Summary) -> Expr {
    let Some(column) = &summary.column else { return count(lit(1_i64)) };
    let column = named(column);
    match summary.function {
        Function::Count => count(column),
        Function::Distinct => count_distinct(column),
        Function::Sum => sum(column),
        Function::Avg => avg(column),
        Function::Min => min(column),
        Function::Max => max(column),
    }
}

fn named(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}
