//! Findings of one delivery on their way to the report: all of them in a file, the first in memory, refused rows beside them.

use std::fs::File;
use std::io::{BufReader, BufWriter, Seek};

use arrow::array::{Array, AsArray};
use datasets::model::Severity;
use warehouse::lake::RefusedLines;

use crate::error::{Error, Result};
use crate::identity::Veil;
use crate::read::TextBatch;
use crate::report::Violation;

/// Findings shown in the report itself; the file has every one.
pub const SHOWN: usize = 1000;

pub struct Findings {
    pub shown: Vec<Violation>,
    pub total: u64,
    violations: csv::Writer<BufWriter<File>>,
    refused: csv::Writer<BufWriter<File>>,
    violations_path: tempfile::TempPath,
    refused_path: tempfile::TempPath,
    header_written: bool,
    /// Rows that may be refused in the end, as `refused` would have them.
    aside: Option<csv::Writer<BufWriter<File>>>,
    /// What refused rows do not show, when they tell who persons are.
    veil: Option<Veil>,
}

/// The two files, complete.
pub struct Files {
    pub violations: tempfile::TempPath,
    pub refused: tempfile::TempPath,
}

impl Findings {
    pub fn new() -> Result<Self> {
        let (violations, violations_path) = tempfile::NamedTempFile::new()?.into_parts();
        let (refused, refused_path) = tempfile::NamedTempFile::new()?.into_parts();
        let mut violations = writer(violations);
        violations.write_record(["riga", "colonna", "regola", "gravita", "valore", "messaggio_it", "messaggio_en"]).map_err(csv_error)?;
        let refused = writer(refused);
        Ok(Self { shown: Vec::new(), total: 0, violations, refused, violations_path, refused_path, header_written: false, aside: None, veil: None })
    }

    pub fn add(&mut self, finding: Violation) -> Result<()> {
        self.total += 1;
        let line = finding.line.map(|l| l.to_string()).unwrap_or_default();
        let severity = if finding.severity == Severity::Error { "errore" } else { "avviso" };
        let (column, value) = (finding.column.as_deref().unwrap_or(""), finding.value.as_deref().unwrap_or(""));
        self.violations.write_record([&line, column, &finding.rule, severity, value, &finding.message.it, &finding.message.en]).map_err(csv_error)?;
        if self.shown.len() < SHOWN {
            self.shown.push(finding);
        }
        Ok(())
    }

    /// From now on refused rows show only what the veil leaves open.
    pub fn veil(&mut self, veil: Veil) {
        self.veil = Some(veil);
    }

    /// Keeps a refused row as the sender wrote it, its line first, so that it can be corrected and sent again.
    pub fn refuse(&mut self, batch: &TextBatch, row: usize) -> Result<()> {
        if !std::mem::replace(&mut self.header_written, true) {
            write_header(&mut self.refused, batch)?;
        }
        write_row(&mut self.refused, self.veil.as_ref(), batch, row)
    }

    /// Keeps a row for [`Self::refuse_aside`], which may name it in the end.
    pub fn set_aside(&mut self, batch: &TextBatch, row: usize) -> Result<()> {
        if self.aside.is_none() {
            write_header(self.aside.insert(writer(tempfile::tempfile()?)), batch)?;
        }
        self.aside.as_mut().map_or(Ok(()), |aside| write_row(aside, self.veil.as_ref(), batch, row))
    }

    /// As [`Self::refuse`] for the rows of `lines` among those set aside.
    pub fn refuse_aside(&mut self, lines: &RefusedLines) -> Result<()> {
        let Some(aside) = self.aside.take().filter(|_| !lines.is_empty()) else { return Ok(()) };
        let mut file = aside.into_inner().map_err(|e| Error::internal("findings.aside", e.to_string()))?;
        file.rewind()?;
        let file = file.into_inner().map_err(|e| Error::internal("findings.aside", e.to_string()))?;
        let mut rows = csv::ReaderBuilder::new().flexible(true).from_reader(BufReader::new(file));
        let header = rows.byte_headers().map_err(csv_error)?.clone();
        for row in rows.into_byte_records() {
            let row = row.map_err(csv_error)?;
            let line = row.get(0).and_then(|line| std::str::from_utf8(line).ok()?.parse().ok());
            if line.is_some_and(|line| lines.contains(line)) {
                if !std::mem::replace(&mut self.header_written, true) {
                    self.refused.write_byte_record(&header).map_err(csv_error)?;
                }
                self.refused.write_byte_record(&row).map_err(csv_error)?;
            }
        }
        Ok(())
    }

    pub fn finish(self) -> Result<(Vec<Violation>, u64, Files)> {
        let flush = |w: csv::Writer<BufWriter<File>>| w.into_inner().map_err(|e| Error::internal("findings.flush", e.to_string())).map(drop);
        flush(self.violations)?;
        flush(self.refused)?;
        Ok((self.shown, self.total, Files { violations: self.violations_path, refused: self.refused_path }))
    }
}

fn writer(file: File) -> csv::Writer<BufWriter<File>> {
    csv::WriterBuilder::new().flexible(true).from_writer(BufWriter::new(file))
}

fn write_header(to: &mut csv::Writer<BufWriter<File>>, batch: &TextBatch) -> Result<()> {
    let schema = batch.columns.schema();
    to.write_record(std::iter::once("riga").chain(schema.fields().iter().map(|f| f.name().as_str()))).map_err(csv_error)
}

fn write_row(to: &mut csv::Writer<BufWriter<File>>, veil: Option<&Veil>, batch: &TextBatch, row: usize) -> Result<()> {
    let line = batch.lines[row].to_string();
    let cells = batch.columns.columns().iter().map(|c| c.as_string::<i32>()).map(|c| if c.is_valid(row) { c.value(row) } else { "" });
    match veil {
        None => to.write_record(std::iter::once(line.as_str()).chain(cells)).map_err(csv_error),
        Some(veil) => {
            let cells = veil.over(&cells.collect::<Vec<_>>(), batch.is_whole(row));
            to.write_record(std::iter::once(line.as_str()).chain(cells.iter().map(String::as_str))).map_err(csv_error)
        }
    }
}

fn csv_error(e: csv::Error) -> Error {
    Error::internal("findings.write", e)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, RecordBatch, StringArray};

    use super::*;
    use crate::read::Ragged;
    use crate::vault::HIDDEN;

    /// What `refused` holds of rows refused at once, and of those set aside and named in the end.
    fn refused(veil: Option<Veil>, batch: &TextBatch, rows: &[usize], aside: &[usize], named: &[i64]) -> String {
        let mut findings = Findings::new().unwrap();
        veil.into_iter().for_each(|veil| findings.veil(veil));
        rows.iter().for_each(|row| findings.refuse(batch, *row).unwrap());
        aside.iter().for_each(|row| findings.set_aside(batch, *row).unwrap());
        findings.refuse_aside(&RefusedLines::new(named.to_vec())).unwrap();
        let (_, _, files) = findings.finish().unwrap();
        std::fs::read_to_string(&files.refused).unwrap()
    }

    fn batch(cells: Vec<Option<&str>>, ragged: Vec<Ragged>) -> TextBatch {
        let lines = (2..).take(cells.len()).collect();
        let column: ArrayRef = Arc::new(StringArray::from(cells));
        TextBatch { lines, columns: RecordBatch::try_from_iter([("nome", column)]).unwrap(), ragged }
    }

    #[test]
    fn of_rows_set_aside_those_that_are_named_are_kept() {
        let batch = batch(vec![Some("a;\"b\"\n"), None, Some("c"), Some("d")], vec![]);
        assert_eq!(refused(None, &batch, &[], &[0, 1, 2], &[2, 3]), "riga,nome\n2,\"a;\"\"b\"\"\n\"\n3,\n");
        assert_eq!(refused(None, &batch, &[3], &[0, 2], &[4]), "riga,nome\n5,d\n4,c\n");
        assert_eq!(refused(None, &batch, &[], &[0, 2], &[]), "");
    }

    #[test]
    fn of_a_row_that_is_not_whole_nothing_is_shown_where_there_are_persons() {
        let batch = batch(vec![Some("Rossi"), Some("F")], vec![Ragged { row: 0, line: 2, cells: 1, extra: vec![] }]);
        let kept = format!("riga,nome\n2,{HIDDEN}\n3,F\n");
        let veil = || Some(Veil::new(vec![true]));
        assert_eq!(refused(veil(), &batch, &[0, 1], &[], &[]), kept);
        assert_eq!(refused(veil(), &batch, &[], &[0, 1], &[2, 3]), kept);
    }
}
