//! The rows of a case: what of it stands in datasets, and in which order they are written.

use datasets::form::Filled;
use datasets::model::{Contract, DatasetName};
use ingest::form::Answers;
use warehouse::error::Result;

use super::Payload;
use super::cases::Case;
use super::fill::{Standing, day, given};

/// The main row of a case as it stands: what was answered and decided, the key, what the service gives.
pub fn main_row(filled: Filled<'_>, case: &Case, payload: &Payload) -> Answers {
    let mut row = payload.values.clone();
    row.extend(payload.decided.clone());
    let at = Standing { key: Some(&case.received.code), state: &case.state, since: day(case.since), sent: day(case.received.received) };
    given(filled, &mut row, at);
    for attachment in &filled.form.attachments {
        let document = payload.documents.iter().find(|one| one.name == attachment.name);
        if let (Some(column), Some(document)) = (&attachment.hash, document) {
            row.insert(column.clone(), document.hash.clone());
        }
    }
    if let Some(key) = filled.contract.key.first() {
        row.insert(key.clone(), case.received.code.clone());
    }
    row
}

/// The rows of the parts of a case, by dataset, in the form's order.
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

/// Rows by which a dataset knows the columns of `contract` only.
pub fn only(contract: &Contract, row: Answers) -> Result<Answers> {
    Ok(row.into_iter().filter(|(name, _)| contract.column(name).is_some_and(|column| column.lookup.is_none())).collect())
}
