//! The digest of some rows in canonical form, so that anybody finds the same one: see docs/CERTIFICATION.md.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::{DateTime, SecondsFormat, Utc};
use datasets::contract::{literal, quoted};
use datasets::model::{Contract, Mode};
use datasets::system::{PERIOD, RECORDED_FROM, RECORDED_TO, SENDER};
use futures::TryStreamExt;
use sha2::{Digest as _, Sha256};
use warehouse::inside::Inside;
use warehouse::lake::{At, Lake, Snapshot};

use crate::error::{Error, Result};

/// The table's name in the query below.
const TABLE: &str = "certificata";
/// Moments, always with microseconds.
const MOMENT: &str = "%Y-%m-%dT%H:%M:%S%.6fZ";

/// Rows that are certified: those of some senders and a period.
pub struct Rows<'a> {
    pub contract: &'a Contract,
    pub senders: &'a [String],
    pub period: &'a str,
}

/// How many rows there are, and the SHA-256 of their canonical form in lower-case hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    pub rows: u64,
    pub sha256: String,
}

impl Rows<'_> {
    /// Of the rows that are current in a version of the table.
    pub async fn digest(&self, lake: &Lake, at: &Snapshot) -> Result<Digest> {
        self.ask(lake, at, &format!("{RECORDED_TO} IS NULL")).await
    }

    /// Of the rows as a version of the table held them. When it is not kept any more they are found in the history of the newest, by the
    /// moment of signing; `None` when the dataset has no history.
    pub async fn digest_then(&self, lake: &Lake, version: u64, signed: DateTime<Utc>) -> Result<Option<Digest>> {
        match lake.snapshot_at(&self.contract.name, At::Version(version)).await {
            Ok(then) => return self.digest(lake, &then).await.map(Some),
            Err(gone) if gone.kind == warehouse::error::Kind::NotFound => {}
            Err(fault) => return Err(fault.into()),
        }
        if self.contract.mode != Mode::Versions {
            return Ok(None);
        }
        let newest = lake.refresh(&self.contract.name).await?;
        let moment = format!("arrow_cast('{}', 'Timestamp(Microsecond, Some(\"UTC\"))')", signed.to_rfc3339_opts(SecondsFormat::Micros, true));
        let known = format!("{RECORDED_FROM} <= {moment} AND ({RECORDED_TO} IS NULL OR {RECORDED_TO} > {moment})");
        self.ask(lake, &newest, &known).await.map(Some)
    }

    async fn ask(&self, lake: &Lake, at: &Snapshot, known: &str) -> Result<Digest> {
        let mut inside = Inside::new(lake)?;
        inside.add(TABLE, at.provider())?;
        // A column that came later was not there to be signed.
        let schema = at.schema();
        let columns: Vec<&str> = self.contract.in_lake().map(|c| c.name.as_str()).filter(|name| schema.column_with_name(name).is_some()).collect();
        let rest = columns.iter().copied().filter(|name| !self.contract.key.iter().any(|key| key == name));
        let order = self.contract.key.iter().map(String::as_str).chain(rest).map(|name| format!("{} ASC NULLS FIRST", quoted(name)));
        let senders: Vec<String> = self.senders.iter().map(|sender| literal(sender)).collect();
        let sql = format!(
            "SELECT {} FROM {TABLE} WHERE {SENDER} IN ({}) AND {PERIOD} = {} AND {known} ORDER BY {}",
            columns.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", "),
            senders.join(", "),
            literal(self.period),
            order.collect::<Vec<_>>().join(", "),
        );
        let mut canonical = Canonical::default();
        canonical.line(columns.iter().map(|name| Some((*name).to_owned())));
        let mut batches = inside.ask(&sql).await?;
        while let Some(batch) = batches.try_next().await? {
            canonical.rows(&batch)?;
        }
        Ok(canonical.finish())
    }
}

/// RFC 4180 in UTF-8, hashed as it is written.
#[derive(Default)]
struct Canonical {
    hash: Sha256,
    lines: u64,
    text: String,
}

impl Canonical {
    fn rows(&mut self, batch: &RecordBatch) -> Result<()> {
        let fault = |e| Error::internal("certification.rows", e);
        let options = FormatOptions::default().with_timestamp_tz_format(Some(MOMENT)).with_timestamp_format(Some(MOMENT));
        let columns = batch.columns().iter().map(|column| Ok((column, ArrayFormatter::try_new(column.as_ref(), &options).map_err(fault)?)));
        let columns: Vec<(&ArrayRef, ArrayFormatter)> = columns.collect::<Result<_>>()?;
        for row in 0..batch.num_rows() {
            self.line(columns.iter().map(|(column, shown)| column.is_valid(row).then(|| cell(column, shown, row))));
        }
        Ok(())
    }

    /// An empty cell is no value, a quoted empty one is empty text.
    fn line(&mut self, cells: impl Iterator<Item = Option<String>>) {
        self.text.clear();
        for (n, cell) in cells.enumerate() {
            if n > 0 {
                self.text.push(',');
            }
            match cell {
                None => {}
                Some(cell) if cell.is_empty() || cell.contains([',', '"', '\r', '\n']) => {
                    self.text.push('"');
                    self.text.push_str(&cell.replace('"', "\"\""));
                    self.text.push('"');
                }
                Some(cell) => self.text.push_str(&cell),
            }
        }
        self.text.push_str("\r\n");
        self.hash.update(&self.text);
        self.lines += 1;
    }

    fn finish(self) -> Digest {
        Digest { rows: self.lines - 1, sha256: hex::encode(self.hash.finalize()) }
    }
}

fn cell(column: &ArrayRef, shown: &ArrayFormatter, row: usize) -> String {
    match column.data_type() {
        // The fewest digits that read back the same, never with an exponent.
        DataType::Float64 => format!("{}", column.as_primitive::<Float64Type>().value(row) + 0.0),
        _ => shown.value(row).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};

    use super::*;

    #[test]
    fn cells_have_one_way_to_be_written() {
        let decimal = Decimal128Array::from(vec![Some(1_250), Some(-5), None]).with_precision_and_scale(12, 2).expect("decimals");
        let moments = TimestampMicrosecondArray::from(vec![Some(1_762_161_300_000_000), Some(1), None]).with_timezone("UTC");
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("t", Arc::new(StringArray::from(vec![Some("a,\"b\"\n"), Some(""), None]))),
            ("n", Arc::new(Int64Array::from(vec![Some(-7), Some(0), None]))),
            ("d", Arc::new(decimal)),
            ("x", Arc::new(Float64Array::from(vec![Some(41.9), Some(-0.0), Some(12.0)]))),
            ("b", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
            ("g", Arc::new(Date32Array::from(vec![Some(20_395), Some(0), None]))),
            ("m", Arc::new(moments)),
        ];
        let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).expect("a batch");
        let mut canonical = Canonical::default();
        canonical.line(["t", "n"].iter().map(|name| Some((*name).to_owned())));
        canonical.rows(&batch).expect("rows");
        let text = "t,n\r\n\"a,\"\"b\"\"\n\",-7,12.50,41.9,true,2025-11-03,2025-11-03T09:15:00.000000Z\r\n\"\",0,-0.05,0,false,1970-01-01,1970-01-01T00:00:00.000001Z\r\n,,,12,,,\r\n";
        assert_eq!(canonical.finish(), Digest { rows: 3, sha256: hex::encode(Sha256::digest(text)) });
    }
}
