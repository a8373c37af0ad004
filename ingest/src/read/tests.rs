//! Tests of reading: every file is written to disk, read back through `to_csv`, and parsed by the independent `csv` crate.

mod bounds;
mod corpora;
mod formats;
mod pollution;
mod roundtrip;
mod source;

use std::io::Write;
use std::path::Path;

use super::{Bounds, Hints, ReadError, Source, open, to_csv};

/// Rows of a file as `to_csv` gives them; blank lines left out.
pub(crate) fn rows_of(path: &Path, hints: &Hints) -> Result<Vec<Vec<String>>, ReadError> {
    let mut out = Vec::new();
    to_csv(path, hints, &Bounds::default(), &mut out)?;
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(out.as_slice());
    Ok(reader.records().map(|r| r.unwrap().iter().map(String::from).collect()).collect())
}

pub(crate) fn saved(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

pub(crate) fn rows(bytes: &[u8]) -> Vec<Vec<String>> {
    rows_of(saved(bytes).path(), &Hints::default()).unwrap()
}

pub(crate) fn source(bytes: &[u8], hints: &Hints) -> Source {
    open(saved(bytes).path(), hints, &Bounds::default()).unwrap()
}

pub(crate) fn table(rows: &[&[&str]]) -> Vec<Vec<String>> {
    rows.iter().map(|r| r.iter().map(|c| c.to_string()).collect()).collect()
}
