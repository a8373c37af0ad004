//! Base rows of an indicator: what its query gives, unit by unit, and how they add up.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Decimal128Type, Int64Type};
use datasets::indicator::contract::DISTRIBUTION;
use datasets::indicator::{Indicator, Kind, Level, SCALE};

use crate::error::{Error, Kind as Fault, Result};

/// Quantities of one unit, or the sum of many. Fixed point with [`SCALE`] digits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    pub numerator: i128,
    pub denominator: i128,
    /// In the order of the indicator's parts.
    pub parts: Vec<i128>,
    /// For a median: each value and how often it occurs.
    pub values: BTreeMap<i64, u64>,
    /// Year of the population; of several the oldest.
    pub population: Option<i64>,
}

impl Sum {
    pub fn add(&mut self, other: &Self) {
        self.numerator += other.numerator;
        self.denominator += other.denominator;
        self.parts.resize(self.parts.len().max(other.parts.len()), 0);
        self.parts.iter_mut().zip(&other.parts).for_each(|(mine, more)| *mine += more);
        for (value, count) in &other.values {
            *self.values.entry(*value).or_default() += count;
        }
        self.population = [self.population, other.population].into_iter().flatten().min();
    }
}

/// Sums by unit (municipality or district) and year.
pub type Base = BTreeMap<(String, i64), Sum>;

/// Adds the rows of a query, those of the years that `of` takes.
/// Errors: `Invalid` when a column that the indicator's kind needs is missing or does not fit.
pub fn read(indicator: &Indicator, batch: &RecordBatch, of: impl Fn(i64) -> bool, base: &mut Base) -> Result<()> {
    let unit = if indicator.base == Level::Comune { "codice_istat" } else { "ambito" };
    let units = typed(batch, unit, &DataType::Utf8)?;
    let years = typed(batch, "anno", &DataType::Int64)?;
    let number = DataType::Decimal128(22, SCALE);
    let numbers = |name: &str| typed(batch, name, &number);
    let median = indicator.kind == Kind::Median;
    let numerators = if median { None } else { Some(numbers("numeratore")?) };
    let denominators = if indicator.kind == Kind::Ratio { Some(numbers("denominatore")?) } else { None };
    let parts = indicator.parts.iter().map(|part| numbers(&part.name)).collect::<Result<Vec<_>>>()?;
    let values = if median { Some((typed(batch, "valore", &DataType::Int64)?, typed(batch, "conteggio", &DataType::Int64)?)) } else { None };
    let populations = batch.column_by_name("anno_popolazione").map(|_| typed(batch, "anno_popolazione", &DataType::Int64)).transpose()?;
    for row in 0..batch.num_rows() {
        let year = years.as_primitive::<Int64Type>().value(row);
        if units.is_null(row) || years.is_null(row) || !of(year) {
            continue;
        }
        let decimal = |column: &ArrayRef| if column.is_null(row) { 0 } else { column.as_primitive::<Decimal128Type>().value(row) };
        let mut sum = Sum {
            numerator: numerators.as_ref().map_or(0, decimal),
            denominator: denominators.as_ref().map_or(0, decimal),
            parts: parts.iter().map(decimal).collect(),
            population: populations.as_ref().filter(|p| p.is_valid(row)).map(|p| p.as_primitive::<Int64Type>().value(row)),
            ..Sum::default()
        };
        if let Some((values, counts)) = values.as_ref().filter(|(values, _)| values.is_valid(row)) {
            let count = counts.as_primitive::<Int64Type>().value(row).unsigned_abs();
            sum.values.insert(values.as_primitive::<Int64Type>().value(row), count);
        }
        base.entry((units.as_string::<i32>().value(row).to_owned(), year)).or_default().add(&sum);
    }
    Ok(())
}

/// Adds stored base rows, as the indicator's own table has them.
pub fn read_stored(indicator: &Indicator, batch: &RecordBatch, base: &mut Base) -> Result<()> {
    let units = typed(batch, "codice", &DataType::Utf8)?;
    let years = typed(batch, "anno", &DataType::Int64)?;
    let number = DataType::Decimal128(22, SCALE);
    let (numerators, denominators) = (typed(batch, "numeratore", &number)?, typed(batch, "denominatore", &number)?);
    let parts = indicator.parts.iter().map(|part| typed(batch, &part.name, &number)).collect::<Result<Vec<_>>>()?;
    let values = if indicator.kind == Kind::Median { Some(typed(batch, DISTRIBUTION, &DataType::Utf8)?) } else { None };
    let populations = if indicator.reads_residents() { Some(typed(batch, "anno_popolazione", &DataType::Int64)?) } else { None };
    for row in 0..batch.num_rows() {
        let decimal = |column: &ArrayRef| if column.is_null(row) { 0 } else { column.as_primitive::<Decimal128Type>().value(row) };
        let stored = values.as_ref().filter(|v| v.is_valid(row)).map(|v| serde_json::from_str(v.as_string::<i32>().value(row)));
        let sum = Sum {
            numerator: decimal(&numerators),
            // Of a median the denominator only counts the values.
            denominator: if values.is_some() { 0 } else { decimal(&denominators) },
            parts: parts.iter().map(decimal).collect(),
            values: stored.transpose().map_err(|e| Error::internal("derived.distribution", e))?.unwrap_or_default(),
            population: populations.as_ref().filter(|p| p.is_valid(row)).map(|p| p.as_primitive::<Int64Type>().value(row)),
        };
        base.insert((units.as_string::<i32>().value(row).to_owned(), years.as_primitive::<Int64Type>().value(row)), sum);
    }
    Ok(())
}

fn typed(batch: &RecordBatch, name: &str, to: &DataType) -> Result<ArrayRef> {
    let misfit = |why: &str| Error::new(Fault::Invalid, "contract.sql", format!("the query's column '{name}' {why}"));
    let column = batch.column_by_name(name).ok_or_else(|| misfit("is missing"))?;
    let exact = CastOptions { safe: false, ..Default::default() };
    cast_with_options(column, to, &exact).map_err(|_| misfit(&format!("is {}, which does not fit {to}", column.data_type())))
}
