//! `count(DISTINCT comune)` beside other counts: groups are made by the counted text too, counted once each, and then put together. Where all that
//! makes groups is few, so are these groups, and the rows are looked at as for a plain count.

use std::sync::Arc;

use datafusion::common::Column;
use datafusion::error::Result;
use datafusion::functions_aggregate::expr_fn::{count, max, min, sum};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, Projection, lit, when};

use super::{different, groups, is_few, makes_few};

/// The two steps, if there is one text that is counted, and the rest can be put together from parts.
pub fn apart(aggregate: &Aggregate) -> Result<Option<LogicalPlan>> {
    let input = &aggregate.input;
    let mut counted = aggregate.aggr_expr.iter().filter_map(distinct);
    let Some(text) = counted.next() else { return Ok(None) };
    let few = |e: &Expr| makes_few(e, input);
    let parts = aggregate.aggr_expr.iter().all(|e| distinct(e).is_some() || together(e).is_some());
    if counted.any(|other| other != text) || !is_few(text, input) || !parts || !aggregate.group_expr.iter().all(few) || aggregate.group_expr.contains(text) {
        return Ok(None);
    }
    // Alone it is counted like this by the engine itself.
    let others: Vec<Expr> = aggregate.aggr_expr.iter().filter(|e| distinct(e).is_none()).cloned().collect();
    if others.is_empty() {
        return Ok(None);
    }
    let by = aggregate.group_expr.iter().chain([text]).cloned().collect();
    let inner = groups(LogicalPlan::Aggregate(Aggregate::try_new(input.clone(), by, others)?))?.data;

    let width = aggregate.group_expr.len();
    let of_inner = |place: usize| Expr::Column(Column::from(inner.schema().qualified_field(place)));
    let mut place = width;
    let computed = aggregate.aggr_expr.iter().map(|e| match together(e) {
        _ if distinct(e).is_some() => count(of_inner(width)),
        Some(put) => {
            place += 1;
            put(of_inner(place))
        }
        None => e.clone(),
    });
    let computed: Vec<Expr> = computed.enumerate().map(|(i, e)| e.alias(format!("parte {i}"))).collect();
    let outer = Aggregate::try_new(Arc::new(inner.clone()), (0..width).map(of_inner).collect(), computed)?;
    let outputs = aggregate.schema.iter().enumerate().map(|(i, (qualifier, field))| {
        let value = Expr::Column(Column::from(outer.schema.qualified_field(i)));
        // A count of no rows at all is zero, and no count is ever missing.
        let value = if i < width || field.is_nullable() { value } else { when(value.clone().is_not_null(), value).otherwise(lit(0_i64))? };
        Ok(value.alias_qualified(qualifier.cloned(), field.name()))
    });
    let outputs = outputs.collect::<Result<Vec<_>>>()?;
    Ok(Some(LogicalPlan::Projection(Projection::try_new(outputs, Arc::new(LogicalPlan::Aggregate(outer)))?)))
}

/// The value of which all different ones are counted.
fn distinct(expression: &Expr) -> Option<&Expr> {
    let (AggregateFunction { params, .. }, value) = different(expression)?;
    (params.filter.is_none() && params.order_by.is_empty()).then_some(value)
}

/// How what is computed for parts of a group is put together for the whole.
fn together(expression: &Expr) -> Option<fn(Expr) -> Expr> {
    let Expr::AggregateFunction(AggregateFunction { func, params }) = expression else { return None };
    match func.name() {
        _ if params.distinct || !params.order_by.is_empty() => None,
        "count" => Some(sum),
        "min" => Some(min),
        "max" => Some(max),
        _ => None,
    }
}
