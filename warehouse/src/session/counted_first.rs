//! Rows are counted before they are looked up: `count(*)` over many rows joined with a register, grouped by what the register says, is the sum
//! of counts of those rows by their own codes (eager aggregation; Yan and Larson, VLDB 1995). Then hundreds of rows meet the register
//! instead of twenty million. Only where the rows' columns that the query still needs have few different values, as contracts say.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, JoinType};
use datafusion::datasource::source_as_provider;
use datafusion::error::Result;
use datafusion::functions::expr_fn::coalesce;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, Projection, SubqueryAlias, lit};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use crate::policy::PolicyTable;

/// How many rows stand behind a row of codes.
const ROWS: &str = "righe contate";

/// A rule for plans whose columns and conditions are where they belong already.
#[derive(Debug)]
pub struct CountedFirst;

impl OptimizerRule for CountedFirst {
    fn name(&self) -> &str {
        "counted_first"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Aggregate(aggregate) = &plan else { return Ok(Transformed::no(plan)) };
        Ok(match counted(aggregate)? {
            Some(counted) => Transformed::yes(counted),
            None => Transformed::no(plan),
        })
    }
}

/// The same rows as those of `aggregate`, from counts; `None` where it counts something else, or nothing below can be counted first.
fn counted(aggregate: &Aggregate) -> Result<Option<LogicalPlan>> {
    let Some(filters) = aggregate.aggr_expr.iter().map(counts_rows).collect::<Option<Vec<_>>>() else { return Ok(None) };
    if filters.is_empty() || aggregate.group_expr.iter().any(|e| matches!(e, Expr::GroupingSet(_)) || e.is_volatile()) {
        return Ok(None);
    }
    // Several counts of one table, each with its own condition: that is looked at once per combination of codes.
    let conditions = filters.iter().flatten().count() > 1;
    let Some((input, rows)) = below(&aggregate.input, conditions)? else { return Ok(None) };
    let name = |i: usize| format!("{ROWS}_{i}");
    let sums = filters.into_iter().enumerate().map(|(i, filter)| {
        let sum = AggregateFunction::new_udf(sum_udaf(), vec![Expr::Column(rows.clone())], false, filter, Vec::new(), None);
        Expr::AggregateFunction(sum).alias(name(i))
    });
    let summed = Aggregate::try_new(Arc::new(input), aggregate.group_expr.clone(), sums.collect())?;
    let groups = aggregate.schema.fields().len() - aggregate.aggr_expr.len();
    let outputs = aggregate.schema.iter().enumerate().map(|(i, (qualifier, field))| match i.checked_sub(groups) {
        None => Expr::Column(Column::from((qualifier, field))),
        // No row at all is a count too.
        Some(i) => coalesce(vec![Expr::Column(Column::new_unqualified(name(i))), lit(0_i64)]).alias_qualified(qualifier.cloned(), field.name()),
    });
    Ok(Some(LogicalPlan::Projection(Projection::try_new(outputs.collect(), Arc::new(LogicalPlan::Aggregate(summed)))?)))
}

/// The condition of a `count(*)`, if it is one.
fn counts_rows(expression: &Expr) -> Option<Option<Box<Expr>>> {
    match expression {
        Expr::Alias(alias) => counts_rows(&alias.expr),
        Expr::AggregateFunction(AggregateFunction { func, params }) if func.name() == "count" && !params.distinct && params.order_by.is_empty() => {
            let every = matches!(params.args.as_slice(), [Expr::Literal(value, _)] if !value.is_null());
            (every && params.filter.as_ref().is_none_or(|filter| !filter.is_volatile())).then(|| params.filter.clone())
        }
        _ => None,
    }
}

/// `plan` over counted rows, with the column that says how many stand behind each. `here`: it pays to count the rows of this very plan, as
/// below a join.
fn below(plan: &LogicalPlan, here: bool) -> Result<Option<(LogicalPlan, Column)>> {
    if here && is_few(plan) {
        let groups: Vec<Expr> = plan.schema().iter().map(|(qualifier, field)| Expr::Column(Column::from((qualifier, field)))).collect();
        let counted = Aggregate::try_new(Arc::new(plan.clone()), groups, vec![count(lit(1_i64)).alias(ROWS)])?;
        return Ok(Some((LogicalPlan::Aggregate(counted), Column::new_unqualified(ROWS))));
    }
    if plan.expressions().iter().any(Expr::is_volatile) {
        return Ok(None);
    }
    match plan {
        LogicalPlan::Projection(projection) => {
            let Some((input, rows)) = below(&projection.input, here)? else { return Ok(None) };
            let expressions = projection.expr.iter().cloned().chain([Expr::Column(rows.clone())]).collect();
            Ok(Some((LogicalPlan::Projection(Projection::try_new(expressions, Arc::new(input))?), rows)))
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let Some((input, rows)) = below(&alias.input, here)? else { return Ok(None) };
            let renamed = Column::new(Some(alias.alias.clone()), rows.name);
            Ok(Some((LogicalPlan::SubqueryAlias(SubqueryAlias::try_new(Arc::new(input), alias.alias.clone())?), renamed)))
        }
        LogicalPlan::Filter(filter) => {
            let Some((input, rows)) = below(&filter.input, here)? else { return Ok(None) };
            Ok(Some((plan.with_new_exprs(plan.expressions(), vec![input])?, rows)))
        }
        LogicalPlan::Join(join) => {
            // A side whose rows a join may leave out or fill up: each row of codes stands for its rows there as well.
            let (left, right) = match join.join_type {
                JoinType::Inner => (true, true),
                JoinType::Left => (true, false),
                JoinType::Right => (false, true),
                _ => return Ok(None),
            };
            for (may, side) in [(left, 0), (right, 1)] {
                let mut inputs = vec![join.left.as_ref().clone(), join.right.as_ref().clone()];
                let Some((input, rows)) = may.then(|| below(&inputs[side], true)).transpose()?.flatten() else { continue };
                inputs[side] = input;
                return Ok(Some((plan.with_new_exprs(plan.expressions(), inputs)?, rows)));
            }
            Ok(None)
        }
        _ => Ok(None),
    }
}

/// Rows of one table of which only columns with few different values are left.
fn is_few(plan: &LogicalPlan) -> bool {
    let mut at = plan;
    loop {
        at = match at {
            LogicalPlan::SubqueryAlias(alias) => &alias.input,
            LogicalPlan::Filter(filter) if !filter.predicate.is_volatile() => &filter.input,
            LogicalPlan::Projection(projection) if projection.expr.iter().all(|e| matches!(e, Expr::Column(_))) => &projection.input,
            LogicalPlan::TableScan(scan) if scan.fetch.is_none() => {
                let Ok(provider) = source_as_provider(&scan.source) else { return false };
                let Some(table) = provider.downcast_ref::<PolicyTable>() else { return false };
                let columns = plan.schema().fields();
                return !columns.is_empty() && columns.iter().all(|field| table.is_few(field.name()));
            }
            _ => return false,
        };
    }
}
