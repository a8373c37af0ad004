//! A file written row by row, so that memory stays flat whatever its size: its first rows are held back, faults are planted among
//! them, and only when there are too many for a worksheet does the file begin.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use csv::{QuoteStyle, Terminator, WriterBuilder};
use encoding_rs::WINDOWS_1252;
use flate2::{Compression, GzBuilder};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::cell::Cell;
use super::encode::headers;
use super::error::{Error, Result};
use super::sheet::{Row, Sheet};
use super::style::{Csv, Encoding, Form, MANY, Pack, Style};
use super::{Fault, Output, Progress, style};
use crate::model::Contract;

/// What one sender delivers of one dataset for one period, being written.
pub struct Stream {
    sheet: Sheet,
    tail: Option<Tail>,
}

impl Stream {
    /// Opens nothing yet. Errors: the contract is not in the catalog.
    pub fn new(out: &Output, dataset: &str, sender: &str, period: &str) -> Result<Self> {
        Ok(Self { sheet: Sheet::new(out.catalog, dataset, sender, period)?, tail: None })
    }

    /// Adds a row; columns that are not named stay empty. Errors: a name is not a delivered column, or the disk refuses.
    pub fn push(&mut self, out: &mut Output, cells: impl IntoIterator<Item = (&'static str, Cell)>) -> Result<()> {
        let mut row = vec![Cell::Empty; self.sheet.columns.len()];
        for (name, cell) in cells {
            let at = self.sheet.position(name).ok_or_else(|| Error::contract(&self.sheet.dataset, format!("column {name} is not delivered")))?;
            row[at] = cell;
        }
        self.row(out, row)
    }

    /// Adds a row of all delivered columns in their order.
    pub fn row(&mut self, out: &mut Output, cells: Vec<Cell>) -> Result<()> {
        if let Some(tail) = &mut self.tail {
            return tail.write(&cells).map(drop);
        }
        self.sheet.rows.push(Row { cells, fault: None });
        if self.sheet.rows.len() > MANY { self.begin(out) } else { Ok(()) }
    }

    /// Ends the file; of no rows there is none.
    pub fn close(mut self, out: &mut Output) -> Result<()> {
        let contract = out.contract(&self.sheet.dataset)?;
        match self.tail {
            Some(tail) => {
                let (path, rows) = tail.finish()?;
                out.wrote(&self.sheet, path, rows);
                Ok(())
            }
            None if self.sheet.rows.is_empty() => Ok(()),
            None => {
                out.plant(contract, &mut self.sheet)?;
                out.file(contract, &self.sheet)
            }
        }
    }

    fn begin(&mut self, out: &mut Output) -> Result<()> {
        let contract = out.contract(&self.sheet.dataset)?;
        out.plant(contract, &mut self.sheet)?;
        let style = style::of(&self.sheet, out.seed);
        let path = out.path(&self.sheet, &style);
        let mut tail = Tail::create(contract, out.dir, path, &self.sheet, style)?;
        for row in self.sheet.rows.drain(..).collect::<Vec<_>>() {
            let line = tail.write(&row.cells)?;
            if let Some(fault) = row.fault {
                let cell = fault.column.as_deref().and_then(|name| row.cells.get(self.sheet.position(name)?));
                let value = cell.map(|cell| tail.style.text(cell)).unwrap_or_default();
                out.manifest.faults.push(Fault { path: tail.path.clone(), line, column: fault.column, rule: fault.rule, value });
            }
        }
        self.tail = Some(tail);
        Ok(())
    }
}

impl Output<'_> {
    fn wrote(&mut self, sheet: &Sheet, path: PathBuf, rows: u64) {
        self.manifest.files.push(super::File { path, dataset: sheet.dataset.clone(), sender: sheet.sender.clone(), period: sheet.period.clone(), rows });
        (self.progress)(Progress { dataset: sheet.dataset.clone(), files: self.manifest.files.len(), rows });
    }
}

/// A delimited file that has begun.
struct Tail {
    path: PathBuf,
    style: Style,
    rows: u64,
    line: u64,
    /// One record at a time, before it is encoded.
    text: Vec<u8>,
    builder: WriterBuilder,
    encoding: Encoding,
    to: Sink,
}

impl Tail {
    fn create(contract: &Contract, dir: &Path, path: PathBuf, sheet: &Sheet, style: Style) -> Result<Self> {
        let Form::Csv(form) = &style.form else { return Err(Error::contract(&sheet.dataset, "a large file is delimited text")) };
        let full = dir.join(&path);
        if let Some(folder) = full.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut builder = WriterBuilder::new();
        builder
            .delimiter(form.delimiter)
            .terminator(if form.windows_lines { Terminator::CRLF } else { Terminator::Any(b'\n') })
            .quote_style(if form.quote_all { QuoteStyle::Always } else { QuoteStyle::Necessary });
        let to = Sink::create(&full, form, &sheet.sender)?;
        let head = headers(contract, sheet, &style);
        let mut tail = Self { path, rows: 0, line: 1, text: Vec::new(), builder, encoding: form.encoding, to, style };
        match tail.encoding {
            Encoding::Utf8Bom => tail.to.write_all("\u{feff}".as_bytes())?,
            Encoding::Utf16 => tail.to.write_all(&0xfeff_u16.to_le_bytes())?,
            Encoding::Utf8 | Encoding::Cp1252 => {}
        }
        tail.record(head)?;
        Ok(tail)
    }

    /// The physical line of the row's start.
    fn write(&mut self, cells: &[Cell]) -> Result<u64> {
        self.rows += 1;
        let cells: Vec<String> = cells.iter().map(|cell| self.style.text(cell)).collect();
        self.record(cells)
    }

    fn record(&mut self, cells: Vec<String>) -> Result<u64> {
        let at = self.line;
        self.line += 1 + cells.iter().map(|cell| cell.matches('\n').count() as u64).sum::<u64>();
        self.text.clear();
        let mut writer = self.builder.from_writer(&mut self.text);
        writer.write_record(&cells).and_then(|()| writer.flush().map_err(csv::Error::from)).map_err(Error::encode)?;
        drop(writer);
        let text = std::str::from_utf8(&self.text).map_err(Error::encode)?;
        match self.encoding {
            Encoding::Utf8 | Encoding::Utf8Bom => self.to.write_all(text.as_bytes())?,
            Encoding::Cp1252 => self.to.write_all(&WINDOWS_1252.encode(text).0)?,
            Encoding::Utf16 => self.to.write_all(&text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>())?,
        }
        Ok(at)
    }

    fn finish(self) -> Result<(PathBuf, u64)> {
        self.to.finish()?;
        Ok((self.path, self.rows))
    }
}

/// The file itself, in its container.
enum Sink {
    Plain(BufWriter<File>),
    Gzip(Box<flate2::write::GzEncoder<BufWriter<File>>>),
    Zip(Box<BufWriter<ZipWriter<File>>>),
}

impl Sink {
    fn create(path: &Path, form: &Csv, sender: &str) -> Result<Self> {
        let file = File::create(path)?;
        Ok(match form.pack {
            Pack::Plain => Self::Plain(BufWriter::with_capacity(1 << 18, file)),
            Pack::Gzip => Self::Gzip(Box::new(GzBuilder::new().mtime(0).write(BufWriter::new(file), Compression::fast()))),
            Pack::Zip => {
                let mut zip = ZipWriter::new(file);
                let options =
                    SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).last_modified_time(DateTime::default()).large_file(true);
                zip.start_file(format!("{sender}.csv"), options).map_err(Error::encode)?;
                Self::Zip(Box::new(BufWriter::with_capacity(1 << 18, zip)))
            }
        })
    }

    fn finish(self) -> Result<()> {
        match self {
            Self::Plain(mut file) => file.flush()?,
            Self::Gzip(gzip) => gzip.finish()?.flush()?,
            Self::Zip(zip) => drop(zip.into_inner().map_err(Error::encode)?.finish().map_err(Error::encode)?),
        }
        Ok(())
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(bytes),
            Self::Gzip(gzip) => gzip.write(bytes),
            Self::Zip(zip) => zip.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            Self::Gzip(gzip) => gzip.flush(),
            Self::Zip(zip) => zip.flush(),
        }
    }
}
