//! A question and its answer, as they pass between a door, the gate and a worker.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

use crate::error::Result;

/// Through which door a question came; recorded in `sistema.queries`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Door {
    Rest,
    Postgres,
    Flight,
    Cli,
    Page,
}

impl Door {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Postgres => "postgres",
            Self::Flight => "flight",
            Self::Cli => "cli",
            Self::Page => "page",
        }
    }
}

/// A bound parameter as text, typed by the place where it stands in the plan; `None` is NULL.
pub type Parameter = Option<String>;

/// SQL that a user wrote. It is executed in a worker process, never in the server.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Statement {
    pub sql: String,
    /// Values of `$1`, `$2`, …
    #[serde(default)]
    pub parameters: Vec<Parameter>,
    /// `public` names of PostgreSQL's catalog are there (`pg_catalog.pg_class`, `::regclass`, `current_schema()`): only for the PostgreSQL door.
    #[serde(default)]
    pub postgres: bool,
    /// Only so many of the first rows: the worker stops there of itself, which a reader that leaves would pay with the worker.
    #[serde(default)]
    pub first: Option<usize>,
}

/// What a statement would answer, without running it.
#[derive(Clone, Debug)]
pub struct Description {
    pub schema: SchemaRef,
    /// Arrow type of each parameter, in order.
    pub parameters: Vec<arrow::datatypes::DataType>,
}

/// A streamed answer. Dropping it cancels the query.
pub struct Rows {
    pub schema: SchemaRef,
    pub batches: BoxStream<'static, Result<RecordBatch>>,
    /// Versions of the tables that were read, by dataset name: the answer's snapshot.
    pub snapshot: std::collections::BTreeMap<String, u64>,
}
