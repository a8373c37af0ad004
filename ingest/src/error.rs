//! The crate's one error. Bad rows are not errors (see `report`): this is for what could not be done at all.

use datasets::model::Text;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The request is wrong: unknown dataset, sender or period that cannot be. HTTP 422.
    Invalid,
    /// The account may not deliver this dataset for this sender. HTTP 403.
    Forbidden,
    NotFound,
    /// Something stands in the way that may pass. HTTP 409.
    Conflict,
    /// A stated bound was passed. HTTP 413.
    Limit,
    /// Ours: storage, bug. HTTP 500.
    Internal,
}

#[derive(Debug)]
pub struct Error {
    pub kind: Kind,
    pub code: &'static str,
    /// What is wrong, where, and what to do; safe to show.
    pub message: Text,
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error whose sentences stand in `messages.toml` under `code`; `{}` is replaced by `detail`.
    pub fn new(kind: Kind, code: &'static str, detail: &str) -> Self {
        Self { kind, code, message: crate::messages::sentence(code, detail), source: None }
    }

    pub fn internal(code: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { kind: Kind::Internal, code, message: crate::messages::sentence("internal", ""), source: Some(source.into()) }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message.en)?;
        match &self.source {
            Some(source) if self.kind == Kind::Internal => write!(f, " ({source})"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

impl From<warehouse::error::Error> for Error {
    fn from(e: warehouse::error::Error) -> Self {
        let kind = match e.kind {
            warehouse::error::Kind::NotFound => Kind::NotFound,
            warehouse::error::Kind::Conflict | warehouse::error::Kind::Invalid => Kind::Invalid,
            warehouse::error::Kind::Forbidden => Kind::Forbidden,
            warehouse::error::Kind::Limit => Kind::Limit,
            _ => return Self::internal(e.code, e),
        };
        Self { kind, code: e.code, message: Text { it: e.message.clone(), en: e.message.clone() }, source: Some(Box::new(e)) }
    }
}

impl From<std::io::Error> for Error {
    fn from(e: std::io::Error) -> Self {
        Self::internal("ingest.io", e)
    }
}

impl From<object_store::Error> for Error {
    fn from(e: object_store::Error) -> Self {
        Self::internal("ingest.store", e)
    }
}
