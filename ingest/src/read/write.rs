//! A file of any kind as plain CSV: comma, double quote, CR LF, UTF-8 (RFC 4180), cell for cell.

use std::io::{BufWriter, Write};

use super::Row;

pub(super) struct CsvWriter<W: Write> {
    out: BufWriter<W>,
}

impl<W: Write> CsvWriter<W> {
    pub fn new(out: W) -> Self {
        CsvWriter { out: BufWriter::with_capacity(256 * 1024, out) }
    }

    /// A row without cells is an empty line; a row of one empty cell is written `""`, so that the two stay apart.
    pub fn row(&mut self, row: &Row) -> std::io::Result<()> {
        if row.len() == 1 && row.get(0).is_some_and(<[u8]>::is_empty) {
            return self.out.write_all(b"\"\"\r\n");
        }
        for i in 0..row.len() {
            if i > 0 {
                self.out.write_all(b",")?;
            }
            self.cell(row.get(i).unwrap_or_default())?;
        }
        self.out.write_all(b"\r\n")
    }

    pub fn texts(&mut self, cells: &[String]) -> std::io::Result<()> {
        let mut row = Row::default();
        for cell in cells {
            row.push(cell.as_bytes());
        }
        self.row(&row)
    }

    fn cell(&mut self, cell: &[u8]) -> std::io::Result<()> {
        if !cell.iter().any(|b| matches!(b, b',' | b'"' | b'\n' | b'\r')) {
            return self.out.write_all(cell);
        }
        self.out.write_all(b"\"")?;
        let mut rest = cell;
        while let Some(at) = memchr::memchr(b'"', rest) {
            self.out.write_all(&rest[..=at])?;
            self.out.write_all(b"\"")?;
            rest = &rest[at + 1..];
        }
        self.out.write_all(rest)?;
        self.out.write_all(b"\"")
    }

    pub fn finish(mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}
