//! The service's own tables (`sistema.queries`, `sistema.deliveries`, `sistema.violations`): rows are buffered and
//! written as one commit per table, because a commit for each row would drown the lake in small files.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema};
use chrono::Utc;
use datasets::model::DatasetName;
use datasets::system::LINE;
use parking_lot::Mutex;

use crate::Warehouse;
use crate::error::{Error, Kind, Result};
use crate::lake::{Load, RefusedLines};

/// The column that tells which body a row is about.
const BODY: &str = "ente";

/// Pause between two writes of what has come in.
const PAUSE: Duration = Duration::from_secs(2);

/// Rows of one table kept while the lake cannot be written; past it the oldest are lost, and the log says so.
const MOST_ROWS: usize = 200_000;

/// Buffers rows of the service's own tables. Cloning is cheap; rows are durable after a flush.
#[derive(Clone)]
pub struct SystemLog {
    inner: Arc<Inner>,
}

struct Inner {
    warehouse: Warehouse,
    rows: Mutex<BTreeMap<DatasetName, Vec<RecordBatch>>>,
    /// One flush at a time, so that a caller's flush ends after the rows it saw are committed.
    flushing: tokio::sync::Mutex<()>,
}

impl SystemLog {
    /// Starts the writer: one commit per table about every two seconds while there is something to write.
    pub fn start(warehouse: Warehouse) -> Self {
        let inner = Arc::new(Inner { warehouse, rows: Mutex::default(), flushing: tokio::sync::Mutex::default() });
        tokio::spawn(write_on(Arc::downgrade(&inner)));
        Self { inner }
    }

    /// Takes rows in the columns of the table's contract.
    /// Errors: `NotFound` for a table without a contract, `Invalid` for other columns.
    pub fn append(&self, table: &DatasetName, rows: RecordBatch) -> Result<()> {
        let contract = self.inner.warehouse.catalog().get(table).ok_or_else(|| Error::new(Kind::NotFound, "system.table", format!("no dataset '{table}'")))?;
        let wanted = datasets::derive::arrow::schema(contract);
        let same = wanted.fields().len() == rows.num_columns()
            && wanted.fields().iter().zip(rows.schema().fields()).all(|(a, b)| a.name() == b.name() && a.data_type() == b.data_type());
        if !same {
            return Err(Error::new(Kind::Invalid, "system.columns", format!("rows for '{table}' do not have its contract's columns")));
        }
        self.inner.rows.lock().entry(table.clone()).or_default().push(rows);
        Ok(())
    }

    /// Commits rows at once under a name: the same name again commits nothing.
    pub async fn commit_once(&self, table: &DatasetName, name: &str, rows: RecordBatch) -> Result<()> {
        let _one = self.inner.flushing.lock().await;
        self.inner.write(table, name.to_owned(), &[rows]).await
    }

    /// Writes what was taken so far; returns when it is committed. Rows of a table that failed are kept for the next time.
    pub async fn flush(&self) -> Result<()> {
        self.inner.flush().await
    }

    /// Writes rows at once as one commit under a name of their own: under the same name they are written once, whoever tries again.
    pub async fn commit(&self, table: &DatasetName, name: String, rows: RecordBatch) -> Result<()> {
        self.inner.write(table, name, &[rows]).await
    }

    /// The last flush, at shutdown.
    pub async fn close(&self) -> Result<()> {
        self.flush().await
    }
}

async fn write_on(log: Weak<Inner>) {
    loop {
        tokio::time::sleep(PAUSE).await;
        let Some(inner) = log.upgrade() else { return };
        if let Err(error) = inner.flush().await {
            tracing::error!(%error, "system tables were not written");
        }
    }
}

impl Inner {
    async fn flush(&self) -> Result<()> {
        let _one = self.flushing.lock().await;
        let rows = std::mem::take(&mut *self.rows.lock());
        let one = |(table, batches): (DatasetName, Vec<RecordBatch>)| async move {
            let written = self.write(&table, format!("sistema-{}", uuid::Uuid::now_v7()), &batches).await;
            if written.is_err() {
                self.keep(table, batches);
            }
            written
        };
        futures::future::join_all(rows.into_iter().map(one)).await.into_iter().collect()
    }

    async fn write(&self, table: &DatasetName, delivery: String, batches: &[RecordBatch]) -> Result<()> {
        let Some(contract) = self.warehouse.catalog().get(table) else { return Ok(()) };
        let now = Utc::now();
        let load = Load {
            delivery,
            sender: "lazio".into(),
            period: now.format("%Y-%m").to_string(),
            account: "sistema".into(),
            recorded: now,
            content_hash: String::new(),
            contract_version: contract.version.clone(),
        };
        let mut writer = self.warehouse.lake().writer(table, load).await?;
        let rows = with_lines(batches)?;
        if let Some(bodies) = rows.column_by_name(BODY) {
            writer.about(bodies.as_string::<i32>().iter().flatten().map(str::to_owned).collect());
        }
        writer.write(rows).await?;
        writer.commit(&RefusedLines::none()).await.map(|_| ())
    }

    /// Puts rows back in front of those that came in the meantime.
    fn keep(&self, table: DatasetName, mut batches: Vec<RecordBatch>) {
        let mut rows = self.rows.lock();
        let newer = rows.remove(&table).unwrap_or_default();
        batches.extend(newer);
        while batches.iter().map(RecordBatch::num_rows).sum::<usize>() > MOST_ROWS {
            let lost = batches.remove(0);
            tracing::error!(%table, rows = lost.num_rows(), "rows of a system table are lost: the lake could not be written");
        }
        rows.insert(table, batches);
    }
}

/// One batch with the line numbers that every stored row carries.
fn with_lines(batches: &[RecordBatch]) -> Result<RecordBatch> {
    let fault = |e| Error::internal("system.batch", e);
    let Some(first) = batches.first() else { return Err(Error::internal("system.batch", "no rows")) };
    let all = concat_batches(&first.schema(), batches).map_err(fault)?;
    let lines: ArrayRef = Arc::new(Int64Array::from_iter_values(1..=all.num_rows() as i64));
    let line = Arc::new(Field::new(LINE, DataType::Int64, false));
    let fields: Vec<_> = all.schema().fields().iter().cloned().chain([line]).collect();
    let columns = all.columns().iter().cloned().chain([lines]).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(fault)
}
