//! A sender's own headers, codes and formats: one small file `datasets/<area>/<name>/<mapping>.toml` beside the contract.

use std::collections::BTreeMap;
use std::path::Path;

use datasets::letters;
use datasets::model::{Contract, Text};
use serde::Deserialize;

use crate::error::{Error, Kind, Result};
use crate::read::Hints;

/// Decimal mark of the numbers in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    Comma,
    Point,
}

/// `[file]`: how the file is to be read where finding it out is not wanted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FileFormat {
    pub hints: Hints,
    pub decimal: Option<Mark>,
    /// Cells that mean "no value", besides the empty one.
    pub null: Vec<String>,
}

/// Where a contract's column comes from in the sender's file.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Origin {
    /// The header, as the file has it.
    Header(String),
    Rule(Rule),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub header: Option<String>,
    /// The same value for every row.
    pub value: Option<String>,
    /// An SQL expression over the file's own columns, all text.
    pub sql: Option<String>,
    /// With `header` or `sql`, `area.name.column`: the cell is looked up there without regard to case, accents and punctuation,
    /// and replaced by that row's key.
    pub lookup: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    #[serde(skip)]
    pub name: String,
    pub title: Text,
    /// Where the file comes from and under which licence; shown in the report.
    #[serde(default)]
    pub source: Option<String>,
    /// Senders for whom the mapping is used without being named.
    #[serde(default)]
    pub senders: Vec<String>,
    #[serde(default)]
    pub file: FileFormat,
    #[serde(default)]
    pub columns: BTreeMap<String, Origin>,
    /// By contract column: the sender's code → ours.
    #[serde(default)]
    pub codes: BTreeMap<String, BTreeMap<String, String>>,
}

impl Mapping {
    /// The mapping named by the sender, else the one that lists the sender, else none.
    pub fn find(contracts: &Path, contract: &Contract, name: Option<&str>, sender: &str) -> Result<Option<Self>> {
        let all = Self::all(contracts, contract)?;
        match name {
            Some(name) => match all.into_iter().find(|m| m.name == name) {
                Some(mapping) => Ok(Some(mapping)),
                None => Err(Error::new(Kind::Invalid, "mapping.unknown", name)),
            },
            None => Ok(all.into_iter().find(|m| m.senders.iter().any(|s| s == sender))),
        }
    }

    /// Every mapping of a dataset, by name. A file that is wrong is an error that says where.
    pub fn all(contracts: &Path, contract: &Contract) -> Result<Vec<Self>> {
        let folder = contracts.join(&contract.name.area).join(&contract.name.name);
        let Ok(entries) = std::fs::read_dir(&folder) else { return Ok(Vec::new()) };
        let mut files: Vec<_> = entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "toml")).collect();
        files.sort();
        files.iter().map(|path| Self::load(path, contract)).collect()
    }

    fn load(path: &Path, contract: &Contract) -> Result<Self> {
        let wrong = |what: String| Error::new(Kind::Invalid, "mapping.invalid", &format!("{}: {what}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|e| wrong(e.to_string()))?;
        let mut mapping: Self = toml::from_str(&text).map_err(|e| wrong(e.to_string()))?;
        if let Some(unknown) = mapping.columns.keys().chain(mapping.codes.keys()).find(|c| contract.column(c).is_none()) {
            return Err(wrong(format!("column '{unknown}' is not in {}", contract.name)));
        }
        mapping.name = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(mapping)
    }
}

/// A header or name reduced to what tells it apart: lower case, no accents, single underscores.
pub fn fold(text: &str) -> String {
    letters::folded(text, '_')
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn folding_forgets_case_accents_and_punctuation() {
        assert_eq!(fold("  Comune di Nascità "), "comune_di_nascita");
        assert_eq!(fold("POSTI_LET TO_TOTAL I"), "posti_let_to_total_i");
        assert_eq!(fold("Sant'Angelo"), fold("SANT`ANGELO"));
    }
}
