//! JSON: one document as REST gives it, or one object per line. Numbers keep their exact digits, nulls are written.

use arrow::array::RecordBatch;
use serde_json::{Value, json};

use super::cells::{Cells, Kind};
use super::{Fault, Write};

pub struct Json<W> {
    out: W,
    names: Vec<String>,
    /// One object per line, and nothing around them.
    lines: bool,
    count: u64,
}

impl<W: std::io::Write + Send> Json<W> {
    /// `columns`: name and type in the words of the contract.
    pub fn new(mut out: W, dataset: &str, columns: &[(&str, &str)], lines: bool) -> Result<Self, Fault> {
        if !lines {
            let described: Vec<Value> = columns.iter().map(|(name, of)| json!({ "name": name, "type": of })).collect();
            write!(out, "{{\"dataset\":{},\"columns\":{},\"rows\":[", json!(dataset), Value::from(described))?;
        }
        Ok(Self { out, names: columns.iter().map(|(name, _)| json!(name).to_string()).collect(), lines, count: 0 })
    }
}

impl<W: std::io::Write + Send> Write for Json<W> {
    fn rows(&mut self, batch: &RecordBatch) -> Result<(), Fault> {
        let mut cells = Cells::new(batch)?;
        let mut text = String::new();
        for row in 0..batch.num_rows() {
            text.clear();
            if !self.lines {
                text.push_str(if self.count > 0 { ",\n" } else { "\n" });
            }
            object(&mut text, &self.names, &mut cells, row, |_| true)?;
            if self.lines {
                text.push('\n');
            }
            self.count += 1;
            self.out.write_all(text.as_bytes())?;
        }
        Ok(())
    }

    fn end(mut self: Box<Self>) -> Result<bool, Fault> {
        if !self.lines {
            write!(self.out, "\n],\"count\":{},\"complete\":true}}\n", self.count)?;
        }
        self.out.flush()?;
        Ok(true)
    }
}

/// Appends a row as an object; `names` are written as JSON, `keep` says which columns are in it.
pub fn object(text: &mut String, names: &[String], cells: &mut Cells<'_>, row: usize, keep: impl Fn(usize) -> bool) -> Result<(), Fault> {
    text.push('{');
    let mut first = true;
    for (column, name) in names.iter().enumerate().filter(|(column, _)| keep(*column)) {
        if !std::mem::take(&mut first) {
            text.push(',');
        }
        text.push_str(name);
        text.push(':');
        match cells.get(row, column)? {
            (_, None) => text.push_str("null"),
            // What JSON has no number for.
            (Kind::Number, Some(number)) if number.contains(['N', 'n', 'f']) => text.push_str("null"),
            (Kind::Number | Kind::Boolean, Some(plain)) => text.push_str(plain),
            (_, Some(other)) => text.push_str(&serde_json::to_string(other)?),
        }
    }
    text.push('}');
    Ok(())
}
