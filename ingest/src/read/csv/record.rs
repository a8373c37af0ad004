//! One record of delimited text. RFC 4180 where the text keeps to it; where it does not, nothing is lost: a quote that
//! cannot be a closing one stays in its cell, and the record is marked as troubled.

use memchr::memchr2;

use crate::read::{Dialect, Row};

/// A dialect in the form the record machine needs.
#[derive(Clone, Debug)]
pub(crate) struct Compiled {
    pub delimiter: Vec<u8>,
    pub quote: Option<u8>,
    pub escape: Option<u8>,
    /// Bytes at which an unquoted cell has to look up.
    special: [bool; 256],
    /// A delimiter that ends in a space loses it at the end of a line.
    bare: Option<u8>,
}

pub(crate) enum End {
    /// The record goes on beyond the bytes at hand; `quoted` when it broke off inside quotes.
    More { quoted: bool },
    Done {
        /// Bytes of the record with its line end.
        used: usize,
        /// Physical lines of the record.
        lines: i64,
        /// Quotes found where none can be, and the one that was never closed.
        trouble: u32,
        /// The text ended inside quotes.
        open: bool,
        /// Some cell was quoted.
        quotes: bool,
    },
}

impl Compiled {
    pub fn new(dialect: &Dialect) -> Self {
        let delimiter = dialect.delimiter.as_bytes().to_vec();
        let mut special = [false; 256];
        for b in [b'\n', b'\r', delimiter[0]] {
            special[usize::from(b)] = true;
        }
        let escape = dialect.escape.map(|c| c as u8);
        if let Some(e) = escape {
            special[usize::from(e)] = true;
        }
        let bare = match delimiter.as_slice() {
            [b, b' '] if *b != b' ' => Some(*b),
            _ => None,
        };
        Compiled { delimiter, quote: dialect.quote.map(|c| c as u8), escape, special, bare }
    }

    /// Length of the delimiter standing at `i`; None when there is none, or when more bytes are needed (`Err`).
    #[inline]
    pub fn delimiter_at(&self, text: &[u8], i: usize, whole: bool) -> Result<Option<usize>, ()> {
        if self.delimiter.len() == 1 {
            return Ok((text[i] == self.delimiter[0]).then_some(1));
        }
        let rest = &text[i..];
        if rest.starts_with(&self.delimiter) {
            return Ok(Some(self.delimiter.len()));
        }
        if self.delimiter.starts_with(rest) && !whole {
            return Err(());
        }
        if let Some(b) = self.bare
            && rest[0] == b
        {
            return match rest.get(1) {
                None if !whole => Err(()),
                None | Some(b'\n' | b'\r') => Ok(Some(1)),
                Some(_) => Ok(None),
            };
        }
        Ok(None)
    }
}

/// Parses the record at the start of `text` into `row`; `whole` when nothing follows `text`.
pub(crate) fn parse(d: &Compiled, text: &[u8], whole: bool, row: &mut Row) -> End {
    let mut i = 0;
    let mut state = State { lines: 1, trouble: 0, open: false, quotes: false };
    match line_end(text, 0, whole) {
        Some(0) => {}
        Some(n) => return state.done(n),
        None => return End::More { quoted: false },
    }
    loop {
        let next = match d.quote.and_then(|q| opening(d, text, i, q)) {
            Some(start) => quoted(d, text, start, whole, row, &mut state),
            None => unquoted(d, text, i, whole, row),
        };
        match next {
            Next::Cell(at) => i = at,
            Next::Record(at) => return state.done(at),
            Next::More { quoted } => return End::More { quoted },
        }
    }
}

struct State {
    lines: i64,
    trouble: u32,
    open: bool,
    quotes: bool,
}

impl State {
    fn done(&self, used: usize) -> End {
        End::Done { used, lines: self.lines, trouble: self.trouble, open: self.open, quotes: self.quotes }
    }
}

enum Next {
    Cell(usize),
    Record(usize),
    More { quoted: bool },
}

/// The place after the opening quote of a cell that starts at `i`, spaces before it allowed.
#[inline]
pub(super) fn opening(d: &Compiled, text: &[u8], i: usize, quote: u8) -> Option<usize> {
    let mut j = i;
    if d.delimiter[0] != b' ' {
        while text.get(j) == Some(&b' ') {
            j += 1;
        }
    }
    (text.get(j) == Some(&quote)).then_some(j + 1)
}

/// Bytes of the line end at `i`: 0 when there is none, None when more bytes are needed to tell.
#[inline]
pub(super) fn line_end(text: &[u8], i: usize, whole: bool) -> Option<usize> {
    match text.get(i) {
        Some(b'\n') => Some(1),
        Some(b'\r') => match (text.get(i + 1), text.get(i + 2)) {
            (Some(b'\n'), _) => Some(2),
            (Some(b'\r'), Some(b'\n')) => Some(3),
            (None, _) | (Some(b'\r'), None) if !whole => None,
            _ => Some(1),
        },
        _ => Some(0),
    }
}

fn unquoted(d: &Compiled, text: &[u8], start: usize, whole: bool, row: &mut Row) -> Next {
    let more = Next::More { quoted: false };
    let mut from = start;
    let mut i = start;
    loop {
        while i < text.len() && !d.special[usize::from(text[i])] {
            i += 1;
        }
        if i == text.len() {
            if !whole {
                return more;
            }
            row.push(&text[from..i]);
            return Next::Record(i);
        }
        if matches!(text[i], b'\n' | b'\r') {
            let Some(n) = line_end(text, i, whole) else { return more };
            row.push(&text[from..i]);
            return Next::Record(i + n);
        }
        match d.delimiter_at(text, i, whole) {
            Err(()) => return more,
            Ok(Some(n)) => {
                row.push(&text[from..i]);
                return Next::Cell(i + n);
            }
            Ok(None) => {}
        }
        if d.escape == Some(text[i]) {
            if i + 1 == text.len() && !whole {
                return more;
            }
            if let Some(n) = escaped(d, text, i) {
                row.data.extend_from_slice(&text[from..i]);
                from = i + 1;
                i += n;
            }
        }
        i += 1;
    }
}

/// Bytes that the escape at `i` protects; None when it is an ordinary character.
fn escaped(d: &Compiled, text: &[u8], i: usize) -> Option<usize> {
    let next = *text.get(i + 1)?;
    if Some(next) == d.quote || Some(next) == d.escape {
        return Some(1);
    }
    text[i + 1..].starts_with(&d.delimiter).then_some(d.delimiter.len())
}

fn quoted(d: &Compiled, text: &[u8], start: usize, whole: bool, row: &mut Row, state: &mut State) -> Next {
    let quote = d.quote.unwrap_or(b'"');
    let escape = d.escape.unwrap_or(quote);
    let mut from = start;
    let mut i = start;
    state.quotes = true;
    loop {
        let Some(at) = memchr2(quote, escape, &text[i..]).map(|n| i + n) else {
            if !whole {
                return Next::More { quoted: true };
            }
            state.trouble += 1;
            state.open = true;
            return unterminated(text, start, from, row, state);
        };
        if at + 1 == text.len() && !whole {
            return Next::More { quoted: true };
        }
        if text[at] != quote {
            match escaped(d, text, at) {
                Some(n) => {
                    row.data.extend_from_slice(&text[from..at]);
                    from = at + 1;
                    i = at + 1 + n;
                }
                None => i = at + 1,
            }
            continue;
        }
        if text.get(at + 1) == Some(&quote) {
            row.data.extend_from_slice(&text[from..at + 1]);
            from = at + 2;
            i = at + 2;
            continue;
        }
        match closing(d, text, at + 1, whole) {
            Closing::More => return Next::More { quoted: true },
            Closing::No => {
                state.trouble += 1;
                i = at + 1;
            }
            Closing::Cell(next) => {
                row.push(&text[from..at]);
                state.lines += breaks(&text[start..at]);
                return Next::Cell(next);
            }
            Closing::Record(next) => {
                row.push(&text[from..at]);
                state.lines += breaks(&text[start..at]);
                return Next::Record(next);
            }
        }
    }
}

/// Keeps what follows a quote that never closes, without the last line end, the quote included.
fn unterminated(text: &[u8], start: usize, from: usize, row: &mut Row, state: &mut State) -> Next {
    let mut end = text.len();
    while end > from && matches!(text[end - 1], b'\n' | b'\r') {
        end -= 1;
    }
    row.data.extend_from_slice(&text[from.min(end)..end]);
    row.end_cell();
    state.lines += breaks(&text[start..end]);
    Next::Record(text.len())
}

enum Closing {
    Cell(usize),
    Record(usize),
    No,
    More,
}

/// What stands after a quote: it closes the cell when a delimiter or the line's end follows, spaces allowed.
fn closing(d: &Compiled, text: &[u8], after: usize, whole: bool) -> Closing {
    let mut i = after;
    loop {
        if i == text.len() {
            return if whole { Closing::Record(i) } else { Closing::More };
        }
        match d.delimiter_at(text, i, whole) {
            Err(()) => return Closing::More,
            Ok(Some(n)) => return Closing::Cell(i + n),
            Ok(None) => {}
        }
        match line_end(text, i, whole) {
            None => return Closing::More,
            Some(0) => {}
            Some(n) => return Closing::Record(i + n),
        }
        if text[i] != b' ' {
            return Closing::No;
        }
        i += 1;
    }
}

/// Line breaks in a text, CR LF counted once.
pub(super) fn breaks(text: &[u8]) -> i64 {
    let mut n = 0;
    for at in memchr::memchr2_iter(b'\n', b'\r', text) {
        n += i64::from(!(text[at] == b'\n' && at > 0 && text[at - 1] == b'\r'));
    }
    n
}
