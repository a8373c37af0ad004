//! Erasure: a value leaves every stored row, then the earlier versions that still held it leave the store.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::Schema;
use deltalake::protocol::{DeltaOperation, SaveMode};
use futures::{FutureExt, TryStreamExt};
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStoreExt};
use serde_json::json;

use crate::error::{Error, Kind, Result};
use crate::lake::candidates::candidates;
use crate::lake::commit::{Mark, Plan, commit};
use crate::lake::files::{self, DataFile};
use crate::lake::maintain::checkpoint;
use crate::lake::snapshot::Snapshot;
use crate::lake::table::Table;

const LOG: &str = "_delta_log/";

pub async fn substitute(table: &Table, column: &str, from: &str, to: &str) -> Result<u64> {
    let operation = DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None };
    let mark = Mark::new(format!("erasure-{}", uuid::Uuid::new_v4()), json!({ "erasure": true }), operation);
    let done = commit(table, &mark, false, |base| plan(table, base, column, from, to).boxed()).await?;
    Ok(done.replaced)
}

/// The files that hold the value, written again with the other one in its place.
async fn plan(table: &Table, base: Snapshot, column: &str, from: &str, to: &str) -> Result<Plan> {
    let mut plan = Plan::default();
    for candidate in candidates(&base, &[(column, from)], None)? {
        let found = count(table, &candidate.file, column, from).await?;
        if found == 0 {
            continue;
        }
        // Current and closed rows keep files of their own: each file is written again by itself.
        let mut writer = files::writer(table, &base)?;
        let mut rows = files::read(table.objects(), &candidate.file, table.schema()).await?;
        while let Some(batch) = rows.try_next().await? {
            let batch = replaced(&batch, column, from, to)?;
            writer.write(&batch).await.map_err(|e| Error::internal("lake.write", e))?;
        }
        plan.own.extend(writer.close().await.map_err(|e| Error::internal("lake.write", e))?);
        plan.counts.replaced += found;
        plan.removes.push(candidate.remove);
    }
    plan.adds.clone_from(&plan.own);
    Ok(plan)
}

/// Rows of a file with the value.
async fn count(table: &Table, file: &DataFile, column: &str, value: &str) -> Result<u64> {
    let fields: Vec<_> = table.schema().fields().iter().filter(|f| f.name() == column).cloned().collect();
    let mut batches = files::read(table.objects(), file, Schema::new(fields).into()).await?;
    let mut found = 0;
    while let Some(batch) = batches.try_next().await? {
        found += values(&batch, column)?.iter().filter(|v| *v == Some(value)).count() as u64;
    }
    Ok(found)
}

fn values<'a>(batch: &'a RecordBatch, column: &str) -> Result<&'a StringArray> {
    let found = batch.column_by_name(column).and_then(|c| c.as_string_opt::<i32>());
    found.ok_or_else(|| Error::new(Kind::Invalid, "lake.column", format!("there is no text column '{column}'")))
}

fn replaced(batch: &RecordBatch, column: &str, from: &str, to: &str) -> Result<RecordBatch> {
    let other: StringArray = values(batch, column)?.iter().map(|v| if v == Some(from) { Some(to) } else { v }).collect();
    let at = batch.schema().index_of(column).map_err(|e| Error::internal("lake.erase", e))?;
    let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
    columns[at] = Arc::new(other);
    RecordBatch::try_new(batch.schema(), columns).map_err(|e| Error::internal("lake.erase", e))
}

pub async fn forget_history(table: &Table) -> Result<usize> {
    let snapshot = table.refresh().await?;
    checkpoint(table, &snapshot).await?;
    let kept: HashSet<String> = candidates(&snapshot, &[], None)?.into_iter().map(|c| c.file.path.to_string()).collect();
    let objects = table.objects();
    let all: Vec<Path> = objects.list(None).map_ok(|object| object.location).try_collect().await.map_err(|e| Error::internal("lake.erase", e))?;
    let mut removed = 0;
    for path in all {
        let stays = match path.as_ref().strip_prefix(LOG) {
            Some(entry) => of_version(entry, snapshot.version),
            None => kept.contains(path.as_ref()),
        };
        if stays {
            continue;
        }
        match objects.delete(&path).await {
            Ok(()) => removed += 1,
            Err(StoreError::NotFound { .. }) => {}
            Err(e) => return Err(Error::internal("lake.erase", e)),
        }
    }
    Ok(removed)
}

/// Whether an object of the log is of this version, or points to the last checkpoint.
fn of_version(entry: &str, version: u64) -> bool {
    entry == "_last_checkpoint" || entry.starts_with(&format!("{version:020}."))
}
