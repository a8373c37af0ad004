//! JSON arrays and NDJSON as rows, element by element: memory holds one element. Numbers keep the digits they were written
//! with; nested values stay JSON text.

mod scan;

use std::collections::HashMap;

pub(crate) use scan::value_end;

use super::text::TextReader;
use super::{Bounds, ErrorKind, Hints, Oddities, ReadError, Row, Rows};
use scan::Scan;

pub(crate) struct JsonRows {
    scan: Scan,
    shape: Shape,
    keys: Vec<String>,
    index: HashMap<String, usize>,
    /// Elements read so far.
    count: i64,
    done: bool,
}

/// How elements follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Between `[` and `]`.
    Array,
    /// One after the other, usually one per line.
    Lines,
}

impl JsonRows {
    /// Reads up to the first element. `lines` for NDJSON.
    pub fn open(text: TextReader, lines: bool, hints: &Hints, bounds: &Bounds) -> Result<Self, ReadError> {
        let mut scan = Scan::new(text, bounds);
        let shape = match (lines, scan.peek()?) {
            (false, Some(b'[')) => {
                scan.skip(1);
                Shape::Array
            }
            (false, Some(b'{')) => enter_object(&mut scan, hints)?,
            _ => Shape::Lines,
        };
        Ok(JsonRows { scan, shape, keys: Vec::new(), index: HashMap::new(), count: 0, done: false })
    }

    /// The keys of the first `most` elements in order of first sight; empty when elements are not objects.
    pub fn collect_keys(mut self, most: i64, bounds: &Bounds) -> Result<Vec<String>, ReadError> {
        while self.count < most {
            let Some((start, end)) = self.element()? else { break };
            let keys: Vec<String> = self.members(start, end)?.into_iter().map(|(key, _)| key).collect();
            for key in keys {
                if !self.index.contains_key(&key) {
                    if self.keys.len() >= bounds.columns {
                        return Err(ReadError::bound("Ci sono troppe colonne", "There are too many columns", bounds.columns));
                    }
                    self.index.insert(key.clone(), self.keys.len());
                    self.keys.push(key);
                }
            }
            self.scan.release(end);
        }
        Ok(self.keys)
    }

    pub fn with_keys(mut self, keys: Vec<String>) -> Self {
        self.index = keys.iter().cloned().enumerate().map(|(i, k)| (k, i)).collect();
        self.keys = keys;
        self
    }

    /// Place of the next element in the buffer.
    fn element(&mut self) -> Result<Option<(usize, usize)>, ReadError> {
        if self.done {
            return Ok(None);
        }
        let next = match (self.shape, self.scan.peek()?) {
            (Shape::Lines, None) => None,
            (Shape::Array, None) => return Err(self.damaged("the array never ends")),
            (Shape::Array, Some(b']')) => None,
            (Shape::Array, Some(b',')) if self.count > 0 => {
                self.scan.skip(1);
                self.scan.peek()?
            }
            (Shape::Array, Some(_)) if self.count > 0 => return Err(self.damaged("a comma is missing")),
            (_, next) => next,
        };
        if next.is_none() || next == Some(b']') {
            self.done = true;
            return Ok(None);
        }
        let Some(place) = self.scan.value()? else { return Err(self.damaged("a value never ends")) };
        self.count += 1;
        let text = &self.scan.buf[place.0..place.1];
        if let Err(e) = serde_json::from_slice::<serde::de::IgnoredAny>(text) {
            return Err(self.damaged(&e.to_string()));
        }
        Ok(Some(place))
    }

    /// Keys and raw values of an object; nothing for any other value.
    fn members(&self, start: usize, end: usize) -> Result<Vec<(String, &[u8])>, ReadError> {
        scan::members(&self.scan.buf[start..end]).ok_or_else(|| self.damaged("an object is malformed"))
    }

    fn damaged(&self, detail: &str) -> ReadError {
        let (line, n) = (self.scan.line, self.count);
        ReadError::new(
            ErrorKind::Damaged,
            format!("Il JSON non è valido intorno alla riga {line}, elemento {n} ({detail})."),
            format!("The JSON is not valid near line {line}, element {n} ({detail})."),
        )
    }
}

impl Rows for JsonRows {
    fn next(&mut self, row: &mut Row, odd: &mut Oddities) -> Result<bool, ReadError> {
        row.clear();
        let Some((start, end)) = self.element()? else { return Ok(false) };
        row.line = if self.shape == Shape::Lines { self.scan.line } else { self.count };
        match self.scan.buf[start] {
            b'{' => {
                let mut cells: Vec<Option<&[u8]>> = vec![None; self.keys.len()];
                for (key, value) in self.members(start, end)? {
                    match self.index.get(&key) {
                        Some(i) => cells[*i] = Some(value),
                        None => {
                            odd.note(
                                "unknown_key",
                                Some(row.line),
                                "Ci sono chiavi che i primi elementi non avevano: sono celle in più.",
                                "There are keys that the first elements did not have: they are extra cells.",
                            );
                            cells.push(Some(value));
                        }
                    }
                }
                for cell in cells {
                    push_value(cell, row);
                }
            }
            b'[' => {
                for item in scan::items(&self.scan.buf[start..end]).ok_or_else(|| self.damaged("an array is malformed"))? {
                    push_value(Some(item), row);
                }
            }
            _ => push_value(Some(&self.scan.buf[start..end]), row),
        }
        self.scan.release(end);
        Ok(true)
    }
}

fn push_value(value: Option<&[u8]>, row: &mut Row) {
    match value {
        None | Some(b"null") => row.push_null(),
        Some(text) if text.first() == Some(&b'"') => match serde_json::from_slice::<String>(text) {
            Ok(text) => row.push(text.as_bytes()),
            Err(_) => row.push(text),
        },
        Some(raw) => row.push(raw),
    }
}

/// Enters the array of objects that a top-level object holds; without one, the object itself is the only row.
fn enter_object(scan: &mut Scan, hints: &Hints) -> Result<Shape, ReadError> {
    let place = scan.pos;
    let line = scan.line;
    scan.hold();
    scan.skip(1);
    while let Some(b'"') = scan.peek()? {
        let Some((start, end)) = scan.value()? else { break };
        let key: String = serde_json::from_slice(&scan.buf[start..end]).unwrap_or_default();
        scan.pos = end;
        if scan.peek()? != Some(b':') {
            break;
        }
        scan.skip(1);
        let wanted = hints.array.as_ref().is_none_or(|asked| *asked == key);
        if scan.peek()? == Some(b'[') && wanted {
            let before = scan.pos;
            scan.skip(1);
            if hints.array.is_some() || scan.peek()? == Some(b'{') {
                scan.unhold();
                return Ok(Shape::Array);
            }
            scan.pos = before;
        }
        let Some((_, end)) = scan.value()? else { break };
        scan.pos = end;
        if scan.peek()? != Some(b',') {
            break;
        }
        scan.skip(1);
        scan.peek()?;
    }
    if let Some(asked) = &hints.array {
        return Err(ReadError::new(ErrorKind::Choice, format!("Nel JSON non c'è un elenco \"{asked}\"."), format!("The JSON holds no array \"{asked}\".")));
    }
    scan.pos = place;
    scan.line = line;
    scan.unhold();
    Ok(Shape::Lines)
}
