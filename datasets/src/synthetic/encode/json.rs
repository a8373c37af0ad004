//! One JSON array, or one object per line.

use serde_json::{Map, Number, Value};

use super::Encoded;
use crate::synthetic::cell::{Cell, decimal};
use crate::synthetic::error::{Error, Result};
use crate::synthetic::sheet::{Row, Sheet};
use crate::synthetic::style::Style;

pub fn array(sheet: &Sheet, style: &Style, headers: &[String]) -> Result<Encoded> {
    let objects: Vec<Value> = sheet.rows.iter().map(|row| object(row, style, headers)).collect();
    Ok(Encoded { bytes: serde_json::to_vec_pretty(&objects).map_err(Error::encode)?, lines: (1..=sheet.rows.len() as u64).collect() })
}

pub fn lines(sheet: &Sheet, style: &Style, headers: &[String]) -> Result<Encoded> {
    let mut bytes = vec![];
    for row in &sheet.rows {
        serde_json::to_writer(&mut bytes, &object(row, style, headers)).map_err(Error::encode)?;
        bytes.push(b'\n');
    }
    Ok(Encoded { bytes, lines: (1..=sheet.rows.len() as u64).collect() })
}

fn object(row: &Row, style: &Style, headers: &[String]) -> Value {
    let cells = headers.iter().zip(&row.cells).map(|(header, cell)| (header.clone(), value(cell, style)));
    Value::Object(Map::from_iter(cells))
}

fn value(cell: &Cell, style: &Style) -> Value {
    let number = |digits: &str| digits.parse().ok().and_then(Number::from_f64).map_or(Value::Null, Value::Number);
    match cell {
        Cell::Empty => Value::Null,
        Cell::Integer(n) => (*n).into(),
        Cell::Boolean(b) => (*b).into(),
        Cell::Decimal { units, scale } => number(&decimal(*units, *scale, '.')),
        Cell::Double(digits) => number(digits),
        Cell::Text(_) | Cell::Date(_) | Cell::Moment(_) | Cell::Raw(_) => style.text(cell).into(),
    }
}
