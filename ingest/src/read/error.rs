//! The one error of reading: a kind for programs, a sentence for the sender in two languages.

use std::fmt;

use serde::Serialize;

/// Why a file could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The operating system failed us.
    Io,
    /// A limit of [`super::Bounds`] was passed.
    Bound,
    /// The bytes are not what the format says.
    Damaged,
    /// A format that we do not read (PDF, web page, encrypted workbook).
    Unsupported,
    /// Several sheets, members or arrays fit, or the one asked for does not exist: a hint must choose.
    Choice,
}

/// A refusal to read, with a sentence the sender understands.
#[derive(Clone, Debug, Serialize)]
pub struct ReadError {
    pub kind: ErrorKind,
    pub it: String,
    pub en: String,
}

impl ReadError {
    pub fn new(kind: ErrorKind, it: impl Into<String>, en: impl Into<String>) -> Self {
        ReadError { kind, it: it.into(), en: en.into() }
    }

    /// A limit was passed: `what` in two languages, the limit with its unit.
    pub(crate) fn bound(it: &str, en: &str, limit: impl fmt::Display) -> Self {
        ReadError::new(
            ErrorKind::Bound,
            format!("{it}: il limite è {limit}. Dividere il file in più parti e inviarle separatamente."),
            format!("{en}: the limit is {limit}. Split the file into parts and send them separately."),
        )
    }

    pub(crate) fn damaged(format: &str, detail: impl fmt::Display) -> Self {
        ReadError::new(
            ErrorKind::Damaged,
            format!("Il file {format} è danneggiato o incompleto ({detail}). Esportarlo di nuovo e inviarlo."),
            format!("The {format} file is damaged or incomplete ({detail}). Export it again and send it."),
        )
    }

    pub(crate) fn unsupported(it: &str, en: &str) -> Self {
        ReadError::new(
            ErrorKind::Unsupported,
            format!("{it} Inviare un file CSV, XLSX, ODS, JSON o Parquet."),
            format!("{en} Send a CSV, XLSX, ODS, JSON or Parquet file."),
        )
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.en)
    }
}

impl std::error::Error for ReadError {}

impl From<std::io::Error> for ReadError {
    fn from(error: std::io::Error) -> Self {
        // A bound that was hit inside a `Read` travels as an io error; it must come out as what it is.
        if let Some(inner) = error.get_ref().and_then(|e| e.downcast_ref::<ReadError>()) {
            return inner.clone();
        }
        ReadError::new(ErrorKind::Io, format!("Il file non si può leggere: {error}."), format!("The file cannot be read: {error}."))
    }
}

impl From<ReadError> for std::io::Error {
    fn from(error: ReadError) -> Self {
        std::io::Error::other(error)
    }
}
