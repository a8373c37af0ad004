//! How well a dialect fits a sample: rows of equal length, cells that look like values, quotes in their places.

use std::collections::HashMap;

use super::value::worth;
use crate::read::csv::{Compiled, End, parse, starts_spaced};
use crate::read::{Dialect, LineEnding, Row};

/// Rows looked at.
const ROWS: usize = 500;
/// Cells whose text is looked at.
const CELLS: usize = 3_000;

pub(super) struct Judged {
    pub score: f64,
    pub usual: usize,
}

/// What one pass over the sample saw.
#[derive(Default)]
struct Seen {
    rows: usize,
    lengths: HashMap<usize, Length>,
    worth: f64,
    cells: usize,
    troubled: usize,
    /// Rows with a quoted cell and no quote out of place.
    quoted: usize,
    /// Cells of an unquoted dialect that begin with a double quote, and those that end with one too.
    opened: usize,
    wrapped: usize,
    /// Cells that are numbers, dates or times.
    numeric: usize,
    /// Lines that are one number, date or time as they stand.
    values: usize,
    /// Cells of the first row, and rows that have fewer.
    first: usize,
    shorter: usize,
}

/// Rows of one length, and how many of them follow a row of the same length.
#[derive(Clone, Copy, Default)]
struct Length {
    rows: usize,
    runs: usize,
}

/// None when the dialect makes no table of the sample.
pub(super) fn judge(sample: &[u8], whole: bool, dialect: &Dialect) -> Option<Judged> {
    let seen = look(sample, whole, dialect);
    let usual = usual_of(&seen);
    if usual < 2 {
        return None;
    }
    // Quotes that are all in their places are quotes.
    if dialect.quote.is_none() && look(sample, whole, &Dialect { quote: Some('"'), ..dialect.clone() }).troubled == 0 {
        return None;
    }
    // An escape that leaves most misplaced quotes where they are is none.
    if dialect.escape.is_some() && seen.troubled > 0 {
        let plain = look(sample, whole, &Dialect { escape: None, ..dialect.clone() });
        if seen.troubled * 5 > plain.troubled {
            return None;
        }
    }
    let rows = seen.rows as f64;
    let share = seen.lengths[&usual].rows as f64 / rows;
    // Tables of few rows have no statistics: a single line with a common mark is a header.
    let agree: f64 = seen
        .lengths
        .iter()
        .filter(|(len, _)| **len > 1)
        .map(|(len, n)| {
            let part = n.rows as f64 / rows;
            part * part * (*len as f64 - 1.0) / *len as f64
        })
        .sum::<f64>()
        .sqrt();
    let worth = seen.worth / seen.cells.max(1) as f64;
    if weak(dialect, usual, share, &seen) {
        return None;
    }
    let troubled = seen.troubled as f64 / rows;
    // A header names every column; a quote that protects something is better than one that does not occur.
    let header = if seen.first == usual { 1.0 } else { 0.8 };
    let quoting = if seen.quoted > 0 { 1.02 } else { 1.0 };
    // Cells that begin and end with the same mark are quoted, whoever says that nothing is.
    let bare = if seen.wrapped * 10 >= seen.opened * 7 && seen.opened > 0 { 0.5 } else { 1.0 };
    let score = bare * header * quoting * agree * (0.15 + 0.85 * worth) * (1.0 - 0.45 * troubled.min(1.0));
    (score > 0.08).then_some(Judged { score, usual })
}

/// Marks that also stand in ordinary text must do better than by chance.
fn weak(dialect: &Dialect, usual: usize, share: f64, seen: &Seen) -> bool {
    match dialect.delimiter.as_str() {
        _ if seen.values * 10 >= seen.rows * 8 && seen.first < 2 => true,
        "," | ";" | "\t" | "|" => {
            let single = seen.lengths.get(&1).map_or(0, |n| n.rows);
            let scattered = seen.lengths.get(&usual).is_some_and(|n| n.runs * 2 < n.rows);
            seen.rows > 4 && scattered && (share < 0.25 || (share < 0.6 && single * 7 > seen.rows))
        }
        ":" if seen.values * 10 >= seen.rows * 8 => true,
        ", " | "; " if seen.rows < 2 => true,
        " " if anchored(seen) => false,
        " " => share < 0.7 || usual < 3 || (seen.rows > 1 && seen.numeric == 0 && share < 0.95),
        ":" | "#" | "<>" => share < 0.8 || usual < 3,
        _ => share < 0.5,
    }
}

/// Words separated by spaces where every row has at least the header's cells and quotes are all in their places: a table
/// of spaces whose free text was not always quoted.
fn anchored(seen: &Seen) -> bool {
    seen.first >= 4 && seen.shorter == 0 && seen.quoted * 2 > seen.rows && seen.troubled * 20 < seen.rows
}

fn look(sample: &[u8], whole: bool, dialect: &Dialect) -> Seen {
    let compiled = Compiled::new(dialect);
    let mut seen = Seen::default();
    let mut row = Row::default();
    let mut pos = 0;
    let mut before = 0;
    while pos < sample.len() && seen.rows < ROWS {
        row.clear();
        let End::Done { used, trouble, quotes, .. } = parse(&compiled, &sample[pos..], whole, &mut row) else { break };
        let line = std::str::from_utf8(&sample[pos..pos + used]).unwrap_or_default().trim_end_matches(['\n', '\r']);
        pos += used;
        if row.len() == 0 {
            continue;
        }
        if seen.rows == 0 {
            seen.first = row.len();
        }
        seen.values += usize::from(line.len() < 40 && worth(line).1);
        seen.rows += 1;
        seen.shorter += usize::from(row.len() < seen.first);
        seen.quoted += usize::from(quotes && trouble == 0);
        seen.troubled += usize::from(trouble > 0);
        let length = seen.lengths.entry(row.len()).or_default();
        length.rows += 1;
        length.runs += usize::from(row.len() == before);
        before = row.len();
        for i in 0..row.len() {
            if seen.cells >= CELLS {
                break;
            }
            let cell = row.text(i).unwrap_or_default();
            let (points, number) = worth(cell);
            if dialect.quote.is_none() && cell.starts_with('"') {
                seen.opened += 1;
                seen.wrapped += usize::from(cell.len() > 1 && cell.ends_with('"'));
            }
            seen.numeric += usize::from(number);
            seen.worth += points;
            seen.cells += 1;
        }
    }
    seen
}

/// The usual number of cells: the most frequent one that comes in runs, since a table may stand below long notes; else the
/// most frequent of all.
fn usual_of(seen: &Seen) -> usize {
    let tables = seen.lengths.iter().filter(|(len, n)| **len > 1 && n.rows >= 3 && n.runs * 3 >= n.rows * 2);
    let best = tables.max_by_key(|(len, n)| (n.rows, **len)).or_else(|| seen.lengths.iter().max_by_key(|(len, n)| (n.rows, **len)));
    best.map_or(0, |(len, _)| *len)
}

pub(super) fn usual(sample: &[u8], whole: bool, dialect: &Dialect) -> usize {
    usual_of(&look(sample, whole, dialect))
}

/// True when many lines hold no delimiter, so that it is a mark of the text rather than of a table.
pub(super) fn prose(sample: &[u8], whole: bool, dialect: &Dialect) -> bool {
    let seen = look(sample, whole, dialect);
    let single = seen.lengths.get(&1).map_or(0, |n| n.rows);
    let values = seen.values * 10 >= seen.rows * 8 && seen.first < 2;
    seen.rows >= 4 && (single * 7 > seen.rows || values)
}

/// True when hardly any row of a table has spaces at the start of its cells.
pub(super) fn tight(sample: &[u8], whole: bool, dialect: &Dialect) -> bool {
    let compiled = Compiled::new(dialect);
    let mut row = Row::default();
    let (mut rows, mut spaced, mut pos) = (0, 0, 0);
    while pos < sample.len() && rows < ROWS {
        row.clear();
        let End::Done { used, .. } = parse(&compiled, &sample[pos..], whole, &mut row) else { break };
        pos += used;
        rows += 1;
        spaced += usize::from(starts_spaced(&row));
    }
    rows >= 5 && spaced <= (rows / 20).max(1)
}

/// How records end, line breaks inside quotes left out.
pub(super) fn line_ending(sample: &[u8], whole: bool, dialect: &Dialect) -> LineEnding {
    let compiled = Compiled::new(dialect);
    let mut row = Row::default();
    let (mut lf, mut crlf, mut cr) = (0, 0, 0);
    let mut pos = 0;
    while pos < sample.len() {
        row.clear();
        let End::Done { used, .. } = parse(&compiled, &sample[pos..], whole, &mut row) else { break };
        pos += used;
        match sample[..pos] {
            [.., b'\r', b'\n'] => crlf += 1,
            [.., b'\n'] => lf += 1,
            [.., b'\r'] => cr += 1,
            _ => {}
        }
    }
    match (lf, crlf, cr) {
        (_, 0, 0) => LineEnding::Lf,
        (0, _, 0) => LineEnding::Crlf,
        (0, 0, _) => LineEnding::Cr,
        _ => LineEnding::Mixed,
    }
}
