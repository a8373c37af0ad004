//! The one way in which a table changes: a plan made on the newest snapshot, committed only if nothing came in between.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use deltalake::kernel::transaction::{CommitBuilder, CommitProperties, TableReference, TransactionError};
use deltalake::kernel::{Action, Add, Remove, Transaction};
use deltalake::logstore::commit_uri_from_version;
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::{DeltaTable, DeltaTableError, checkpoints};
use futures::future::BoxFuture;
use rand::Rng;
use serde_json::{Value, json};

use crate::error::{Error, Kind, Result};
use crate::lake::files;
use crate::lake::load::{Computed, Load};
use crate::lake::snapshot::Snapshot;
use crate::lake::table::{CHECKPOINT_EVERY, Table};

/// Attempts before a commit gives up against other writers.
const ATTEMPTS: u32 = 60;

/// What a commit would do to one snapshot.
#[derive(Default)]
pub struct Plan {
    pub adds: Vec<Add>,
    pub removes: Vec<Remove>,
    /// Schema or properties, when they change with the data.
    pub others: Vec<Action>,
    pub counts: crate::lake::load::Commit,
    /// Nothing is lost when a plan without changes leaves no mark.
    pub optional: bool,
    /// Files of `adds` that were made for this snapshot alone and are of no use on another.
    pub own: Vec<Add>,
}

/// Names a commit, so that it is found again whatever the store answered.
pub struct Mark {
    /// Transaction identifier in the log: the delivery.
    pub id: String,
    /// Tells this attempt's commit from another process's commit of the same delivery.
    token: i64,
    info: Value,
    operation: DeltaOperation,
}

impl Mark {
    pub fn delivery(load: &Load, computed: Option<&Computed>) -> Self {
        let mut info = json!({
            "delivery": load.delivery, "sender": load.sender, "period": load.period, "account": load.account,
            "contractVersion": load.contract_version, "contentHash": load.content_hash,
        });
        if let Some(computed) = computed {
            info["origin"] = json!(computed.origin);
            info["districts"] = json!(computed.districts);
        }
        let operation = DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None };
        Self::new(load.delivery.clone(), info, operation)
    }

    /// Says which bodies the rows are about, where the sender does not tell.
    pub fn about(mut self, bodies: &BTreeSet<String>) -> Self {
        self.info["bodies"] = json!(bodies);
        self
    }

    pub fn new(id: String, info: Value, operation: DeltaOperation) -> Self {
        Self { id, token: rand::rng().random_range(1..i64::MAX), info, operation }
    }
}

/// What stands in a log under a transaction identifier.
#[derive(PartialEq, Eq)]
enum Found {
    Nothing,
    Ours,
    Others,
}

/// Plans and commits until it is in the log once. A plan without changes commits nothing and keeps the version,
/// unless `always`: a delivery leaves its mark even if every row was there before, if its plan is not optional. What is not `always` is upkeep.
pub async fn commit<'a, F>(table: &'a Table, mark: &Mark, always: bool, plan: F) -> Result<crate::lake::load::Commit>
where
    F: Fn(Snapshot) -> BoxFuture<'a, Result<Plan>>,
{
    for attempt in 0..ATTEMPTS {
        let moving = table.moving.lock().await;
        let base = table.catch_up().await?;
        if find(table, &base, mark).await? != Found::Nothing {
            confirm(table, &base).await?;
            return Ok(crate::lake::load::Commit { version: base.version, already: true, ..Default::default() });
        }
        let begun = Instant::now();
        let planned = plan(base.clone()).await?;
        if (!always || planned.optional) && planned.adds.is_empty() && planned.removes.is_empty() && planned.others.is_empty() {
            return Ok(crate::lake::load::Commit { version: base.version, ..planned.counts });
        }
        let refused = match write(table, &base, mark, &planned).await {
            Ok(snapshot) => {
                table.advance(snapshot.clone());
                checkpoint_if_due(&snapshot).await;
                drop(moving);
                if !always {
                    // Upkeep gives way: a delivery that lost against it, perhaps in another process, gets its turn.
                    tokio::time::sleep((begun.elapsed() * 4).min(Duration::from_secs(2))).await;
                }
                return Ok(crate::lake::load::Commit { version: snapshot.version, ..planned.counts });
            }
            Err(e) => e,
        };
        // The store's word is not enough: an error may have come after the effect, a refusal from our own first try.
        let seen = table.catch_up().await.map_err(|e| unknown(&refused, e))?;
        match find(table, &seen, mark).await.map_err(|e| unknown(&refused, e))? {
            Found::Ours => {
                confirm(table, &seen).await?;
                return Ok(crate::lake::load::Commit { version: seen.version, ..planned.counts });
            }
            Found::Others => {
                confirm(table, &seen).await?;
                files::discard(table.objects().as_ref(), &planned.adds).await;
                return Ok(crate::lake::load::Commit { version: seen.version, already: true, ..Default::default() });
            }
            // Not there now, but a request still under way could put it there: its files must stay.
            Found::Nothing if !is_conflict(&refused) => return Err(Error::internal("lake.commit", refused)),
            Found::Nothing => {}
        }
        drop(moving);
        files::discard(table.objects().as_ref(), &planned.own).await;
        let pause = rand::rng().random_range(1..=u64::from(10 * (attempt + 1)).min(200));
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
    Err(Error::new(Kind::Conflict, "lake.contention", format!("{} is being changed by too many writers", table.name())))
}

/// Is the delivery in this snapshot?
pub async fn holds(table: &Table, snapshot: &Snapshot, id: &str) -> Result<bool> {
    Ok(version_of(table, snapshot, id).await?.is_some())
}

async fn find(table: &Table, snapshot: &Snapshot, mark: &Mark) -> Result<Found> {
    Ok(match version_of(table, snapshot, &mark.id).await? {
        None => Found::Nothing,
        Some(token) if token == mark.token => Found::Ours,
        Some(_) => Found::Others,
    })
}

async fn version_of(table: &Table, snapshot: &Snapshot, id: &str) -> Result<Option<i64>> {
    snapshot.state()?.transaction_version(table.log.as_ref(), id).await.map_err(|e| Error::internal("lake.find", e))
}

/// One attempt at the version after `base`.
async fn write(table: &Table, base: &Snapshot, mark: &Mark, plan: &Plan) -> Result<Snapshot, DeltaTableError> {
    let counts = json!({ "added": plan.counts.added, "closed": plan.counts.closed, "unchanged": plan.counts.unchanged,
        "replaced": plan.counts.replaced });
    let properties = CommitProperties::default()
        .with_max_retries(0)
        .with_create_checkpoint(false)
        .with_cleanup_expired_logs(Some(false))
        .with_metadata([("siss".to_owned(), mark.info.clone()), ("sissRows".to_owned(), counts)])
        .with_application_transaction(Transaction::new_with_last_update(&mark.id, mark.token, Some(chrono::Utc::now().timestamp_millis())));
    let mut actions = plan.others.clone();
    actions.extend(plan.removes.iter().cloned().map(Action::Remove));
    actions.extend(plan.adds.iter().cloned().map(Action::Add));
    let state: &dyn TableReference = base.table.snapshot()?;
    let done = CommitBuilder::from(properties).with_actions(actions).build(Some(state), table.log.clone(), mark.operation.clone()).await?;
    let mut changed = DeltaTable::new(table.log.clone());
    changed.state = Some(done.snapshot());
    Snapshot::new(table.name().clone(), changed).map_err(|e| DeltaTableError::GenericError { source: Box::new(e) })
}

/// The commit was seen, but whoever wrote it may have died before it was durable.
async fn confirm(table: &Table, snapshot: &Snapshot) -> Result<()> {
    let entry = commit_uri_from_version(Some(snapshot.version));
    table.store.confirm(&table.path.parts().chain(entry.parts()).collect()).await
}

/// A checkpoint only saves reading: that it fails is told, not raised.
async fn checkpoint_if_due(snapshot: &Snapshot) {
    if (snapshot.version + 1).is_multiple_of(CHECKPOINT_EVERY)
        && let Err(e) = checkpoints::create_checkpoint(&snapshot.table, None).await
    {
        tracing::warn!(error = %e, table = ?snapshot, "no checkpoint written");
    }
}

fn is_conflict(e: &DeltaTableError) -> bool {
    match e {
        DeltaTableError::VersionAlreadyExists(_) => true,
        DeltaTableError::Transaction { source } => {
            matches!(source, TransactionError::MaxCommitAttempts(_) | TransactionError::VersionAlreadyExists(_) | TransactionError::CommitConflict(_))
        }
        _ => false,
    }
}

fn unknown(first: &DeltaTableError, then: Error) -> Error {
    tracing::error!(error = %first, "a commit failed and could not be looked up");
    Error::internal("lake.outcome_unknown", then)
}
