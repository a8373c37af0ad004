//! Forms: how rows of a dataset come in by hand. A contract's `[form]` says what is asked, of whom and in which order; labels, hints, code
//! lists and rules are the contract's own, so that a form and a bulk file obey the same words.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::catalog::Catalog;
use crate::model::{Column, Contract, DatasetName, Text};
use crate::workflow::Workflow;

/// The body of the region, where a form or a feed names no other.
pub const REGION: &str = "lazio";
/// Digits of the number in a code that a form gives; feeds number from 1, forms from nine of these on, so that the two never meet.
pub const DIGITS: usize = 8;
/// The number before the first one that forms give.
pub const FROM: i64 = 90_000_000;

/// `[form]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    pub title: Text,
    /// What it is for and what to have at hand.
    pub intro: Text,
    /// Who may fill it in; who has a body or a person of its own fills it in for that one alone.
    pub roles: Vec<String>,
    /// Name of `datasets/workflows/<name>.toml`.
    pub workflow: String,
    /// The column that names the body whose office decides; the region's where absent.
    pub office: Option<String>,
    /// How the key of a new row is written: `{anno}`, `{n}` (eight digits) and names of columns in braces.
    pub code: String,
    /// Columns whose values the service gives.
    #[serde(default)]
    pub given: BTreeMap<String, Given>,
    /// Columns whose value follows from who asks: by column, the value of each role.
    #[serde(default)]
    pub for_role: BTreeMap<String, BTreeMap<String, String>>,
    #[serde(rename = "section")]
    pub sections: Vec<Section>,
    #[serde(default, rename = "attachment")]
    pub attachments: Vec<Attachment>,
    #[serde(default, rename = "part")]
    pub parts: Vec<Part>,
}

/// What the service writes into a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Given {
    /// Day the form was sent first.
    Oggi,
    /// Its year.
    Anno,
    /// Where the case stands.
    Stato,
    /// Day since when it stands there.
    DataStato,
}

/// `[[form.section]]`: columns asked together, under a heading.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    pub title: Text,
    pub columns: Vec<String>,
}

/// `[[form.attachment]]`: a document that comes with the answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    pub name: String,
    pub title: Text,
    #[serde(default)]
    pub required: bool,
    /// Whether it must bear a signature that is intact.
    #[serde(default)]
    pub signed: bool,
    /// The column that gets its SHA-256.
    pub hash: Option<String>,
}

/// `[[form.part]]`: rows of another dataset that come with this one, as many as there are.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    pub dataset: DatasetName,
    pub title: Text,
    pub columns: Vec<String>,
    /// Columns of the part that repeat a column of the main row: part's name = main's name.
    pub link: BTreeMap<String, String>,
    pub most: u32,
}

impl Form {
    /// Columns of the main row that are asked, in order.
    pub fn asked(&self) -> impl Iterator<Item = &str> {
        self.sections.iter().flat_map(|section| section.columns.iter().map(String::as_str))
    }

    /// The code of a new row but for its number, for [`Code::with`]. `text` gives what columns say: letters and digits of it are kept.
    pub fn code(&self, year: i32, text: impl Fn(&str) -> String) -> Code {
        let mut code = Code { before: String::new(), after: None };
        let mut rest = self.code.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            code.side().push_str(before);
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            match name {
                "anno" => code.side().push_str(&year.to_string()),
                "n" => code.after = Some(String::new()),
                column => code.side().extend(text(column).chars().filter(char::is_ascii_alphanumeric)),
            }
            rest = after;
        }
        code.side().push_str(rest);
        code
    }
}

/// What stands before and after the number of a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    pub before: String,
    pub after: Option<String>,
}

impl Code {
    fn side(&mut self) -> &mut String {
        self.after.as_mut().unwrap_or(&mut self.before)
    }

    /// The code with the `number`-th number that forms give, counted from 1.
    pub fn with(&self, number: i64) -> String {
        format!("{}{:0DIGITS$}{}", self.before, FROM + number, self.after.as_deref().unwrap_or_default())
    }
}

/// A contract with its form and what becomes of it.
#[derive(Clone, Copy)]
pub struct Filled<'a> {
    pub contract: &'a Contract,
    pub form: &'a Form,
    pub workflow: &'a Workflow,
}

impl Catalog {
    /// The form of a dataset, if it has one.
    pub fn form(&self, name: &DatasetName) -> Option<Filled<'_>> {
        let contract = self.get(name)?;
        let form = contract.form.as_ref()?;
        Some(Filled { contract, form, workflow: self.workflows.get(&form.workflow)? })
    }

    /// Every form, in the order of datasets.
    pub fn forms(&self) -> impl Iterator<Item = Filled<'_>> {
        self.contracts.keys().filter_map(|name| self.form(name))
    }
}

impl<'a> Filled<'a> {
    /// The key column, whose value the service gives to a new row.
    pub fn key(&self) -> Option<&'a Column> {
        self.contract.column(self.contract.key.first()?)
    }

    /// The columns that are asked, in order.
    pub fn asked(&self) -> impl Iterator<Item = &'a Column> {
        self.form.asked().filter_map(|name| self.contract.column(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_holds_the_year_a_number_and_what_columns_say() {
        let text = Text::new("a", "a");
        let form = Form {
            title: text.clone(),
            intro: text,
            roles: vec![],
            workflow: String::new(),
            office: None,
            code: "A{ambito}-{anno}-{n}".into(),
            given: BTreeMap::new(),
            for_role: BTreeMap::new(),
            sections: vec![],
            attachments: vec![],
            parts: vec![],
        };
        assert_eq!(form.code(2026, |_| "RM 5.1".into()).with(7), "ARM51-2026-90000007");
        let plain = Form { code: "Q{anno}-{n}".into(), ..form };
        assert_eq!(plain.code(2026, |_| String::new()).with(12), "Q2026-90000012");
    }
}
