//! One column by itself: its conditions fit its type, and its example satisfies them.

use chrono::{DateTime, NaiveDate};
use regex::Regex;

use crate::bound::bound;
use crate::model::{Column, Type};

use super::{Add, World};

pub fn check(world: &World, column: &Column, path: &str, add: Add) {
    let at = |field: &str| format!("{path}.{field}");
    let name = &column.name;
    let text = column.r#type == Type::Text;
    for (field, there) in [("pattern", column.pattern.is_some()), ("max_length", column.max_length.is_some()), ("code_list", column.code_list.is_some())] {
        if there && !text {
            add(&at(field), format!("{field} on column '{name}', which is not text"));
        }
    }
    let pattern = column.pattern.as_deref().map(|p| Regex::new(&anchored(p)));
    if let Some(Err(error)) = &pattern {
        add(&at("pattern"), format!("pattern of column '{name}' is not a regular expression: {}", error.to_string().lines().last().unwrap_or_default()));
    }
    if column.max_length == Some(0) {
        add(&at("max_length"), format!("max_length of column '{name}' is 0: no value would fit"));
    }
    bounds(column, &at, add);
    if let Some(list) = &column.code_list
        && !world.code_lists.contains_key(list)
        && !world.unread.contains(list)
    {
        add(&at("code_list"), format!("code list '{list}' does not exist: expected the file code_lists/{list}.csv"));
    }
    let pattern = pattern.and_then(Result::ok);
    for (field, value) in [("example", &column.example), ("before", &column.before)] {
        if let Some(value) = value
            && let Some(message) = fault(world, column, value, pattern.as_ref())
        {
            add(&at(field), format!("{field} '{value}' of column '{name}' {message}"));
        }
    }
}

/// A pattern as the whole text must match it.
pub fn anchored(pattern: &str) -> String {
    format!("^(?:{pattern})$")
}

fn bounds(column: &Column, at: &dyn Fn(&str) -> String, add: Add) {
    let mut read = vec![];
    for (field, value) in [("min", &column.min), ("max", &column.max)] {
        let Some(value) = value else { continue };
        match bound(column.r#type, value) {
            Ok(bound) => read.push(bound.json),
            Err(message) => add(&at(field), format!("{field} of column '{}' {message}", column.name)),
        }
    }
    if let [min, max] = &read[..] {
        let reversed = match (min.as_f64(), max.as_f64()) {
            (Some(min), Some(max)) => min > max,
            // Dates and moments as ISO 8601 sort as text.
            _ => min.as_str() > max.as_str(),
        };
        if reversed {
            add(&at("max"), format!("max of column '{}' is below its min", column.name));
        }
    }
}

/// Why a value that stands in a contract is none of its column.
fn fault(world: &World, column: &Column, example: &str, pattern: Option<&Regex>) -> Option<String> {
    let number = |ok: bool| (!ok).then(|| format!("is not of type {}", String::from(column.r#type)));
    match column.r#type {
        Type::Text => {}
        Type::Integer => return number(example.parse::<i64>().is_ok()),
        Type::Decimal(..) => return bound(column.r#type, &toml::Value::String(example.to_owned())).err(),
        Type::Double => return number(example.parse::<f64>().is_ok()),
        Type::Boolean => return number(matches!(example, "true" | "false")),
        Type::Date => return number(NaiveDate::parse_from_str(example, "%Y-%m-%d").is_ok()),
        Type::Timestamp => return number(DateTime::parse_from_rfc3339(example).is_ok()),
    }
    if pattern.is_some_and(|p| !p.is_match(example)) {
        return Some("does not match the pattern".into());
    }
    if column.max_length.is_some_and(|max| example.chars().count() > max as usize) {
        return Some("is longer than max_length".into());
    }
    let list = column.code_list.as_ref().and_then(|name| world.code_lists.get(name));
    list.filter(|list| !list.contains(example)).map(|list| format!("is not a code of '{}'", list.name))
}
