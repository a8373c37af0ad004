//! From the engine's errors to ours. A message that a user gets holds class, place and the user's own words; never a
//! cell's value, a path or a name that the session does not hold. The engine's own text goes to the log as `source`.

use datafusion::arrow::error::ArrowError;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;

use crate::error::{Error, Kind};

/// Longest part of the engine's planning text that is passed on.
const LONGEST: usize = 300;

/// A place in the query's text.
pub fn at(line: u64, column: u64) -> String {
    if line == 0 { String::new() } else { format!(" at line {line}, column {column}") }
}

/// While parsing: only the query's own text is known here.
pub fn syntax(error: DataFusionError) -> Error {
    let (code, kind, message) = match error.find_root() {
        DataFusionError::SQL(parser, _) => match parser.as_ref() {
            ParserError::RecursionLimitExceeded => ("limit.depth", Kind::Limit, "parentheses, functions or subqueries are nested too deeply".to_owned()),
            ParserError::TokenizerError(text) | ParserError::ParserError(text) => ("sql.syntax", Kind::Invalid, place_of(text)),
        },
        other => ("sql.syntax", Kind::Invalid, clean(&other.strip_backtrace())),
    };
    with_source(kind, code, message, error)
}

/// While planning, before any data is read: texts name the query's own words and what the session shows.
pub fn planning(error: DataFusionError) -> Error {
    let place = error.diagnostic().and_then(|d| d.span).map(|s| at(s.start.line, s.start.column)).unwrap_or_default();
    let root = error.find_root();
    let (kind, code, message) = match root {
        DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
            SchemaError::FieldNotFound { field, .. } => (Kind::Invalid, "sql.column", format!("column '{}' not found", field.flat_name())),
            SchemaError::AmbiguousReference { field } => (Kind::Invalid, "sql.ambiguous", format!("column '{}' is ambiguous", field.flat_name())),
            SchemaError::DuplicateQualifiedField { name, .. } | SchemaError::DuplicateUnqualifiedField { name } => {
                (Kind::Invalid, "sql.duplicate", format!("the query gives two columns the name '{name}'"))
            }
        },
        DataFusionError::Plan(text) if text.starts_with("Invalid function") => {
            (Kind::Forbidden, "sql.function", format!("function {} is not available", quoted(text).unwrap_or_default()))
        }
        DataFusionError::Plan(text) => (Kind::Invalid, "sql.invalid", clean(text)),
        DataFusionError::NotImplemented(text) => (Kind::Invalid, "sql.unsupported", clean(text)),
        DataFusionError::SQL(..) => return syntax(error),
        _ => return running(error),
    };
    with_source(kind, code, message + &place, error)
}

/// While running: the engine's text may hold values of any row, so none of it is passed on.
pub fn running(error: DataFusionError) -> Error {
    let root = error.find_root();
    if let DataFusionError::External(inner) = root
        && let Some(ours) = inner.downcast_ref::<Error>()
    {
        return Error { kind: ours.kind, code: ours.code, message: ours.message.clone(), source: Some(Box::new(error)) };
    }
    if root.to_string().contains("Regular expression did not compile") {
        return with_source(Kind::Data, "data.pattern", "a regular expression is not valid, or too large".into(), error);
    }
    let (kind, code, message) = match root {
        DataFusionError::ResourcesExhausted(text) if text.contains("disk") || text.contains("temp directory") => {
            (Kind::Limit, "limit.spill", "the query needs more disk than one query may use")
        }
        DataFusionError::ResourcesExhausted(_) => (Kind::Limit, "limit.memory", "the query needs more memory than one query may use"),
        DataFusionError::ArrowError(arrow, _) => match arrow.as_ref() {
            ArrowError::DivideByZero => (Kind::Data, "data.division", "division by zero"),
            ArrowError::ArithmeticOverflow(_) => (Kind::Data, "data.overflow", "a number is out of range"),
            ArrowError::CastError(_) | ArrowError::ParseError(_) => (Kind::Data, "data.cast", "a value cannot be converted to the requested type"),
            ArrowError::ExternalError(_) | ArrowError::IoError(..) | ArrowError::IpcError(_) => {
                return with_source(Kind::Internal, "query.run", "internal error".into(), error);
            }
            _ => (Kind::Data, "data.value", "a value does not fit the operation applied to it"),
        },
        DataFusionError::Execution(_) => (Kind::Data, "data.value", "a value does not fit the operation applied to it"),
        DataFusionError::NotImplemented(_) => (Kind::Invalid, "sql.unsupported", "the query uses something that is not available"),
        _ => (Kind::Internal, "query.run", "internal error"),
    };
    with_source(kind, code, message.into(), error)
}

/// Planning that goes on after the logical plan: the query's words are checked, the policy's plan may be inside.
pub fn finishing(error: DataFusionError) -> Error {
    match error.find_root() {
        DataFusionError::Plan(_) | DataFusionError::SchemaError(..) => planning(error),
        _ => running(error),
    }
}

fn with_source(kind: Kind, code: &'static str, message: String, source: DataFusionError) -> Error {
    Error { kind, code, message, source: Some(Box::new(source)) }
}

/// `… at Line: 2, Column: 6` in our own form.
fn place_of(text: &str) -> String {
    clean(&text.replace(" at Line: ", " at line ").replace(", Column: ", ", column "))
}

/// The first line, without the engine's guesses at what was meant: they may name what the session does not hold.
fn clean(text: &str) -> String {
    let text = text.lines().next().unwrap_or_default();
    let text = text.split(" Did you mean").next().unwrap_or_default();
    let text = text.strip_prefix("Error during planning: ").unwrap_or(text);
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn quoted(text: &str) -> Option<String> {
    text.split('\'').nth(1).map(|name| format!("'{name}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_never_leave() {
        let cast = DataFusionError::ArrowError(Box::new(ArrowError::CastError("Cannot cast string 'CF-SECRET-0' to value of Int64 type".into())), None);
        let error = running(cast);
        assert_eq!((error.kind, error.code), (Kind::Data, "data.cast"));
        assert!(!error.message.contains("SECRET"));
        let text = DataFusionError::Execution("Error parsing timestamp from 'CF-SECRET-0'".into());
        assert!(!running(text).to_string().contains("SECRET"), "not even in the text form of a data error");
    }

    #[test]
    fn guesses_are_cut() {
        let error = planning(DataFusionError::Plan("Invalid function 'lvenshtein'.\nDid you mean 'levenshtein'?".into()));
        assert_eq!((error.code, error.message.as_str()), ("sql.function", "function 'lvenshtein' is not available"));
    }
}
