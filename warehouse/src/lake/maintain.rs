//! What keeps a table quick as deliveries pile up: many small files become few sorted ones, a checkpoint saves replaying the log, and
//! what no kept version needs is removed. Safe beside deliveries: each step is one commit like theirs, or touches only what expired.

use std::collections::HashMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{filter_record_batch, interleave_record_batch, is_not_null, is_null};
use datasets::system::RECORDED_TO;
use deltalake::DeltaTable;
use deltalake::checkpoints;
use deltalake::kernel::{Add, Remove};
use deltalake::operations::vacuum::VacuumMode;
use deltalake::protocol::DeltaOperation;
use futures::{FutureExt, TryStreamExt};
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStoreExt};
use serde::Serialize;
use serde_json::json;

use crate::error::{Error, Result};
use crate::lake::commit::{Mark, Plan, commit};
use crate::lake::current::counts;
use crate::lake::files::{self, BATCH_ROWS, DataFile};
use crate::lake::snapshot::Snapshot;
use crate::lake::stage::order;
use crate::lake::table::Table;

/// Commits of one maintenance of one table at most.
const STEPS: usize = 1_000;

/// Which files are made one; sizes are of Parquet files, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct MaintainOptions {
    /// Files from this size on are left as they are.
    pub small: u64,
    /// What is sorted in memory at once, about ten times as large there.
    pub group: u64,
}

impl Default for MaintainOptions {
    fn default() -> Self {
        Self { small: 8 << 20, group: 16 << 20 }
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

/// What a file holds, as the statistics tell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rows {
    Current,
    Closed,
    Mixed,
}

struct Small {
    file: DataFile,
    remove: Remove,
    rows: Rows,
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
async fn compact(table: &Table, base: Snapshot, options: &MaintainOptions) -> Result<Plan> {
    let mut plan = Plan::default();
    let group = next_group(&base, options)?;
    if group.is_empty() {
        return Ok(plan);
    }
    let mut batches = Vec::new();
    for small in &group {
        let mut rows = files::read(table.objects(), &small.file, table.schema()).await?;
        while let Some(batch) = rows.try_next().await? {
            batches.push(batch);
        }
    }
    plan.own = match group[0].rows {
        Rows::Current | Rows::Closed => rewrite(table, &base, batches).await?,
        // Rows of a kind have files of their own, so that whole files tell the current rows.
        Rows::Mixed => {
            let failed = |e| Error::internal("lake.compact", e);
            let (mut current, mut closed) = (Vec::new(), Vec::new());
            for batch in batches {
                let ends = batch.column(batch.schema().index_of(RECORDED_TO).map_err(failed)?);
                let (open, ended) = (is_null(ends).map_err(failed)?, is_not_null(ends).map_err(failed)?);
                current.push(filter_record_batch(&batch, &open).map_err(failed)?);
                closed.push(filter_record_batch(&batch, &ended).map_err(failed)?);
            }
            let mut adds = rewrite(table, &base, current).await?;
            adds.extend(rewrite(table, &base, closed).await?);
            adds
        }
    };
    plan.adds.clone_from(&plan.own);
    plan.removes = group.into_iter().map(|small| small.remove).collect();
    Ok(plan)
}

/// Writes rows in the contract's order. The table's content stays what it was: the log says so.
async fn rewrite(table: &Table, base: &Snapshot, batches: Vec<RecordBatch>) -> Result<Vec<Add>> {
    let order = order(&batches, &table.contract.sort)?;
    let parts: Vec<&RecordBatch> = batches.iter().collect();
    let mut writer = files::writer(table.objects(), table.schema(), base.state()?)?;
    for rows in order.chunks(BATCH_ROWS) {
        let batch = interleave_record_batch(&parts, rows).map_err(|e| Error::internal("lake.compact", e))?;
        writer.write(&batch).await.map_err(|e| Error::internal("lake.write", e))?;
    }
    let mut adds = writer.close().await.map_err(|e| Error::internal("lake.write", e))?;
    adds.iter_mut().for_each(|add| add.data_change = false);
    Ok(adds)
}

/// Small files of one kind, together no larger than a group, that are worth making one: two or more, or mixed ones.
fn next_group(base: &Snapshot, options: &MaintainOptions) -> Result<Vec<Small>> {
    let log = base.state()?.log_data();
    let kinds = kinds(base)?;
    let mut groups: [(Vec<Small>, u64); 3] = Default::default();
    for view in log.iter() {
        // A file that the log does not know is left as it is: what came of it would be no better known.
        let Some(rows) = kinds.get(view.path().as_ref()).copied() else { continue };
        let bytes = view.size().unsigned_abs();
        let largest = if rows == Rows::Mixed { options.group } else { options.small };
        let (group, sum) = &mut groups[rows as usize];
        if bytes >= largest || *sum + bytes > options.group {
            continue;
        }
        *sum += bytes;
        let file = DataFile { path: view.object_store_path(), bytes };
        group.push(Small { file, remove: view.remove_action(false), rows });
    }
    let worth = |group: &Vec<Small>| group.len() > 1 || group.first().is_some_and(|small| small.rows == Rows::Mixed);
    Ok(groups.into_iter().map(|(group, _)| group).find(worth).unwrap_or_default())
}

/// What each file holds, by path.
fn kinds(base: &Snapshot) -> Result<HashMap<String, Rows>> {
    let mut kinds = HashMap::new();
    let batches = base.state()?.add_actions_batches(true).map_err(|e| Error::internal("lake.compact", e))?;
    for batch in batches.iter().filter(|batch| batch.num_rows() > 0) {
        let paths = batch.column_by_name("path").and_then(|c| c.as_string_opt::<i32>());
        let (Some(paths), Some(all), Some(open)) = (paths, counts(batch, "num_records"), counts(batch, &format!("null_count.{RECORDED_TO}"))) else { continue };
        for (file, path) in paths.iter().enumerate().filter(|(file, _)| all.is_valid(*file) && open.is_valid(*file)) {
            let rows = match (all.value(file), open.value(file)) {
                (all, open) if all == open => Rows::Current,
                (_, 0) => Rows::Closed,
                _ => Rows::Mixed,
            };
            kinds.extend(path.map(|path| (path.to_string(), rows)));
        }
    }
    Ok(kinds)
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
