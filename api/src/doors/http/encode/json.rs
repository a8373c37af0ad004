//! JSON: one document that ends by saying whether it is whole, or one object per line. Numbers keep their exact digits,
//! dates are ISO 8601, nulls are written.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ::arrow::array::RecordBatch;
use ::arrow::datatypes::{DataType, SchemaRef};
use ::arrow::error::ArrowError;
use ::arrow::json::writer::{JsonArray, LineDelimited, Writer, WriterBuilder};
use futures::TryStreamExt;
use serde::Serialize;
use serde_json::{Value, json};
use warehouse::statement::Rows;

use super::{Encoder, End};
use crate::doors::http::problem::Problem;

#[derive(Serialize)]
struct Column<'a> {
    name: &'a str,
    r#type: Cow<'static, str>,
}

/// `{"columns": […], "snapshot": {…}, "rows": […], "count": n, "complete": true, "next": null}`
pub(super) struct Json {
    schema: SchemaRef,
    snapshot: BTreeMap<String, u64>,
    rows: Writer<Vec<u8>, JsonArray>,
}

impl Json {
    pub fn new(schema: SchemaRef, snapshot: BTreeMap<String, u64>) -> Self {
        Self { schema, snapshot, rows: WriterBuilder::new().with_explicit_nulls(true).build(Vec::new()) }
    }

    fn close(&mut self, tail: Value) -> Result<Vec<u8>, ArrowError> {
        self.rows.finish()?;
        let mut bytes = std::mem::take(self.rows.get_mut());
        // The tail is an object; its members follow the rows in the document that `start` opened.
        bytes.push(b',');
        bytes.extend_from_slice(&tail.to_string().as_bytes()[1..]);
        Ok(bytes)
    }
}

impl Encoder for Json {
    fn start(&mut self) -> Result<Vec<u8>, ArrowError> {
        let fault = |e: serde_json::Error| ArrowError::JsonError(e.to_string());
        let columns: Vec<Column<'_>> = self.schema.fields().iter().map(|f| Column { name: f.name(), r#type: type_name(f.data_type()) }).collect();
        let mut bytes = Vec::new();
        bytes.extend_from_slice(b"{\"columns\":");
        serde_json::to_writer(&mut bytes, &columns).map_err(fault)?;
        bytes.extend_from_slice(b",\"snapshot\":");
        serde_json::to_writer(&mut bytes, &self.snapshot).map_err(fault)?;
        bytes.extend_from_slice(b",\"rows\":");
        Ok(bytes)
    }

    fn batch(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        self.rows.write(batch)?;
        Ok(std::mem::take(self.rows.get_mut()))
    }

    fn end(&mut self, end: &End) -> Result<Vec<u8>, ArrowError> {
        self.close(json!({ "count": end.count, "complete": end.next.is_none(), "next": end.next }))
    }

    fn broken(&mut self, problem: &Problem, count: u64) -> Option<Vec<u8>> {
        self.close(json!({ "count": count, "complete": false, "next": null, "error": problem.body() })).ok()
    }
}

/// Few rows as objects.
pub async fn gathered(rows: Rows) -> Result<Vec<Value>, Problem> {
    let batches: Vec<RecordBatch> = rows.batches.try_collect().await?;
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, JsonArray>(Vec::new());
    let fault = |e| Problem::internal("encode.rows", e);
    batches.iter().try_for_each(|batch| writer.write(batch)).and_then(|()| writer.finish()).map_err(fault)?;
    let bytes = writer.into_inner();
    // Of no row at all nothing is written.
    if bytes.is_empty() { Ok(Vec::new()) } else { serde_json::from_slice(&bytes).map_err(|e| Problem::internal("encode.rows", e)) }
}

/// One object per line.
pub(super) struct Ndjson(Writer<Vec<u8>, LineDelimited>);

impl Ndjson {
    pub fn new() -> Self {
        Self(WriterBuilder::new().with_explicit_nulls(true).build(Vec::new()))
    }
}

impl Encoder for Ndjson {
    fn start(&mut self) -> Result<Vec<u8>, ArrowError> {
        Ok(Vec::new())
    }

    fn batch(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        self.0.write(batch)?;
        Ok(std::mem::take(self.0.get_mut()))
    }

    fn end(&mut self, _: &End) -> Result<Vec<u8>, ArrowError> {
        Ok(Vec::new())
    }
}

/// The type in the words of a contract; Arrow's own word for types that no contract has.
fn type_name(data_type: &DataType) -> Cow<'static, str> {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".into(),
        d if d.is_integer() => "integer".into(),
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s) | DataType::Decimal256(p, s) => format!("decimal({p},{s})").into(),
        d if d.is_floating() => "double".into(),
        DataType::Boolean => "boolean".into(),
        DataType::Date32 | DataType::Date64 => "date".into(),
        DataType::Timestamp(..) => "timestamp".into(),
        other => other.to_string().to_lowercase().into(),
    }
}
