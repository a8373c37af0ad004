//! Rows into Arrow: one Utf8 column per header name, cells copied once.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanBufferBuilder, StringArray};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use super::{ErrorKind, ReadError, Row};

/// Rows of a batch at most.
pub(super) const ROWS: usize = 16_384;
/// Bytes of cells after which a batch is closed early; keeps 32-bit offsets far from their end.
pub(super) const BYTES: usize = 32 << 20;

/// A piece of a file: rows in their order, every value as text.
#[derive(Clone, Debug)]
pub struct TextBatch {
    /// Where each row starts: physical line, sheet row, or number of the element, from 1.
    pub lines: Vec<i64>,
    /// Nullable Utf8 columns named by the header. Null: the cell is absent. Empty cells are "".
    pub columns: RecordBatch,
    /// Rows with other than the header's number of cells, in order.
    pub ragged: Vec<Ragged>,
}

impl TextBatch {
    /// Whether a row has as many cells as the header.
    pub fn is_whole(&self, row: usize) -> bool {
        self.ragged.binary_search_by_key(&row, |ragged| ragged.row).is_err()
    }
}

/// A row that does not have as many cells as the header.
#[derive(Clone, Debug, PartialEq)]
pub struct Ragged {
    /// Index in the batch.
    pub row: usize,
    pub line: i64,
    /// Cells found in the file.
    pub cells: usize,
    /// The cells beyond the last column; empty when cells are missing.
    pub extra: Vec<String>,
}

pub(super) struct Builder {
    schema: SchemaRef,
    columns: Vec<Column>,
    lines: Vec<i64>,
    ragged: Vec<Ragged>,
    bytes: usize,
}

struct Column {
    values: Vec<u8>,
    offsets: Vec<i32>,
    /// Made at the first null.
    valid: Option<BooleanBufferBuilder>,
}

impl Builder {
    pub fn new(header: &[String]) -> Self {
        let fields: Vec<Field> = header.iter().map(|name| Field::new(name, DataType::Utf8, true)).collect();
        let columns = header.iter().map(|_| Column::new(0)).collect();
        Builder { schema: Arc::new(Schema::new(fields)), columns, lines: Vec::new(), ragged: Vec::new(), bytes: 0 }
    }

    pub fn full(&self) -> bool {
        self.lines.len() >= ROWS || self.bytes >= BYTES
    }

    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub fn push(&mut self, row: &Row) {
        let width = self.columns.len();
        if row.len() != width {
            let extra = (width..row.len()).map(|i| row.text(i).unwrap_or_default().to_string()).collect();
            self.ragged.push(Ragged { row: self.lines.len(), line: row.line, cells: row.len(), extra });
        }
        self.lines.push(row.line);
        self.bytes += row.data.len();
        for (i, column) in self.columns.iter_mut().enumerate() {
            column.push(row.get(i));
        }
    }

    /// Takes what was pushed as a batch and starts anew.
    pub fn finish(&mut self) -> Result<TextBatch, ReadError> {
        let rows = self.lines.len();
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.columns.len());
        for column in &mut self.columns {
            let size = column.values.len();
            let done = std::mem::replace(column, Column::new(size));
            arrays.push(Arc::new(done.finish()?));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let columns = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options).map_err(internal)?;
        self.bytes = 0;
        Ok(TextBatch { lines: std::mem::take(&mut self.lines), columns, ragged: std::mem::take(&mut self.ragged) })
    }
}

impl Column {
    fn new(size: usize) -> Self {
        let mut offsets = Vec::with_capacity(ROWS + 1);
        offsets.push(0);
        Column { values: Vec::with_capacity(size), offsets, valid: None }
    }

    #[inline]
    fn push(&mut self, cell: Option<&[u8]>) {
        match cell {
            Some(cell) => {
                self.values.extend_from_slice(cell);
                if let Some(valid) = &mut self.valid {
                    valid.append(true);
                }
            }
            None => {
                let before = self.offsets.len() - 1;
                let valid = self.valid.get_or_insert_with(|| {
                    let mut valid = BooleanBufferBuilder::new(ROWS);
                    valid.append_n(before, true);
                    valid
                });
                valid.append(false);
            }
        }
        self.offsets.push(self.values.len() as i32);
    }

    fn finish(mut self) -> Result<StringArray, ReadError> {
        let nulls = self.valid.as_mut().map(|valid| NullBuffer::new(valid.finish()));
        let offsets = OffsetBuffer::new(ScalarBuffer::from(self.offsets));
        StringArray::try_new(offsets, Buffer::from_vec(self.values), nulls).map_err(internal)
    }
}

fn internal(error: arrow::error::ArrowError) -> ReadError {
    ReadError::new(ErrorKind::Damaged, format!("Errore interno di lettura: {error}."), format!("Internal reading error: {error}."))
}
