//! What is kept of a finished query, for `sistema.queries`.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::gate::shape::shape;
use crate::principal::Principal;
use crate::statement::{Door, Statement};
use crate::worker::conduct::Seen;

/// Called once per finished query, whatever its end.
pub type QueryLog = Arc<dyn Fn(QueryRecord) + Send + Sync>;

/// A finished query; holds no literal of the query's text.
#[derive(Clone, Debug)]
pub struct QueryRecord {
    pub id: String,
    pub account: String,
    pub role: String,
    pub door: Door,
    pub started: DateTime<Utc>,
    /// From arrival to end, waiting included.
    pub millis: u64,
    /// Rows handed to the door.
    pub rows: u64,
    /// Datasets that were read.
    pub tables: Vec<String>,
    /// `ok`, `cancelled`, or the error's code.
    pub outcome: String,
    /// The SQL with its literals replaced by `?`.
    pub shape: String,
}

impl QueryRecord {
    pub(super) fn begin(who: &Principal, statement: &Statement, door: Door) -> Self {
        Self {
            id: uuid::Uuid::now_v7().to_string(),
            account: who.account.clone(),
            role: who.role.clone(),
            door,
            started: Utc::now(),
            millis: 0,
            rows: 0,
            tables: Vec::new(),
            outcome: String::new(),
            shape: shape(&statement.sql),
        }
    }

    pub(super) fn end(mut self, outcome: &str, seen: Seen) -> Self {
        self.rows = seen.rows;
        self.tables = seen.tables;
        self.millis = (Utc::now() - self.started).num_milliseconds().max(0).unsigned_abs();
        self.outcome = outcome.to_owned();
        self
    }
}
