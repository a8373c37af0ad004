//! Every opening of the vault as a row of `sistema.audit`.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use chrono::Utc;
use datasets::model::DatasetName;
use warehouse::system::SystemLog;

use super::Purpose;
use crate::error::{Error, Result};

pub fn record(system: &SystemLog, purpose: Purpose<'_>, what: &str, count: usize) -> Result<()> {
    let text = |value: &str| Arc::new(StringArray::from(vec![value])) as ArrayRef;
    let now = TimestampMicrosecondArray::from(vec![Utc::now().timestamp_micros()]).with_timezone("UTC");
    let columns = [
        ("id_evento", text(&uuid::Uuid::now_v7().to_string())),
        ("quando", Arc::new(now) as ArrayRef),
        ("account", text(purpose.account)),
        ("oggetto", text(what)),
        ("scopo", text(purpose.why)),
        ("quante", Arc::new(Int64Array::from(vec![count as i64]))),
    ];
    let row = RecordBatch::try_from_iter(columns).map_err(|e| Error::internal("vault.audit", e))?;
    let name = DatasetName { area: "sistema".into(), name: "audit".into() };
    system.append(&name, row).map_err(Error::from)
}
