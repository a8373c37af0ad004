//! From our errors to `ErrorResponse`: SQLSTATE by kind and code, our code in the detail, the place when it is known.

use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::response::ErrorResponse;
use warehouse::error::{Error, Kind};

/// An error as the protocol words it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub state: &'static str,
    pub message: String,
    /// Our stable code, such as `limit.time`.
    pub code: Option<&'static str>,
    /// Place in the text, in characters from 1.
    pub position: Option<usize>,
    /// The connection ends with it.
    pub fatal: bool,
}

impl Fault {
    pub fn new(state: &'static str, message: impl Into<String>) -> Self {
        Self { state, message: message.into(), code: None, position: None, fatal: false }
    }

    pub fn fatal(state: &'static str, message: impl Into<String>) -> Self {
        Self { fatal: true, ..Self::new(state, message) }
    }

    /// A query's error. An internal one is logged here, once, and shown without detail. `sql` is the whole message and
    /// `offset` where the statement begins in it.
    pub fn of(error: &Error, sql: &str, offset: usize) -> Self {
        if error.kind == Kind::Internal {
            tracing::error!(%error, "query failed");
            return Self { code: Some(error.code), ..Self::new("XX000", "internal error") };
        }
        let (message, place) = place(&error.message);
        let position = place.and_then(|(line, column)| position(sql, offset, line, column));
        Self { state: state(error), message, code: Some(error.code), position, fatal: false }
    }

    /// The statement was cancelled by its author.
    pub fn cancelled() -> Self {
        Self::new("57014", "canceling statement due to user request")
    }

    pub fn message(&self) -> PgWireBackendMessage {
        let severity = if self.fatal { "FATAL" } else { "ERROR" };
        let mut fields = vec![(b'S', severity.to_owned()), (b'V', severity.to_owned()), (b'C', self.state.to_owned()), (b'M', self.message.clone())];
        if let Some(code) = self.code {
            fields.push((b'D', format!("SISS {code}")));
        }
        if let Some(position) = self.position {
            fields.push((b'P', position.to_string()));
        }
        PgWireBackendMessage::ErrorResponse(ErrorResponse::new(fields))
    }
}

/// Classes of PostgreSQL's appendix A: by our code where it says more than the kind.
fn state(error: &Error) -> &'static str {
    match error.code {
        "sql.syntax" => "42601",
        "sql.column" => "42703",
        "sql.ambiguous" => "42702",
        "sql.duplicate" => "42701",
        "sql.function" => "42883",
        "sql.unsupported" => "0A000",
        "data.division" => "22012",
        "data.overflow" => "22003",
        "data.cast" | "data.parameter" => "22P02",
        "sql.invalid" if error.message.starts_with("table '") => "42P01",
        "limit.time" | "limit.planning" | "limit.reader" => "57014",
        "limit.memory" => "53200",
        "limit.spill" => "53100",
        _ => match error.kind {
            Kind::Invalid => "42000",
            Kind::NotFound => "42P01",
            Kind::Forbidden => "42501",
            Kind::Limit => "54000",
            Kind::Busy => "53300",
            Kind::Data => "22000",
            Kind::Conflict => "40001",
            Kind::Internal => "XX000",
        },
    }
}

/// Takes a trailing ` at line 1, column 8` off a message.
fn place(message: &str) -> (String, Option<(usize, usize)>) {
    let lower = message.to_ascii_lowercase();
    let Some(at) = lower.rfind(" at line") else { return (message.to_owned(), None) };
    let numbers: Vec<usize> = lower[at..].split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
    match numbers.as_slice() {
        [line, column] if *line > 0 && *column > 0 => (message[..at].to_owned(), Some((*line, *column))),
        _ => (message.to_owned(), None),
    }
}

/// Characters from the start of the message to line and column (from 1) of the statement that begins at byte `offset`.
fn position(sql: &str, offset: usize, line: usize, column: usize) -> Option<usize> {
    let before = sql.get(..offset)?.chars().count();
    let statement = sql.get(offset..)?;
    let lines: usize = statement.split_inclusive('\n').take(line - 1).map(|l| l.chars().count()).sum();
    Some(before + lines + column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_from_the_start_of_the_message() {
        let error = Error::new(Kind::Invalid, "sql.syntax", "syntax error near 'FORM' at Line: 2, Column: 3");
        let sql = "select 1;\nselect *\n  form t";
        let fault = Fault::of(&error, sql, 10);
        assert_eq!(fault.message, "syntax error near 'FORM'");
        assert_eq!(fault.state, "42601");
        assert_eq!(sql.chars().nth(fault.position.unwrap() - 1), Some('f'));
    }

    #[test]
    fn internal_errors_say_nothing() {
        let fault = Fault::of(&Error::internal("lake.read", "disk on fire"), "select 1", 0);
        assert_eq!((fault.state, fault.message.as_str()), ("XX000", "internal error"));
    }
}
