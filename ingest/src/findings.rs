//! Findings of one delivery on their way to the report: all of them in a file, the first in memory, refused rows beside them.

use std::fs::File;
use std::io::BufWriter;

use arrow::array::{Array, AsArray, RecordBatch};
use datasets::model::Severity;

use crate::error::{Error, Result};
use crate::identity::Veil;
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
        let writer = |f| csv::WriterBuilder::new().flexible(true).from_writer(BufWriter::new(f));
        let mut violations = writer(violations);
        violations.write_record(["riga", "colonna", "regola", "gravita", "valore", "messaggio_it", "messaggio_en"]).map_err(csv_error)?;
        Ok(Self { shown: Vec::new(), total: 0, violations, refused: writer(refused), violations_path, refused_path, header_written: false, veil: None })
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

    /// Keeps a refused row as the sender wrote it, its line first, so that it can be corrected and sent again. `whole`: it has as many
    /// cells as the header.
    pub fn refuse(&mut self, line: i64, batch: &RecordBatch, row: usize, whole: bool) -> Result<()> {
        if !self.header_written {
            let schema = batch.schema();
            let header = std::iter::once("riga").chain(schema.fields().iter().map(|f| f.name().as_str()));
            self.refused.write_record(header).map_err(csv_error)?;
            self.header_written = true;
        }
        let line = line.to_string();
        let cells = batch.columns().iter().map(|c| c.as_string::<i32>()).map(|c| if c.is_valid(row) { c.value(row) } else { "" });
        match &self.veil {
            None => self.refused.write_record(std::iter::once(line.as_str()).chain(cells)).map_err(csv_error),
            Some(veil) => {
                let cells = veil.over(&cells.collect::<Vec<_>>(), whole);
                self.refused.write_record(std::iter::once(line.as_str()).chain(cells.iter().map(String::as_str))).map_err(csv_error)
            }
        }
    }

    pub fn finish(self) -> Result<(Vec<Violation>, u64, Files)> {
        let flush = |w: csv::Writer<BufWriter<File>>| w.into_inner().map_err(|e| Error::internal("findings.flush", e.to_string())).map(drop);
        flush(self.violations)?;
        flush(self.refused)?;
        Ok((self.shown, self.total, Files { violations: self.violations_path, refused: self.refused_path }))
    }
}

fn csv_error(e: csv::Error) -> Error {
    Error::internal("findings.write", e)
}
