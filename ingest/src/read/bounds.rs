//! What a sender may ask of us at most, and what a caller already knows about a file.

use serde::{Deserialize, Serialize};

/// Limits on everything a sender controls. Exceeding one is a refusal ([`super::ErrorKind::Bound`]), never a cut.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Bounds {
    /// Size of the received file, in bytes.
    pub bytes: u64,
    /// Size after gzip or zip decompression, in bytes.
    pub decompressed: u64,
    /// Decompressed over compressed size; looked at beyond the first 16 MiB, where small files compress oddly well.
    pub ratio: u64,
    /// Members of a zip (and of the zip that an XLSX or ODS is).
    pub members: usize,
    /// Sheets of a workbook.
    pub sheets: usize,
    /// Decompressed size of a workbook, in bytes: workbooks are held in memory while they are read.
    pub workbook: u64,
    /// Cells of one sheet.
    pub cells: u64,
    /// Rows, header and preamble included.
    pub rows: u64,
    /// Columns of any row.
    pub columns: usize,
    /// Length of one cell, in bytes of UTF-8.
    pub cell: usize,
    /// Length of one record or JSON element, in bytes of UTF-8.
    pub record: usize,
    /// Nesting of a JSON value.
    pub json_depth: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            bytes: 8 << 30,
            decompressed: 16 << 30,
            ratio: 100,
            members: 1_000,
            sheets: 200,
            workbook: 512 << 20,
            cells: 12_000_000,
            rows: 100_000_000,
            columns: 2_000,
            cell: 1 << 20,
            record: 16 << 20,
            json_depth: 64,
        }
    }
}

/// What the caller knows better than any guess; each hint that is given wins over detection.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hints {
    pub format: Option<super::Format>,
    /// A WHATWG label such as `windows-1252`, `utf-16le`.
    pub encoding: Option<String>,
    /// One or several characters.
    pub delimiter: Option<String>,
    /// One ASCII character; empty for "no quoting".
    pub quote: Option<String>,
    /// One ASCII character that protects the next one, such as `\`; empty for doubled quotes only.
    pub escape: Option<String>,
    /// Physical line (sheet row) of the header, from 1; 0 says that there is none.
    pub header_row: Option<i64>,
    /// Column names that the caller expects: they help to find the header.
    pub columns: Option<Vec<String>>,
    /// Sheet of a workbook, by name.
    pub sheet: Option<String>,
    /// Member of a zip, by name.
    pub member: Option<String>,
    /// Key of the array inside a JSON object.
    pub array: Option<String>,
}
