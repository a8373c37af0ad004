//! CSV by RFC 4180 with a header. Text that a spreadsheet would run as a formula gets a leading apostrophe, unless the
//! client asks for cells as they are (`raw=true`). Numbers are never touched. A null is an empty cell.

use std::io::Write;
use std::sync::Arc;

use ::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringBuilder};
use ::arrow::csv::{Writer, WriterBuilder};
use ::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use ::arrow::error::ArrowError;
use datasets::formula::runs_as_formula;
use parking_lot::Mutex;

use super::{Encoder, End};

pub(super) struct Csv {
    schema: SchemaRef,
    raw: bool,
    out: Buffer,
    writer: Writer<Buffer>,
}

impl Csv {
    pub fn new(schema: SchemaRef, raw: bool) -> Self {
        let out = Buffer::default();
        Self { schema, raw, writer: WriterBuilder::new().with_header(true).build(out.clone()), out }
    }
}

impl Encoder for Csv {
    fn start(&mut self) -> Result<Vec<u8>, ArrowError> {
        let header = RecordBatch::new_empty(self.schema.clone());
        self.writer.write(&header)?;
        Ok(self.out.take())
    }

    fn batch(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        match self.raw {
            true => self.writer.write(batch)?,
            false => self.writer.write(&defused(batch)?)?,
        }
        Ok(self.out.take())
    }

    fn end(&mut self, _: &End) -> Result<Vec<u8>, ArrowError> {
        Ok(Vec::new())
    }
}

/// A batch whose text cells are no formulas in a spreadsheet.
fn defused(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(batch.num_columns());
    for column in batch.columns() {
        columns.push(match column.data_type() {
            DataType::Utf8 => defused_column(column, column.as_string::<i32>().iter()),
            DataType::LargeUtf8 => defused_column(column, column.as_string::<i64>().iter()),
            DataType::Utf8View => defused_column(column, column.as_string_view().iter()),
            _ => column.clone(),
        });
    }
    let fields: Vec<Field> = batch.schema().fields().iter().zip(&columns).map(|(f, c)| f.as_ref().clone().with_data_type(c.data_type().clone())).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

fn defused_column<'a>(column: &ArrayRef, cells: impl Iterator<Item = Option<&'a str>> + Clone) -> ArrayRef {
    if !cells.clone().flatten().any(runs_as_formula) {
        return column.clone();
    }
    let mut safe = StringBuilder::with_capacity(column.len(), 0);
    for cell in cells {
        match cell {
            Some(text) if runs_as_formula(text) => safe.append_value(format!("'{text}")),
            other => safe.append_option(other),
        }
    }
    Arc::new(safe.finish())
}

/// The writer's sink, emptied after each batch.
#[derive(Clone, Default)]
pub(super) struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    /// What was written; the next batch finds room for as much.
    pub fn take(&self) -> Vec<u8> {
        let mut bytes = self.0.lock();
        let next = Vec::with_capacity(bytes.len() + bytes.len() / 8);
        std::mem::replace(&mut bytes, next)
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::arrow::array::{Int64Array, StringArray};

    fn write(raw: bool) -> String {
        let text = StringArray::from(vec![Some("=1+1"), None, Some("a,\"b\"\nc"), Some("＋39")]);
        let numbers = Int64Array::from(vec![Some(-1), None, Some(2), Some(3)]);
        let batch = RecordBatch::try_from_iter([("t", Arc::new(text) as ArrayRef), ("n", Arc::new(numbers))]).unwrap();
        let mut csv = Csv::new(batch.schema(), raw);
        let mut out = csv.start().unwrap();
        out.extend(csv.batch(&batch).unwrap());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn formulas_are_defused_and_numbers_left_alone() {
        assert_eq!(write(false), "t,n\n'=1+1,-1\n,\n\"a,\"\"b\"\"\nc\",2\n'＋39,3\n");
        assert_eq!(write(true), "t,n\n=1+1,-1\n,\n\"a,\"\"b\"\"\nc\",2\n＋39,3\n");
    }
}
