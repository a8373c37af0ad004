//! Estimates as rows of their contract.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Field, Schema};
use datasets::derive::arrow::data_type;
use datasets::indicator::Level;
use datasets::model::Contract;
use serde_json::json;

use super::METHOD;
use super::model::{BackTest, Estimate, Outcome};
use super::series::Series;
use crate::error::{Error, Result};

/// One row: a month of a series, or the refusal of one.
struct Row<'a> {
    series: &'a Series,
    outcome: &'a Outcome,
    /// Months after the last observed one, from 1, and what is estimated.
    ahead: Option<(usize, Estimate)>,
}

/// The rows in the contract's columns.
pub fn batch(contract: &Contract, outcomes: &[(Series, Outcome)]) -> Result<RecordBatch> {
    let mut rows = Vec::new();
    for (series, outcome) in outcomes {
        if outcome.estimates.is_empty() {
            rows.push(Row { series, outcome, ahead: None });
        }
        rows.extend(outcome.estimates.iter().enumerate().map(|(n, estimate)| Row { series, outcome, ahead: Some((n + 1, *estimate)) }));
    }
    let columns = contract.columns.iter().map(|column| column_of(&column.name, &rows)).collect::<Result<Vec<_>>>()?;
    let fields: Vec<Field> = contract.columns.iter().map(|c| Field::new(&c.name, data_type(c.r#type), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|e| Error::internal("derived.rows", e))
}

fn column_of(name: &str, rows: &[Row]) -> Result<ArrayRef> {
    let text = |of: &dyn Fn(&Row) -> Option<String>| Ok(Arc::new(rows.iter().map(of).collect::<StringArray>()) as ArrayRef);
    let whole = |of: &dyn Fn(&Row) -> Option<usize>| Ok(Arc::new(rows.iter().map(|row| of(row).map(|n| n as i64)).collect::<Int64Array>()) as ArrayRef);
    let day = |of: &dyn Fn(&Row) -> usize| {
        let days = rows.iter().map(|row| Date32Type::from_naive_date(row.series.period(of(row))));
        Ok(Arc::new(Date32Array::from_iter_values(days)) as ArrayRef)
    };
    let estimate = |of: &dyn Fn(&Estimate) -> f64| decimals(rows.iter().map(|row| row.ahead.as_ref().map(|(_, estimate)| of(estimate))), 22, 2);
    let test = |precision, of: &dyn Fn(&BackTest) -> Option<f64>| decimals(rows.iter().map(|row| row.outcome.test.as_ref().and_then(of)), precision, 4);
    let scaled = |error: f64, test: &BackTest| (test.change > 0.0).then(|| error / test.change);
    match name {
        "serie" => text(&|row| Some(row.series.name.clone())),
        "livello" => text(&|row| Some(row.series.level.code().to_owned())),
        "codice" => text(&|row| Some(row.series.code.clone())),
        "ambito" => text(&|row| (row.series.level == Level::Ambito).then(|| row.series.code.clone())),
        "unita" => text(&|row| Some(row.series.unit.clone())),
        "frequenza" => text(&|row| Some(row.series.frequency.clone())),
        "inizio" => day(&|row| row.series.values.len() + row.ahead.map_or(0, |(n, _)| n - 1)),
        "orizzonte" => whole(&|row| row.ahead.map(|(n, _)| n)),
        "stato" => text(&|row| Some(row.outcome.state.to_owned())),
        "valore" => estimate(&|estimate| estimate.value),
        "inferiore_80" => estimate(&|estimate| estimate.likely.0),
        "superiore_80" => estimate(&|estimate| estimate.likely.1),
        "inferiore_95" => estimate(&|estimate| estimate.sure.0),
        "superiore_95" => estimate(&|estimate| estimate.sure.1),
        "osservazioni" => whole(&|row| Some(row.series.values.len())),
        "osservato_dal" => day(&|_| 0),
        "osservato_al" => day(&|row| row.series.values.len() - 1),
        "origini" => whole(&|row| row.outcome.test.as_ref().map(|test| test.past.len())),
        "errore_medio" => test(22, &|test| Some(test.error)),
        "errore_medio_ripetendo" => test(22, &|test| Some(test.repeating)),
        "mase" => test(12, &|test| scaled(test.error, test)),
        "mase_ripetendo" => test(12, &|test| scaled(test.repeating, test)),
        "verifica" => text(&|row| row.outcome.test.as_ref().filter(|_| row.ahead.is_none_or(|(n, _)| n == 1)).map(|test| past(row.series, test))),
        "metodo" => text(&|_| Some(METHOD.to_owned())),
        "impronta" => text(&|row| Some(row.series.mark())),
        other => Err(Error::internal("derived.rows", format!("an estimate has no column '{other}'"))),
    }
}

/// Past estimates by the last month that was known, with two decimals as they are stored.
fn past(series: &Series, test: &BackTest) -> String {
    let rounded = |values: &[f64]| values.iter().map(|value| (value * 100.0).round() / 100.0).collect::<Vec<_>>();
    let all = test.past.iter().map(|(known, values)| json!({ "osservato_al": series.period(known - 1).to_string(), "stime": rounded(values) }));
    json!(all.collect::<Vec<_>>()).to_string()
}

fn decimals(values: impl Iterator<Item = Option<f64>>, precision: u8, scale: i8) -> Result<ArrayRef> {
    let fixed = values.map(|value| value.map(|value| (value * 10_f64.powi(i32::from(scale))).round() as i128));
    let array = fixed.collect::<Decimal128Array>().with_precision_and_scale(precision, scale);
    Ok(Arc::new(array.map_err(|e| Error::internal("derived.rows", e))?))
}

/// The different texts of a column.
pub fn texts(batches: &[RecordBatch], name: &str) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for batch in batches {
        let column = batch.column_by_name(name).ok_or_else(|| Error::internal("derived.rows", format!("no column '{name}'")))?;
        let column = cast(column, &DataType::Utf8).map_err(|e| Error::internal("derived.rows", e))?;
        found.extend(column.as_string::<i32>().iter().flatten().map(str::to_owned));
    }
    Ok(found)
}
