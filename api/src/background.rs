//! What a server does beside answering: records made durable, other processes' commits seen, the inbox watched, tables maintained.

use std::path::PathBuf;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use warehouse::derived::Derivations;
use warehouse::lake::MaintainOptions;

use crate::app::App;

/// How long a finished delivery waits for its rows in `sistema.*`.
const FLUSH: Duration = Duration::from_secs(2);
/// How soon a delivery by another process (`siss deliver`) is seen.
const REFRESH: Duration = Duration::from_secs(5);
/// How soon a commit of this process is computed on, and one of another.
const LOOK: Duration = Duration::from_millis(100);
const OTHERS: Duration = Duration::from_secs(1);
/// Wait before an inbox that could not be watched is tried again.
const AGAIN: Duration = Duration::from_secs(10);

/// Starts the work; it ends with `stop`. `inbox` is watched for files to deliver; `maintain` is the time between two maintenances.
pub fn start(app: &App, inbox: Option<PathBuf>, maintain: Option<Duration>, stop: &CancellationToken) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(flush(app.clone(), stop.clone()));
    tasks.spawn(refresh(app.clone(), stop.clone()));
    tasks.spawn(derive(app.clone(), stop.clone()));
    tasks.spawn(national(app.clone(), stop.clone()));
    if let Some(inbox) = inbox {
        tasks.spawn(watch(app.clone(), inbox, stop.clone()));
    }
    if let Some(every) = maintain {
        tasks.spawn(maintenance(app.clone(), every, stop.clone()));
    }
    tasks
}

async fn flush(app: App, stop: CancellationToken) {
    while wait(FLUSH, &stop).await {
        if let Err(error) = app.deliveries.flush().await {
            tracing::error!(%error, "records of deliveries could not be written; they are tried again");
        }
    }
}

async fn refresh(app: App, stop: CancellationToken) {
    while wait(REFRESH, &stop).await {
        if let Err(error) = app.warehouse.lake().refresh_all().await {
            tracing::warn!(%error, "the tables could not be looked at");
        }
    }
}

/// Builds the national flows when what they are made of moved, and shows in `sistema.siuss` what became of them.
async fn national(app: App, stop: CancellationToken) {
    while wait(FLUSH, &stop).await {
        let work = async {
            if app.siuss.due().await? {
                let done = app.siuss.run("servizio").await?;
                if done.flows > 0 {
                    tracing::info!(lines = done.lines, flows = done.flows, revoked = done.revoked, held = done.held, "national flows built");
                }
            }
            app.siuss.publish().await
        };
        let worked = tokio::select! {
            () = stop.cancelled() => return,
            worked = work => worked,
        };
        if let Err(error) = worked {
            tracing::error!(%error, "the national flows could not be built; they are tried again");
            if !wait(AGAIN, &stop).await {
                return;
            }
        }
    }
}

/// Computes what follows from a delivery as soon as it is committed.
async fn derive(app: App, stop: CancellationToken) {
    let derivations = Derivations::new(app.warehouse.clone());
    let mut looked = Instant::now();
    while wait(LOOK, &stop).await {
        if looked.elapsed() >= OTHERS {
            looked = Instant::now();
            if let Err(error) = derivations.refresh().await {
                tracing::warn!(%error, "the inputs of computed datasets could not be looked at");
            }
        }
        if !derivations.due() {
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            // Each failure was logged; it is tried again after a while.
            _ = derivations.run() => {}
        }
    }
}

async fn watch(app: App, inbox: PathBuf, stop: CancellationToken) {
    loop {
        match ingest::folder::watch(app.deliveries.clone(), inbox.clone(), stop.clone()).await {
            Ok(()) => return,
            Err(error) => tracing::error!(%error, "the inbox could not be watched; it is tried again"),
        }
        if !wait(AGAIN, &stop).await {
            return;
        }
    }
}

async fn maintenance(app: App, every: Duration, stop: CancellationToken) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is at once, when a server has other things to do.
    ticks.tick().await;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        match app.warehouse.lake().maintain(&MaintainOptions::default()).await {
            Ok(done) => tracing::info!(tables = done.len(), "tables maintained"),
            Err(error) => tracing::error!(%error, "tables could not be maintained"),
        }
    }
}

/// Waits; false when it is time to end.
async fn wait(time: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(time) => true,
    }
}
