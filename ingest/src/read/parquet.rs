//! Parquet as rows of text.

use std::fs::File;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::{can_cast_types, cast};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::{Bounds, Oddities, ReadError, Row, Rows};

pub(crate) struct ParquetRows {
    reader: ParquetRecordBatchReader,
    columns: Vec<StringArray>,
    rows: usize,
    next: usize,
    line: i64,
}

/// The column names and the rows.
pub(crate) fn open(file: File, bounds: &Bounds) -> Result<(Vec<String>, ParquetRows), ReadError> {
    let damaged = |e: &dyn std::fmt::Display| ReadError::damaged("Parquet", e);
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| damaged(&e))?;
    let meta = builder.metadata();
    let unpacked: i64 = meta.row_groups().iter().map(|g| g.total_byte_size()).sum();
    if unpacked as u64 > bounds.decompressed {
        return Err(ReadError::bound("Il file Parquet è troppo grande", "The Parquet file is too large", format!("{} GiB", bounds.decompressed >> 30)));
    }
    let names: Vec<String> = builder.schema().fields().iter().map(|f| f.name().clone()).collect();
    if names.len() > bounds.columns {
        return Err(ReadError::bound("Ci sono troppe colonne", "There are too many columns", bounds.columns));
    }
    let reader = builder.with_batch_size(8192).build().map_err(|e| damaged(&e))?;
    Ok((names, ParquetRows { reader, columns: Vec::new(), rows: 0, next: 0, line: 0 }))
}

impl Rows for ParquetRows {
    fn next(&mut self, row: &mut Row, _: &mut Oddities) -> Result<bool, ReadError> {
        row.clear();
        while self.next == self.rows {
            let Some(batch) = self.reader.next() else { return Ok(false) };
            let batch = batch.map_err(|e| ReadError::damaged("Parquet", e))?;
            self.columns = batch.columns().iter().map(as_text).collect::<Result<_, _>>()?;
            self.rows = batch.num_rows();
            self.next = 0;
        }
        self.line += 1;
        row.line = self.line;
        for column in &self.columns {
            match column.is_null(self.next) {
                true => row.push_null(),
                false => row.push(column.value(self.next).as_bytes()),
            }
        }
        self.next += 1;
        Ok(true)
    }
}

fn as_text(column: &ArrayRef) -> Result<StringArray, ReadError> {
    let damaged = |e: &dyn std::fmt::Display| ReadError::damaged("Parquet", e);
    let kind = column.data_type();
    if !kind.is_nested() && can_cast_types(kind, &DataType::Utf8) {
        let text = cast(column, &DataType::Utf8).map_err(|e| damaged(&e))?;
        let text = text.as_string::<i32>();
        return Ok(match kind.is_floating() {
            true => text.iter().map(|v| v.map(|v| v.strip_suffix(".0").unwrap_or(v))).collect(),
            false => text.clone(),
        });
    }
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(column, &options).map_err(|e| damaged(&e))?;
    Ok((0..column.len()).map(|i| (!column.is_null(i)).then(|| formatter.value(i).to_string())).collect())
}
