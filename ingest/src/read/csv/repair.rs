//! Reads one troubled record again: among all ways to place its quotes, the one with the fewest anomalies and the usual
//! number of cells. Only records that broke RFC 4180, or are ragged and hold quotes, come here.

use super::record::{Compiled, End, line_end, opening, parse};
use crate::read::{Dialect, LineEnding, Oddities, Row};

/// Cost of a cell too many or too few.
const RAGGED: f32 = 2.0;
/// Cost of a quote at the start of a cell that is taken as an ordinary character.
const LITERAL: f32 = 2.0;
/// Cost of an unquoted cell that holds quotes elsewhere.
const STRAY: f32 = 1.0;
/// Cost of one undoubled quote inside a quoted cell.
const UNDOUBLED: f32 = 1.0;
/// Cost of a line break inside a cell of a record whose quotes are out of place.
const BROKEN: f32 = 1.5;
/// Longer lines, or lines of more cells, are left as the record machine read them.
const LINE: usize = 256 << 10;
const CELLS: usize = 2_500;

pub(super) struct Fixed {
    pub used: usize,
    pub lines: i64,
    what: What,
}

enum What {
    Quotes,
    Delimiter,
    Quote,
}

impl Fixed {
    /// A row whose separators all have a space behind them, in a file that has none.
    pub fn spaced(used: usize, lines: i64) -> Self {
        Fixed { used, lines, what: What::Delimiter }
    }

    pub fn note(&self, line: i64, odd: &mut Oddities) {
        let (what, it, en) = match self.what {
            What::Quotes => (
                "quotes",
                "Virgolette non chiuse o non raddoppiate: le celle sono state ricostruite secondo il numero di colonne.",
                "Unclosed or undoubled quotes: the cells were rebuilt from the number of columns.",
            ),
            What::Delimiter => ("row_delimiter", "La riga usa un separatore diverso da quello del file.", "The row uses another delimiter than the file."),
            What::Quote => ("row_quote", "La riga usa virgolette diverse da quelle del file.", "The row uses other quotes than the file."),
        };
        odd.note(what, Some(line), it, en);
    }
}

/// A cheap sign that separators may have a space behind them.
pub(crate) fn starts_spaced(row: &Row) -> bool {
    (1..3).all(|i| row.get(i).is_some_and(|c| c.first() == Some(&b' ') && c.len() > 1))
}

/// Reads the record with "separator and space" as its separator; takes it when every separator is one.
pub(super) fn spaced(record: &[u8], d: &Compiled, row: &mut Row) -> bool {
    let [mark @ (b',' | b';')] = d.delimiter[..] else { return false };
    let dialect =
        Dialect { delimiter: format!("{} ", char::from(mark)), quote: d.quote.map(char::from), escape: d.escape.map(char::from), line_ending: LineEnding::Lf };
    let mut other = Row::default();
    other.line = row.line;
    let fits = matches!(parse(&Compiled::new(&dialect), record, true, &mut other), End::Done { trouble: 0, .. }) && other.len() == row.len();
    if fits {
        *row = other;
    }
    fits
}

/// What the record machine made of the record.
pub(super) struct Strict {
    pub lines: i64,
    /// Quotes out of place.
    pub trouble: u32,
    pub open: bool,
    /// Some cell was quoted.
    pub quotes: bool,
}

/// Rewrites `row` when a better reading of `record` exists.
pub(super) fn repair(record: &[u8], strict: &Strict, d: &Compiled, targets: &[usize], row: &mut Row) -> Option<Fixed> {
    let end = record.iter().position(|b| matches!(b, b'\n' | b'\r')).unwrap_or(record.len());
    let used = end + line_end(record, end, true).unwrap_or(0);
    let line = &record[..end];
    let strict_cost = match strict.open {
        true => f32::INFINITY,
        false => {
            let anomalies = if strict.trouble > 0 { strict.trouble as f32 * UNDOUBLED + (strict.lines - 1) as f32 * BROKEN } else { 0.0 };
            anomalies + ragged(row.len(), targets)
        }
    };
    if strict_cost == 0.0 {
        return None;
    }
    // A record in good order on one line is as its sender meant it, ragged or not.
    let suspect = strict.trouble > 0 || strict.lines > 1;
    if suspect
        && let Some(quote) = d.quote
        && memchr::memchr(quote, line).is_some()
        && let Some((cost, cells)) = cheapest(line, d, quote, targets)
        && (cost < strict_cost || (cost == strict_cost && ragged(row.len(), targets) > 0.0 && ragged(cells.len(), targets) == 0.0))
    {
        row.clear();
        for cell in &cells {
            write_cell(line, cell, d, quote, row);
        }
        return Some(Fixed { used, lines: 1, what: What::Quotes });
    }
    other_marks(line, strict, d, targets, row).map(|what| Fixed { used, lines: 1, what })
}

fn ragged(len: usize, targets: &[usize]) -> f32 {
    let distance = targets.iter().filter(|t| **t > 0).map(|t| t.abs_diff(len)).min();
    distance.unwrap_or(0) as f32 * RAGGED
}

/// A line that another delimiter or another quote turns into exactly the usual number of cells.
fn other_marks(line: &[u8], strict: &Strict, d: &Compiled, targets: &[usize], row: &mut Row) -> Option<What> {
    let own = String::from_utf8_lossy(&d.delimiter).into_owned();
    let mut tries = Vec::new();
    for delimiter in [";", ",", "\t", "|"] {
        if delimiter != own && memchr::memchr(delimiter.as_bytes()[0], line).is_some() {
            tries.push((delimiter.to_string(), d.quote, What::Delimiter));
        }
    }
    if d.quote == Some(b'"') && !strict.quotes && memchr::memchr(b'\'', line).is_some() {
        tries.push((own, Some(b'\''), What::Quote));
    }
    for (delimiter, quote, what) in tries {
        let dialect = Dialect { delimiter, quote: quote.map(char::from), escape: d.escape.map(char::from), line_ending: LineEnding::Lf };
        let must_quote = matches!(what, What::Quote);
        if fits(&Compiled::new(&dialect), line, must_quote, targets, row) {
            return Some(what);
        }
    }
    // Some separators of the row are the file's, some are others.
    let [own] = d.delimiter[..] else { return None };
    for mark in [b';', b',', b'\t', b'|'] {
        if mark != own
            && let Some(line) = unified(line, mark, own, d.quote)
            && fits(d, &line, false, targets, row)
        {
            return Some(What::Delimiter);
        }
    }
    None
}

/// Reads the line in another way; takes it when it is in good order and has exactly the usual number of cells.
fn fits(d: &Compiled, line: &[u8], must_quote: bool, targets: &[usize], row: &mut Row) -> bool {
    let mut other = Row::default();
    other.line = row.line;
    let clean = match parse(d, line, true, &mut other) {
        End::Done { trouble: 0, quotes, .. } => quotes || !must_quote,
        _ => false,
    };
    let better = clean && other.len() >= 3 && row.len() < other.len() && targets.contains(&other.len());
    if better {
        *row = other;
    }
    better
}

/// The line with `mark` turned into `own` outside quotes; None when there is none, or when one stands as in prose.
fn unified(line: &[u8], mark: u8, own: u8, quote: Option<u8>) -> Option<Vec<u8>> {
    let mut inside = false;
    let mut turned = false;
    let mut out = line.to_vec();
    for (i, b) in line.iter().enumerate() {
        if Some(*b) == quote {
            inside = !inside;
        }
        if *b == mark && !inside {
            if line.get(i + 1) == Some(&b' ') {
                return None;
            }
            out[i] = own;
            turned = true;
        }
    }
    turned.then_some(out)
}

#[derive(Clone, Copy)]
struct Cell {
    start: usize,
    end: usize,
    quoted: bool,
}

#[derive(Clone, Copy)]
struct Best {
    cost: f32,
    from: usize,
    cell: Cell,
}

/// The cheapest way from the line's start to its end over (place, number of cells), by dynamic programming.
fn cheapest(line: &[u8], d: &Compiled, quote: u8, targets: &[usize]) -> Option<(f32, Vec<Cell>)> {
    let places = delimiters(line, d);
    let nodes = places.len() + 2;
    let most = targets.iter().max().copied().unwrap_or(0).max(1) + 4;
    let width = most.min(nodes) + 1;
    if line.len() > LINE || nodes > CELLS || nodes * width > 4_000_000 {
        return None;
    }
    let none = Best { cost: f32::INFINITY, from: 0, cell: Cell { start: 0, end: 0, quoted: false } };
    let mut best = vec![none; nodes * width];
    best[0].cost = 0.0;
    for node in 0..nodes - 1 {
        if (0..width).all(|n| best[node * width + n].cost.is_infinite()) {
            continue;
        }
        for (to, cost, cell) in edges(line, d, quote, &places, node) {
            for n in 0..width - 1 {
                let so_far = best[node * width + n].cost + cost;
                let slot = &mut best[to * width + n + 1];
                if so_far < slot.cost {
                    *slot = Best { cost: so_far, from: node, cell };
                }
            }
        }
    }
    let last = nodes - 1;
    let total = |n: usize| best[last * width + n].cost + ragged(n, targets);
    let n = (1..width).min_by(|a, b| total(*a).total_cmp(&total(*b)))?;
    let cost = total(n);
    if cost.is_infinite() {
        return None;
    }
    let mut cells = Vec::with_capacity(n);
    let (mut node, mut left) = (last, n);
    while left > 0 {
        let step = best[node * width + left];
        cells.push(step.cell);
        node = step.from;
        left -= 1;
    }
    cells.reverse();
    Some((cost, cells))
}

/// Start and end of every delimiter, quotes ignored.
fn delimiters(line: &[u8], d: &Compiled) -> Vec<(usize, usize)> {
    let mut places = Vec::new();
    let mut i = 0;
    while i < line.len() {
        match d.delimiter_at(line, i, true) {
            Ok(Some(n)) => {
                places.push((i, i + n));
                i += n;
            }
            _ => i += 1,
        }
    }
    places
}

/// Every way to read the cell that starts at `node`: as plain text to the next delimiter, or quoted to any closing quote.
fn edges(line: &[u8], d: &Compiled, quote: u8, places: &[(usize, usize)], node: usize) -> Vec<(usize, f32, Cell)> {
    let start = if node == 0 { 0 } else { places[node - 1].1 };
    let end = places.get(node).map_or(line.len(), |p| p.0);
    let open = opening(d, line, start, quote);
    let plain = match (open, memchr::memchr(quote, &line[start..end])) {
        (Some(_), _) => LITERAL,
        (None, Some(_)) => STRAY,
        (None, None) => 0.0,
    };
    let mut found = vec![(node + 1, plain, Cell { start, end, quoted: false })];
    let Some(open) = open else { return found };
    let mut anomalies = 0.0;
    let mut next = node;
    let mut i = open;
    while i < line.len() {
        if d.escape == Some(line[i]) && i + 1 < line.len() {
            i += 2;
            continue;
        }
        if line[i] != quote {
            i += 1;
            continue;
        }
        let run = line[i..].iter().take_while(|b| **b == quote).count();
        let after = i + run;
        let gap = line[after..].iter().take_while(|b| **b == b' ' && d.delimiter[0] != b' ').count();
        while next < places.len() && places[next].0 < after {
            next += 1;
        }
        let stop = places.get(next).map_or(line.len(), |p| p.0);
        let closes = after + gap == stop || after == stop;
        if closes {
            let odd_inside = if run % 2 == 0 { UNDOUBLED } else { 0.0 };
            found.push((next + 1, anomalies + odd_inside, Cell { start: open, end: after - 1, quoted: true }));
        }
        if run % 2 == 1 {
            anomalies += if closes { 2.0 * UNDOUBLED } else { UNDOUBLED };
        }
        if found.len() > 64 {
            break;
        }
        i = after;
    }
    found
}

/// Appends a cell's text: doubled quotes become one, protected characters lose their escape, single ones stay.
fn write_cell(line: &[u8], cell: &Cell, d: &Compiled, quote: u8, row: &mut Row) {
    let text = &line[cell.start..cell.end];
    if !cell.quoted {
        return row.push(text);
    }
    let mut i = 0;
    while i < text.len() {
        let next = text.get(i + 1).copied();
        let doubled = text[i] == quote && next == Some(quote);
        let protected = d.escape == Some(text[i]) && next.is_some() && (next == d.quote || next == d.escape);
        if doubled || protected {
            i += 1;
        }
        row.data.push(text[i]);
        i += 1;
    }
    row.end_cell();
}
