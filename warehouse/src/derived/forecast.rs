//! Estimates of how series go on: each district's series and the region's, anew only where the series changed.

mod model;
mod rows;
mod series;
mod smoothing;

use std::collections::BTreeSet;

use arrow::array::RecordBatch;
use datasets::model::{Contract, DatasetName};

use crate::Warehouse;
use crate::derived::forecast::model::Outcome;
use crate::derived::forecast::series::Series;
use crate::derived::inputs::{self, Pinned};
use crate::error::{Error, Result};

/// Names the model and the settings below; another one makes every estimate anew.
const METHOD: &str = "STL-12 + ETS(A,Ad,N), 1";
/// Months estimated.
const HORIZON: usize = 12;
/// Fewest observed months of a series that is estimated.
const FEWEST: usize = 36;

/// All rows of the estimates: those of series that are as they were from the dataset's own table, the others computed.
pub async fn compute(warehouse: &Warehouse, contract: &Contract, from: &[DatasetName], pinned: &Pinned) -> Result<Vec<RecordBatch>> {
    let context = pinned.context(warehouse, from, None).await?;
    let name = from.first().ok_or_else(|| Error::internal("derived.forecast", "no series"))?;
    let sql = format!("SELECT serie, ambito, unita, frequenza, inizio, CAST(valore AS double) AS valore FROM {name} ORDER BY serie, ambito, inizio");
    let all = series::read(&inputs::collect(&context, &sql).await?)?;
    let marks: BTreeSet<String> = all.iter().map(Series::mark).collect();
    let (mut batches, kept) = stored(warehouse, contract, &marks).await?;
    let changed: Vec<Series> = all.into_iter().filter(|series| !kept.contains(&series.mark())).collect();
    let outcomes = tokio::task::spawn_blocking(move || estimate(changed)).await.map_err(|e| Error::internal("derived.forecast", e))?;
    batches.push(rows::batch(contract, &outcomes)?);
    Ok(batches)
}

/// The current rows that carry one of these marks, and the marks found.
async fn stored(warehouse: &Warehouse, contract: &Contract, marks: &BTreeSet<String>) -> Result<(Vec<RecordBatch>, BTreeSet<String>)> {
    let snapshot = warehouse.lake().snapshot(&contract.name)?;
    let context = datafusion::prelude::SessionContext::new();
    context.register_table("propria", inputs::view(&snapshot, contract, None).await?).map_err(inputs::failed)?;
    let list: Vec<String> = marks.iter().map(|mark| datasets::contract::literal(mark)).collect();
    if list.is_empty() {
        return Ok((Vec::new(), BTreeSet::new()));
    }
    let batches = inputs::collect(&context, &format!("SELECT * FROM propria WHERE impronta IN ({})", list.join(", "))).await?;
    let found = rows::texts(&batches, "impronta")?;
    Ok((batches, found))
}

/// Models of all series, on every core.
fn estimate(all: Vec<Series>) -> Vec<(Series, Outcome)> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let shares: Vec<&[Series]> = all.chunks(all.len().div_ceil(cores).max(1)).collect();
    let work = |share: &[Series]| share.iter().map(|series| (series.clone(), model::outcome(series))).collect::<Vec<_>>();
    std::thread::scope(|scope| {
        let tasks: Vec<_> = shares.into_iter().map(|share| scope.spawn(move || work(share))).collect();
        tasks.into_iter().flat_map(|task| task.join().unwrap_or_else(|fault| std::panic::resume_unwind(fault))).collect()
    })
}
