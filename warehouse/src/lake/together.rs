//! Rules about rows together, asked of a delivery before it is committed: its rows, the dataset as it will be, and the other datasets.

use std::fmt;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datasets::contract::{literal, quoted};
use datasets::derive::checks::{AFTER, TABLE};
use datasets::model::Mode;
use datasets::system::{LINE, PERIOD, SENDER};
use futures::TryStreamExt;
use object_store::ObjectStore;

use crate::error::{Error, Result};
use crate::inside::{HISTORY, Inside};
use crate::lake::Lake;
use crate::lake::files::{self, DataFile};
use crate::lake::load::{Load, RefusedLines};
use crate::lake::stage::without;
use crate::lake::table::Table;

/// A delivery's rows before their commit.
pub struct Pending {
    /// The contract's columns and the line.
    pub schema: SchemaRef,
    pub memory: Vec<RecordBatch>,
    pub files: Vec<DataFile>,
}

impl Pending {
    pub fn and(mut self, more: Self) -> Self {
        self.memory.extend(more.memory);
        self.files.extend(more.files);
        self
    }
}

/// For each query the lines of delivered rows that it answers, in ascending order, each once.
pub async fn judge(lake: &Lake, table: &Table, load: &Load, pending: Pending, refused: &RefusedLines, queries: &[&str]) -> Result<Vec<Vec<i64>>> {
    let mut inside = Inside::new(lake)?;
    let name = table.name();
    let stored = format!("SELECT 1 FROM {}.{}{HISTORY}", name.area, name.name);
    let all: Vec<&str> = queries.iter().copied().chain([stored.as_str()]).collect();
    inside.take(&all).await?;
    inside.add(TABLE, provider(table, pending, refused)?)?;
    inside.add_view(AFTER, &after(table, load)).await?;
    let mut found = Vec::with_capacity(queries.len());
    for query in queries {
        let sql = format!("SELECT DISTINCT {LINE} FROM (\n{query}\n) AS regola WHERE {LINE} IS NOT NULL ORDER BY {LINE}");
        let mut rows = inside.ask(&sql).await?;
        let mut lines = Vec::new();
        while let Some(batch) = rows.try_next().await? {
            lines.extend(batch.column(0).as_primitive::<Int64Type>().values());
        }
        found.push(lines);
    }
    Ok(found)
}

/// The dataset with the delivery in its place: what stays of it by the contract's mode, and the delivered rows.
fn after(table: &Table, load: &Load) -> String {
    let name = table.name();
    let current = format!("{}.{}", name.area, name.name);
    let columns: Vec<String> = table.contract.in_lake().map(|c| quoted(&c.name)).collect();
    let list = |of: &str| columns.iter().map(|c| format!("{of}.{c}")).collect::<Vec<_>>().join(", ");
    let delivered = format!("SELECT {}, c.{LINE} FROM {TABLE} c", list("c"));
    let (sender, period) = (literal(&load.sender), literal(&load.period));
    let there = format!("SELECT {}, CAST(NULL AS BIGINT) AS {LINE} FROM {current} d", list("d"));
    let stays = match table.contract.mode {
        Mode::Append => there,
        Mode::Replace => format!("{there} WHERE d.{SENDER} <> {sender} OR d.{PERIOD} <> {period}"),
        Mode::Versions => {
            let same: Vec<String> = table.contract.key.iter().map(|key| format!("c.{0} = d.{0}", quoted(key))).collect();
            let replaced = format!("LEFT ANTI JOIN {TABLE} c ON {}", same.join(" AND "));
            format!("{there} WHERE d.{SENDER} <> {sender}\nUNION ALL {there} {replaced} WHERE d.{SENDER} = {sender}")
        }
    };
    format!("{stays}\nUNION ALL {delivered}")
}

/// The delivered rows as a table: from memory where they all are, else as they come from their files.
fn provider(table: &Table, pending: Pending, refused: &RefusedLines) -> Result<Arc<dyn TableProvider>> {
    let fault = |e: DataFusionError| Error::internal("lake.together", e);
    let Pending { schema, memory, files } = pending;
    let memory = memory.iter().map(|batch| without(batch, refused)).collect::<Result<Vec<_>>>()?;
    let held = MemTable::try_new(schema.clone(), vec![memory.clone()]).map_err(fault)?;
    if files.is_empty() {
        return Ok(Arc::new(held));
    }
    let refused = Arc::new(refused.clone());
    let part = |source: Source| Arc::new(Part { schema: schema.clone(), source, refused: refused.clone() }) as Arc<dyn PartitionStream>;
    let from_files = files.into_iter().map(|file| part(Source::File(table.objects(), file)));
    let parts: Vec<_> = from_files.chain([part(Source::Memory(memory))]).collect();
    Ok(Arc::new(StreamingTable::try_new(schema.clone(), parts).map_err(fault)?))
}

enum Source {
    Memory(Vec<RecordBatch>),
    File(Arc<dyn ObjectStore>, DataFile),
}

/// Some of the delivered rows.
struct Part {
    schema: SchemaRef,
    source: Source,
    refused: Arc<RefusedLines>,
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rows of a delivery")
    }
}

impl PartitionStream for Part {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let schema = self.schema.clone();
        match &self.source {
            Source::Memory(batches) => {
                let batches: Vec<_> = batches.iter().cloned().map(Ok).collect();
                Box::pin(RecordBatchStreamAdapter::new(schema, futures::stream::iter(batches)))
            }
            Source::File(objects, file) => {
                let (objects, file, refused, wanted) = (objects.clone(), file.clone(), self.refused.clone(), schema.clone());
                let rows = futures::stream::once(async move { files::read(objects, &file, wanted).await }).try_flatten();
                let rows = rows.and_then(move |batch| futures::future::ready(without(&batch, &refused))).map_err(external);
                Box::pin(RecordBatchStreamAdapter::new(schema, rows))
            }
        }
    }
}

fn external(e: Error) -> DataFusionError {
    DataFusionError::External(Box::new(e))
}
