//! What keeps a table quick as deliveries pile up: many small files become few sorted ones, a checkpoint saves replaying the log, and
//! what no kept version needs is removed. Safe beside deliveries: each step is one commit like theirs, or touches only what expired.

use std::sync::Arc;

use arrow::array::BooleanArray;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext, ident};
use datasets::system::{DELIVERY, LINE, RECORDED_FROM};
use deltalake::DeltaTable;
use deltalake::checkpoints;
use deltalake::kernel::Remove;
use deltalake::operations::vacuum::VacuumMode;
use deltalake::protocol::DeltaOperation;
use futures::{FutureExt, TryStreamExt};
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStoreExt};
use serde::Serialize;
use serde_json::json;

use crate::error::{Error, Result};
use crate::lake::commit::{Mark, Plan, commit};
use crate::lake::current::{Rows, kinds};
use crate::lake::files::{self, BATCH_ROWS};
use crate::lake::snapshot::Snapshot;
use crate::lake::table::Table;
use crate::lake::versions::by_end;

/// Commits of one maintenance of one table at most.
const STEPS: usize = 1_000;

/// Memory that rows are sorted in; the rest goes to temporary files.
const SORT_BYTES: usize = 128 << 20;

/// Which files are made one; sizes are of Parquet files, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct MaintainOptions {
    /// Files from this size on are left as they are.
    pub small: u64,
    /// Files made one are together no larger than this.
    pub group: u64,
}

impl MaintainOptions {
    /// Files of up to `bytes`; one of a third of that is large enough to be left alone.
    pub fn up_to(bytes: u64) -> Self {
        let group = bytes.min(files::FILE_BYTES);
        Self { small: group / 3, group }
    }
}

impl Default for MaintainOptions {
    fn default() -> Self {
        Self::up_to(files::FILE_BYTES)
    }
}

/// What maintenance did to one table.
#[derive(Clone, Debug, Serialize)]
pub struct Maintained {
    pub dataset: String,
    pub version: u64,
    pub files_before: usize,
    pub files_after: usize,
    /// Whether a checkpoint of this version was written; false when it was there.
    pub checkpoint: bool,
    /// Log entries and data files that no version within the retention needs.
    pub log_entries_removed: usize,
    pub files_removed: usize,
}

/// Files that are made one.
#[derive(Default)]
struct Group {
    /// Which of the version's files.
    keep: Vec<bool>,
    removes: Vec<Remove>,
    bytes: u64,
    rows: u64,
}

pub async fn maintain(table: &Table, options: &MaintainOptions) -> Result<Maintained> {
    let first = table.refresh().await?;
    let mut version = first.version;
    // Each step leaves fewer small files; deliveries on the way are taken in, up to a point.
    for _ in 0..STEPS {
        let info = json!({ "maintenance": "compaction" });
        let operation = DeltaOperation::Optimize { predicate: None, target_size: files::FILE_BYTES as i64 };
        let mark = Mark::new(format!("maintain-{}", uuid::Uuid::new_v4()), info, operation);
        let done = commit(table, &mark, false, |base| compact(table, base, options).boxed()).await?;
        if done.version == version {
            break;
        }
        version = done.version;
    }
    let last = table.refresh().await?;
    let checkpoint = checkpoint(table, &last).await?;
    let delta = DeltaTable::clone(&last.table);
    let log_entries_removed = checkpoints::cleanup_metadata(&delta, None).await.map_err(|e| Error::internal("lake.log_cleanup", e))?;
    let files_removed = vacuum(table, delta).await?;
    let dataset = table.name().to_string();
    Ok(Maintained { dataset, version: last.version, files_before: first.files(), files_after: last.files(), checkpoint, log_entries_removed, files_removed })
}

/// Plans one rewriting: the next small files of one kind, sorted as one. An empty plan when nothing is left to do.
/// Errors: `Internal` when other rows came out than went in; then nothing is committed.
async fn compact(table: &Table, base: Snapshot, options: &MaintainOptions) -> Result<Plan> {
    let mut plan = Plan::default();
    let Some(group) = next_group(&base, options)? else { return Ok(plan) };
    let mut rows = sorted(table, &base, &group.keep.into()).await.map_err(failed)?;
    let mut current = files::writer(table, &base)?;
    let mut closed = files::writer(table, &base)?;
    while let Some(batch) = rows.try_next().await.map_err(failed)? {
        // Rows of a kind have files of their own, so that whole files tell the current rows.
        let (open, ended) = by_end(&files::conform(&batch, &table.schema())?)?;
        for (writer, rows) in [(&mut current, open), (&mut closed, ended)] {
            if rows.num_rows() > 0 {
                writer.write(&rows).await.map_err(|e| Error::internal("lake.write", e))?;
            }
        }
    }
    plan.own = current.close().await.map_err(|e| Error::internal("lake.write", e))?;
    plan.own.extend(closed.close().await.map_err(|e| Error::internal("lake.write", e))?);
    // The table's content stays what it was: the log says so.
    plan.own.iter_mut().for_each(|add| add.data_change = false);
    let written: u64 = plan.own.iter().map(files::rows).sum();
    if written != group.rows {
        files::discard(table.objects().as_ref(), &plan.own).await;
        return Err(Error::internal("lake.compact", format!("{}: {} rows would become {written}", table.name(), group.rows)));
    }
    plan.adds.clone_from(&plan.own);
    plan.removes = group.removes;
    Ok(plan)
}

/// The rows of some files in the contract's order, rows that compare equal as they came; what does not fit is sorted on disk.
async fn sorted(table: &Table, base: &Snapshot, keep: &BooleanArray) -> datafusion::error::Result<SendableRecordBatchStream> {
    let runtime = RuntimeEnvBuilder::new().with_memory_limit(SORT_BYTES, 1.0).build_arc()?;
    let config = SessionConfig::new().with_target_partitions(1).with_batch_size(BATCH_ROWS);
    let files = base.scan.filter(keep).map_err(|e| DataFusionError::External(Box::new(e)))?;
    let columns = table.contract.sort.iter().map(String::as_str).chain([RECORDED_FROM, DELIVERY, LINE]);
    let order = columns.map(|name| ident(name).sort(true, true)).collect();
    SessionContext::new_with_config_rt(config, runtime).read_table(Arc::new(files))?.sort(order)?.execute_stream().await
}

/// Small files of one kind, together no larger than a group, that are worth making one: two or more, or mixed ones.
fn next_group(base: &Snapshot, options: &MaintainOptions) -> Result<Option<Group>> {
    let listing = base.scan.listing()?;
    let mut groups: [Group; 3] = Default::default();
    for (file, (view, kind)) in base.state()?.log_data().iter().zip(kinds(&listing)).enumerate() {
        // A file that the log does not know is left as it is: what came of it would be no better known.
        let Some(kind) = kind else { continue };
        let bytes = view.size().unsigned_abs();
        let largest = if kind == Rows::Mixed { options.group } else { options.small };
        let group = &mut groups[kind as usize];
        if bytes >= largest || group.bytes + bytes > options.group {
            continue;
        }
        group.bytes += bytes;
        group.rows += listing.rows().map_or(0, |rows| rows.value(file).unsigned_abs());
        group.keep.resize(file, false);
        group.keep.push(true);
        group.removes.push(view.remove_action(false));
    }
    let [current, closed, mixed] = groups;
    let worth = [(current, 2), (closed, 2), (mixed, 1)].into_iter().find(|(group, least)| group.removes.len() >= *least);
    Ok(worth.map(|(mut group, _)| {
        group.keep.resize(listing.files.len(), false);
        group
    }))
}

fn failed(e: DataFusionError) -> Error {
    Error::internal("lake.compact", e)
}

pub async fn checkpoint(table: &Table, snapshot: &Snapshot) -> Result<bool> {
    let path = Path::from(format!("_delta_log/{:020}.checkpoint.parquet", snapshot.version));
    match table.objects().head(&path).await {
        Ok(_) => return Ok(false),
        Err(StoreError::NotFound { .. }) => {}
        Err(e) => return Err(Error::internal("lake.checkpoint", e)),
    }
    checkpoints::create_checkpoint(&snapshot.table, None).await.map_err(|e| Error::internal("lake.checkpoint", e))?;
    Ok(true)
}

/// Removes data files that left the table, or never came into it, longer ago than the table's retention.
async fn vacuum(table: &Table, delta: DeltaTable) -> Result<usize> {
    let found = delta.vacuum().with_mode(VacuumMode::Full).with_dry_run(true).await.map_err(|e| Error::internal("lake.vacuum", e))?;
    let objects = table.objects();
    let mut removed = 0;
    for path in found.1.files_deleted {
        match objects.delete(&Path::from(path)).await {
            Ok(()) => removed += 1,
            Err(StoreError::NotFound { .. }) => {}
            Err(e) => return Err(Error::internal("lake.vacuum", e)),
        }
    }
    Ok(removed)
}
