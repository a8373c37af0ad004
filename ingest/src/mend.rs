//! Refused rows as their sender wrote them, and the file to deliver again once they are corrected. Where a delivery only adds to what is
//! there, that file holds the corrected rows; where it is the sender's whole truth for the period, it is the whole file, corrected.

use std::collections::BTreeMap;
use std::io::Write;

use arrow::array::{Array, AsArray};
use datasets::model::{Contract, Mode};

use crate::deliver::Deliveries;
use crate::error::{Error, Kind, Result};
use crate::mapping::Mapping;
use crate::pipeline::blocking;
use crate::read::{self, Hints};
use crate::report::Report;

/// Bytes of a row that is written whole.
const ROW: usize = 1 << 20;

/// Refused rows of one delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    /// Names of the sender's columns.
    pub header: Vec<String>,
    /// Line in the file, and the cells in the order of the header.
    pub rows: Vec<(i64, Vec<String>)>,
}

impl Deliveries {
    /// The refused rows of a delivery; none where they tell who persons are, or where the file was refused before its rows were read.
    pub async fn refused(&self, report: &Report) -> Result<Refused> {
        if self.tells_persons(&report.dataset) {
            return Ok(Refused::default());
        }
        let list = self.landing().list(report, "refused.csv").await?;
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(list.as_ref());
        let fault = |e: csv::Error| Error::internal("mend.read", e);
        let header: Vec<String> = reader.headers().map_err(fault)?.iter().skip(1).map(String::from).collect();
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(fault)?;
            let line = record.get(0).and_then(|line| line.parse().ok()).ok_or_else(|| Error::internal("mend.read", "a row without its line"))?;
            rows.push((line, record.iter().skip(1).map(String::from).collect()));
        }
        Ok(Refused { header, rows })
    }

    /// The file to deliver again: `corrected` holds the cells of refused rows by their line.
    /// Errors: `Invalid` for a line that was not refused or has too many cells, and for a file that only its sender can correct.
    pub async fn mended(&self, report: &Report, corrected: BTreeMap<i64, Vec<String>>) -> Result<tempfile::TempPath> {
        let refused = self.refused(report).await?;
        let known: BTreeMap<i64, usize> = refused.rows.iter().map(|(line, cells)| (*line, cells.len())).collect();
        if let Some((line, _)) = corrected.iter().find(|(line, cells)| known.get(line) != Some(&cells.len())) {
            return Err(Error::new(Kind::Invalid, "mend.line", &line.to_string()));
        }
        let contract = self.contract(&report.dataset)?;
        let mapping = Mapping::find(&self.lake().catalog().dir, contract, report.mapping.as_deref(), &report.sender)?;
        let hints = mapping.map(|mapping| mapping.file.hints).unwrap_or_default();
        if hints.format.is_some() || hints.quote.is_some() || hints.escape.is_some() || hints.member.is_some() || hints.sheet.is_some() || hints.array.is_some()
        {
            return Err(Error::new(Kind::Invalid, "mend.format", ""));
        }
        let delimiter = delimiter(report, &hints)?;
        let raw = if contract.mode == Mode::Replace { Some(self.landing().raw_of(&report.dataset, &report.id).await?) } else { None };
        let (spool, bounds) = (self.spool().to_owned(), self.bounds().clone());
        blocking(move || {
            let mut out = Out::new(&spool, delimiter, &hints)?;
            let Some(raw) = &raw else {
                out.row(refused.header.iter().map(String::as_str))?;
                for cells in corrected.values() {
                    out.row(cells.iter().map(String::as_str))?;
                }
                return out.finish();
            };
            let unread = |e: read::ReadError| Error::internal("mend.raw", e.to_string());
            let mut source = read::open(&raw.path, &hints, &bounds).map_err(unread)?;
            out.row(source.understanding.header_text.iter().map(String::as_str))?;
            while let Some(batch) = source.next().map_err(unread)? {
                let columns: Vec<_> = batch.columns.columns().iter().map(|column| column.as_string::<i32>()).collect();
                for (row, line) in batch.lines.iter().enumerate() {
                    match corrected.get(line) {
                        Some(cells) => out.row(cells.iter().map(String::as_str))?,
                        None => out.row(columns.iter().map(|column| if column.is_valid(row) { column.value(row) } else { "" }))?,
                    }
                }
            }
            out.finish()
        })
        .await
    }

    fn contract(&self, dataset: &str) -> Result<&Contract> {
        let unknown = || Error::new(Kind::NotFound, "dataset.unknown", dataset);
        dataset.parse().ok().and_then(|name| self.lake().catalog().get(&name)).ok_or_else(unknown)
    }
}

/// The separator that the sender used: of a file of few numbers it tells whether a comma is a decimal mark.
fn delimiter(report: &Report, hints: &Hints) -> Result<u8> {
    let used = report.understanding.as_ref().and_then(|u| u["dialect"]["delimiter"].as_str());
    match hints.delimiter.as_deref().or(used).map(str::as_bytes) {
        None => Ok(b','),
        Some([one]) => Ok(*one),
        Some(_) => Err(Error::new(Kind::Invalid, "mend.format", "")),
    }
}

/// A CSV file as the sender's mapping expects it.
struct Out {
    writer: csv::Writer<Encoded>,
}

/// Text written in the encoding that the mapping names.
struct Encoded {
    file: std::io::BufWriter<std::fs::File>,
    path: tempfile::TempPath,
    encoding: &'static encoding_rs::Encoding,
}

impl Write for Encoded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.encoding == encoding_rs::UTF_8 {
            return self.file.write(bytes);
        }
        let text = std::str::from_utf8(bytes).map_err(std::io::Error::other)?;
        let (encoded, _, lost) = self.encoding.encode(text);
        if lost {
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "a character that the encoding does not have"));
        }
        self.file.write_all(&encoded)?;
        Ok(bytes.len())
    }

    /// The file is flushed once, at its end.
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Out {
    fn new(spool: &std::path::Path, delimiter: u8, hints: &Hints) -> Result<Self> {
        let encoding = hints.encoding.as_ref().and_then(|label| encoding_rs::Encoding::for_label(label.as_bytes())).unwrap_or(encoding_rs::UTF_8);
        let (file, path) = tempfile::NamedTempFile::new_in(spool)?.into_parts();
        let mut file = std::io::BufWriter::new(file);
        // A mapping that says on which line the header stands means it.
        for _ in 1..hints.header_row.unwrap_or(1) {
            file.write_all(b"\r\n")?;
        }
        let to = Encoded { file, path, encoding };
        let mut builder = csv::WriterBuilder::new();
        builder.delimiter(delimiter).terminator(csv::Terminator::CRLF).flexible(true).buffer_capacity(ROW);
        Ok(Self { writer: builder.from_writer(to) })
    }

    /// Each row goes out whole, so that a character is never cut in two.
    fn row<'a>(&mut self, cells: impl Iterator<Item = &'a str>) -> Result<()> {
        self.writer.write_record(cells).map_err(|e| Error::internal("mend.write", e))?;
        match self.writer.flush() {
            Err(e) if e.kind() == std::io::ErrorKind::InvalidData => Err(Error::new(Kind::Invalid, "mend.encoding", "")),
            other => Ok(other?),
        }
    }

    fn finish(self) -> Result<tempfile::TempPath> {
        let mut to = self.writer.into_inner().map_err(|e| Error::internal("mend.write", e.to_string()))?;
        to.file.flush()?;
        Ok(to.path)
    }
}
