//! Columns that tell who a person is, in a delivery: fiscal codes become pseudonyms, names go to the vault, and nothing that others read
//! (violations, refused rows) shows either.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datasets::fiscal_code;
use datasets::model::{Contract, Identity as Kind};
use regex::Regex;

use crate::error::{Error, Result};
use crate::vault::{Arriving, HIDDEN, Person, Vault};

/// Anything that looks like a fiscal code, wherever it stands in a text.
static CODE: LazyLock<Regex> = LazyLock::new(|| Regex::new(&format!("(?i){}", fiscal_code::PATTERN)).expect("a pattern of ours"));

/// A text without the fiscal codes in it.
pub fn without_codes(text: &str) -> String {
    CODE.replace_all(text, HIDDEN).into_owned()
}

/// What is kept apart of the rows of one contract.
#[derive(Clone)]
pub struct Identity {
    vault: Vault,
    /// Places of the columns with a fiscal code, in the contract.
    codes: Vec<usize>,
    /// Places and names of the columns that go to the vault.
    kept: Vec<(usize, String)>,
}

/// Whether a contract has columns that tell who a person is.
pub fn tells_persons(contract: &Contract) -> bool {
    contract.columns.iter().any(|c| c.identity.is_some())
}

impl Identity {
    /// `None` for a contract without such columns.
    pub fn of(contract: &Contract, vault: &Vault) -> Option<Self> {
        let places = |kind: Kind| contract.columns.iter().enumerate().filter(move |(_, c)| c.identity == Some(kind));
        let codes: Vec<usize> = places(Kind::Pseudonym).map(|(i, _)| i).collect();
        let kept: Vec<(usize, String)> = places(Kind::Vault).map(|(i, c)| (i, c.name.clone())).collect();
        (!codes.is_empty()).then(|| Self { vault: vault.clone(), codes, kept })
    }

    /// Whether a column's cells are never shown.
    pub fn hides(&self, column: usize) -> bool {
        self.codes.contains(&column) || self.kept.iter().any(|(i, _)| *i == column)
    }

    /// The pseudonyms of each column with fiscal codes; null where the cell is none.
    pub fn pseudonyms(&self, cells: &[StringArray]) -> HashMap<usize, StringArray> {
        self.codes.iter().map(|at| (*at, cells[*at].iter().map(|code| self.vault.pseudonym(code?)).collect())).collect()
    }

    /// The persons of the rows that stand; none for a contract that keeps nothing in the vault.
    pub fn persons(&self, lines: &Int64Array, cells: &[StringArray], typed: &[ArrayRef], stands: &BooleanArray) -> Result<Vec<Arriving>> {
        let (false, Some(code)) = (self.kept.is_empty(), self.codes.first()) else { return Ok(Vec::new()) };
        let text = |(at, name): &(usize, String)| -> Result<(String, StringArray)> {
            let text = cast(&typed[*at], &DataType::Utf8).map_err(|e| Error::internal("identity.text", e))?;
            Ok((name.clone(), text.as_string::<i32>().clone()))
        };
        let kept = self.kept.iter().map(text).collect::<Result<Vec<_>>>()?;
        let mut persons = Vec::new();
        for row in (0..lines.len()).filter(|row| stands.value(*row) && cells[*code].is_valid(*row)) {
            let Some(fiscal_code) = fiscal_code::normal(cells[*code].value(row)) else { continue };
            let Some(pseudonym) = self.vault.pseudonym(&fiscal_code) else { continue };
            let fields = kept.iter().filter(|(_, text)| text.is_valid(row)).map(|(name, text)| (name.clone(), text.value(row).to_owned()));
            persons.push(Arriving { line: lines.value(row), pseudonym, person: Person { fiscal_code, fields: fields.collect() } });
        }
        Ok(persons)
    }

    /// What is shown of a cell: nothing of one that tells who a person is, nor of one that says the same in the wrong place.
    pub fn shown(&self, column: usize, row: usize, value: String, cells: &[StringArray]) -> String {
        let hidden = self.codes.iter().copied().chain(self.kept.iter().map(|(i, _)| *i));
        let mut said = hidden.filter(|i| cells[*i].is_valid(row)).map(|i| cells[i].value(row));
        if self.hides(column) || CODE.is_match(&value) || said.any(|cell| cell.eq_ignore_ascii_case(value.trim())) { HIDDEN.to_owned() } else { value }
    }
}

/// Which cells of a sender's file may be seen by those who read what was refused.
pub struct Veil {
    /// By place in the file: the cells go straight to a column that tells nobody's name.
    plain: Vec<bool>,
}

impl Veil {
    pub fn new(plain: Vec<bool>) -> Self {
        Self { plain }
    }

    /// A refused row as it is shown. Nobody knows which cell is which in a row that is not `whole`.
    pub fn over(&self, cells: &[&str], whole: bool) -> Vec<String> {
        let plain = |i: usize| whole && self.plain.get(i) == Some(&true);
        let said: HashSet<String> = cells.iter().enumerate().filter(|(i, _)| !plain(*i)).map(|(_, cell)| cell.trim().to_lowercase()).collect();
        let shown = |(i, cell): (usize, &&str)| {
            let open = cell.trim().is_empty() || plain(i) && !CODE.is_match(cell) && !said.contains(&cell.trim().to_lowercase());
            if open { (*cell).to_owned() } else { HIDDEN.to_owned() }
        };
        cells.iter().enumerate().map(shown).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_row_shows_nobody() {
        let veil = Veil::new(vec![false, true, true, true]);
        let row = ["RSSMRA80A01H501U", "058091", "cf rssmra80a01h501u", ""];
        assert_eq!(veil.over(&row, true), [HIDDEN, "058091", HIDDEN, ""]);
        assert_eq!(veil.over(&["Rossi", "rossi ", "F", "1"], true), [HIDDEN, HIDDEN, "F", "1"]);
        assert_eq!(veil.over(&["x", "F"], false), [HIDDEN, HIDDEN]);
        assert_eq!(veil.over(&["x", "1", "1", "1", "oltre"], true)[4], HIDDEN);
    }
}
