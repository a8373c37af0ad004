//! Finds how a text separates its cells: every candidate dialect reads the sample, the one under which rows agree in length
//! and cells look like values wins. After van den Burg, Nazábal and Sutton, "Wrangling messy CSV files by detecting row
//! and type patterns" (2019), with priors for what the world uses and with repairs left out of the judgement.

mod candidates;
mod score;
mod value;

use super::{Dialect, Hints, LineEnding};

/// What was found, with the usual number of cells of a row.
#[derive(Clone, Debug)]
pub(crate) struct Detected {
    pub dialect: Dialect,
    pub usual: usize,
}

/// Judges a dialect by the beginning of a text. `whole` when the sample is all of it.
pub(crate) fn detect(sample: &[u8], whole: bool, hints: &Hints) -> Detected {
    let line_ending = line_ending(sample);
    let mut best: Option<(f64, Detected)> = None;
    for candidate in candidates::of(sample, hints) {
        let dialect = Dialect { line_ending, ..candidate.dialect };
        let Some(judged) = score::judge(sample, whole, &dialect) else { continue };
        let score = judged.score * candidate.prior;
        if best.as_ref().is_none_or(|(top, _)| score > *top + 1e-9) {
            best = Some((score, Detected { dialect, usual: judged.usual }));
        }
    }
    match best {
        Some((_, found)) => found,
        None => single_column(sample, whole, hints, line_ending),
    }
}

/// No delimiter makes a table: one column, comma and double quote kept as RFC 4180 has them.
fn single_column(sample: &[u8], whole: bool, hints: &Hints, line_ending: LineEnding) -> Detected {
    let delimiter = hints.delimiter.clone().filter(|d| !d.is_empty());
    let quote = candidates::quote_hint(hints).unwrap_or(Some('"'));
    let escape = hints.escape.as_ref().and_then(|e| e.chars().next());
    let found = delimiter.is_some();
    let mut dialect = Dialect { delimiter: delimiter.unwrap_or(",".into()), quote, escape, line_ending };
    // Commas that stand in prose must not cut it: a delimiter that does not occur leaves the lines whole.
    if !found && memchr::memchr(b',', sample).is_some() {
        let unused = ["\t", ";", "|", "\u{1f}"].into_iter().find(|d| memchr::memchr(d.as_bytes()[0], sample).is_none());
        let spread = score::spread(sample, whole, &dialect);
        if let Some(unused) = unused
            && spread > 0.5
        {
            dialect.delimiter = unused.to_string();
        }
    }
    let usual = score::usual(sample, whole, &dialect);
    Detected { dialect, usual }
}

/// Which line ends occur, quotes ignored.
fn line_ending(sample: &[u8]) -> LineEnding {
    let (mut lf, mut crlf, mut cr) = (0, 0, 0);
    let mut i = 0;
    while let Some(at) = memchr::memchr2(b'\n', b'\r', &sample[i..]).map(|n| n + i) {
        i = at + 1;
        match (sample[at], sample.get(at + 1)) {
            (b'\n', _) => lf += 1,
            (_, Some(b'\n')) => {
                crlf += 1;
                i += 1;
            }
            _ => cr += 1,
        }
    }
    match (lf, crlf, cr) {
        (_, 0, 0) => LineEnding::Lf,
        (0, _, 0) => LineEnding::Crlf,
        (0, 0, _) => LineEnding::Cr,
        _ => LineEnding::Mixed,
    }
}
