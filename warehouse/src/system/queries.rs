//! Rows of `sistema.queries`.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use datasets::derive;
use datasets::model::{Contract, DatasetName};

use crate::error::{Error, Result};
use crate::worker::QueryRecord;

pub fn table() -> DatasetName {
    DatasetName { area: "sistema".into(), name: "queries".into() }
}

/// Records in the columns of the contract; a column that is not filled here stays null.
pub fn batch(contract: &Contract, records: &[QueryRecord]) -> Result<RecordBatch> {
    let schema = Arc::new(derive::arrow::schema(contract));
    let columns: Vec<ArrayRef> = schema.fields().iter().map(|f| column(f.name(), records).unwrap_or_else(|| arrow::array::new_null_array(f.data_type(), records.len()))).collect();
    RecordBatch::try_new(schema, columns).map_err(|e| Error::internal("system.queries", e))
}

fn column(name: &str, records: &[QueryRecord]) -> Option<ArrayRef> {
    let text = |value: fn(&QueryRecord) -> &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(records.iter().map(value))) };
    let number = |value: fn(&QueryRecord) -> u64| -> ArrayRef { Arc::new(Int64Array::from_iter_values(records.iter().map(|r| i64::try_from(value(r)).unwrap_or(i64::MAX)))) };
    Some(match name {
        "id" => text(|r| &r.id),
        "account" => text(|r| &r.account),
        "ruolo" => text(|r| &r.role),
        "porta" => text(|r| r.door.as_str()),
        "esito" => text(|r| &r.outcome),
        "forma" => text(|r| &r.shape),
        "tabelle" => Arc::new(StringArray::from_iter_values(records.iter().map(|r| r.tables.join(",")))),
        "millisecondi" => number(|r| r.millis),
        "righe" => number(|r| r.rows),
        "inizio" => Arc::new(TimestampMicrosecondArray::from_iter_values(records.iter().map(|r| r.started.timestamp_micros())).with_timezone("UTC")),
        _ => return None,
    })
}
