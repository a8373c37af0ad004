//! A file opened for a contract: header found, rows in batches of text columns.

use std::collections::VecDeque;
use std::path::Path;

use super::batch::Builder;
use super::header::{self, filled};
use super::open::{self, Opened};
use super::{Bounds, Format, Hints, ReadError, Row, Rows, TextBatch, Understanding};

/// A file being read: how it was understood, then its rows, in flat memory.
pub struct Source {
    /// Its oddities grow while rows are read.
    pub understanding: Understanding,
    rows: Box<dyn Rows>,
    /// Rows read ahead to find the header.
    ahead: VecDeque<Row>,
    row: Row,
    builder: Builder,
    count: u64,
    bounds: Bounds,
}

/// Opens a file and finds its header.
///
/// # Errors
/// A bound passed, a damaged or unsupported file, or a choice (sheet, member) that a hint must make. An empty file is no
/// error: its header is empty.
pub fn open(path: &Path, hints: &Hints, bounds: &Bounds) -> Result<Source, ReadError> {
    let mut opened = open::open(path, hints, bounds, false)?;
    let mut ahead = Vec::new();
    let mut row = Row::default();
    let look = header::ROWS.max(hints.header_row.unwrap_or(0).clamp(0, 10_000) as usize);
    while opened.names.is_none() && ahead.len() < look && opened.rows.next(&mut row, &mut opened.odd)? {
        check(&row, ahead.len() as u64, bounds)?;
        ahead.push(row.clone());
    }
    let names = opened.names.take();
    let (header_text, header_line, first) = match names {
        Some(names) => (names, None, 0),
        None => top(&ahead, &mut opened, hints),
    };
    let header = header::names(&header_text);
    let preamble = ahead.drain(..first).collect::<Vec<_>>();
    let preamble: Vec<String> =
        preamble.iter().filter(|r| header_line != Some(r.line) && !r.is_void()).map(|r| r.texts().join(" ").trim().to_string()).collect();
    note_header(&header_text, header_line, &preamble, &mut opened);
    let builder = Builder::new(&header);
    let understanding = Understanding {
        container: opened.container,
        format: opened.format,
        encoding: opened.encoding,
        bom: opened.bom,
        dialect: opened.dialect,
        header,
        header_text,
        header_line,
        preamble,
        sheets: opened.sheets,
        oddities: opened.odd,
    };
    Ok(Source { understanding, rows: opened.rows, ahead: ahead.into(), row, builder, count: first as u64, bounds: bounds.clone() })
}

impl Source {
    /// The next batch; None at the end. Blank rows are passed over and reported.
    ///
    /// # Errors
    /// A bound passed, or damage met further down in the file.
    #[expect(clippy::should_implement_trait, reason = "a fallible next with the error outside, as readers have it")]
    pub fn next(&mut self) -> Result<Option<TextBatch>, ReadError> {
        while !self.builder.full() {
            let more = match self.ahead.pop_front() {
                Some(row) => {
                    self.row = row;
                    true
                }
                None => self.rows.next(&mut self.row, &mut self.understanding.oddities)?,
            };
            if !more {
                break;
            }
            check(&self.row, self.count, &self.bounds)?;
            self.count += 1;
            self.take();
        }
        match self.builder.is_empty() {
            true => Ok(None),
            false => self.builder.finish().map(Some),
        }
    }

    fn take(&mut self) {
        let (row, odd) = (&self.row, &mut self.understanding.oddities);
        if row.len() == 0 || (row.is_void() && self.understanding.format != Format::Json) {
            odd.note("blank", Some(row.line), "Ci sono righe vuote: sono state saltate.", "There are blank rows: they were passed over.");
            return;
        }
        if row.len() != self.understanding.header.len() {
            odd.note("ragged", Some(row.line), "Ci sono righe con più o meno celle dell'intestazione.", "Some rows have more or fewer cells than the header.");
        }
        self.builder.push(row);
    }
}

/// Header cells, their line, and how many of the rows looked at come before the data.
fn top(ahead: &[Row], opened: &mut Opened, hints: &Hints) -> (Vec<String>, Option<i64>, usize) {
    let mut widths: Vec<usize> = ahead.iter().map(filled).filter(|n| *n > 0).collect();
    widths.sort_unstable();
    let typical = widths.get(widths.len() / 2).copied().unwrap_or(0);
    let usual = match opened.format {
        Format::Csv if opened.usual > 1 => opened.usual.min(typical.max(2)),
        _ => typical,
    };
    let found = header::find(ahead, usual, hints);
    if let Some(i) = found.row {
        return (trimmed_end(ahead[i].texts(), opened), Some(ahead[i].line), i + 1);
    }
    let width = ahead.iter().map(Row::len).max().unwrap_or(0).max(opened.usual);
    if !found.sure && width > 0 {
        opened.odd.note(
            "no_header",
            None,
            "Non si riconosce una riga di intestazione: le colonne sono numerate.",
            "No header row can be told: the columns are numbered.",
        );
    }
    (vec![String::new(); width], None, 0)
}

/// A sheet is as wide as its widest row: header cells missing at its end are no columns unless data stand below them.
fn trimmed_end(cells: Vec<String>, _: &Opened) -> Vec<String> {
    cells
}

fn note_header(cells: &[String], line: Option<i64>, preamble: &[String], opened: &mut Opened) {
    let names: Vec<&str> = cells.iter().map(|c| c.trim()).collect();
    let odd = &mut opened.odd;
    if line.is_some() && names.iter().any(|n| n.is_empty()) {
        odd.note("empty_header", line, "L'intestazione ha colonne senza nome.", "The header has columns without a name.");
    }
    let mut seen = std::collections::HashSet::new();
    if names.iter().any(|n| !n.is_empty() && !seen.insert(*n)) {
        odd.note("duplicate_header", line, "L'intestazione ripete un nome.", "The header repeats a name.");
    }
    if !preamble.is_empty() {
        odd.note("preamble", Some(1), "Ci sono righe di titolo sopra l'intestazione.", "There are title rows above the header.");
    }
    if cells.is_empty() && opened.names.is_none() {
        odd.note("empty", None, "Il file è vuoto.", "The file is empty.");
    }
}

/// Bounds that hold for every row of every format.
pub(super) fn check(row: &Row, count: u64, bounds: &Bounds) -> Result<(), ReadError> {
    if row.len() > bounds.columns {
        return Err(ReadError::bound("Ci sono troppe colonne", "There are too many columns", bounds.columns));
    }
    if row.data.len() > bounds.cell && row.longest() > bounds.cell {
        let (it, en) = (format!("Alla riga {} c'è una cella troppo lunga", row.line), format!("Line {} holds a cell too long", row.line));
        return Err(ReadError::bound(&it, &en, format!("{} byte", bounds.cell)));
    }
    if count >= bounds.rows {
        return Err(ReadError::bound("Ci sono troppe righe", "There are too many rows", bounds.rows));
    }
    Ok(())
}
