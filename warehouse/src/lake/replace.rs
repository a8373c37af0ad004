//! `replace`: a delivery takes the place of its sender's earlier rows of the same period.

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Schema, SchemaRef};
use datasets::system::{PERIOD, SENDER};
use futures::TryStreamExt;

use crate::error::{Error, Result};
use crate::lake::candidates::{Candidate, candidates};
use crate::lake::commit::Plan;
use crate::lake::files;
use crate::lake::load::Load;
use crate::lake::snapshot::Snapshot;
use crate::lake::table::Table;

/// Takes the rows of `load`'s sender and period out of the snapshot's files; the caller adds the new ones.
pub async fn plan(table: &Table, base: &Snapshot, load: &Load) -> Result<Plan> {
    let mut plan = Plan::default();
    let mut writer = files::writer(table, base)?;
    for candidate in candidates(base, &[(SENDER, &load.sender), (PERIOD, &load.period)], None)? {
        let (matching, all) = count(table, &candidate, load).await?;
        if matching == 0 {
            continue;
        }
        plan.counts.replaced += matching;
        if matching < all {
            let mut rows = files::read(table.objects(), &candidate.file, table.schema()).await?;
            while let Some(batch) = rows.try_next().await? {
                let kept = filter_record_batch(&batch, &others(&batch, load)?).map_err(|e| Error::internal("lake.replace", e))?;
                writer.write(&kept).await.map_err(|e| Error::internal("lake.write", e))?;
            }
        }
        plan.removes.push(candidate.remove);
    }
    plan.own = writer.close().await.map_err(|e| Error::internal("lake.write", e))?;
    plan.adds.clone_from(&plan.own);
    Ok(plan)
}

/// Rows of the file that are replaced, and all its rows.
async fn count(table: &Table, candidate: &Candidate, load: &Load) -> Result<(u64, u64)> {
    if let (true, Some(rows)) = (candidate.whole, candidate.rows) {
        return Ok((rows, rows));
    }
    let mut batches = files::read(table.objects(), &candidate.file, owner(&table.schema())).await?;
    let (mut matching, mut all) = (0, 0);
    while let Some(batch) = batches.try_next().await? {
        all += batch.num_rows() as u64;
        matching += others(&batch, load)?.false_count() as u64;
    }
    Ok((matching, all))
}

fn owner(schema: &Schema) -> SchemaRef {
    let fields: Vec<_> = schema.fields().iter().filter(|f| [SENDER, PERIOD].contains(&f.name().as_str())).cloned().collect();
    Schema::new(fields).into()
}

/// True for the rows that stay.
fn others(batch: &RecordBatch, load: &Load) -> Result<BooleanArray> {
    let column = |name| batch.column_by_name(name).ok_or_else(|| Error::internal("lake.replace", "a system column is missing"));
    let (senders, periods) = (column(SENDER)?.as_string::<i32>(), column(PERIOD)?.as_string::<i32>());
    let stays = |(s, p)| s != Some(load.sender.as_str()) || p != Some(load.period.as_str());
    Ok(senders.iter().zip(periods.iter()).map(|row| Some(stays(row))).collect())
}
