//! What is known of a delivery beside its rows, and what came of it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::lake::changes::Origin;

/// Where rows come from. All of it stands in the commit; `delivery` makes it idempotent.
#[derive(Clone, Debug)]
pub struct Load {
    /// Identifier of the delivery: a second commit with the same one writes nothing.
    pub delivery: String,
    pub sender: String,
    pub period: String,
    /// Account that sent it.
    pub account: String,
    /// From when on the lake knows the rows (`registrato_dal`).
    pub recorded: DateTime<Utc>,
    /// SHA-256 of the received bytes, in hexadecimal.
    pub content_hash: String,
    pub contract_version: String,
}

/// How a computation differs from a delivery: it says all there is to say of its districts.
#[derive(Clone, Debug)]
pub struct Computed {
    pub origin: Origin,
    /// Districts whose rows (`ambito`) are all given, with the rows of no district; `None`: all rows are.
    pub districts: Option<BTreeSet<String>>,
    /// Columns in which a difference alone does not make a new row.
    pub uncompared: Vec<String>,
    /// The table's version that was looked at; the commit is refused (`lake.moved`) when rows changed since.
    pub seen: u64,
}

/// Lines of a delivery that must not be loaded, found after their rows were handed over.
#[derive(Clone, Debug, Default)]
pub struct RefusedLines {
    lines: Vec<i64>,
    /// All of them are among the doubtful rows.
    doubtful: bool,
}

impl RefusedLines {
    pub fn new(mut lines: Vec<i64>) -> Self {
        lines.sort_unstable();
        lines.dedup();
        Self { lines, doubtful: false }
    }

    /// Lines whose rows were all handed over as doubtful.
    pub fn of_doubtful(lines: Vec<i64>) -> Self {
        Self { doubtful: true, ..Self::new(lines) }
    }

    pub fn none() -> Self {
        Self::default()
    }

    /// Those that may be among the rows that were not doubtful.
    pub(super) fn of_sure(&self) -> Self {
        if self.doubtful { Self::none() } else { self.clone() }
    }

    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// In ascending order.
    pub fn as_slice(&self) -> &[i64] {
        &self.lines
    }

    pub fn contains(&self, line: i64) -> bool {
        self.lines.binary_search(&line).is_ok()
    }
}

/// What a commit did to the table, in rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Commit {
    /// The table's version that holds the delivery, or a later one when `already`.
    pub version: u64,
    pub added: u64,
    /// Rows that a changed row took the place of (`versions`).
    pub closed: u64,
    /// Delivered rows equal to the current one, not stored again (`versions`).
    pub unchanged: u64,
    /// Rows of the sender and period that the delivery took the place of (`replace`).
    pub replaced: u64,
    /// The delivery was there before: nothing was written and the counts are zero.
    pub already: bool,
}
