//! From a file to its struct. Every fault of structure is reported; what is faulty is replaced by a sample, so that the rest
//! of the file is still checked.

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use crate::mistake::Mistake;
use crate::shape::{Field, Kind, Shape, TEXT};
use crate::source::{Source, join};

/// What a walk found: the mistakes, and the paths whose value is a sample, about which nothing more can be said.
#[derive(Default)]
pub struct Findings {
    pub mistakes: Vec<Mistake>,
    sampled: Vec<String>,
}

impl Findings {
    /// Adds a mistake unless it would speak of a sample.
    pub fn add(&mut self, source: &Source, path: &str, message: impl Into<String>) {
        let within = |outer: &str| path == outer || path.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'));
        let unsure = |sample: &String| match sample.rsplit_once('.') {
            // Without its name or type nothing about a column is sure.
            Some((column, "name" | "type" | "id")) => within(column),
            _ => within(sample),
        };
        if !self.sampled.iter().any(unsure) {
            self.mistakes.push(source.mistake(path, message));
        }
    }
}

/// Reads the table at `path` (empty for the whole file) as a `T`. `None` only when the shape and the struct disagree.
pub fn read<T: DeserializeOwned>(source: &Source, path: &str, shape: &'static Shape, findings: &mut Findings) -> Option<T> {
    let mut value = Value::Table(source.table.clone());
    for step in path.split('.').filter(|s| !s.is_empty()) {
        value = value.get(step)?.clone();
    }
    let Value::Table(mut table) = value else {
        findings.mistakes.push(source.mistake(path, "expected a table"));
        return None;
    };
    walk(source, path, shape, &mut table, findings);
    match T::deserialize(Value::Table(table)) {
        Ok(read) => Some(read),
        Err(error) => {
            findings.mistakes.push(source.mistake(path, error.message()));
            None
        }
    }
}

fn walk(source: &Source, path: &str, shape: &'static Shape, table: &mut Table, findings: &mut Findings) {
    let unknown: Vec<String> = table.keys().filter(|k| !shape.fields.iter().any(|f| f.name == k.as_str())).cloned().collect();
    for name in unknown {
        table.remove(&name);
        let known: Vec<&str> = shape.fields.iter().map(|f| f.name).collect();
        findings.mistakes.push(source.mistake_in_name(&join(path, &name), format!("unknown field '{name}': expected one of {}", known.join(", "))));
    }
    for field in shape.fields {
        let here = join(path, field.name);
        let fault = match table.get_mut(field.name) {
            None if field.required => Some(format!("field '{}' is missing", field.name)),
            None => None,
            Some(value) => look(source, &here, field, value, findings),
        };
        if let Some(message) = fault {
            findings.mistakes.push(source.mistake(&here, message));
            repair(table, field);
            findings.sampled.push(here);
        }
    }
}

/// What is wrong with a field's value as a whole; faults deeper inside are added to the findings.
fn look(source: &Source, path: &str, field: &'static Field, value: &mut Value, findings: &mut Findings) -> Option<String> {
    match (&field.kind, value) {
        (Kind::Value { check, .. }, value) => check(value).err().map(|e| format!("field '{}': {e}", field.name)),
        (Kind::Text, value) => look_text(source, path, field.name, value, findings),
        (Kind::Texts, Value::Array(list)) => {
            for (i, value) in list.iter_mut().enumerate() {
                let here = join(path, &i.to_string());
                if let Some(message) = look_text(source, &here, field.name, value, findings) {
                    findings.mistakes.push(source.mistake(&here, message));
                    *value = sample_text();
                }
            }
            (field.required && list.is_empty()).then(|| format!("'{}' is empty: at least one is needed", field.name))
        }
        (Kind::Texts, _) => Some(format!("field '{}' is a list of {{ it = \"…\", en = \"…\" }}", field.name)),
        (Kind::Table(shape), Value::Table(table)) => {
            walk(source, path, shape, table, findings);
            None
        }
        (Kind::Table(_), _) => Some(format!("field '{}' is a table", field.name)),
        (Kind::Tables(shape), Value::Array(list)) if list.iter().all(Value::is_table) => {
            for (i, value) in list.iter_mut().enumerate() {
                if let Value::Table(table) = value {
                    walk(source, &join(path, &i.to_string()), shape, table, findings);
                }
            }
            (field.required && list.is_empty()).then(|| format!("'{}' is empty: at least one is needed", field.name))
        }
        (Kind::Tables(_), _) => Some(format!("'{0}' is a list of tables, each under [[{0}]]", field.name)),
    }
}

fn look_text(source: &Source, path: &str, name: &str, value: &mut Value, findings: &mut Findings) -> Option<String> {
    let Value::Table(table) = value else {
        return Some(format!("'{name}' is written in both languages: {{ it = \"…\", en = \"…\" }}"));
    };
    walk(source, path, &TEXT, table, findings);
    for language in ["it", "en"] {
        if table.get(language).and_then(Value::as_str).is_some_and(|text| text.trim().is_empty()) {
            findings.add(source, &join(path, language), format!("'{name}' is empty in language '{language}'"));
        }
    }
    None
}

fn repair(table: &mut Table, field: &'static Field) {
    if !field.required {
        table.remove(field.name);
        return;
    }
    table.insert(field.name.to_owned(), sample(&field.kind));
}

fn sample(kind: &Kind) -> Value {
    match kind {
        Kind::Value { sample, .. } => {
            let wrapped: Option<Table> = toml::from_str(&format!("v = {sample}")).ok();
            wrapped.and_then(|mut t| t.remove("v")).unwrap_or(Value::Boolean(false))
        }
        Kind::Text => sample_text(),
        Kind::Texts => Value::Array(vec![sample_text()]),
        Kind::Table(shape) => sample_table(shape),
        Kind::Tables(_) => Value::Array(vec![]),
    }
}

pub fn sample_table(shape: &Shape) -> Value {
    Value::Table(shape.fields.iter().filter(|f| f.required).map(|f| (f.name.to_owned(), sample(&f.kind))).collect())
}

fn sample_text() -> Value {
    sample_table(&TEXT)
}
