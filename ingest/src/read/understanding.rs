//! How a file was understood before any contract, as data: what `siss read` prints and a delivery report quotes.

use serde::{Deserialize, Serialize};

/// What the bytes were wrapped in.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Container {
    #[default]
    Plain,
    Gzip,
    Zip {
        member: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Csv,
    Xlsx,
    Xls,
    Ods,
    Json,
    Ndjson,
    Parquet,
}

impl Format {
    pub fn name(self) -> &'static str {
        match self {
            Format::Csv => "CSV",
            Format::Xlsx => "XLSX",
            Format::Xls => "XLS",
            Format::Ods => "ODS",
            Format::Json => "JSON",
            Format::Ndjson => "NDJSON",
            Format::Parquet => "Parquet",
        }
    }
}

/// How records end. `Mixed` files are read with every kind ending a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LineEnding {
    #[default]
    Lf,
    Crlf,
    Cr,
    Mixed,
}

/// How a delimited text separates and protects its cells.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Dialect {
    pub delimiter: String,
    /// None: quotes are ordinary characters.
    pub quote: Option<char>,
    /// A character that protects the next one; a doubled quote is understood besides.
    pub escape: Option<char>,
    pub line_ending: LineEnding,
}

#[derive(Clone, Debug, Serialize)]
pub struct SheetInfo {
    pub name: String,
    pub hidden: bool,
    pub read: bool,
}

/// Something that a careful reader would want to know, once per kind.
#[derive(Clone, Debug, Serialize)]
pub struct Oddity {
    /// Stable code, such as `ragged` or `invalid_bytes`.
    pub what: String,
    /// First line where it was seen.
    pub line: Option<i64>,
    /// The first lines where it was seen, at most [`Oddities::LINES`].
    pub lines: Vec<i64>,
    pub count: u64,
    pub it: String,
    pub en: String,
}

/// The oddities of one file, in order of first sight. Bounded: one entry per kind, few lines each.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Oddities(pub Vec<Oddity>);

impl Oddities {
    pub const LINES: usize = 50;

    pub fn note(&mut self, what: &str, line: Option<i64>, it: &str, en: &str) {
        let found = self.0.iter().position(|o| o.what == what);
        let at = found.unwrap_or_else(|| {
            let (it, en) = (it.to_string(), en.to_string());
            self.0.push(Oddity { what: what.to_string(), line, lines: Vec::new(), count: 0, it, en });
            self.0.len() - 1
        });
        let oddity = &mut self.0[at];
        oddity.count += 1;
        if let Some(line) = line
            && oddity.lines.len() < Self::LINES
            && oddity.lines.last() != Some(&line)
        {
            oddity.lines.push(line);
        }
    }

    pub fn has(&self, what: &str) -> bool {
        self.0.iter().any(|o| o.what == what)
    }
}

/// How a file was understood.
#[derive(Clone, Debug, Serialize)]
pub struct Understanding {
    pub container: Container,
    pub format: Format,
    /// WHATWG name of the text's encoding; None for binary formats.
    pub encoding: Option<String>,
    pub bom: bool,
    pub dialect: Option<Dialect>,
    /// Column names as batches carry them: trimmed, never empty, never twice.
    pub header: Vec<String>,
    /// The header's cells as they stand in the file.
    pub header_text: Vec<String>,
    /// Physical line of the header, from 1; None where the file has none.
    pub header_line: Option<i64>,
    /// Lines above the header that are not data, as text.
    pub preamble: Vec<String>,
    pub sheets: Vec<SheetInfo>,
    /// Grows while rows are read.
    pub oddities: Oddities,
}
