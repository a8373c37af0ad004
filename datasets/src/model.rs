//! A contract as it stands in its file: what the columns mean, what makes a row valid, who owes it, who may see it.
//! One struct per TOML table; nothing here is derived (see `derive`).

use std::collections::BTreeMap;
use std::fmt;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::form::Form;

/// `area.name`, the one name of a dataset: file `datasets/<area>/<name>.toml`, SQL table, page and storage prefix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DatasetName {
    pub area: String,
    pub name: String,
}

impl fmt::Display for DatasetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.area, self.name)
    }
}

impl From<DatasetName> for String {
    fn from(name: DatasetName) -> String {
        name.to_string()
    }
}

impl TryFrom<String> for DatasetName {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl std::str::FromStr for DatasetName {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let word = |s: &str| !s.is_empty() && s.len() <= 60 && s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        match text.split_once(['.', '/']) {
            Some((area, name)) if word(area) && word(name) => Ok(Self { area: area.into(), name: name.into() }),
            _ => Err(format!("'{text}' is not a dataset name: expected area.name in lower case, such as assa.strutture")),
        }
    }
}

/// A text in both languages of the service. A contract that lacks one does not load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    pub it: String,
    pub en: String,
}

/// Sensitivity of a column, from least to most. Rights name the classes a role may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    Public,
    Internal,
    /// Personal data (GDPR art. 4).
    Personal,
    /// Special categories (GDPR art. 9): health, poverty, family distress.
    Special,
}

/// A column's type. `Decimal(p, s)` is written `decimal(12,2)` in a contract; text keeps leading zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Type {
    Text,
    Integer,
    Decimal(u8, i8),
    Double,
    Boolean,
    Date,
    /// UTC, microseconds.
    Timestamp,
}

impl Type {
    /// Its word, without the digits of a decimal.
    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Decimal(..) => "decimal",
            Self::Double => "double",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
        }
    }
}

impl TryFrom<String> for Type {
    type Error = String;
    fn try_from(s: String) -> Result<Self, String> {
        Ok(match s.as_str() {
            "text" => Self::Text,
            "integer" => Self::Integer,
            "double" => Self::Double,
            "boolean" => Self::Boolean,
            "date" => Self::Date,
            "timestamp" => Self::Timestamp,
            other => {
                let parts = other.strip_prefix("decimal(").and_then(|r| r.strip_suffix(')')).and_then(|r| r.split_once(','));
                match parts.map(|(p, s)| (p.trim().parse::<u8>(), s.trim().parse::<i8>())) {
                    Some((Ok(p), Ok(s))) if (1..=38).contains(&p) && s >= 0 && s as u8 <= p => Self::Decimal(p, s),
                    _ => return Err(format!("'{other}' is not a type: use text, integer, decimal(p,s), double, boolean, date or timestamp")),
                }
            }
        })
    }
}

impl From<Type> for String {
    fn from(t: Type) -> String {
        match t {
            Type::Decimal(p, s) => format!("{}({p},{s})", t.word()),
            other => other.word().into(),
        }
    }
}

/// How a delivery meets what is already in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Rows are added, never changed.
    Append,
    /// By key: a changed row closes its predecessor (`registrato_al`), nothing is deleted. Valid and recorded time.
    Versions,
    /// The delivery is the sender's whole truth for its period: it takes the place of the sender's earlier rows of that period.
    Replace,
}

/// What kind of body sends the dataset; also says how `--sender` is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sender {
    /// ISTAT code of a comune.
    Comune,
    /// Code of a district (ambito).
    Ambito,
    /// The region itself: sender `lazio`.
    Regione,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Frequency {
    Once,
    Monthly,
    Quarterly,
    Yearly,
}

/// `[feed]`: who owes the dataset, how often, by when.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feed {
    /// ASSA, SIGeSS, Piani di Zona, SIRSE or the region's own registry.
    pub subsystem: String,
    pub senders: Sender,
    pub frequency: Frequency,
    /// Days after the end of the period within which the delivery is due.
    pub due_days: u32,
    /// First month that is owed (`2026-01`); [`crate::duties::SINCE`] when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// The column that must name the sender (or, for a district, a comune of it); `None` when the region sends for all.
    pub sender_column: Option<String>,
}

/// `[[access]]`: what some roles see. No entry for a role: the table does not exist for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    pub roles: Vec<String>,
    /// A condition in SQL over the dataset's columns; `$fact` is a fact of who asks (`$codice_istat`, `$ambito`). `true` is all rows.
    pub rows: String,
    /// The classes whose columns are there; a column of another class does not exist for the role.
    pub classes: Vec<Class>,
    /// Columns that are there whatever their class, shown through an SQL expression (`left(cap, 2) || '***'`).
    #[serde(default)]
    pub mask: BTreeMap<String, String>,
}

/// `[publication]`: how the dataset appears in the open portal.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publication {
    pub open: bool,
    /// SPDX identifier, such as CC-BY-4.0.
    pub licence: String,
    /// EU data-theme code, such as SOCI.
    pub theme: String,
    #[serde(default)]
    pub keywords: Vec<Text>,
    /// Category of Regulation (EU) 2023/138, `statistics` or `geospatial`, for a high-value dataset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high_value: Option<String>,
    /// Changes that were announced to the readers of the releases, past ones too.
    #[serde(default, rename = "change", skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Announced>,
}

/// `[[publication.change]]`: what a later version of the contract changes, told to readers ahead. A version that breaks what readers
/// rely on (a column gone, a type or the key changed) is not released before `from`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Announced {
    /// Version of the contract that brings the change.
    pub version: String,
    /// Day it was announced (`2026-11-28`).
    pub announced: String,
    /// First day a release may have it.
    pub from: String,
    pub text: Text,
}

impl Announced {
    /// First day of the change; `None` for what is no day, which a contract that loads does not have.
    pub fn first_day(&self) -> Option<NaiveDate> {
        self.from.parse().ok()
    }
}

/// Where a column's value comes from when the sender does not give it: the column `column` of the row of `dataset` whose key is this row's `by`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    pub dataset: DatasetName,
    pub column: String,
    /// A column of this dataset, matched with the first key column of `dataset`.
    pub by: String,
}

/// How a column tells who a person is: what the sender delivers and what the lake holds are then not the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Identity {
    /// The cell is an Italian fiscal code; the lake holds its keyed pseudonym, 32 hexadecimal digits.
    Pseudonym,
    /// The cell never reaches the lake: it is kept apart, encrypted, under the pseudonym of its row.
    Vault,
}

/// `derived`: a dataset that the service computes itself, by the query in `<name>.sql` beside the contract or by estimating how series go on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Derived {
    /// The datasets the query reads, each as it stands.
    pub from: Vec<DatasetName>,
    /// `ambito`, when a row follows from rows of its own district alone: a change in one district then touches no other.
    pub by: Option<String>,
    /// Whether its rows are estimates of how the series of the one dataset in `from` go on (see [`crate::forecast`]): then it has no query.
    #[serde(default)]
    pub forecast: bool,
    /// One SELECT that gives exactly the contract's columns; from its own file.
    #[serde(skip)]
    pub sql: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The row is refused.
    #[default]
    Error,
    /// The row is loaded and the finding reported.
    Warning,
}

/// `[[column]]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    pub name: String,
    pub r#type: Type,
    pub title: Text,
    pub description: Text,
    pub class: Class,
    #[serde(default)]
    pub required: bool,
    /// Regular expression the whole text must match.
    pub pattern: Option<String>,
    pub min: Option<toml::Value>,
    pub max: Option<toml::Value>,
    pub max_length: Option<u32>,
    /// Name of `datasets/code_lists/<name>.csv`.
    pub code_list: Option<String>,
    /// `area.name.column`: the value must be there.
    pub references: Option<String>,
    pub lookup: Option<Lookup>,
    pub identity: Option<Identity>,
    pub unit: Option<String>,
    pub example: Option<String>,
    /// What rows say that were there before the column was, written as an example is: it lets a required column come with a later version.
    pub before: Option<String>,
    /// Other headers under which senders know the column.
    #[serde(default)]
    pub aliases: Vec<String>,
}

/// `[[rule]]`: a condition that every valid row satisfies, in SQL over the typed columns. NULL is not a violation.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub id: String,
    pub sql: String,
    #[serde(default)]
    pub severity: Severity,
    pub message: Text,
    /// Article of law or reason; shown in the dictionary.
    pub source: Option<String>,
}

/// `[[set_rule]]`: a condition on rows together. `sql` is one SELECT of the [`crate::system::LINE`] of each delivered row that breaks it.
/// Its tables are those of [`crate::derive::checks::TABLE`] and [`crate::derive::checks::AFTER`] and any other dataset, as it stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetRule {
    pub id: String,
    pub sql: String,
    #[serde(default)]
    pub severity: Severity,
    pub message: Text,
    /// Article of law or reason; shown in the dictionary.
    pub source: Option<String>,
}

/// One file `datasets/<area>/<name>.toml`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// From the path, never from the file.
    #[serde(skip, default = "unnamed")]
    pub name: DatasetName,
    /// Semantic version of the contract.
    pub version: String,
    pub title: Text,
    pub description: Text,
    pub legal_basis: Vec<Text>,
    pub mode: Mode,
    pub key: Vec<String>,
    /// Physical order of the rows in storage; also what scoped queries prune on.
    #[serde(default)]
    pub sort: Vec<String>,
    /// True when a value of this dataset is not confirmed by its official source.
    #[serde(default)]
    pub provisional: Option<Text>,
    pub feed: Feed,
    /// `None` for a dataset that somebody sends.
    pub derived: Option<Derived>,
    pub access: Vec<Access>,
    pub publication: Option<Publication>,
    #[serde(rename = "column")]
    pub columns: Vec<Column>,
    #[serde(default, rename = "rule")]
    pub rules: Vec<Rule>,
    #[serde(default, rename = "set_rule")]
    pub set_rules: Vec<SetRule>,
    /// How rows come in by hand; `None` where they come by file only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
}

fn unnamed() -> DatasetName {
    DatasetName { area: String::new(), name: String::new() }
}

impl Contract {
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name == name)
    }
}

/// One entry of `roles.toml`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    pub title: Text,
    /// Facts an account must carry to have a session in this role, such as `ambito`.
    #[serde(default)]
    pub facts: Vec<String>,
    /// May see plans (EXPLAIN) and every principal's queries.
    #[serde(default)]
    pub staff: bool,
    /// May deliver: for its own body (`own`), for any (`any`).
    #[serde(default)]
    pub deliver: Option<String>,
}
