//! The log as rows of `sistema.audit`. The log is the truth: the mirror follows it in its order, without gaps, and each record once, whichever
//! process brings it up to date and however it ends.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, Schema};
use arrow::json::ReaderBuilder;
use chrono::{DateTime, SecondsFormat, Utc};
use datasets::model::DatasetName;
use futures::TryStreamExt;
use serde_json::{Value, json};

use crate::Warehouse;
use crate::audit::reader::Reader;
use crate::audit::record::Record;
use crate::audit::retain::cutoff;
use crate::audit::{Action, Audit};
use crate::error::{Error, Kind, Result};
use crate::inside::Inside;
use crate::system::SystemLog;

/// Records of one commit.
const TOGETHER: usize = 20_000;
/// How long one process waits for another that mirrors, and how often it looks.
const PATIENCE: u32 = 100;
const LOOK: Duration = Duration::from_millis(100);

/// Brings `sistema.audit` up to date.
pub struct Mirror {
    audit: Audit,
    warehouse: Warehouse,
    system: SystemLog,
    table: DatasetName,
    /// Which log: rows of another, begun anew after a loss, stay what they are.
    log: String,
    schema: Arc<Schema>,
    /// Where the log goes on, while the table is at this version: nobody else wrote to it.
    place: Option<(u64, Reader)>,
}

impl Mirror {
    pub fn new(audit: &Audit, warehouse: &Warehouse, system: &SystemLog) -> Result<Self> {
        let table = DatasetName { area: "sistema".into(), name: "audit".into() };
        let contract = warehouse.catalog().get(&table).ok_or_else(|| Error::internal("audit.contract", "no contract sistema.audit"))?;
        let schema = Arc::new(datasets::derive::arrow::schema(contract));
        Ok(Self { audit: audit.clone(), warehouse: warehouse.clone(), system: system.clone(), table, log: audit.id(), schema, place: None })
    }

    /// Writes the records that the table does not hold yet; gives how many.
    /// Errors: whatever keeps the log from being read or the table from being written; the next time takes it up.
    pub async fn follow(&mut self) -> Result<usize> {
        if let Some((_, reader)) = &self.place
            && !reader.behind()?
        {
            return Ok(0);
        }
        let Some(_alone) = self.alone().await? else { return Ok(0) };
        let mut done = 0;
        loop {
            let version = self.warehouse.lake().refresh(&self.table).await?.version;
            let mut reader = match self.place.take() {
                Some((known, reader)) if known == version => reader,
                _ => self.find().await?,
            };
            let (reader, records) = tokio::task::spawn_blocking(move || reader.some(TOGETHER).map(|records| (reader, records)))
                .await
                .map_err(|e| Error::internal("audit.mirror", e))??;
            let (Some(first), Some(last)) = (records.first(), records.last()) else {
                self.place = Some((version, reader));
                return Ok(done);
            };
            // Under this name the rows are written once, even if this process dies before it knows that they are.
            let name = format!("audit-{}-{}", first.seq, last.seq);
            self.system.commit(&self.table, name, rows(&self.schema, &self.log, &records)?).await?;
            done += records.len();
            self.place = Some((self.warehouse.lake().refresh(&self.table).await?.version, reader));
        }
    }

    /// Takes rows older than so many months out of the table, as the log's own retention does. Gives their number.
    pub async fn retire(&self, months: u32) -> Result<u64> {
        self.warehouse.lake().expire(&self.table, "quando", cutoff(Utc::now(), months)).await
    }

    /// The place behind the newest record that the table holds.
    /// Errors: `Conflict` when the log does not have it any more: then the log is not what it was.
    async fn find(&self) -> Result<Reader> {
        let sql = format!("SELECT progressivo, impronta FROM sistema.audit WHERE registro = '{}' ORDER BY progressivo DESC LIMIT 1", self.log);
        let rows: Vec<RecordBatch> = Inside::new(self.warehouse.lake())?.ask(&sql).await?.try_collect().await?;
        let Some(newest) = rows.iter().find(|batch| batch.num_rows() > 0) else { return Ok(Reader::new(self.audit.folder(), 1)) };
        let seq = newest.column(0).as_primitive::<Int64Type>().value(0).unsigned_abs();
        let mut reader = Reader::new(self.audit.folder(), seq);
        match reader.some(1)?.first() {
            Some(same) if same.seq == seq && newest.column(1).as_string::<i32>().value(0) == hex::encode(same.hash) => Ok(reader),
            // That one was retired in the meantime.
            Some(later) if later.seq > seq => Ok(Reader::new(self.audit.folder(), seq + 1)),
            _ => Err(Error::new(
                Kind::Conflict,
                "audit.mirror",
                format!("the audit log does not hold record {seq} as sistema.audit shows it: see `siss audit verify`"),
            )),
        }
    }

    /// The lock of whoever mirrors; `None` when another process holds it for long: it does the same work.
    async fn alone(&self) -> Result<Option<File>> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(self.audit.folder().join("mirror.lock"))?;
        for _ in 0..PATIENCE {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(std::fs::TryLockError::WouldBlock) => tokio::time::sleep(LOOK).await,
                Err(std::fs::TryLockError::Error(e)) => return Err(e.into()),
            }
        }
        Ok(None)
    }
}

fn rows(schema: &Arc<Schema>, log: &str, records: &[Record]) -> Result<RecordBatch> {
    let fault = |e: arrow::error::ArrowError| Error::internal("audit.row", e);
    let mut decoder = ReaderBuilder::new(schema.clone()).with_batch_size(records.len()).build_decoder().map_err(fault)?;
    decoder.serialize(&records.iter().map(|record| row(log, record)).collect::<Vec<_>>()).map_err(fault)?;
    decoder.flush().map_err(fault)?.ok_or_else(|| Error::internal("audit.row", "no rows"))
}

/// A record in the columns of the contract. What an opening of the vault was about has a column of its own, which is older than the log.
fn row(log: &str, record: &Record) -> Value {
    let time = DateTime::from_timestamp_micros(record.time).unwrap_or_default();
    let there = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let is_vault = record.action == Action::Vault.as_str();
    json!({
        "id_evento": hex::encode(&record.hash[..16]),
        "quando": time.to_rfc3339_opts(SecondsFormat::Micros, true),
        "account": record.account,
        "oggetto": there(&record.object).filter(|_| is_vault),
        "scopo": there(&record.why),
        "quante": record.count,
        "registro": log,
        "progressivo": record.seq,
        "azione": record.action,
        "riferimento": there(&record.object).filter(|_| !is_vault),
        "ruolo": there(&record.role),
        "porta": record.door,
        "provenienza": there(&record.from),
        "esito": record.outcome,
        "impronta": hex::encode(record.hash),
    })
}
