//! The cells of a batch as text: numbers with their exact digits, days and moments as ISO 8601, one form for every format.

use std::fmt::Write;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::Fault;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Number,
    Boolean,
    Day,
    Moment,
}

pub fn kind(data_type: &DataType) -> Kind {
    match data_type {
        DataType::Boolean => Kind::Boolean,
        DataType::Date32 => Kind::Day,
        DataType::Timestamp(..) => Kind::Moment,
        d if d.is_numeric() => Kind::Number,
        _ => Kind::Text,
    }
}

pub struct Cells<'a> {
    columns: Vec<(Kind, &'a dyn Array, ArrayFormatter<'a>)>,
    text: String,
}

static FORMAT: FormatOptions<'static> = FormatOptions::new();

impl<'a> Cells<'a> {
    pub fn new(batch: &'a RecordBatch) -> Result<Self, Fault> {
        let mut columns = Vec::with_capacity(batch.num_columns());
        for column in batch.columns() {
            columns.push((kind(column.data_type()), column.as_ref(), ArrayFormatter::try_new(column, &FORMAT)?));
        }
        Ok(Self { columns, text: String::new() })
    }

    pub fn columns(&self) -> usize {
        self.columns.len()
    }

    /// A cell; `None` is null.
    pub fn get(&mut self, row: usize, column: usize) -> Result<(Kind, Option<&str>), Fault> {
        let (kind, array, formatter) = &self.columns[column];
        if array.is_null(row) {
            return Ok((*kind, None));
        }
        if let Some(text) = array.as_string_opt::<i32>() {
            return Ok((*kind, Some(text.value(row))));
        }
        self.text.clear();
        write!(self.text, "{}", formatter.value(row))?;
        Ok((*kind, Some(&self.text)))
    }
}
