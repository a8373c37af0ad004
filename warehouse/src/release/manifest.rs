//! What a release says of itself: `manifest.json`.

use chrono::{DateTime, Utc};
use datasets::model::{DatasetName, Text};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

/// Name of the manifest's file.
pub const FILE: &str = "manifest.json";

/// How a release differs from the one before, gravest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    First,
    /// Rows came or went; those that stayed are as they were.
    Data,
    /// Rows that were published before have other values.
    Correction,
    /// The contract's version or the formula is another.
    Method,
    /// What readers rely on is another: a column is gone, its type or the key changed.
    Break,
}

impl Change {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Data => "data",
            Self::Correction => "correction",
            Self::Method => "method",
            Self::Break => "break",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnOf {
    pub name: String,
    /// In the words of a contract.
    pub r#type: String,
    pub title: Text,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_list: Option<String>,
}

/// A distribution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    pub name: String,
    /// `csv`, `raw.csv`, `json`, `ndjson`, `parquet`, `xlsx`, `geojson`, `zip`.
    pub format: String,
    pub media_type: String,
    pub bytes: u64,
    /// Hexadecimal.
    pub sha256: String,
    pub rows: u64,
}

/// Where the rows came from: a dataset they were computed from, at a version of its table, or the subsystem that sends them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// Rows against those of the release before, by key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    pub added: u64,
    pub removed: u64,
    pub corrected: u64,
    pub unchanged: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub dataset: DatasetName,
    pub release: String,
    pub issued: DateTime<Utc>,
    pub title: Text,
    /// Version of the table.
    pub snapshot: u64,
    pub contract_version: String,
    /// Of what the contract tells the public.
    pub contract_hash: String,
    /// Hash of contract and rows: equal content makes no new release.
    pub content: String,
    pub change: Change,
    pub previous: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<Difference>,
    pub rows: u64,
    /// Empty when a column of the key is not public: then rows are known by all their values.
    pub key: Vec<String>,
    pub columns: Vec<ColumnOf>,
    pub files: Vec<File>,
    pub sources: Vec<Source>,
    pub licence: String,
}

impl Manifest {
    /// The name that follows from the content: day and the first twelve digits of the hash of what the files hold.
    pub fn name_of(&self) -> String {
        let files: Vec<_> = self.files.iter().filter(|f| f.format != "zip").map(|f| json!([f.name, f.bytes, f.sha256])).collect();
        let part = json!([self.dataset, self.content, self.contract_version, self.contract_hash, self.previous, self.rows, self.columns, files]);
        let digest = hex::encode(Sha256::digest(part.to_string().as_bytes()));
        format!("{}-{}", self.issued.format("%Y-%m-%d"), &digest[..12])
    }

    pub fn file(&self, name: &str) -> Option<&File> {
        self.files.iter().find(|f| f.name == name)
    }

    /// The file of a format.
    pub fn format(&self, format: &str) -> Option<&File> {
        self.files.iter().find(|f| f.format == format)
    }
}
