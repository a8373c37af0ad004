//! What was answered in a case, label by label: for its page and for the receipt.

use datasets::form::Filled;
use datasets::model::Contract;
use ingest::form::Answers;
use serde_json::{Value, json};

use crate::app::App;
use crate::doors::http::problem::Result;
use crate::doors::http::reading::{label, say};
use crate::intake::Payload;
use crate::intake::cases::Case;
use crate::intake::receipt::{Line, pdf};
use crate::site::words::Language;

/// Sections of labels and values, the office's decisions last.
pub fn sections(app: &App, filled: Filled<'_>, payload: &Payload, language: Language) -> Vec<Value> {
    let shown = said(app, filled, payload, language);
    shown.into_iter().map(|(title, fields)| json!({ "title": title, "fields": fields.iter().map(|(label, value)| json!({ "label": label, "value": value })).collect::<Vec<_>>() })).collect()
}

/// The receipt as PDF.
pub fn receipt(app: &App, filled: Filled<'_>, case: &Case, payload: &Payload, language: Language) -> Result<Vec<u8>> {
    let words = app.site.words(language);
    let word = |key: &str| words.get(key).cloned().unwrap_or_default();
    let received = chrono::DateTime::from_timestamp(case.received.received, 0).unwrap_or_default();
    let mut lines = vec![
        Line::Heading(word("cases_receipt")),
        Line::Text(language.say(&filled.form.title).to_owned()),
        Line::Field(word("cases_protocol"), case.received.protocol.clone()),
        Line::Field(word("cases_received"), received.format("%Y-%m-%d %H:%M:%S UTC").to_string()),
        Line::Field(word("cases_code"), case.received.code.clone()),
        Line::Field(word("cases_hash"), case.received.hash.clone()),
        Line::Field(word("cases_version"), format!("{} {}", case.form, case.version)),
    ];
    for (title, fields) in said(app, filled, payload, language) {
        lines.push(Line::Section(title));
        lines.extend(fields.into_iter().map(|(label, value)| Line::Field(label, value)));
    }
    if !payload.documents.is_empty() {
        lines.push(Line::Section(word("cases_documents")));
        lines.extend(payload.documents.iter().map(|one| Line::Field(format!("{} ({} byte)", one.file, one.bytes), one.hash.clone())));
    }
    let title = format!("{} {}", word("cases_receipt"), case.received.protocol);
    Ok(pdf(&title, language.code(), &lines)?)
}

type Section = (String, Vec<(String, String)>);

fn said(app: &App, filled: Filled<'_>, payload: &Payload, language: Language) -> Vec<Section> {
    let mut all: Vec<Section> = Vec::new();
    for section in &filled.form.sections {
        let fields = fields(app, filled.contract, &section.columns, &payload.values, language);
        all.push((language.say(&section.title).to_owned(), fields));
    }
    for part in &filled.form.parts {
        let Some(contract) = app.warehouse.catalog().get(&part.dataset) else { continue };
        for (i, row) in payload.parts.get(&part.dataset.to_string()).into_iter().flatten().enumerate() {
            all.push((format!("{} – {}", language.say(&part.title), i + 1), fields(app, contract, &part.columns, row, language)));
        }
    }
    let decided: Vec<String> = payload.decided.keys().cloned().collect();
    let title = app.site.words(language).get("cases_decided").cloned().unwrap_or_default();
    all.push((title, fields(app, filled.contract, &decided, &payload.decided, language)));
    all.retain(|(_, fields)| !fields.is_empty());
    all
}

fn fields(app: &App, contract: &Contract, names: &[String], row: &Answers, language: Language) -> Vec<(String, String)> {
    let one = |name: &String| {
        let (column, value) = (contract.column(name)?, row.get(name)?);
        let said = column.code_list.as_ref().map_or_else(|| value.clone(), |list| label(app, list, value, say(language)));
        Some((language.say(&column.title).to_owned(), said))
    };
    names.iter().filter_map(one).collect()
}
