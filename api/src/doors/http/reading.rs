//! What the pages that read the lake share: rows of our own queries as values, the labels of codes, and the versions a page says it shows.

use std::collections::BTreeMap;

use dashboards::theme::Theme;
use datasets::language::Language;
use serde::Serialize;
use serde::de::DeserializeOwned;
use warehouse::session::Session;
use warehouse::session::moment::Moment;
use warehouse::statement::{Rows, Statement};

use crate::app::App;
use crate::doors::http::encode;
use crate::doors::http::problem::{Problem, Result};
use crate::site::words;

/// Pictures within these pages: words are to be read on a phone, where one is as wide as the screen.
pub const IN_PAGE: Theme = Theme { width: 420.0, standalone: false };
/// The same as pictures of their own.
pub const BESIDE: Theme = Theme { width: 420.0, standalone: true };

/// Version of one table, as a page shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Version {
    pub dataset: String,
    pub version: u64,
}

/// The language of contracts for that of a page.
pub fn say(language: words::Language) -> Language {
    if language == words::Language::English { Language::En } else { Language::It }
}

/// The few rows of a query of ours, by the names of their columns. `sql` is ours; what a user gave stands in `parameters` (`$1`, …).
pub async fn ask<T: DeserializeOwned>(session: &Session, sql: impl Into<String>, parameters: &[&str]) -> Result<Vec<T>> {
    let parameters = parameters.iter().map(|value| Some((*value).to_owned())).collect();
    values(session.query(Statement { sql: sql.into(), parameters, ..Statement::default() }).await?).await
}

/// Few rows as values.
pub async fn values<T: DeserializeOwned>(rows: Rows) -> Result<Vec<T>> {
    let rows = encode::gathered(rows).await?.into_iter().map(serde_json::from_value);
    rows.collect::<std::result::Result<_, _>>().map_err(|e| Problem::internal("reading.row", e))
}

/// The versions of a moment, in the order of their names.
pub fn versions(moment: &Moment) -> Vec<Version> {
    moment.versions().map(|(name, version)| Version { dataset: name.to_string(), version }).collect()
}

/// The same by name, as answers carry them.
pub fn snapshot(moment: &Moment) -> BTreeMap<String, u64> {
    moment.versions().map(|(name, version)| (name.to_string(), version)).collect()
}

/// What a code means; the code itself where its list does not say.
pub fn label(app: &App, list: &str, code: &str, language: Language) -> String {
    let found = app.warehouse.catalog().code_lists.get(list).and_then(|list| list.label(code));
    found.map_or_else(|| code.to_owned(), |text| text.get(language).to_owned())
}
