//! Delimited text as rows: a tolerant record machine in front, a repair of single records behind it.

mod record;
mod repair;

pub(crate) use record::{Compiled, End, parse};
pub(crate) use repair::starts_spaced;

use super::dialect::Detected;
use super::text::{Mark, TextReader};
use super::{Bounds, ErrorKind, Oddities, ReadError, Row, Rows};

/// Rows of a delimited text, in flat memory: at most one record and one chunk are held.
pub(crate) struct CsvRows {
    text: TextReader,
    buf: Vec<u8>,
    pos: usize,
    /// Place of `buf[0]` in the decoded stream.
    base: u64,
    ended: bool,
    line: i64,
    dialect: Compiled,
    /// Usual number of cells; 0 when unknown. Repairs aim at it.
    usual: usize,
    /// Cells of the last row that needed no repair.
    last: usize,
    /// The first line names the delimiter and is not cut by it.
    directive: bool,
    /// Rows have no spaces behind their separators.
    tight: bool,
    bounds: Bounds,
}

impl CsvRows {
    pub fn new(text: TextReader, detected: &Detected, bounds: &Bounds) -> Self {
        let dialect = Compiled::new(&detected.dialect);
        CsvRows {
            text,
            buf: Vec::new(),
            pos: 0,
            base: 0,
            ended: false,
            line: 1,
            dialect,
            usual: detected.usual,
            last: 0,
            directive: detected.directive,
            tight: detected.tight,
            bounds: bounds.clone(),
        }
    }

    fn refill(&mut self) -> Result<(), ReadError> {
        self.buf.drain(..self.pos);
        self.base += self.pos as u64;
        self.pos = 0;
        // A record that goes on is scanned anew: doubling what is held keeps that linear.
        let enough = self.buf.len() * 2;
        while !self.ended {
            self.ended = !self.text.fill(&mut self.buf)?;
            if self.buf.len() >= enough {
                break;
            }
        }
        Ok(())
    }

    /// A quote that never closes would swallow the file: past this many bytes it is taken as a stray one.
    fn runaway(&self) -> bool {
        self.buf.len() - self.pos > self.bounds.cell + (64 << 10)
    }

    fn repair(&self, used: usize, strict: repair::Strict, row: &mut Row) -> Option<repair::Fixed> {
        let record = &self.buf[self.pos..self.pos + used];
        repair::repair(record, &strict, &self.dialect, &[self.usual, self.last], row)
    }

    fn note_marks(&mut self, line: i64, odd: &mut Oddities) {
        let here = self.base + self.pos as u64;
        while let Some((at, mark)) = self.text.marks.front().copied() {
            if at >= here {
                break;
            }
            self.text.marks.pop_front();
            match mark {
                Mark::InvalidBytes => odd.note(
                    "invalid_bytes",
                    Some(line),
                    "Ci sono byte che non appartengono alla codifica del file: sono stati letti come Windows-1252 o sostituiti.",
                    "Some bytes do not belong to the file's encoding: they were read as Windows-1252 or replaced.",
                ),
                Mark::Nul => {
                    odd.note("nul", Some(line), "Ci sono caratteri nulli (byte zero) nel testo.", "There are NUL characters (zero bytes) in the text.")
                }
            }
        }
    }

    /// The line `sep=…` as one cell; it was seen whole when the dialect was looked for.
    fn first_line(&mut self, row: &mut Row) {
        let end = memchr::memchr2(b'\n', b'\r', &self.buf).unwrap_or(self.buf.len());
        row.push(&self.buf[..end]);
        self.pos = end + record::line_end(&self.buf, end, true).unwrap_or(0);
        self.line += 1;
    }

    fn too_long(&self, line: i64) -> ReadError {
        ReadError::new(
            ErrorKind::Bound,
            format!("La riga {line} è troppo lunga: il limite è {} byte. Controllare le virgolette e i fine riga.", self.bounds.record),
            format!("Line {line} is too long: the limit is {} bytes. Check the quotes and the line ends.", self.bounds.record),
        )
    }
}

impl Rows for CsvRows {
    fn next(&mut self, row: &mut Row, odd: &mut Oddities) -> Result<bool, ReadError> {
        loop {
            if self.pos == self.buf.len() {
                if self.ended {
                    return Ok(false);
                }
                self.refill()?;
                continue;
            }
            row.clear();
            row.line = self.line;
            if self.directive {
                self.directive = false;
                self.first_line(row);
                return Ok(true);
            }
            match parse(&self.dialect, &self.buf[self.pos..], self.ended, row) {
                End::More { quoted } => {
                    if self.buf.len() - self.pos > self.bounds.record {
                        return Err(self.too_long(self.line));
                    }
                    if quoted && self.runaway() {
                        let used = self.buf.len() - self.pos;
                        let strict = repair::Strict { lines: 1, trouble: 1, open: true, quotes: true };
                        if let Some(fixed) = self.repair(used, strict, row) {
                            self.pos += fixed.used;
                            self.line += fixed.lines;
                            fixed.note(row.line, odd);
                            self.note_marks(row.line, odd);
                            return Ok(true);
                        }
                    }
                    self.refill()?;
                }
                End::Done { mut used, mut lines, trouble, open, quotes } => {
                    let ragged = row.len() > 0 && row.len() != self.usual && self.usual > 1;
                    let spaced = self.tight && row.len() == self.usual && starts_spaced(row);
                    if spaced && repair::spaced(&self.buf[self.pos..self.pos + used], &self.dialect, row) {
                        repair::Fixed::spaced(used, lines).note(row.line, odd);
                    } else if trouble > 0 || (ragged && row.len() != self.last) || (ragged && quotes) {
                        match self.repair(used, repair::Strict { lines, trouble, open, quotes }, row) {
                            Some(fixed) => {
                                used = fixed.used;
                                lines = fixed.lines;
                                fixed.note(row.line, odd);
                            }
                            None if trouble > 0 => odd.note(
                                "quotes",
                                Some(row.line),
                                "Virgolette non chiuse o non raddoppiate: sono state lasciate nel testo della cella.",
                                "Unclosed or undoubled quotes: they were left in the text of the cell.",
                            ),
                            None => {}
                        }
                    }
                    if row.len() > 0 && trouble == 0 {
                        self.last = row.len();
                    }
                    self.pos += used;
                    self.line += lines;
                    if !self.text.marks.is_empty() {
                        self.note_marks(row.line, odd);
                    }
                    return Ok(true);
                }
            }
        }
    }
}
