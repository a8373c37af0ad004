//! The dialects worth trying on a sample: only marks that occur in it, each with a prior from how often the world uses it.

use crate::read::{Dialect, Hints, LineEnding};

#[derive(Clone)]
pub(super) struct Candidate {
    pub dialect: Dialect,
    pub prior: f64,
}

const SINGLE: [(&str, f64); 15] = [
    (",", 1.0),
    (";", 1.0),
    ("\t", 1.0),
    ("|", 0.98),
    (":", 0.45),
    (" ", 0.55),
    ("^", 0.9),
    ("~", 0.9),
    ("¬", 0.9),
    ("§", 0.9),
    ("#", 0.6),
    ("\u{1}", 1.0),
    ("\u{1e}", 1.0),
    ("\u{1f}", 1.0),
    ("¦", 0.9),
];

const SEVERAL: [(&str, f64); 16] = [
    (", ", 1.012),
    ("; ", 1.012),
    (" | ", 1.02),
    ("| ", 1.01),
    ("||", 1.3),
    ("\t\t", 1.3),
    ("::", 1.2),
    ("~~", 1.2),
    ("^^", 1.2),
    ("##", 1.1),
    ("@@", 1.0),
    ("|~|", 1.5),
    ("~|~", 1.5),
    ("^|^", 1.5),
    ("<>", 0.9),
    ("\\t", 0.9),
];

pub(super) fn of(sample: &[u8], hints: &Hints) -> Vec<Candidate> {
    let quotes = quotes(sample, hints);
    let mut all = Vec::new();
    for (delimiter, prior) in delimiters(sample, hints) {
        for (quote, quote_prior) in &quotes {
            if quote.is_some_and(|q| delimiter.starts_with(q)) {
                continue;
            }
            for (escape, escape_prior) in escapes(sample, &delimiter, *quote, hints) {
                let dialect = Dialect { delimiter: delimiter.clone(), quote: *quote, escape, line_ending: LineEnding::Lf };
                all.push(Candidate { dialect, prior: prior * quote_prior * escape_prior });
            }
        }
    }
    all
}

fn delimiters(sample: &[u8], hints: &Hints) -> Vec<(String, f64)> {
    if let Some(hint) = hints.delimiter.as_ref().filter(|d| !d.is_empty()) {
        return vec![(hint.clone(), 1.0)];
    }
    let mut found: Vec<(String, f64)> = Vec::new();
    for (delimiter, prior) in SINGLE.iter().chain(&SEVERAL) {
        if memchr::memmem::find(sample, delimiter.as_bytes()).is_some() {
            found.push((delimiter.to_string(), *prior));
        }
    }
    // A mark that only ever stands doubled (or inside a longer mark) is not the delimiter by itself.
    let doubled: Vec<String> = found.iter().map(|f| f.0.clone()).filter(|d| d.len() > 1 && always(sample, d)).collect();
    found.retain(|(d, _)| !doubled.iter().any(|longer| longer != d && longer.contains(d.as_str()) && d != " "));
    found
}

/// True when the first character of a two-character mark never occurs alone, and the mark is not made of a space.
fn always(sample: &[u8], mark: &str) -> bool {
    let first = mark.as_bytes()[0];
    if !mark.bytes().all(|b| b == first) && mark.len() < 3 || mark.starts_with([',', ';', ' ']) {
        return false;
    }
    let marks = memchr::memmem::find_iter(sample, mark.as_bytes()).count();
    let inside = mark.bytes().filter(|b| *b == first).count();
    marks >= 2 && memchr::memchr_iter(first, sample).count() == marks * inside
}

/// None: no hint. Some(None): the hint says that nothing is quoted.
pub(super) fn quote_hint(hints: &Hints) -> Option<Option<char>> {
    hints.quote.as_ref().map(|q| q.chars().next().filter(char::is_ascii))
}

fn quotes(sample: &[u8], hints: &Hints) -> Vec<(Option<char>, f64)> {
    if let Some(hint) = quote_hint(hints) {
        return vec![(hint, 1.0)];
    }
    let mut found = vec![(Some('"'), 1.0)];
    if memchr::memchr(b'"', sample).is_some() {
        found.push((None, 0.8));
    }
    for (quote, prior) in [('\'', 0.985), ('`', 0.97)] {
        if stands_at_edges(sample, quote as u8) {
            found.push((Some(quote), prior));
        }
    }
    found
}

/// True when a quote opens after a mark and closes before one: an apostrophe inside words does not.
fn stands_at_edges(sample: &[u8], quote: u8) -> bool {
    let mark = |b: Option<&u8>| b.is_none_or(|b| matches!(b, b',' | b';' | b'\t' | b'|' | b':' | b' ' | b'\n' | b'\r' | b'^' | b'~'));
    let hard = |b: Option<&u8>| b.is_none_or(|b| matches!(b, b',' | b';' | b'\t' | b'|' | b':' | b' ' | b'\n' | b'\r' | b'^' | b'~'));
    let (mut opens, mut closes) = (0, 0);
    for at in memchr::memchr_iter(quote, sample) {
        opens += usize::from(mark(at.checked_sub(1).and_then(|i| sample.get(i))));
        closes += usize::from(hard(sample.get(at + 1)));
    }
    opens > 0 && closes > 0
}

fn escapes(sample: &[u8], delimiter: &str, quote: Option<char>, hints: &Hints) -> Vec<(Option<char>, f64)> {
    if let Some(hint) = &hints.escape {
        return vec![(hint.chars().next().filter(char::is_ascii), 1.0)];
    }
    let mut found = vec![(None, 1.0)];
    let protects = |mark: &str| memchr::memmem::find(sample, format!("\\{mark}").as_bytes()).is_some();
    let protects_quote = quote.is_some_and(|q| protects(&q.to_string()));
    if !delimiter.starts_with('\\') && (protects_quote || (delimiter != "\t" && delimiter != " " && protects(delimiter))) {
        found.push((Some('\\'), 0.985));
    }
    found
}
