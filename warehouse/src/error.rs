//! The crate's one error: a kind that doors map to their own codes, and a text that is safe to show.

use std::fmt;

/// What went wrong, as a caller must treat it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The request is wrong: syntax, unknown name, type mismatch. HTTP 400, SQLSTATE 42xxx.
    Invalid,
    /// Not there, or not for this principal: the two are never told apart. HTTP 404, SQLSTATE 42P01.
    NotFound,
    /// The statement or function is not allowed. HTTP 403, SQLSTATE 42501.
    Forbidden,
    /// A stated limit was passed: size, time, memory. HTTP 422 or 413, SQLSTATE 54000 or 57014.
    Limit,
    /// Too many queries at once. HTTP 503, SQLSTATE 53300.
    Busy,
    /// The value of a row the caller may see does not fit the operation (division by zero, cast). HTTP 422, SQLSTATE 22000.
    Data,
    /// Stored state does not allow it (contract change refused, conflicting commit). HTTP 409.
    Conflict,
    /// Ours: storage, bug. Logged in full, shown without detail. HTTP 500, SQLSTATE XX000.
    Internal,
}

/// `code` is stable (`sql.syntax`, `sql.function`, `limit.time`); `message` may be shown to the caller: it never holds a cell's value.
#[derive(Debug)]
pub struct Error {
    pub kind: Kind,
    pub code: &'static str,
    pub message: String,
    /// For the log only.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub fn new(kind: Kind, code: &'static str, message: impl Into<String>) -> Self {
        Self { kind, code, message: message.into(), source: None }
    }

    /// An internal fault: `what` says which step failed, the cause goes to the log.
    pub fn internal(what: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { kind: Kind::Internal, code: what, message: "internal error".into(), source: Some(source.into()) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)?;
        match &self.source {
            Some(source) if self.kind == Kind::Internal => write!(f, " ({source})"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|s| s as _)
    }
}

impl From<std::io::Error> for Error {
    fn from(e: std::io::Error) -> Self {
        Self::internal("io", e)
    }
}
