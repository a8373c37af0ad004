//! What a server does beside answering: records made durable, other processes' commits seen, the inbox watched, tables maintained.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use warehouse::derived::Derivations;
use warehouse::error::Error;
use warehouse::lake::MaintainOptions;
use warehouse::release::make::Done;

use crate::app::App;
use crate::intake::hand_over::Receiver;
use crate::releases;

/// How long a finished delivery waits for its rows in `sistema.*`.
const FLUSH: Duration = Duration::from_secs(2);
/// How soon a delivery by another process (`siss deliver`) is seen.
const REFRESH: Duration = Duration::from_secs(5);
/// How soon forms that were sent are written to the lake.
const DRAIN: Duration = Duration::from_millis(500);
/// How soon a commit of this process is computed on, and one of another.
const LOOK: Duration = Duration::from_millis(100);
const OTHERS: Duration = Duration::from_secs(1);
/// Wait before an inbox that could not be watched is tried again.
const AGAIN: Duration = Duration::from_secs(10);

/// Times between two maintenances and two releases; `None` leaves them to who runs the command.
#[derive(Clone, Copy, Debug)]
pub struct Every {
    pub maintain: Option<Duration>,
    pub release: Option<Duration>,
    /// Months that records of the audit log are kept.
    pub audit_months: u32,
}

/// Starts the work; it ends with `stop`. `inbox` is watched for files to deliver.
pub fn start(app: &App, inbox: Option<PathBuf>, every: Every, stop: &CancellationToken) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(flush(app.clone(), stop.clone()));
    tasks.spawn(refresh(app.clone(), stop.clone()));
    tasks.spawn(derive(app.clone(), stop.clone()));
    tasks.spawn(national(app.clone(), stop.clone()));
    tasks.spawn(drain(app.clone(), stop.clone()));
    if let Some(receiver) = app.protocol.clone() {
        tasks.spawn(hand_over(app.clone(), receiver, stop.clone()));
    }
    if let Some(inbox) = inbox {
        tasks.spawn(watch(app.clone(), inbox, stop.clone()));
    }
    tasks.spawn(mirror(app.clone(), stop.clone()));
    if let Some(maintain) = every.maintain {
        tasks.spawn(maintenance(app.clone(), maintain, every.audit_months, stop.clone()));
    }
    tasks.spawn(release(app.clone(), every.release, stop.clone()));
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

/// Shows in `sistema.audit` what was recorded, by commands too.
async fn mirror(app: App, stop: CancellationToken) {
    while wait(FLUSH, &stop).await {
        if let Err(error) = app.mirror.lock().await.follow().await {
            tracing::error!(%error, "sistema.audit is behind the audit log; it is tried again");
            if !wait(AGAIN, &stop).await {
                return;
            }
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

/// Writes rows of forms to the lake.
async fn drain(app: App, stop: CancellationToken) {
    while wait(DRAIN, &stop).await {
        if let Err(error) = app.intake.drain(&app.deliveries, &app.system).await {
            tracing::error!(%error, "forms could not be written to the lake; they are tried again");
            if !wait(AGAIN, &stop).await {
                return;
            }
        }
    }
}

/// Tells the body's own protocol system the numbers that were given.
async fn hand_over(app: App, to: Receiver, stop: CancellationToken) {
    while wait(FLUSH, &stop).await {
        if let Err(error) = app.intake.hand_over(&to).await {
            tracing::error!(%error, "protocol numbers could not be handed over; they are tried again");
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

async fn maintenance(app: App, every: Duration, audit_months: u32, stop: CancellationToken) {
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
        let retired = async {
            let records = app.audit.retire(audit_months).await?;
            Ok::<_, Error>(records.max(app.mirror.lock().await.retire(audit_months).await?))
        };
        match retired.await {
            Ok(0) => {}
            Ok(records) => tracing::info!(records, "records of the audit log were retired"),
            Err(error) => tracing::error!(%error, "records of the audit log could not be retired"),
        }
    }
}

/// Makes releases when the last ones, whoever made them, are old enough, and sees those that others made.
async fn release(app: App, every: Option<Duration>, stop: CancellationToken) {
    while wait(REFRESH, &stop).await {
        if let Err(error) = app.releases.refresh().await {
            tracing::warn!(%error, "the releases could not be looked at");
            continue;
        }
        let old = |made: DateTime<Utc>, every: Duration| (Utc::now() - made).to_std().is_ok_and(|age| age >= every);
        let due = every.is_some_and(|every| app.releases.made().is_none_or(|made| old(made, every)));
        if !due {
            continue;
        }
        let made = tokio::select! {
            () = stop.cancelled() => return,
            made = releases::make(&app.releases, &app.home, &app.audit, &[]) => made,
        };
        match made {
            Ok(outcomes) => {
                let released = outcomes.iter().filter(|one| matches!(one.done, Done::Released { .. })).count();
                for one in outcomes.iter().filter(|one| releases::held_up(one)) {
                    tracing::error!(dataset = %one.dataset, outcome = ?one.done, "an open dataset could not be released");
                }
                tracing::info!(released, "releases made");
            }
            Err(error) => {
                tracing::error!(%error, "releases could not be made; they are tried again");
                if !wait(AGAIN, &stop).await {
                    return;
                }
            }
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
