//! Bound parameters: `$1`, `$2`, … typed by the place where they stand in the plan.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::logical_expr::{Expr, LogicalPlan};

use crate::error::{Error, Kind, Result};
use crate::gate::errors;
use crate::statement::Parameter;

/// Most parameters of one statement.
const MOST: usize = 1_000;

/// Types of `$1`, `$2`, … in order; text where the plan does not tell.
pub fn types(plan: &LogicalPlan) -> Result<Vec<DataType>> {
    let mut found = plan.get_parameter_types().map_err(errors::planning)?;
    for name in of_limits(plan)? {
        found.insert(name, Some(DataType::Int64));
    }
    let mut types = Vec::new();
    for (name, data_type) in found {
        let number = name.strip_prefix('$').and_then(|n| n.parse::<usize>().ok()).filter(|n| (1..=MOST).contains(n));
        let Some(number) = number else {
            return Err(Error::new(Kind::Invalid, "sql.parameter", format!("parameter '{name}' is not a number such as $1")));
        };
        if types.len() < number {
            types.resize(number, DataType::Utf8);
        }
        types[number - 1] = plain(data_type.unwrap_or(DataType::Utf8));
    }
    Ok(types)
}

/// The parameters that stand in LIMIT or OFFSET, whose type the engine leaves open.
fn of_limits(plan: &LogicalPlan) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let walked = plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Limit(limit) = node {
            for e in limit.skip.iter().chain(&limit.fetch) {
                e.apply(|part| {
                    if let Expr::Placeholder(p) = part {
                        names.push(p.id.clone());
                    }
                    Ok(TreeNodeRecursion::Continue)
                })?;
            }
        }
        Ok(TreeNodeRecursion::Continue)
    });
    walked.map_err(errors::planning)?;
    Ok(names)
}

/// A client sends text or numbers: layouts of text are one type to it.
fn plain(data_type: DataType) -> DataType {
    match data_type {
        DataType::Utf8View | DataType::LargeUtf8 | DataType::Null => DataType::Utf8,
        other => other,
    }
}

/// Puts the values in place. A value that does not fit its place is the caller's own: the message names its number only.
pub fn bind(plan: LogicalPlan, values: &[Parameter]) -> Result<LogicalPlan> {
    let types = types(&plan)?;
    if types.len() > values.len() {
        return Err(Error::new(Kind::Invalid, "sql.parameters", format!("the query has {} parameters, {} values were given", types.len(), values.len())));
    }
    if types.is_empty() {
        return Ok(plan);
    }
    let mut scalars = Vec::with_capacity(types.len());
    for (number, (data_type, value)) in types.iter().zip(values).enumerate() {
        scalars.push(
            scalar(value, data_type)
                .map_err(|()| Error::new(Kind::Data, "data.parameter", format!("the value of ${} does not fit its type {data_type}", number + 1)))?,
        );
    }
    plan.with_param_values(ParamValues::from(scalars)).map_err(errors::planning)
}

fn scalar(value: &Parameter, data_type: &DataType) -> Result<ScalarValue, ()> {
    let Some(text) = value else { return ScalarValue::try_from(data_type).map_err(drop) };
    if data_type == &DataType::Boolean {
        return match text.as_str() {
            "t" | "true" | "TRUE" | "1" => Ok(ScalarValue::Boolean(Some(true))),
            "f" | "false" | "FALSE" | "0" => Ok(ScalarValue::Boolean(Some(false))),
            _ => Err(()),
        };
    }
    let scalar = ScalarValue::try_from_string(text.clone(), data_type).map_err(drop)?;
    // A cast that does not fit gives NULL in some kernels.
    if scalar.is_null() { Err(()) } else { Ok(scalar) }
}
