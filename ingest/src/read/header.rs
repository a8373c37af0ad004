//! Finds the header among the first rows: below titles and blank lines, above the data.

use super::{Hints, Row};

/// Rows looked at.
pub(super) const ROWS: usize = 60;

pub(super) struct Found {
    /// Index among the rows looked at; None when the file has no header.
    pub row: Option<usize>,
    /// False when nothing told a header from data.
    pub sure: bool,
}

pub(super) fn find(rows: &[Row], usual: usize, hints: &Hints) -> Found {
    match hints.header_row {
        Some(0) => return Found { row: None, sure: true },
        Some(line) => return Found { row: rows.iter().position(|r| r.line == line), sure: true },
        None => {}
    }
    if let Some(row) = hints.columns.as_ref().and_then(|names| by_names(rows, names)) {
        return Found { row: Some(row), sure: true };
    }
    let width = usual.max(1);
    for (i, row) in rows.iter().enumerate() {
        let filled = filled(row);
        if filled == 0 || (width > 1 && (filled < 2 || filled * 10 < width * 6)) {
            continue;
        }
        let numbers = (0..row.len()).filter(|c| is_number(row.text(*c).unwrap_or_default())).count();
        if numbers * 2 < filled || years(row) {
            return Found { row: Some(i), sure: true };
        }
        break;
    }
    Found { row: None, sure: false }
}

/// A name followed by years, each once: the header of a table over time.
fn years(row: &Row) -> bool {
    let texts = row.texts();
    let Some((name, rest)) = texts.split_first() else { return false };
    let cells: Vec<&str> = rest.iter().map(|c| c.trim()).filter(|c| !c.is_empty()).collect();
    let year = |c: &&str| c.len() == 4 && (c.starts_with("19") || c.starts_with("20")) && c.bytes().all(|b| b.is_ascii_digit());
    let mut seen = std::collections::HashSet::new();
    !is_number(name) && cells.len() > 2 && cells.iter().all(|c| !is_number(c) || (year(c) && seen.insert(*c)))
}

/// The row that holds most of the expected names, when it holds at least half of them or two.
fn by_names(rows: &[Row], names: &[String]) -> Option<usize> {
    let names: Vec<String> = names.iter().map(|n| plain(n)).collect();
    let mut best = (0, 0);
    for (i, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row.texts().iter().map(|c| plain(c)).collect();
        let hits = names.iter().filter(|n| cells.contains(n)).count();
        if hits > best.0 {
            best = (hits, i);
        }
    }
    (best.0 >= 2 || best.0 * 2 >= names.len().max(1)).then_some(best.1)
}

fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

pub(super) fn filled(row: &Row) -> usize {
    (0..row.len()).filter(|i| !row.text(*i).unwrap_or_default().trim().is_empty()).count()
}

fn is_number(text: &str) -> bool {
    let text = text.trim();
    text.bytes().any(|b| b.is_ascii_digit()) && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b',' | b'-' | b'/' | b':' | b'%' | b' ' | b'+'))
}

/// Column names: trimmed, never empty, never twice.
pub(super) fn names(cells: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(cells.len());
    let mut seen = std::collections::HashSet::new();
    for (i, cell) in cells.iter().enumerate() {
        let base = match cell.split_whitespace().collect::<Vec<_>>().join(" ") {
            text if text.is_empty() => format!("colonna_{}", i + 1),
            text => text,
        };
        let mut name = base.clone();
        let mut n = 2;
        while !seen.insert(name.clone()) {
            name = format!("{base}_{n}");
            n += 1;
        }
        names.push(name);
    }
    names
}
