//! From cells as text to the contract's types. A cell that cannot be read becomes null here and a `….type` violation in
//! `check`; nothing is rounded and nothing is guessed from other cells but the decimal mark of the file.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder, StringArray, StringBuilder, TimestampMicrosecondBuilder,
};
use datasets::model::{Column, Type};

use crate::mapping::Mark;

mod number;
mod time;

pub use number::{Evidence, evidence};

/// How cells of one delivery are to be read.
#[derive(Clone, Debug, Default)]
pub struct Formats {
    /// `None` where the file gave no evidence: a number that can be read in two ways is then refused.
    pub decimal: Option<Mark>,
    pub null: Vec<String>,
}

/// The cells without surrounding blanks, with "no value" as null.
pub fn clean(cells: &StringArray, formats: &Formats) -> StringArray {
    let blank = |c: char| c.is_whitespace() || c == '\u{feff}';
    let empty = |text: &str| text.is_empty() || formats.null.iter().any(|n| n == text);
    let untouched = |text: &str| !text.starts_with(blank) && !text.ends_with(blank) && !empty(text);
    if cells.iter().flatten().all(untouched) {
        return cells.clone();
    }
    let mut out = StringBuilder::with_capacity(cells.len(), cells.value_data().len());
    for cell in cells {
        out.append_option(cell.map(|c| c.trim_matches(blank)).filter(|c| !empty(c)));
    }
    out.finish()
}

/// The typed column of cleaned cells; null where the cell is null or cannot be read as the column's type.
pub fn convert(column: &Column, cells: &StringArray, formats: &Formats) -> ArrayRef {
    match column.r#type {
        Type::Text => Arc::new(cells.clone()),
        Type::Integer => {
            let mut out = Int64Builder::with_capacity(cells.len());
            cells.iter().for_each(|c| out.append_option(c.and_then(|c| number::integer(c, formats.decimal))));
            Arc::new(out.finish())
        }
        Type::Decimal(precision, scale) => {
            let mut out = Decimal128Builder::with_capacity(cells.len());
            cells.iter().for_each(|c| out.append_option(c.and_then(|c| number::decimal(c, formats.decimal, precision, scale))));
            Arc::new(out.finish().with_precision_and_scale(precision, scale).expect("the contract's decimal is checked at load"))
        }
        Type::Double => {
            let mut out = Float64Builder::with_capacity(cells.len());
            cells.iter().for_each(|c| out.append_option(c.and_then(|c| number::double(c, formats.decimal))));
            Arc::new(out.finish())
        }
        Type::Boolean => {
            let mut out = BooleanBuilder::with_capacity(cells.len());
            cells.iter().for_each(|c| out.append_option(c.and_then(boolean)));
            Arc::new(out.finish())
        }
        Type::Date => {
            let mut out = Date32Builder::with_capacity(cells.len());
            cells.iter().for_each(|c| out.append_option(c.and_then(time::date)));
            Arc::new(out.finish())
        }
        Type::Timestamp => {
            let mut out = TimestampMicrosecondBuilder::with_capacity(cells.len()).with_timezone("UTC");
            cells.iter().for_each(|c| out.append_option(c.and_then(time::timestamp)));
            Arc::new(out.finish())
        }
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "sì" | "si" | "s" | "vero" | "true" | "t" | "1" | "yes" | "y" => Some(true),
        "no" | "n" | "falso" | "false" | "f" | "0" => Some(false),
        _ => None,
    }
}
