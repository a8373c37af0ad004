//! One TOML file with the place of everything in it, so that a mistake found anywhere names its line.
//! A place is a dotted path: `column.3.class` is the field `class` of the fourth `[[column]]`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use crate::mistake::Mistake;

pub struct Source {
    file: String,
    text: String,
    /// Byte at which the key and the value of each path start.
    places: BTreeMap<String, (usize, usize)>,
    pub table: toml::Table,
}

impl Source {
    /// The file at `path`, called `file` in mistakes; the one mistake where it cannot be read.
    pub fn open(path: &Path, file: &str) -> Result<Self, Vec<Mistake>> {
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(file, text),
            Err(error) => Err(vec![Mistake { file: file.to_owned(), line: 1, column: 1, message: format!("cannot be read: {error}") }]),
        }
    }

    /// Every syntax error of the text, if it is not TOML.
    pub fn parse(file: &str, text: String) -> Result<Self, Vec<Mistake>> {
        let (root, mut errors) = DeTable::parse_recoverable(&text);
        let mut places = BTreeMap::new();
        note_table(root.get_ref(), "", &mut places);
        match toml::from_str(&text) {
            Ok(table) if errors.is_empty() => Ok(Self { file: file.to_owned(), text, places, table }),
            Err(error) if errors.is_empty() => Err(vec![mistake_at(file, &text, error.span().map_or(0, |s| s.start), error.message())]),
            _ => Err(errors.drain(..).map(|e| mistake_at(file, &text, e.span().map_or(0, |s| s.start), e.message())).collect()),
        }
    }

    /// A mistake in the value at `path`, or in the nearest thing around it that is there.
    pub fn mistake(&self, path: &str, message: impl Into<String>) -> Mistake {
        let (_, value) = self.place(path);
        mistake_at(&self.file, &self.text, value, message)
    }

    /// A mistake in the name of the field at `path`.
    pub fn mistake_in_name(&self, path: &str, message: impl Into<String>) -> Mistake {
        let (key, _) = self.place(path);
        mistake_at(&self.file, &self.text, key, message)
    }

    fn place(&self, path: &str) -> (usize, usize) {
        let mut path = path;
        loop {
            if let Some(place) = self.places.get(path) {
                return *place;
            }
            match path.rsplit_once('.') {
                Some((around, _)) => path = around,
                None => return (0, 0),
            }
        }
    }
}

/// `path.step`, or `step` at the root.
pub fn join(path: &str, step: &str) -> String {
    if path.is_empty() { step.to_owned() } else { format!("{path}.{step}") }
}

/// A mistake at a byte of a text.
pub fn mistake_at(file: &str, text: &str, byte: usize, message: impl Into<String>) -> Mistake {
    let before = text.get(..byte).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    Mistake {
        file: file.to_owned(),
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        message: message.into().trim().replace('\n', ": "),
    }
}

fn note_table(table: &DeTable, path: &str, places: &mut BTreeMap<String, (usize, usize)>) {
    for (key, value) in table {
        note(value.get_ref(), join(path, key.get_ref()), (key.span().start, value.span().start), places);
    }
}

fn note(value: &DeValue, path: String, place: (usize, usize), places: &mut BTreeMap<String, (usize, usize)>) {
    match value {
        DeValue::Table(table) => note_table(table, &path, places),
        DeValue::Array(array) => {
            for (i, item) in array.iter().enumerate() {
                note(item.get_ref(), format!("{path}.{i}"), (item.span().start, item.span().start), places);
            }
        }
        _ => {}
    }
    places.insert(path, place);
}
