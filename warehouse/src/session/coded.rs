//! Rows are grouped by numbers instead of values: what a contract says has few different texts (`ambito`, `utenza`), and years and months of
//! dates, get one number per combination, which stands for it until the groups are made. To hash and compare texts for each of twenty million rows
//! was most of what such a query cost. `count(DISTINCT …)` counts numbers too, or groups of them.

mod codes;
mod distinct;

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, DFSchema};
use datafusion::datasource::source_as_provider;
use datafusion::error::Result;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Aggregate, Expr, ExprSchemable, JoinType, LogicalPlan, Projection, ScalarUDF};

use self::codes::{Coded, Codes, Decoded};
use crate::policy::PolicyTable;
use crate::session::days;

/// Name of the column of numbers. No contract has it.
const CODE: &str = "codice dei gruppi";

/// The same groups by numbers, if `plan` makes groups by texts that are few.
pub fn groups(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    match plan {
        LogicalPlan::Aggregate(aggregate) if !aggregate.group_expr.iter().any(|e| matches!(e, Expr::GroupingSet(_))) => match distinct::apart(&aggregate)? {
            Some(apart) => Ok(Transformed::yes(apart)),
            None => by_number(aggregate),
        },
        plan => Ok(Transformed::no(plan)),
    }
}

fn by_number(aggregate: Aggregate) -> Result<Transformed<LogicalPlan>> {
    let input = &aggregate.input;
    let mut few: Vec<bool> = aggregate.group_expr.iter().map(|e| makes_few(e, input)).collect();
    // The engine is quick with a single number already.
    if !aggregate.group_expr.iter().any(|e| is_few(e, input)) && few.iter().filter(|few| **few).count() < 2 {
        few.fill(false);
    }
    let counts = aggregate.aggr_expr.iter().map(|e| counted(e, input)).collect::<Result<Vec<Option<Expr>>>>()?;
    if !few.contains(&true) && counts.iter().all(Option::is_none) {
        return Ok(Transformed::no(LogicalPlan::Aggregate(aggregate)));
    }
    let part = |wanted: bool| aggregate.group_expr.iter().zip(&few).filter(move |(_, few)| **few == wanted).map(|(e, _)| e.clone());
    let values: Vec<Expr> = part(true).collect();
    let types = values.iter().map(|e| e.get_type(input.schema())).collect::<Result<Vec<_>>>()?;
    let codes = Arc::new(Codes::new(types)?);
    let code = (!values.is_empty()).then(|| ScalarUDF::from(Coded::groups(codes.clone())).call(values).alias(CODE));
    let names = aggregate.schema.iter().skip(aggregate.group_expr.len()).map(|(_, field)| field.name());
    let computed = aggregate.aggr_expr.iter().zip(counts).zip(names).map(|((e, count), name)| count.map_or_else(|| e.clone(), |e| e.alias(name)));
    let coded = Aggregate::try_new(input.clone(), code.into_iter().chain(part(false)).collect(), computed.collect())?;

    let mut place = 0;
    let outputs = aggregate.schema.iter().enumerate().map(|(i, (qualifier, field))| {
        if few.get(i) != Some(&true) {
            return Expr::Column(Column::from((qualifier, field)));
        }
        place += 1;
        let decoded = ScalarUDF::from(Decoded::new(codes.clone(), place - 1, field.clone()));
        decoded.call(vec![Expr::Column(Column::new_unqualified(CODE))]).alias_qualified(qualifier.cloned(), field.name())
    });
    let outputs = Projection::try_new(outputs.collect(), Arc::new(LogicalPlan::Aggregate(coded)))?;
    Ok(Transformed::yes(LogicalPlan::Projection(outputs)))
}

/// `count(DISTINCT text)` as a count of numbers.
fn counted(expression: &Expr, input: &LogicalPlan) -> Result<Option<Expr>> {
    let Some((AggregateFunction { func, params }, text)) = different(expression) else { return Ok(None) };
    if !is_few(text, input) {
        return Ok(None);
    }
    let code = ScalarUDF::from(Coded::values(text.get_type(input.schema())?)?).call(vec![text.clone()]);
    let count = AggregateFunction::new_udf(func.clone(), vec![code], true, params.filter.clone(), params.order_by.clone(), params.null_treatment);
    Ok(Some(Expr::AggregateFunction(count)))
}

/// A count of different values, and the value.
fn different(expression: &Expr) -> Option<(&AggregateFunction, &Expr)> {
    let Expr::AggregateFunction(aggregate) = expression else { return None };
    let [value] = aggregate.params.args.as_slice() else { return None };
    (aggregate.func.name() == "count" && aggregate.params.distinct).then_some((aggregate, value))
}

/// Whether the groups that this makes are few.
fn makes_few(expression: &Expr, input: &LogicalPlan) -> bool {
    is_few(expression, input) || days::is_few(expression)
}

/// A column of texts of which contracts say that few are different.
fn is_few(expression: &Expr, input: &LogicalPlan) -> bool {
    let Expr::Column(column) = expression else { return false };
    let text = |schema: &DFSchema| expression.get_type(schema).is_ok_and(|kind| kind == DataType::Utf8View);
    text(input.schema()) && input.schema().maybe_index_of_column(column).is_some_and(|index| comes_from_few(input, index))
}

fn comes_from_few(plan: &LogicalPlan, index: usize) -> bool {
    match plan {
        LogicalPlan::SubqueryAlias(alias) => comes_from_few(&alias.input, index),
        LogicalPlan::Filter(filter) => comes_from_few(&filter.input, index),
        LogicalPlan::Projection(projection) => {
            let mut expression = &projection.expr[index];
            while let Expr::Alias(alias) = expression {
                expression = &alias.expr;
            }
            is_few(expression, &projection.input)
        }
        LogicalPlan::Join(join) if matches!(join.join_type, JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full) => {
            let left = join.left.schema().fields().len();
            if index < left { comes_from_few(&join.left, index) } else { comes_from_few(&join.right, index - left) }
        }
        LogicalPlan::TableScan(scan) => {
            let provider = source_as_provider(&scan.source).ok();
            let table = provider.as_ref().and_then(|provider| provider.downcast_ref::<PolicyTable>());
            table.is_some_and(|table| table.is_few(scan.projected_schema.field(index).name()))
        }
        _ => false,
    }
}
