//! Writes the region's files and delivers them as their senders would: datasets side by side, each after those it refers to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use datasets::model::{DatasetName, Sender};
use datasets::synthetic::{self, File, Manifest, Options};
use indicatif::ProgressBar;
use ingest::incoming::Incoming;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use warehouse::derived::Derivations;
use warehouse::lake::MaintainOptions;

use crate::app::App;
use crate::commands::progress;
use crate::releases;

/// Account in whose name the files come in.
const ACCOUNT: &str = "demo";

/// The register of bodies that send.
const REGISTER: &str = "territorio.comuni";

/// Deliveries of one dataset, counted.
#[derive(Clone, Copy, Default)]
struct Tally {
    files: u64,
    rows: u64,
    refused: u64,
}

/// Makes the region under `home/region` and delivers all of it. Interrupted and run again, it goes on: the files are the same, and
/// what was delivered is not loaded twice.
pub async fn make(app: &App, home: &Path, scale: f64, seed: u64) -> anyhow::Result<()> {
    let started = Instant::now();
    let folder = home.join("region");
    let manifest = write(app, &folder, Options { scale, seed }).await?;
    tracing::info!(files = manifest.files.len(), seconds = started.elapsed().as_secs_f64(), "region written");
    let bar = progress::upto(manifest.files.len() as u64, "delivering");
    let all = deliver(app, &folder, manifest, &bar).await;
    bar.finish_and_clear();
    let all = all?;
    app.deliveries.flush().await?;
    Derivations::new(app.warehouse.clone()).run().await?;
    // Hundreds of small commits become few large files, as the nightly maintenance would make them.
    app.warehouse.lake().maintain(&MaintainOptions::default()).await?;
    // A release that is refused is not the demo's failure; the log says why.
    let outcomes = releases::make(&app.releases, home, &app.audit, &[]).await?;
    for one in outcomes.iter().filter(|one| releases::held_up(one)) {
        tracing::error!(dataset = %one.dataset, outcome = ?one.done, "an open dataset could not be released");
    }
    let seconds = started.elapsed().as_secs_f64();
    tracing::info!(files = all.files, rows = all.rows, refused = all.refused, seconds, "region delivered");
    Ok(())
}

async fn write(app: &App, folder: &Path, options: Options) -> anyhow::Result<Manifest> {
    let (catalog, folder) = (app.warehouse.catalog().clone(), folder.to_owned());
    let bar = progress::counting("writing the region's files");
    let writing = tokio::task::spawn_blocking(move || {
        let manifest = synthetic::write(&catalog, &folder, options, &mut |step| bar.set_position(step.files as u64));
        bar.finish_and_clear();
        manifest
    });
    writing.await?.context("the synthetic region")
}

async fn deliver(app: &App, folder: &Path, manifest: Manifest, bar: &ProgressBar) -> anyhow::Result<Tally> {
    let mut files: BTreeMap<DatasetName, Vec<File>> = BTreeMap::new();
    for file in manifest.files {
        files.entry(file.dataset.clone()).or_default().push(file);
    }
    let ends: BTreeMap<DatasetName, CancellationToken> = files.keys().map(|name| (name.clone(), CancellationToken::new())).collect();
    let cores = std::thread::available_parallelism().map_or(2, |n| n.get());
    let turns = Arc::new(Semaphore::new(cores));
    let mut tasks = JoinSet::new();
    for (name, files) in files {
        let contract = app.warehouse.catalog().get(&name).with_context(|| format!("no contract {name}"))?;
        let mut before = contract.targets();
        if contract.feed.senders != Sender::Regione {
            // Whether a sender may send is read there.
            before.insert(REGISTER.parse().map_err(anyhow::Error::msg)?);
        }
        let before: Vec<CancellationToken> = before.iter().filter(|other| **other != name).filter_map(|other| ends.get(other).cloned()).collect();
        let (app, folder, bar, turns) = (app.clone(), folder.to_owned(), bar.clone(), turns.clone());
        let ended = ends[&name].clone();
        tasks.spawn(async move {
            for other in before {
                other.cancelled().await;
            }
            let tally = dataset(&app, &folder, &name, files, &bar, &turns).await.with_context(|| name.to_string())?;
            ended.cancel();
            anyhow::Ok(tally)
        });
    }
    let mut all = Tally::default();
    while let Some(done) = tasks.join_next().await {
        let tally = done??;
        all = Tally { files: all.files + tally.files, rows: all.rows + tally.rows, refused: all.refused + tally.refused };
    }
    Ok(all)
}

async fn dataset(app: &App, folder: &Path, name: &DatasetName, files: Vec<File>, bar: &ProgressBar, turns: &Semaphore) -> anyhow::Result<Tally> {
    let started = Instant::now();
    let mut tally = Tally::default();
    for file in files {
        let _turn = turns.acquire().await?;
        let path: PathBuf = folder.join(&file.path);
        let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let incoming = Incoming { dataset: name.to_string(), sender: file.sender, period: file.period, account: ACCOUNT.to_string(), file_name, mapping: None };
        let receipt = app.deliveries.receive_file(incoming, &path).await.with_context(|| path.display().to_string())?;
        let report = app.deliveries.process(&receipt.id, &|_| {}).await.with_context(|| path.display().to_string())?;
        tally = Tally { files: tally.files + 1, rows: tally.rows + report.rows, refused: tally.refused + report.refused };
        bar.inc(1);
        bar.set_message(format!("delivering {name}"));
    }
    let seconds = Duration::as_secs_f64(&started.elapsed());
    tracing::info!(dataset = %name, files = tally.files, rows = tally.rows, refused = tally.refused, seconds, "dataset delivered");
    Ok(tally)
}
