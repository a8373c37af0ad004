//! What the service computes itself: derived datasets, each by the query beside its contract, and the indicators. All of a pass come
//! from one moment of their inputs; of what moved since the last time only the districts that it touches are computed again.

mod base;
mod calendar;
mod figures;
mod forecast;
mod indicator;
mod inputs;
mod output;
mod stale;
mod territory;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use chrono::Utc;
use datasets::catalog::Catalog;
use datasets::contract::tables;
use datasets::duties::{DUTIES, duties};
use datasets::indicator::YEARS;
use datasets::indicator::contract::INPUTS;
use datasets::model::{Contract, DatasetName};
use datasets::system::LINE;
use futures::StreamExt;
use parking_lot::Mutex;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::Warehouse;
use crate::derived::inputs::Pinned;
use crate::derived::stale::Work;
use crate::error::{Error, Kind, Result};
use crate::lake::{Commit, Computed, Load, Origin, RefusedLines};
use crate::spread::spread;

/// In whose name computed rows are stored.
const SENDER: &str = "lazio";
/// Datasets computed at the same time: to plan a query and to add up levels take one thread each, and while one waits for the disk,
/// another is computed.
const AT_ONCE: usize = 4;
/// Attempts of one computation whose table is changed meanwhile by another process.
const ATTEMPTS: u32 = 5;
/// Wait before a computation that failed is tried again though its inputs stand still.
const AGAIN: Duration = Duration::from_secs(60);

/// Keeps computed datasets up to date. Cloning is cheap; one pass runs at a time.
#[derive(Clone)]
pub struct Derivations {
    inner: Arc<Inner>,
}

struct Inner {
    warehouse: Warehouse,
    /// Computed datasets: those of one wave are computed from others of earlier waves at most.
    waves: Vec<Vec<DatasetName>>,
    known: Mutex<BTreeMap<DatasetName, Known>>,
    running: tokio::sync::Mutex<()>,
}

/// What a dataset was last computed from, or tried to be.
#[derive(Clone)]
struct Known {
    origin: Origin,
    calendar: calendar::Calendar,
    failed: Option<Instant>,
}

/// What a pass did to one dataset.
#[derive(Clone, Debug, Serialize)]
pub struct Done {
    pub dataset: String,
    /// Districts that were computed; `None`: all.
    pub districts: Option<BTreeSet<String>>,
    #[serde(flatten)]
    pub commit: Commit,
    pub seconds: f64,
}

impl Derivations {
    pub fn new(warehouse: Warehouse) -> Self {
        let waves = waves(warehouse.catalog());
        Self { inner: Arc::new(Inner { warehouse, waves, known: Mutex::default(), running: tokio::sync::Mutex::default() }) }
    }

    /// Whether something may have to be computed, told from the versions this process knows of: no input or output.
    pub fn due(&self) -> bool {
        let inner = &self.inner;
        let (known, calendar) = (inner.known.lock(), calendar::Calendar::today());
        let moved = |name: &DatasetName, known: &Known| {
            let version = |input: &DatasetName| inner.warehouse.lake().snapshot(input).ok().map(|snapshot| snapshot.version);
            known.calendar != calendar || inner.inputs(name).iter().any(|input| version(input) != known.origin.inputs.get(&input.to_string()).copied())
        };
        inner.waves.iter().flatten().any(|name| match known.get(name) {
            None => true,
            // What failed is tried again when its inputs moved, and else after a while.
            Some(known) => moved(name, known) || known.failed.is_some_and(|at| at.elapsed() > AGAIN),
        })
    }

    /// Picks up what other processes committed to the inputs.
    pub async fn refresh(&self) -> Result<()> {
        let inner = &self.inner;
        let inputs: BTreeSet<&DatasetName> = inner.waves.iter().flatten().flat_map(|name| inner.inputs(name)).collect();
        futures::future::try_join_all(inputs.into_iter().map(|name| inner.warehouse.lake().refresh(name))).await.map(|_| ())
    }

    /// Computes what is out of date. A dataset that fails does not keep the others from being computed; its error is returned at the end.
    pub async fn run(&self) -> Result<Vec<Done>> {
        let inner = &self.inner;
        let _one = inner.running.lock().await;
        let pinned = Pinned::take(&inner.warehouse, inner.waves.iter().flatten().flat_map(|name| inner.inputs(name)))?;
        let mut pinned = Arc::new(pinned.with_territory(&inner.warehouse).await?);
        let (mut done, mut failed) = (Vec::new(), None);
        for wave in &inner.waves {
            let origins = wave.iter().map(|name| inner.wanted(name, &pinned)).collect::<Result<Vec<_>>>()?;
            let computed = wave.clone().into_iter().zip(origins.clone()).map(|(name, origin)| {
                let (inner, pinned) = (inner.clone(), pinned.clone());
                async move { inner.bring_up(&name, &origin, &pinned).await }
            });
            let computed: Vec<_> = spread(computed, AT_ONCE).collect().await;
            for ((name, origin), computed) in wave.iter().zip(origins).zip(computed) {
                let known = |failed| Known { origin, calendar: pinned.calendar, failed };
                match computed {
                    Ok(one) => {
                        done.extend(one);
                        inner.known.lock().insert(name.clone(), known(None));
                        // What is computed from it reads it as it is now.
                        Arc::make_mut(&mut pinned).renew(&inner.warehouse, name)?;
                    }
                    Err(error) => {
                        tracing::error!(dataset = %name, %error, "could not be computed");
                        inner.known.lock().insert(name.clone(), known(Some(Instant::now())));
                        failed = Some(error);
                    }
                }
            }
        }
        failed.map_or(Ok(done), Err)
    }
}

/// Derived datasets, each in the first wave after those it is computed from.
fn waves(catalog: &Catalog) -> Vec<Vec<DatasetName>> {
    let mut wave_of: BTreeMap<&DatasetName, usize> = BTreeMap::new();
    let mut waves: Vec<Vec<DatasetName>> = Vec::new();
    for contract in catalog.load_order() {
        let Some(derived) = &contract.derived else { continue };
        let wave = derived.from.iter().filter_map(|input| wave_of.get(input)).max().map_or(0, |last| last + 1);
        wave_of.insert(&contract.name, wave);
        waves.resize_with(waves.len().max(wave + 1), Vec::new);
        waves[wave].push(contract.name.clone());
    }
    waves
}

impl Inner {
    fn contract(&self, name: &DatasetName) -> Result<&Contract> {
        self.warehouse.catalog().get(name).ok_or_else(|| Error::new(Kind::NotFound, "lake.dataset", format!("there is no dataset '{name}'")))
    }

    fn inputs(&self, name: &DatasetName) -> &[DatasetName] {
        let contract = self.warehouse.catalog().get(name);
        contract.and_then(|contract| contract.derived.as_ref()).map_or(&[], |derived| &derived.from)
    }

    /// What the dataset would be computed from now.
    fn wanted(&self, name: &DatasetName, pinned: &Pinned) -> Result<Origin> {
        let version = |input: &DatasetName| Ok((input.to_string(), pinned.snapshot(input)?.version));
        Ok(Origin { definition: self.definition(name, &pinned.calendar)?, inputs: self.inputs(name).iter().map(version).collect::<Result<_>>()? })
    }

    /// A hash of everything but the inputs that the rows follow from.
    fn definition(&self, name: &DatasetName, calendar: &calendar::Calendar) -> Result<String> {
        let contract = self.contract(name)?;
        let mut hash = Sha256::new();
        hash.update(&contract.version);
        match self.warehouse.catalog().indicators.get(name) {
            None => {
                let sql = contract.derived.as_ref().map_or("", |derived| &derived.sql);
                hash.update(sql);
                // What is owed changes with the day, and with every feed.
                if tables(sql).contains(DUTIES) {
                    hash.update(calendar.today.to_string());
                    hash.update(serde_json::to_vec(&duties(self.warehouse.catalog(), calendar.today)).map_err(|e| Error::internal("derived.definition", e))?);
                }
                if tables(sql).contains(YEARS) {
                    hash.update(calendar.reference.to_string());
                }
            }
            Some(indicator) => {
                hash.update(serde_json::to_vec(indicator).map_err(|e| Error::internal("derived.definition", e))?);
                indicator.formulas.iter().for_each(|formula| hash.update(&formula.sql));
                hash.update(datasets::indicator::RESIDENTS_SQL);
                hash.update(calendar.reference.to_string());
            }
        }
        Ok(hex::encode(&hash.finalize()[..16]))
    }

    /// Computes the dataset where its inputs moved; `None` when they did not, or when nothing came of it.
    async fn bring_up(&self, name: &DatasetName, origin: &Origin, pinned: &Pinned) -> Result<Option<Done>> {
        if self.known.lock().get(name).is_some_and(|known| known.failed.is_none() && known.origin == *origin) {
            return Ok(None);
        }
        let mut attempt = 0;
        loop {
            let begun = Instant::now();
            let seen = self.warehouse.lake().refresh(name).await?.version;
            let districts = match self.work(name, origin, pinned).await? {
                Work::Nothing => return Ok(None),
                Work::All => None,
                Work::Districts(districts) => Some(districts),
            };
            match self.compute(name, origin, pinned, districts.clone(), seen).await {
                Ok(commit) => {
                    let seconds = begun.elapsed().as_secs_f64();
                    tracing::debug!(dataset = %name, ?districts, added = commit.added, closed = commit.closed, seconds, "computed");
                    if commit.added == 0 && commit.closed == 0 {
                        return Ok(None);
                    }
                    return Ok(Some(Done { dataset: name.to_string(), districts, commit, seconds }));
                }
                Err(error) if error.code == "lake.moved" && attempt < ATTEMPTS => {
                    attempt += 1;
                    // Another process computed it meanwhile: what this one remembers of it is no longer true.
                    self.known.lock().remove(name);
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn compute(&self, name: &DatasetName, origin: &Origin, pinned: &Pinned, districts: Option<BTreeSet<String>>, seen: u64) -> Result<Commit> {
        let contract = self.contract(name)?;
        let now = Utc::now();
        let id = json_hash(&(name.to_string(), origin, &districts, seen))?;
        let load = Load {
            delivery: format!("derivato-{id}"),
            sender: SENDER.into(),
            period: now.format("%Y-%m").to_string(),
            account: "sistema".into(),
            recorded: now,
            content_hash: id,
            contract_version: contract.version.clone(),
        };
        let computed = Computed { origin: origin.clone(), districts: districts.clone(), uncompared: vec![INPUTS.to_owned()], seen };
        let mut writer = self.warehouse.lake().compute(name, load, computed).await?;
        let mut line = 0;
        match self.warehouse.catalog().indicators.get(name) {
            Some(indicator) => {
                let batch = indicator::compute(&self.warehouse, indicator, contract, origin, pinned, districts.as_ref()).await?;
                writer.write(numbered(&batch, &mut line)?).await?;
            }
            None if contract.derived.as_ref().is_some_and(|derived| derived.forecast) => {
                for batch in forecast::compute(&self.warehouse, contract, self.inputs(name), pinned).await? {
                    writer.write(numbered(&batch, &mut line)?).await?;
                }
            }
            None => {
                let sql = contract.derived.as_ref().map_or("", |derived| &derived.sql);
                let context = pinned.context_with_rest(&self.warehouse, self.inputs(name), districts.as_ref()).await?;
                let mut rows = inputs::ask(&context, sql).await?;
                while let Some(batch) = rows.next().await {
                    let batch = batch.map_err(|e| Error::internal("derived.query", e))?;
                    writer.write(numbered(&batch, &mut line)?).await?;
                }
            }
        }
        writer.commit(&RefusedLines::none()).await
    }
}

fn json_hash(of: &impl Serialize) -> Result<String> {
    let text = serde_json::to_vec(of).map_err(|e| Error::internal("derived.id", e))?;
    Ok(hex::encode(&Sha256::digest(text)[..16]))
}

/// `batch` with the numbers of its rows, which every stored row carries.
fn numbered(batch: &RecordBatch, line: &mut i64) -> Result<RecordBatch> {
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values((*line + 1)..=(*line + batch.num_rows() as i64)));
    *line += batch.num_rows() as i64;
    let schema = batch.schema();
    let fields: Vec<_> = schema.fields().iter().cloned().chain([Arc::new(Field::new(LINE, DataType::Int64, false))]).collect();
    let columns = batch.columns().iter().cloned().chain([numbers]).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|e| Error::internal("derived.rows", e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_computed_after_what_it_is_computed_from_and_no_later() {
        let catalog = Catalog::load(&Catalog::find_dir(None).expect("contracts")).expect("valid contracts");
        let waves = waves(&catalog);
        let wave = |name: &DatasetName| waves.iter().position(|wave| wave.contains(name));
        let derived: Vec<&Contract> = catalog.contracts.values().filter(|contract| contract.derived.is_some()).collect();
        assert_eq!(waves.iter().flatten().count(), derived.len());
        assert!(waves.len() > 1 && waves[0].len() > AT_ONCE, "{waves:?}");
        for contract in derived {
            let last = contract.derived.iter().flat_map(|derived| &derived.from).filter_map(&wave).max();
            assert_eq!(wave(&contract.name), Some(last.map_or(0, |last| last + 1)), "{}", contract.name);
        }
    }
}
