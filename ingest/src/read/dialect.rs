//! Finds how a text separates its cells: every candidate dialect reads the sample, the one under which rows agree in length
//! and cells look like values wins. After van den Burg, Nazábal and Sutton, "Wrangling messy CSV files by detecting row
//! and type patterns" (2019), with priors for what the world uses and with repairs left out of the judgement.

mod candidates;
mod score;
mod value;

use super::{Dialect, Hints, LineEnding};
use candidates::Candidate;

/// What was found, with the usual number of cells of a row.
#[derive(Clone, Debug)]
pub(crate) struct Detected {
    pub dialect: Dialect,
    pub usual: usize,
    /// Hardly any row has spaces behind its separators: one that has them all is an exception.
    pub tight: bool,
    /// The first line is `sep=…`: it names the delimiter and is not cut by it.
    pub directive: bool,
}

/// Judges a dialect by the beginning of a text. `whole` when the sample is all of it.
pub(crate) fn detect(sample: &[u8], whole: bool, hints: &Hints) -> Detected {
    if let Some(delimiter) = directive(sample)
        && hints.delimiter.is_none()
    {
        let hints = Hints { delimiter: Some(delimiter), ..hints.clone() };
        let below = memchr::memchr2(b'\n', b'\r', sample).map_or(&sample[..0], |end| &sample[end..]);
        return Detected { directive: true, ..detect(below, whole, &hints) };
    }
    let mut candidates = candidates::of(sample, hints);
    // A quick look at the beginning leaves few candidates for the long one.
    let short = beginning(sample);
    if short.len() < sample.len() {
        let quick = judged(&candidates, short, false);
        let top = quick.iter().map(|(score, ..)| *score).fold(0.0, f64::max);
        let keep: Vec<Candidate> = quick.iter().filter(|(score, ..)| *score > top * 0.6).map(|(_, i, _)| candidates[*i].clone()).collect();
        if !keep.is_empty() {
            candidates = keep;
        }
    }
    let mut best: Option<(f64, usize, usize)> = None;
    for found in judged(&candidates, sample, whole) {
        if best.is_none_or(|(top, ..)| found.0 > top + 1e-9) {
            best = Some(found);
        }
    }
    let mut found = match best {
        Some((_, i, usual)) => Detected { dialect: candidates[i].dialect.clone(), usual, tight: false, directive: false },
        None => single_column(sample, whole, hints),
    };
    found.dialect.line_ending = score::line_ending(sample, whole, &found.dialect);
    found.tight = score::tight(sample, whole, &found.dialect);
    found
}

/// Score, place and usual number of cells of every candidate that makes a table of the sample.
fn judged(candidates: &[Candidate], sample: &[u8], whole: bool) -> Vec<(f64, usize, usize)> {
    let judge = |(i, c): (usize, &Candidate)| score::judge(sample, whole, &c.dialect).map(|j| (j.score * c.prior, i, j.usual));
    candidates.iter().enumerate().filter_map(judge).collect()
}

/// The first lines of a long sample: enough rows to tell most dialects apart.
fn beginning(sample: &[u8]) -> &[u8] {
    let lines = memchr::memchr2_iter(b'\n', b'\r', sample).nth(30);
    &sample[..lines.map_or(sample.len(), |end| end + 1)]
}

/// The delimiter named by a first line `sep=;`, which Excel writes and obeys.
fn directive(sample: &[u8]) -> Option<String> {
    let end = memchr::memchr2(b'\n', b'\r', sample)?;
    let line = std::str::from_utf8(&sample[..end]).ok()?.trim_matches('"');
    let (key, mark) = line.split_at_checked(4)?;
    (key.eq_ignore_ascii_case("sep=") && mark.chars().count() == 1).then(|| mark.to_string())
}

/// No delimiter makes a table: one column, comma and double quote kept as RFC 4180 has them.
fn single_column(sample: &[u8], whole: bool, hints: &Hints) -> Detected {
    let delimiter = hints.delimiter.clone().filter(|d| !d.is_empty());
    let quote = candidates::quote_hint(hints).unwrap_or(Some('"'));
    let escape = hints.escape.as_ref().and_then(|e| e.chars().next());
    let found = delimiter.is_some();
    let mut dialect = Dialect { delimiter: delimiter.unwrap_or(",".into()), quote, escape, line_ending: LineEnding::Lf };
    // Commas that stand in prose must not cut it: a delimiter that does not occur leaves the lines whole.
    if !found && memchr::memchr(b',', sample).is_some() {
        let unused = ["\t", ";", "|", "\u{1f}"].into_iter().find(|d| memchr::memchr(d.as_bytes()[0], sample).is_none());
        if let Some(unused) = unused
            && score::prose(sample, whole, &dialect)
        {
            dialect.delimiter = unused.to_string();
        }
    }
    let usual = score::usual(sample, whole, &dialect);
    Detected { dialect, usual, tight: false, directive: false }
}
