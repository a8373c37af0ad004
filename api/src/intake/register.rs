//! The rows of a case: what of it stands in datasets.

use chrono::NaiveDate;
use datasets::form::{Filled, Given};
use datasets::model::DatasetName;
use ingest::form::Answers;

use super::Payload;
use super::cases::Case;
use chrono::Datelike;

/// Where a row stands, for the columns that say so.
#[derive(Clone, Copy)]
pub struct Standing<'a> {
    /// The row's key; absent for a row that has none yet.
    pub key: Option<&'a str>,
    pub state: &'a str,
    pub since: NaiveDate,
    /// Day the form was sent first.
    pub sent: NaiveDate,
}

impl<'a> Standing<'a> {
    /// Of a form that is about to be sent.
    pub fn first(filled: Filled<'a>, key: Option<&'a str>, today: NaiveDate) -> Self {
        Self { key, state: &filled.workflow.first, since: today, sent: today }
    }
}

/// The main row as it stands: what was answered and decided, what the service gives, hashes of documents, the key if there is one.
pub fn main_row(filled: Filled<'_>, payload: &Payload, at: Standing<'_>) -> Answers {
    let mut row = payload.values.clone();
    row.extend(payload.decided.clone());
    for (column, what) in &filled.form.given {
        let value = match what {
            Given::Oggi => at.sent.to_string(),
            Given::Anno => at.sent.year().to_string(),
            Given::Stato => at.state.to_owned(),
            Given::DataStato => at.since.to_string(),
        };
        row.insert(column.clone(), value);
    }
    for attachment in &filled.form.attachments {
        let document = payload.documents.iter().find(|one| one.name == attachment.name);
        if let (Some(column), Some(document)) = (&attachment.hash, document) {
            row.insert(column.clone(), document.hash.clone());
        }
    }
    if let (Some(column), Some(key)) = (filled.key(), at.key) {
        row.insert(column.name.clone(), key.to_owned());
    }
    row
}

/// The same of a case.
pub fn row_of(filled: Filled<'_>, case: &Case, payload: &Payload) -> Answers {
    let at = Standing { key: Some(&case.received.code), state: &case.state, since: day(case.since), sent: day(case.received.received) };
    main_row(filled, payload, at)
}

/// The rows of the parts, by dataset, in the form's order, each with what it repeats of the main row.
pub fn part_rows(filled: Filled<'_>, main: &Answers, payload: &Payload) -> Vec<(DatasetName, Vec<Answers>)> {
    let mut all = Vec::new();
    for part in &filled.form.parts {
        let Some(rows) = payload.parts.get(&part.dataset.to_string()) else { continue };
        let link = |row: &Answers| -> Answers {
            let from_main = part.link.iter().filter_map(|(to, from)| Some((to.clone(), main.get(from)?.clone())));
            row.clone().into_iter().chain(from_main).collect()
        };
        all.push((part.dataset.clone(), rows.iter().map(link).collect()));
    }
    all
}

/// Day of a moment of the state store, in seconds since 1970.
pub fn day(seconds: i64) -> NaiveDate {
    chrono::DateTime::from_timestamp(seconds, 0).unwrap_or_default().date_naive()
}
