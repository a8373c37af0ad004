//! `versions`: a delivered row that differs from the sender's current row with its key closes it; nothing is deleted.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, TimestampMicrosecondArray};
use arrow::compute::kernels::zip::zip;
use arrow::compute::{filter_record_batch, is_not_null, is_null};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::row::{RowConverter, Rows, SortField};
use datasets::system::{ALL, RECORDED_TO, SENDER};
use deltalake::datafile::writer::DeltaWriter;
use deltalake::kernel::Add;
use futures::TryStreamExt;

use crate::error::{Error, Kind, Result};
use crate::lake::candidates::{Candidate, candidates};
use crate::lake::changes::{self, Changed};
use crate::lake::commit::Plan;
use crate::lake::files::{self, DataFile};
use crate::lake::load::{Computed, Load};
use crate::lake::snapshot::Snapshot;
use crate::lake::stage::Staged;
use crate::lake::table::Table;

/// The column that tells a row's district.
const DISTRICT: &str = "ambito";

/// The sender's current row with a key.
struct Held {
    content: u128,
    /// Index of the candidate file that holds it; none for a row of this delivery.
    file: Option<usize>,
    seen: bool,
    closed: bool,
    /// A computation gives all rows like it: not to be given is to be gone.
    given: bool,
}

/// Compares the delivery with the sender's current rows. A staged file in which no key is one of theirs becomes part of the table as it
/// stands. Memory: key and 32 bytes per current row of the sender.
/// Errors: `Invalid` when two delivered rows that are compared have the same key.
/// With `computed`, rows that it is about and does not give are closed too.
pub async fn plan(table: &Table, base: &Snapshot, load: &Load, staged: &Staged, computed: Option<&Computed>) -> Result<Plan> {
    let mut plan = Plan { optional: computed.is_some(), ..Plan::default() };
    if let Some(computed) = computed {
        let moved = changes::changed(table, computed.seen.min(base.version), base.version).await? != Changed::By(BTreeSet::new());
        if moved {
            return Err(Error::new(Kind::Conflict, "lake.moved", format!("{} changed while it was computed", table.name())));
        }
    }
    let rows = RowsOf::new(table, computed)?;
    let open = candidates(base, &[(SENDER, &load.sender)], Some(RECORDED_TO))?;
    let mut current = HashMap::new();
    for (index, candidate) in open.iter().enumerate() {
        rows.collect(table, candidate, index, load, &mut current).await?;
    }
    let mut writer = files::writer(table, base)?;
    let mut kept = Vec::new();
    for add in &staged.files {
        if !rows.meets(table, add, &current).await? {
            plan.counts.added += files::rows(add);
            kept.push(add.clone());
            continue;
        }
        let mut batches = files::read(table.objects(), &DataFile::of(add), table.schema()).await?;
        while let Some(batch) = batches.try_next().await? {
            deliver(&rows, &batch, &mut current, &mut writer, &mut plan).await?;
        }
    }
    for batch in &staged.memory {
        deliver(&rows, batch, &mut current, &mut writer, &mut plan).await?;
    }
    for gone in current.values_mut().filter(|held| held.given && !held.seen) {
        gone.closed = true;
        plan.counts.closed += 1;
    }
    // Closed rows have files of their own, so that whole files tell the current rows (`current`).
    let mut closed = files::writer(table, base)?;
    let touched: BTreeSet<usize> = current.values().filter(|h| h.closed).filter_map(|h| h.file).collect();
    for (index, candidate) in open.into_iter().enumerate().filter(|(i, _)| touched.contains(i)) {
        let mut batches = files::read(table.objects(), &candidate.file, table.schema()).await?;
        while let Some(batch) = batches.try_next().await? {
            let batch = rows.close(&batch, index, load, &current)?;
            let (open, ended) = by_end(&batch)?;
            for (writer, rows) in [(&mut writer, open), (&mut closed, ended)] {
                if rows.num_rows() > 0 {
                    writer.write(&rows).await.map_err(|e| Error::internal("lake.write", e))?;
                }
            }
        }
        plan.removes.push(candidate.remove);
    }
    plan.own = writer.close().await.map_err(|e| Error::internal("lake.write", e))?;
    plan.own.extend(closed.close().await.map_err(|e| Error::internal("lake.write", e))?);
    plan.adds.clone_from(&plan.own);
    plan.adds.extend(kept);
    Ok(plan)
}

/// Whether the sender has no current rows.
pub fn is_first(base: &Snapshot, load: &Load) -> Result<bool> {
    Ok(candidates(base, &[(SENDER, &load.sender)], Some(RECORDED_TO))?.is_empty())
}

type Current = HashMap<Box<[u8]>, Held>;

/// Writes the rows of one batch that are new or changed.
async fn deliver(rows: &RowsOf, batch: &RecordBatch, current: &mut Current, writer: &mut DeltaWriter, plan: &mut Plan) -> Result<()> {
    let (keys, contents) = rows.of(batch)?;
    let mut kept = Vec::with_capacity(batch.num_rows());
    for (key, content) in keys.iter().zip(contents) {
        let keep = match current.get_mut(key.as_ref()) {
            Some(held) if held.seen => {
                return Err(Error::new(Kind::Invalid, "lake.duplicate_key", "two rows of the delivery have the same key"));
            }
            Some(held) => {
                held.seen = true;
                held.closed = held.content != content;
                held.closed
            }
            None => {
                current.insert(key.as_ref().into(), Held { content, file: None, seen: true, closed: false, given: false });
                plan.counts.added += 1;
                kept.push(true);
                continue;
            }
        };
        let count = if keep { &mut plan.counts.closed } else { &mut plan.counts.unchanged };
        *count += 1;
        plan.counts.added += u64::from(keep);
        kept.push(keep);
    }
    let kept = filter_record_batch(batch, &kept.into()).map_err(|e| Error::internal("lake.versions", e))?;
    writer.write(&kept).await.map_err(|e| Error::internal("lake.write", e))
}

/// How a table's rows are told apart and compared.
struct RowsOf {
    keys: RowConverter,
    contents: RowConverter,
    key: Vec<String>,
    columns: Vec<String>,
    /// Two keyed hashes make 128 bits that a sender cannot aim at.
    hashers: [RandomState; 2],
    /// Of a computation: the districts it gives all rows of, all of them when `None`.
    computed: Option<Option<BTreeSet<String>>>,
}

impl RowsOf {
    fn new(table: &Table, computed: Option<&Computed>) -> Result<Self> {
        let schema = table.schema();
        let uncompared = computed.map(|c| c.uncompared.as_slice()).unwrap_or_default();
        let compared = |name: &String| !ALL.contains(&name.as_str()) && !uncompared.contains(name);
        let columns: Vec<String> = schema.fields().iter().map(|f| f.name().clone()).filter(compared).collect();
        let key = table.contract.key.clone();
        let converter = |names: &[String]| {
            let fields = names.iter().filter_map(|n| schema.field_with_name(n).ok());
            let fields = fields.map(|f| SortField::new(f.data_type().clone())).collect();
            RowConverter::new(fields).map_err(|e| Error::internal("lake.versions", e))
        };
        let computed = computed.map(|c| c.districts.clone());
        Ok(Self { keys: converter(&key)?, contents: converter(&columns)?, key, columns, hashers: Default::default(), computed })
    }

    fn rows(&self, batch: &RecordBatch, names: &[String], converter: &RowConverter) -> Result<Rows> {
        let columns: Vec<ArrayRef> = names.iter().filter_map(|n| batch.column_by_name(n).cloned()).collect();
        converter.convert_columns(&columns).map_err(|e| Error::internal("lake.versions", e))
    }

    fn of(&self, batch: &RecordBatch) -> Result<(Rows, Vec<u128>)> {
        let keys = self.rows(batch, &self.key, &self.keys)?;
        let contents = self.rows(batch, &self.columns, &self.contents)?;
        let hash = |row: &[u8]| u128::from(self.hashers[0].hash_one(row)) << 64 | u128::from(self.hashers[1].hash_one(row));
        Ok((keys, contents.iter().map(|row| hash(row.as_ref())).collect()))
    }

    /// Whether a staged file holds a key of `current`; only its key columns are read.
    async fn meets(&self, table: &Table, add: &Add, current: &Current) -> Result<bool> {
        if current.is_empty() {
            return Ok(false);
        }
        let fields: Vec<_> = table.schema().fields().iter().filter(|f| self.key.contains(f.name())).cloned().collect();
        let mut batches = files::read(table.objects(), &DataFile::of(add), Schema::new(fields).into()).await?;
        while let Some(batch) = batches.try_next().await? {
            if self.rows(&batch, &self.key, &self.keys)?.iter().any(|key| current.contains_key(key.as_ref())) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Notes the sender's current rows of a file.
    async fn collect(&self, table: &Table, file: &Candidate, index: usize, load: &Load, current: &mut Current) -> Result<()> {
        let mut batches = files::read(table.objects(), &file.file, self.compared(&table.schema())).await?;
        while let Some(batch) = batches.try_next().await? {
            let mine = is_current(&batch, load)?;
            let batch = filter_record_batch(&batch, &mine).map_err(|e| Error::internal("lake.versions", e))?;
            let (keys, contents) = self.of(&batch)?;
            let given = self.given(&batch)?;
            for ((key, content), given) in keys.iter().zip(contents).zip(given) {
                current.insert(key.as_ref().into(), Held { content, file: Some(index), seen: false, closed: false, given });
            }
        }
        Ok(())
    }

    /// Which rows a computation says all of: those of its districts and those of none.
    fn given(&self, batch: &RecordBatch) -> Result<Vec<bool>> {
        let Some(districts) = &self.computed else { return Ok(vec![false; batch.num_rows()]) };
        let Some(districts) = districts else { return Ok(vec![true; batch.num_rows()]) };
        let column = batch.column_by_name(DISTRICT).ok_or_else(|| Error::internal("lake.versions", "a table computed by district has no district"))?;
        Ok(column.as_string::<i32>().iter().map(|district| district.is_none_or(|d| districts.contains(d))).collect())
    }

    fn compared(&self, schema: &Schema) -> SchemaRef {
        let wanted = |name: &String| name == SENDER || name == RECORDED_TO || self.columns.contains(name);
        let fields: Vec<_> = schema.fields().iter().filter(|f| wanted(f.name())).cloned().collect();
        Schema::new(fields).into()
    }

    /// `batch` of the file `index` with its replaced rows closed at the time of recording.
    fn close(&self, batch: &RecordBatch, index: usize, load: &Load, current: &Current) -> Result<RecordBatch> {
        let failed = |e| Error::internal("lake.versions", e);
        let keys = self.rows(batch, &self.key, &self.keys)?;
        let mine = is_current(batch, load)?;
        let replaced = |key: &[u8]| current.get(key).is_some_and(|h| h.closed && h.file == Some(index));
        let closing: BooleanArray = keys.iter().zip(mine.iter()).map(|(key, mine)| Some(mine == Some(true) && replaced(key.as_ref()))).collect();
        let at = TimestampMicrosecondArray::from_value(load.recorded.timestamp_micros(), batch.num_rows()).with_timezone("UTC");
        let column = batch.schema().index_of(RECORDED_TO).map_err(failed)?;
        let mut columns = batch.columns().to_vec();
        columns[column] = zip(&closing, &(Arc::new(at) as ArrayRef), &columns[column]).map_err(failed)?;
        RecordBatch::try_new(batch.schema(), columns).map_err(failed)
    }
}

/// True for rows of the sender that no later delivery replaced.
fn is_current(batch: &RecordBatch, load: &Load) -> Result<BooleanArray> {
    let column = |name| batch.column_by_name(name).ok_or_else(|| Error::internal("lake.versions", "a system column is missing"));
    let (senders, ends) = (column(SENDER)?.as_string::<i32>(), column(RECORDED_TO)?);
    Ok(senders.iter().enumerate().map(|(i, s)| Some(s == Some(load.sender.as_str()) && ends.is_null(i))).collect())
}

/// Current and closed rows of a batch, apart.
pub fn by_end(batch: &RecordBatch) -> Result<(RecordBatch, RecordBatch)> {
    let failed = |e| Error::internal("lake.versions", e);
    let ends = batch.column(batch.schema().index_of(RECORDED_TO).map_err(failed)?);
    let part = |keep: &BooleanArray| filter_record_batch(batch, keep).map_err(failed);
    Ok((part(&is_null(ends).map_err(failed)?)?, part(&is_not_null(ends).map_err(failed)?)?))
}
