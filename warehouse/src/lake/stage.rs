//! Rows of one delivery on their way into data files: sorted in memory, then written; small deliveries never leave memory.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray, TimestampMicrosecondArray, new_null_array};
use arrow::compute::{filter_record_batch, interleave_record_batch};
use arrow::datatypes::{Int64Type, Schema, SchemaRef};
use arrow::row::{RowConverter, SortField};
use datasets::system;
use deltalake::datafile::writer::DeltaWriter;
use deltalake::kernel::Add;
use futures::TryStreamExt;
use tokio::task::JoinHandle;

use crate::error::{Error, Result};
use crate::lake::files::{self, BATCH_ROWS, DataFile};
use crate::lake::load::{Load, RefusedLines};
use crate::lake::snapshot::Snapshot;
use crate::lake::table::Table;
use crate::lake::together::Pending;

/// Bytes of rows that are sorted at once; with their sort keys and encoded copies the peak is about four times this.
const SORT_BYTES: usize = 24 << 20;

/// Collects rows, sorts them by the contract's order in bounded runs and writes the runs to data files.
pub struct Stage {
    load: Load,
    table: Arc<Table>,
    base: Snapshot,
    /// Stored columns: the contract's, then the system's.
    schema: SchemaRef,
    /// What a delivery brings: the contract's columns and the line.
    delivered: SchemaRef,
    held: Vec<RecordBatch>,
    held_bytes: usize,
    /// The run that is sorted and written while the next one is collected; gives the writer back.
    writing: Option<JoinHandle<Result<DeltaWriter>>>,
    /// Files that are closed already.
    closed: Vec<Add>,
}

/// A delivery's rows, complete: files that hold part of them and rows still in memory, all of the stored schema.
#[derive(Default)]
pub struct Staged {
    pub files: Vec<Add>,
    pub memory: Vec<RecordBatch>,
}

impl Staged {
    pub fn and(mut self, more: Self) -> Self {
        self.files.extend(more.files);
        self.memory.extend(more.memory);
        self
    }
}

impl Stage {
    pub fn new(load: Load, table: Arc<Table>, base: Snapshot) -> Self {
        let schema = table.schema();
        let own = |name: &str| name == system::LINE || !system::ALL.contains(&name);
        let fields: Vec<_> = schema.fields().iter().filter(|f| own(f.name())).cloned().collect();
        let delivered = Arc::new(Schema::new(fields));
        Self { load, table, base, schema, delivered, held: Vec::new(), held_bytes: 0, writing: None, closed: Vec::new() }
    }

    pub async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let batch = files::conform(batch, &self.delivered)?;
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let size = |c: &ArrayRef| c.to_data().get_slice_memory_size().unwrap_or_else(|_| c.get_array_memory_size());
        self.held_bytes += batch.columns().iter().map(size).sum::<usize>();
        self.held.push(batch);
        if self.held_bytes >= SORT_BYTES { self.flush().await } else { Ok(()) }
    }

    /// The rows taken so far, to be read before they are committed.
    pub async fn pending(&mut self) -> Result<Pending> {
        if let Some(writer) = self.written().await? {
            self.closed.extend(writer.close().await.map_err(failed)?);
        }
        let files = self.closed.iter().map(DataFile::of).collect();
        Ok(Pending { schema: self.delivered.clone(), memory: self.held.clone(), files })
    }

    /// Whether some rows left memory.
    pub fn spilled(&self) -> bool {
        self.writing.is_some() || !self.closed.is_empty()
    }

    /// Ends the delivery without its refused lines. With `hold`, rows that never left memory stay there.
    pub async fn finish(mut self, refused: &RefusedLines, hold: bool) -> Result<Staged> {
        if !refused.is_empty() {
            let held = std::mem::take(&mut self.held);
            self.held = held.iter().map(|b| without(b, refused)).collect::<Result<_>>()?;
        }
        if hold {
            let memory = self.take().sorted()?.collect::<Result<_>>()?;
            let files = self.close(refused).await?;
            return Ok(Staged { files, memory });
        }
        self.flush().await?;
        Ok(Staged { files: self.close(refused).await?, memory: Vec::new() })
    }

    /// Ends the delivery and leaves nothing of it.
    pub async fn abort(mut self) {
        files::discard(self.table.objects().as_ref(), &self.closed).await;
        let closed = match self.written().await {
            Ok(None) => return,
            Ok(Some(writer)) => writer.close().await.map_err(failed),
            Err(e) => Err(e),
        };
        match closed {
            Ok(adds) => files::discard(self.table.objects().as_ref(), &adds).await,
            Err(e) => tracing::warn!(error = %e, "files of an abandoned delivery are left for vacuum"),
        }
    }

    /// Sets out to write the held rows, on a thread of their own. They are sorted while those before them are written, which is waited for.
    async fn flush(&mut self) -> Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let run = self.take();
        let sorting = tokio::spawn(async move { run.sorted() });
        let mut writer = match self.written().await? {
            Some(writer) => writer,
            None => files::writer(&self.table, &self.base)?,
        };
        self.writing = Some(tokio::spawn(async move {
            for batch in sorting.await.map_err(failed)?? {
                writer.write(&batch?).await.map_err(failed)?;
            }
            Ok(writer)
        }));
        Ok(())
    }

    /// The writer, once all that was handed to it is written; none when nothing was.
    async fn written(&mut self) -> Result<Option<DeltaWriter>> {
        match self.writing.take() {
            Some(writing) => writing.await.map_err(failed)?.map(Some),
            None => Ok(None),
        }
    }

    /// The held rows.
    fn take(&mut self) -> Run {
        self.held_bytes = 0;
        Run { rows: std::mem::take(&mut self.held), schema: self.schema.clone(), load: self.load.clone(), sort: self.table.contract.sort.clone() }
    }

    /// Closes the files; those that hold refused lines are written again without them.
    async fn close(&mut self, refused: &RefusedLines) -> Result<Vec<Add>> {
        let mut adds = std::mem::take(&mut self.closed);
        if let Some(writer) = self.written().await? {
            adds.extend(writer.close().await.map_err(failed)?);
        }
        if refused.is_empty() || adds.is_empty() {
            return Ok(adds);
        }
        let mut again = files::writer(&self.table, &self.base)?;
        for add in &adds {
            let mut rows = files::read(self.table.objects(), &DataFile::of(add), self.schema.clone()).await?;
            while let Some(batch) = rows.try_next().await? {
                let kept = without(&batch, refused)?;
                again.write(&kept).await.map_err(failed)?;
            }
        }
        let kept = again.close().await.map_err(failed)?;
        files::discard(self.table.objects().as_ref(), &adds).await;
        Ok(kept)
    }
}

/// Rows that are sorted and written together.
struct Run {
    rows: Vec<RecordBatch>,
    schema: SchemaRef,
    load: Load,
    sort: Vec<String>,
}

impl Run {
    /// The rows in their stored order and form, a batch at a time.
    fn sorted(self) -> Result<impl Iterator<Item = Result<RecordBatch>> + Send> {
        let order = order(&self.rows, &self.sort)?;
        let chunks = order.len().div_ceil(BATCH_ROWS);
        Ok((0..chunks).map(move |i| {
            let rows = &order[i * BATCH_ROWS..order.len().min((i + 1) * BATCH_ROWS)];
            let parts: Vec<&RecordBatch> = self.rows.iter().collect();
            let batch = interleave_record_batch(&parts, rows).map_err(|e| Error::internal("lake.sort", e))?;
            stored(&batch, &self.schema, &self.load)
        }))
    }
}

/// Adds the system columns of a row that is current from `recorded` on.
fn stored(batch: &RecordBatch, schema: &SchemaRef, load: &Load) -> Result<RecordBatch> {
    let rows = batch.num_rows();
    let text = |value: &str| Arc::new(StringArray::from_iter_values(std::iter::repeat_n(value, rows))) as ArrayRef;
    let columns = schema.fields().iter().map(|field| match field.name().as_str() {
        system::DELIVERY => Ok(text(&load.delivery)),
        system::SENDER => Ok(text(&load.sender)),
        system::PERIOD => Ok(text(&load.period)),
        system::RECORDED_FROM => {
            let micros = TimestampMicrosecondArray::from_value(load.recorded.timestamp_micros(), rows);
            Ok(Arc::new(micros.with_timezone("UTC")) as ArrayRef)
        }
        system::RECORDED_TO => Ok(new_null_array(field.data_type(), rows)),
        name => batch.column_by_name(name).cloned().ok_or_else(|| Error::internal("lake.write", "a delivered column is missing")),
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    RecordBatch::try_new(schema.clone(), columns).map_err(failed)
}

/// The rows of all batches as (batch, row), ordered by the sort columns; rows that compare equal stay in order of arrival.
fn order(batches: &[RecordBatch], sort: &[String]) -> Result<Vec<(usize, usize)>> {
    let mut order: Vec<(usize, usize)> = batches.iter().enumerate().flat_map(|(b, batch)| (0..batch.num_rows()).map(move |row| (b, row))).collect();
    let Some(first) = batches.first().filter(|_| !sort.is_empty()) else { return Ok(order) };
    let columns = |batch: &RecordBatch| sort.iter().filter_map(|s| batch.column_by_name(s).cloned()).collect::<Vec<_>>();
    let failed = |e| Error::internal("lake.sort", e);
    let fields = columns(first).iter().map(|c| SortField::new(c.data_type().clone())).collect();
    let converter = RowConverter::new(fields).map_err(failed)?;
    let keys = batches.iter().map(|b| converter.convert_columns(&columns(b)));
    let keys = keys.collect::<std::result::Result<Vec<_>, _>>().map_err(failed)?;
    let key = |&(b, row): &(usize, usize)| keys[b].row(row);
    if !order.is_sorted_by(|a, b| key(a) <= key(b)) {
        order.sort_by(|a, b| key(a).cmp(&key(b)));
    }
    Ok(order)
}

fn failed(e: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::internal("lake.write", e)
}

pub fn without(batch: &RecordBatch, refused: &RefusedLines) -> Result<RecordBatch> {
    let lines = batch.column_by_name(system::LINE).ok_or_else(|| Error::internal("lake.refuse", "rows carry no line"))?;
    let keep: BooleanArray = lines.as_primitive::<Int64Type>().values().iter().map(|l| Some(!refused.contains(*l))).collect();
    filter_record_batch(batch, &keep).map_err(|e| Error::internal("lake.refuse", e))
}
