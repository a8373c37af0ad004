//! Finds where JSON values begin and end, without building them.

use crate::read::text::TextReader;
use crate::read::{Bounds, ReadError};

/// A window on a JSON text.
pub(super) struct Scan {
    text: TextReader,
    pub buf: Vec<u8>,
    pub pos: usize,
    ended: bool,
    /// While held, bytes before `pos` are kept so that `pos` may go back.
    held: bool,
    /// Physical line of `pos`, from 1; counted where white space is skipped and values are released.
    pub line: i64,
    record: usize,
    depth: usize,
}

impl Scan {
    pub fn new(text: TextReader, bounds: &Bounds) -> Self {
        Scan { text, buf: Vec::new(), pos: 0, ended: false, held: false, line: 1, record: bounds.record, depth: bounds.json_depth }
    }

    pub fn hold(&mut self) {
        self.buf.drain(..self.pos);
        self.pos = 0;
        self.held = true;
    }

    pub fn unhold(&mut self) {
        self.held = false;
    }

    pub fn skip(&mut self, n: usize) {
        self.pos += n;
    }

    /// Moves past a value that was used.
    pub fn release(&mut self, end: usize) {
        self.line += memchr::memchr_iter(b'\n', &self.buf[self.pos..end]).count() as i64;
        self.pos = end;
    }

    /// The next byte that is not white space.
    pub fn peek(&mut self) -> Result<Option<u8>, ReadError> {
        loop {
            while let Some(b) = self.buf.get(self.pos) {
                match b {
                    b'\n' => self.line += 1,
                    b' ' | b'\t' | b'\r' => {}
                    other => return Ok(Some(*other)),
                }
                self.pos += 1;
            }
            if !self.refill()? {
                return Ok(None);
            }
        }
    }

    /// Start and end of the value at `pos`, which is not white space; None when the text ends inside it.
    pub fn value(&mut self) -> Result<Option<(usize, usize)>, ReadError> {
        loop {
            match value_end(&self.buf[self.pos..], self.ended, self.depth) {
                Ok(Some(len)) => return Ok(Some((self.pos, self.pos + len))),
                Ok(None) => {}
                Err(()) => return Err(ReadError::bound("Il JSON è troppo annidato", "The JSON is nested too deeply", self.depth)),
            }
            if self.buf.len() - self.pos > self.record {
                return Err(ReadError::bound("Un elemento JSON è troppo grande", "A JSON element is too large", format!("{} byte", self.record)));
            }
            if !self.refill()? {
                return Ok(None);
            }
        }
    }

    fn refill(&mut self) -> Result<bool, ReadError> {
        if !self.held {
            self.buf.drain(..self.pos);
            self.pos = 0;
        } else if self.buf.len() > self.record {
            return Err(ReadError::bound("Un elemento JSON è troppo grande", "A JSON element is too large", format!("{} byte", self.record)));
        }
        // A value that goes on is scanned anew: doubling what is held keeps that linear.
        let (before, enough) = (self.buf.len(), self.buf.len() * 2);
        while !self.ended {
            self.ended = !self.text.fill(&mut self.buf)?;
            if self.buf.len() >= enough {
                break;
            }
        }
        Ok(self.buf.len() > before)
    }
}

/// Length of the value at the start of `text`; None when more text is needed; an error when it is nested too deeply.
pub(crate) fn value_end(text: &[u8], whole: bool, most: usize) -> Result<Option<usize>, ()> {
    let (mut depth, mut i, mut inside) = (0usize, 0, false);
    while i < text.len() {
        let b = text[i];
        i += 1;
        if inside {
            match b {
                b'\\' => i += 1,
                b'"' => inside = false,
                _ => continue,
            }
            if !inside && depth == 0 {
                return Ok(Some(i));
            }
            continue;
        }
        match b {
            b'"' if i > 1 && depth == 0 => return Ok(Some(i - 1)),
            b'"' => inside = true,
            b'{' | b'[' => {
                depth += 1;
                if depth > most {
                    return Err(());
                }
            }
            b'}' | b']' if depth == 0 => return Ok(Some(i - 1)),
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Ok(Some(i));
                }
            }
            b',' | b':' | b' ' | b'\n' | b'\r' | b'\t' if depth == 0 => return Ok(Some(i - 1)),
            _ => {}
        }
    }
    Ok((whole && depth == 0 && !inside && !text.is_empty()).then_some(text.len()))
}

/// Keys and raw values of an object; empty for any other value; None when it is malformed.
pub(super) fn members(text: &[u8]) -> Option<Vec<(String, &[u8])>> {
    let mut found = Vec::new();
    if text.first() != Some(&b'{') {
        return Some(found);
    }
    let mut rest = trim(&text[1..]);
    while rest.first() != Some(&b'}') {
        let (key, after) = take(rest)?;
        rest = trim(after).strip_prefix(b":")?;
        let (value, after) = take(trim(rest))?;
        found.push((serde_json::from_slice(key).ok()?, value));
        rest = trim(after);
        rest = trim(rest.strip_prefix(b",").unwrap_or(rest));
    }
    Some(found)
}

/// Raw items of an array; None when it is malformed.
pub(super) fn items(text: &[u8]) -> Option<Vec<&[u8]>> {
    let mut found = Vec::new();
    let mut rest = trim(text.strip_prefix(b"[")?);
    while rest.first() != Some(&b']') {
        let (value, after) = take(rest)?;
        found.push(value);
        rest = trim(after);
        rest = trim(rest.strip_prefix(b",").unwrap_or(rest));
    }
    Some(found)
}

fn take(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = value_end(text, true, usize::MAX).ok()??;
    (end > 0).then(|| text.split_at(end))
}

fn trim(text: &[u8]) -> &[u8] {
    text.trim_ascii_start()
}
