//! CSV by RFC 4180 with line ends LF: a null is an empty cell, an empty text a quoted one. The flavour for spreadsheets has an apostrophe
//! before text that would run as a formula.

use arrow::array::RecordBatch;

use datasets::formula::runs_as_formula;

use super::cells::{Cells, Kind};
use super::{Fault, Write};

pub struct Csv<W> {
    out: W,
    safe: bool,
}

impl<W: std::io::Write + Send> Csv<W> {
    pub fn new(mut out: W, columns: &[&str], safe: bool) -> Result<Self, Fault> {
        writeln!(out, "{}", columns.join(","))?;
        Ok(Self { out, safe })
    }
}

impl<W: std::io::Write + Send> Write for Csv<W> {
    fn rows(&mut self, batch: &RecordBatch) -> Result<(), Fault> {
        let mut cells = Cells::new(batch)?;
        let mut line = String::new();
        for row in 0..batch.num_rows() {
            line.clear();
            for column in 0..cells.columns() {
                if column > 0 {
                    line.push(',');
                }
                match cells.get(row, column)? {
                    (_, None) => {}
                    (Kind::Text, Some(text)) => cell(&mut line, text, self.safe),
                    (_, Some(other)) => line.push_str(other),
                }
            }
            line.push('\n');
            self.out.write_all(line.as_bytes())?;
        }
        Ok(())
    }

    fn end(mut self: Box<Self>) -> Result<bool, Fault> {
        self.out.flush()?;
        Ok(true)
    }
}

/// Appends a text cell.
pub fn cell(line: &mut String, text: &str, safe: bool) {
    let apostrophe = if safe && runs_as_formula(text) { "'" } else { "" };
    if text.is_empty() || text.contains([',', '"', '\n', '\r']) {
        line.extend(["\"", apostrophe, &text.replace('"', "\"\""), "\""]);
    } else {
        line.extend([apostrophe, text]);
    }
}
