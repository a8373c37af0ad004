//! What a sender learns of a delivery: one object, the same from the command line, the API and a page.

use chrono::{DateTime, Utc};
use datasets::model::{Severity, Text};
use serde::{Deserialize, Serialize};

/// How a delivery ended. The Italian words are those of `sistema.deliveries.esito`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Every row was loaded.
    Accettata,
    /// Some rows were refused, the others loaded.
    Parziale,
    /// Nothing was loaded.
    Rifiutata,
}

impl Outcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accettata => "accettata",
            Self::Parziale => "parziale",
            Self::Rifiutata => "rifiutata",
        }
    }
}

/// One finding. `line` is the physical line where the row starts (sheet row, array element), `None` for the whole file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Violation {
    pub line: Option<i64>,
    pub column: Option<String>,
    /// `posti.type`, `key.unique`, or a rule of the contract.
    pub rule: String,
    pub severity: Severity,
    /// The cell as it was sent.
    pub value: Option<String>,
    pub message: Text,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    pub id: String,
    pub dataset: String,
    pub sender: String,
    pub period: String,
    pub account: String,
    pub file: String,
    pub received: DateTime<Utc>,
    pub processed: DateTime<Utc>,
    /// Size of the file as received, in bytes.
    pub bytes: u64,
    /// SHA-256 of the file as received, hexadecimal.
    pub hash: String,
    pub contract_version: String,
    pub mapping: Option<String>,
    pub outcome: Outcome,
    pub summary: Text,
    pub rows: u64,
    pub accepted: u64,
    pub refused: u64,
    pub warnings: u64,
    /// Of the accepted: new rows, rows that closed an earlier version, rows that were already there, rows of an earlier delivery replaced.
    pub added: u64,
    pub closed: u64,
    pub unchanged: u64,
    pub replaced: u64,
    /// Version of the table that holds the rows; `None` when nothing was committed.
    pub table_version: Option<u64>,
    /// True when this same content had been delivered before: the report is that delivery's.
    #[serde(default)]
    pub duplicate: bool,
    /// How the file was read (`read::Understanding`), as `siss read --json` shows it.
    pub understanding: Option<serde_json::Value>,
    /// The first findings; `violations_total` says how many there are, `violations.csv` has them all.
    pub violations: Vec<Violation>,
    pub violations_total: u64,
    pub violations_complete: bool,
}

impl Report {
    /// Exit code of `siss deliver`: 0 all accepted, 3 some rows refused, 4 refused whole.
    pub fn exit_code(&self) -> u8 {
        match self.outcome {
            Outcome::Accettata => 0,
            Outcome::Parziale => 3,
            Outcome::Rifiutata => 4,
        }
    }
}
