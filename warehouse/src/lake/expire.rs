//! Retention: rows older than a moment leave a table of the service's own. Earlier versions keep them as long as they are kept themselves.

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Schema, TimestampMicrosecondType};
use chrono::{DateTime, Utc};
use deltalake::protocol::{DeltaOperation, SaveMode};
use futures::{FutureExt, TryStreamExt};
use serde_json::json;

use crate::error::{Error, Kind, Result};
use crate::lake::candidates::candidates;
use crate::lake::commit::{Mark, Plan, commit};
use crate::lake::files::{self, DataFile};
use crate::lake::snapshot::Snapshot;
use crate::lake::table::Table;

/// Takes out the rows whose `column` is before `before`; gives how many they were.
/// Errors: `Invalid` when the column is no moment.
pub async fn expire(table: &Table, column: &str, before: DateTime<Utc>) -> Result<u64> {
    let operation = DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None };
    let mark = Mark::new(format!("expiry-{}", uuid::Uuid::new_v4()), json!({ "expiry": before }), operation);
    let done = commit(table, &mark, false, |base| plan(table, base, column, before.timestamp_micros()).boxed()).await?;
    Ok(done.replaced)
}

/// The files that hold such rows, written again without them.
async fn plan(table: &Table, base: Snapshot, column: &str, before: i64) -> Result<Plan> {
    let mut plan = Plan::default();
    for candidate in candidates(&base, &[], None)? {
        let old = count(table, &candidate.file, column, before).await?;
        if old == 0 {
            continue;
        }
        let mut writer = files::writer(table, &base)?;
        let mut rows = files::read(table.objects(), &candidate.file, table.schema()).await?;
        while let Some(batch) = rows.try_next().await? {
            let young = filter_record_batch(&batch, &is_young(&batch, column, before)?).map_err(|e| Error::internal("lake.expire", e))?;
            writer.write(&young).await.map_err(|e| Error::internal("lake.write", e))?;
        }
        plan.own.extend(writer.close().await.map_err(|e| Error::internal("lake.write", e))?);
        plan.counts.replaced += old;
        plan.removes.push(candidate.remove);
    }
    plan.adds.clone_from(&plan.own);
    Ok(plan)
}

async fn count(table: &Table, file: &DataFile, column: &str, before: i64) -> Result<u64> {
    let fields: Vec<_> = table.schema().fields().iter().filter(|f| f.name() == column).cloned().collect();
    let mut batches = files::read(table.objects(), file, Schema::new(fields).into()).await?;
    let mut old = 0;
    while let Some(batch) = batches.try_next().await? {
        old += (batch.num_rows() - is_young(&batch, column, before)?.true_count()) as u64;
    }
    Ok(old)
}

/// Which rows stay; one without a moment does.
fn is_young(batch: &RecordBatch, column: &str, before: i64) -> Result<BooleanArray> {
    let found = batch.column_by_name(column).and_then(|c| c.as_primitive_opt::<TimestampMicrosecondType>());
    let moments = found.ok_or_else(|| Error::new(Kind::Invalid, "lake.column", format!("there is no column of moments '{column}'")))?;
    Ok((0..moments.len()).map(|row| Some(moments.is_null(row) || moments.value(row) >= before)).collect())
}
