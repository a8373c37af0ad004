//! `siss read`: how a file is understood before any contract, and its content as plain CSV.

use std::io::Write;
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray};
use serde::Serialize;

use super::open::{Opened, open as open_rows};
use super::source::check;
use super::write::CsvWriter;
use super::{Bounds, Hints, ReadError, Row, Understanding, open};

/// Rows shown.
const SAMPLE: usize = 20;

/// How a file is understood, with its first rows and its number of rows.
#[derive(Clone, Debug, Serialize)]
pub struct Described {
    #[serde(flatten)]
    pub understanding: Understanding,
    /// Rows below the header, blank ones left out.
    pub rows: u64,
    /// The first of them; None: the cell is absent.
    pub sample: Vec<Vec<Option<String>>>,
}

/// Reads the whole file and says how it was understood, oddities of every line included.
///
/// # Errors
/// As [`super::open`] and [`super::Source::next`].
pub fn describe(path: &Path, hints: &Hints, bounds: &Bounds) -> Result<Described, ReadError> {
    let mut source = open(path, hints, bounds)?;
    let mut rows = 0;
    let mut sample = Vec::new();
    while let Some(batch) = source.next()? {
        rows += batch.lines.len() as u64;
        for i in 0..batch.lines.len().min(SAMPLE - sample.len()) {
            let cell = |c: &ArrayRef| {
                let text = c.as_string::<i32>();
                (!text.is_null(i)).then(|| text.value(i).to_string())
            };
            sample.push(batch.columns.columns().iter().map(cell).collect());
        }
    }
    Ok(Described { understanding: source.understanding, rows, sample })
}

/// Writes the whole content as comma-separated UTF-8 (RFC 4180, CR LF): every row in its place, title rows and blank lines
/// included, nothing trimmed.
///
/// # Errors
/// As [`super::open`], and whatever `out` answers.
pub fn to_csv(path: &Path, hints: &Hints, bounds: &Bounds, out: &mut impl Write) -> Result<(), ReadError> {
    let opened = open_rows(path, hints, bounds, true)?;
    match write_all(opened, bounds, out) {
        // Whoever reads may stop, as `head` does: that is no error of the file.
        Err(Stop::Write(e)) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(Stop::Write(e)) => Err(e.into()),
        Err(Stop::Read(e)) => Err(e),
        Ok(()) => Ok(()),
    }
}

enum Stop {
    Read(ReadError),
    Write(std::io::Error),
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        Stop::Read(error)
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Stop::Write(error)
    }
}

fn write_all(mut opened: Opened, bounds: &Bounds, out: &mut impl Write) -> Result<(), Stop> {
    let mut writer = CsvWriter::new(out);
    if let Some(names) = &opened.names {
        writer.texts(names)?;
    }
    let mut row = Row::default();
    let mut count = 0;
    while opened.rows.next(&mut row, &mut opened.odd)? {
        check(&row, count, bounds)?;
        count += 1;
        writer.row(&row)?;
    }
    writer.finish()?;
    Ok(())
}
