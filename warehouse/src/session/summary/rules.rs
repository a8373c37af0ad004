//! What may be measured: a figure that would mean nothing is refused with its reason.

use std::collections::BTreeSet;

use datasets::indicator::Indicator;
use datasets::model::{Column, Type};

use super::{Function, GROUPS, Key, Summary};
use crate::error::{Error, Kind, Result};
use crate::session::Visible;
use crate::session::rows::Operator;

/// Columns of an indicator that are divided already: they neither add up nor average.
const RATIOS: [&str; 3] = ["valore", "bersaglio", "completezza"];
/// Units of positions, and of shares.
const NOT_ADDED: [&str; 5] = ["°", "gradi", "%", "per mille", "per cento"];

pub fn check(summary: &Summary, visible: &Visible<'_>, indicator: Option<&Indicator>) -> Result<()> {
    let column = |name: &str| visible.columns.iter().copied().find(|c| c.name == name);
    let missing = |name: &str| wrong("summary.column", format!("column '{name}' not found"));
    if summary.group.len() > GROUPS {
        return Err(wrong("summary.groups", format!("at most {GROUPS} columns to group by")));
    }
    let mut seen = BTreeSet::new();
    for key in summary.group.iter().chain(&summary.across) {
        let found = column(&key.column).ok_or_else(|| missing(&key.column))?;
        if key.part.is_some() && !matches!(found.r#type, Type::Date | Type::Timestamp) {
            return Err(wrong("summary.part", format!("column '{}' is no date: it has no year or month", key.column)));
        }
        if !seen.insert(key.name()) {
            return Err(wrong("summary.twice", format!("column '{}' is named twice", key.column)));
        }
    }
    for filter in &summary.filters {
        column(&filter.column).ok_or_else(|| missing(&filter.column))?;
    }
    let Some(name) = &summary.column else {
        let needs = summary.function != Function::Count;
        return if needs { Err(wrong("summary.measure", "this measure needs a column")) } else { Ok(()) };
    };
    let measured = column(name).ok_or_else(|| missing(name))?;
    measure(measured, summary.function, &visible.contract.key, indicator)?;
    if indicator.is_some() && matches!(summary.function, Function::Sum | Function::Avg) {
        whole(summary)?;
    }
    Ok(())
}

/// The measures that a column has.
pub fn measures(column: &Column, key: &[String], indicator: Option<&Indicator>) -> Vec<Function> {
    Function::EVERY.into_iter().filter(|function| measure(column, *function, key, indicator).is_ok()).collect()
}

fn measure(column: &Column, function: Function, key: &[String], indicator: Option<&Indicator>) -> Result<()> {
    let name = &column.name;
    let number = matches!(column.r#type, Type::Integer | Type::Decimal(..) | Type::Double);
    match function {
        Function::Count | Function::Distinct => return Ok(()),
        Function::Min | Function::Max if column.r#type == Type::Boolean => return Err(wrong("summary.type", format!("column '{name}' is true or false"))),
        Function::Min | Function::Max => return Ok(()),
        Function::Sum | Function::Avg if !number => return Err(wrong("summary.type", format!("column '{name}' holds no numbers"))),
        Function::Sum | Function::Avg => {}
    }
    if indicator.is_some() && RATIOS.contains(&name.as_str()) {
        let text = format!("'{name}' is a ratio or a target: it neither adds up nor averages. Sum 'numeratore' and 'denominatore' and divide");
        return Err(wrong("summary.ratio", text));
    }
    if key.contains(name) || name == "anno" || name.starts_with("anno_") {
        return Err(wrong("summary.key", format!("'{name}' tells rows apart or is a year: it is no quantity")));
    }
    if function == Function::Sum && column.unit.as_deref().is_some_and(|unit| NOT_ADDED.contains(&unit)) {
        return Err(wrong("summary.unit", format!("'{name}' is a position or a share: it does not add up")));
    }
    Ok(())
}

/// An indicator's table has each place at every level and in every year: a sum over them counts it again and again.
fn whole(summary: &Summary) -> Result<()> {
    for (column, code) in [("livello", "summary.levels"), ("anno", "summary.years")] {
        let apart = summary.group.iter().chain(&summary.across).any(|key: &Key| key.column == column);
        let one = summary.filters.iter().any(|filter| filter.column == column && filter.operator == Operator::Eq);
        if !apart && !one {
            let text = format!("the table has every place once for each '{column}': filter '{column}' to one value, or group by it");
            return Err(wrong(code, text));
        }
    }
    Ok(())
}

fn wrong(code: &'static str, text: impl Into<String>) -> Error {
    Error::new(Kind::Invalid, code, text)
}
