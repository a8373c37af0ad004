//! `/consegne/{id}`: the report of a delivery line by line, and the form in which its refused rows are corrected and sent again.

use std::collections::BTreeMap;

use axum::extract::{Path, Query, State};
use axum::response::Response;
use datasets::catalog::Catalog;
use datasets::model::{Column, Contract, DatasetName, Mode, Severity};
use ingest::incoming::{self, Incoming};
use ingest::mend::Refused;
use ingest::report::{Report, Violation};
use serde::Deserialize;
use serde_json::{Value, json};
use warehouse::session::rows::{Filter, Operator, Page, Sort};

use super::{title, worked};
use crate::app::App;
use crate::doors::http::deliveries::{problem, record_read};
use crate::doors::http::encode;
use crate::doors::http::problem::{Problem, Result};
use crate::doors::http::session::{Desk, Sent};
use crate::site::words::Language;

/// Findings of a page.
const FINDINGS: usize = 100;
/// Refused rows, and cells of them, that are corrected on a page; more are corrected in the file.
const ROWS: usize = 50;
const CELLS: usize = 3_000;
/// Codes that are told where a cell must be one of a list.
const CODES: usize = 12;

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    pagina: usize,
    /// The same file had been delivered before.
    gia: Option<String>,
}

/// `GET /consegne/{id}`
pub async fn page(State(app): State<App>, desk: Desk, Path(id): Path<String>, Query(asked): Query<Asked>) -> Result<Response> {
    let language = desk.frame.language;
    let Some(report) = app.deliveries.report(&id).await.map_err(problem)? else {
        let receipt = app.deliveries.landing().receipt(&id).await.map_err(problem)?.ok_or_else(Problem::not_found)?;
        allowed(&app, &desk, &receipt.sender)?;
        let values = json!({ "title": title(&app, &receipt.dataset, language), "receipt": receipt });
        return app.site.render("receipt.html", &desk.frame, values);
    };
    allowed(&app, &desk, &report.sender)?;
    record_read(&app, desk.who(), &report).await?;
    let contract = contract(app.warehouse.catalog(), &report.dataset);
    let refused = app.deliveries.refused(&report).await.map_err(problem)?;
    let fits = !refused.rows.is_empty() && refused.rows.len() <= ROWS && refused.rows.len() * refused.header.len() <= CELLS;
    let first = asked.pagina.saturating_mul(FINDINGS);
    let findings = report.violations.iter().skip(first).take(FINDINGS).map(|one| finding(app.warehouse.catalog(), contract, one, language));
    let later = if fits { later(&app, &desk, &report).await? } else { None };
    let rows: Vec<Value> =
        if fits && later.is_none() { refused.rows.iter().map(|(line, cells)| row(&report, &refused, *line, cells, language)).collect() } else { Vec::new() };
    let values = json!({
        "word": desk.word(), "id": report.id, "title": title(&app, &report.dataset, language), "report": report, "outcome": report.outcome.as_str(),
        "summary": language.say(&report.summary), "again": asked.gia.is_some(), "findings": findings.collect::<Vec<_>>(), "pagina": asked.pagina,
        "first": first, "more": report.violations.len() > first + FINDINGS, "shown": report.violations.len(), "rows": rows,
        "whole": contract.is_some_and(|contract| contract.mode == Mode::Replace), "persons": app.deliveries.tells_persons(&report.dataset),
        "later": later, "refused": refused.rows.len(),
    });
    app.site.render("delivery.html", &desk.frame, values)
}

/// `POST /consegne/{id}/correggi`: cells by line and column, `c.12.3`. What the form does not say stays as it was sent.
pub async fn correct(State(app): State<App>, Path(id): Path<String>, Sent { desk, fields }: Sent<BTreeMap<String, String>>) -> Result<Response> {
    let report = app.deliveries.report(&id).await.map_err(problem)?.ok_or_else(Problem::not_found)?;
    allowed(&app, &desk, &report.sender)?;
    if let Some(later) = later(&app, &desk, &report).await? {
        let detail = format!("delivery {later} came after this one and takes its place: correct that one");
        return Err(Problem::new(http::StatusCode::CONFLICT, "mend.later", detail)
            .with("detail_it", format!("La consegna {later} è arrivata dopo e ha preso il posto di questa: correggere quella.")));
    }
    let refused = app.deliveries.refused(&report).await.map_err(problem)?;
    let mut corrected: BTreeMap<i64, Vec<String>> = refused.rows.iter().cloned().collect();
    let mut changed = false;
    for (name, value) in &fields {
        let Some((line, place)) = cell(name) else { continue };
        let unknown = || Problem::invalid("mend.line", format!("there is no refused cell '{name}'"));
        let old = corrected.get_mut(&line).and_then(|cells| cells.get_mut(place)).ok_or_else(unknown)?;
        // A form's field holds no ends of lines: a cell that differs in them alone was not touched.
        if *value != old.replace(['\r', '\n'], "") {
            changed = true;
            old.clone_from(value);
        }
    }
    if !changed {
        return Err(Problem::invalid("mend.nothing", "no cell was changed: correct what the report names, then send")
            .with("detail_it", "Nessuna cella è stata cambiata: correggere ciò che il rapporto indica, poi inviare."));
    }
    let file = app.deliveries.mended(&report, corrected).await.map_err(problem)?;
    let incoming = Incoming {
        dataset: report.dataset.clone(),
        sender: report.sender.clone(),
        period: report.period.clone(),
        account: desk.account().to_owned(),
        file_name: mended_name(&report.file),
        mapping: report.mapping.clone(),
    };
    let receipt = app.deliveries.receive_file(incoming, &file).await.map_err(problem)?;
    worked(&app, &desk, receipt).await
}

/// Others' deliveries are not found, as through REST.
fn allowed(app: &App, desk: &Desk, sender: &str) -> Result<()> {
    incoming::authorize(app.warehouse.catalog(), desk.who(), sender).map_err(|_| Problem::not_found())
}

/// Where a delivery is the whole truth of its period: the one that came after it and loaded rows.
async fn later(app: &App, desk: &Desk, report: &Report) -> Result<Option<String>> {
    if contract(app.warehouse.catalog(), &report.dataset).is_none_or(|contract| contract.mode != Mode::Replace) {
        return Ok(None);
    }
    let table: DatasetName = "sistema.deliveries".parse().map_err(|e: String| Problem::internal("office.table", e))?;
    let after =
        Filter { column: "ricevuta_il".into(), operator: Operator::Gt, value: Some(report.received.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)) };
    let filters = vec![Filter::eq("dataset", &report.dataset), Filter::eq("ente", &report.sender), Filter::eq("periodo_dati", &report.period), after];
    let sort = vec![Sort { column: "ricevuta_il".into(), descending: true }];
    let columns = ["consegna", "accettate"].map(String::from).into();
    let session = app.warehouse.session(desk.who()).await?;
    let rows = encode::gathered(session.rows(&table, Page { columns, filters, sort, ..Page::default() }).await?).await?;
    let loaded = rows.iter().find(|row| row["accettate"].as_u64().is_some_and(|rows| rows > 0) && row["consegna"] != report.id.as_str());
    Ok(loaded.and_then(|row| row["consegna"].as_str()).map(String::from))
}

fn contract<'a>(catalog: &'a Catalog, dataset: &str) -> Option<&'a Contract> {
    dataset.parse::<DatasetName>().ok().and_then(|name| catalog.get(&name))
}

/// What, where, and what to do: the column's own title, an example of a right cell, the codes it may hold.
fn finding(catalog: &Catalog, contract: Option<&Contract>, one: &Violation, language: Language) -> Value {
    let column: Option<&Column> = one.column.as_deref().and_then(|name| contract?.column(name));
    let list = column.and_then(|column| catalog.code_lists.get(column.code_list.as_ref()?));
    let codes: Vec<&str> = list.map(|list| list.codes.iter().map(|code| code.code.as_str()).take(CODES + 1).collect()).unwrap_or_default();
    json!({
        "line": one.line, "column": one.column, "title": column.map(|column| language.say(&column.title)), "value": one.value,
        "message": language.say(&one.message), "error": one.severity == Severity::Error, "rule": one.rule,
        "example": column.and_then(|column| column.example.as_deref()), "codes": if codes.len() > CODES { Vec::new() } else { codes },
    })
}

/// A refused row as fields: those that the report names first, each with what is wrong in it.
fn row(report: &Report, refused: &Refused, line: i64, cells: &[String], language: Language) -> Value {
    let about: Vec<&Violation> = report.violations.iter().filter(|one| one.line == Some(line) && one.severity == Severity::Error).collect();
    let said = |column: Option<&str>| about.iter().filter(|one| one.column.as_deref() == column).map(|one| language.say(&one.message)).collect::<Vec<_>>();
    let fields = refused
        .header
        .iter()
        .zip(cells)
        .enumerate()
        .map(|(place, (name, value))| json!({ "place": place, "name": name, "value": value, "wrong": said(Some(name)) }));
    let (wrong, right): (Vec<Value>, Vec<Value>) = fields.partition(|field| field["wrong"].as_array().is_some_and(|said| !said.is_empty()));
    let named: Vec<&str> = refused.header.iter().map(String::as_str).collect();
    // What is about the row, or about a column that the sender calls by another name, stands above its cells.
    let whole: Vec<&str> =
        about.iter().filter(|one| one.column.as_deref().is_none_or(|column| !named.contains(&column))).map(|one| language.say(&one.message)).collect();
    json!({ "line": line, "said": whole, "wrong": wrong, "right": right, "open": wrong.is_empty() })
}

/// `c.12.3`: line 12, cell 3.
fn cell(name: &str) -> Option<(i64, usize)> {
    let (line, place) = name.strip_prefix("c.")?.split_once('.')?;
    Some((line.parse().ok()?, place.parse().ok()?))
}

/// The name of the corrected file, for its sender to tell it from the first.
fn mended_name(file: &str) -> String {
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    format!("{}-corretto.csv", stem.strip_suffix("-corretto").unwrap_or(stem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_the_form_are_cells_and_nothing_else_is() {
        assert_eq!(cell("c.12.3"), Some((12, 3)));
        for name in ["modulo", "c.", "c.1", "c.x.1", "c.1.-1", "c.1.2.3"] {
            assert_eq!(cell(name), None, "{name}");
        }
    }

    #[test]
    fn a_corrected_file_is_named_once() {
        assert_eq!(mended_name("strutture.xlsx"), "strutture-corretto.csv");
        assert_eq!(mended_name("strutture-corretto.csv"), "strutture-corretto.csv");
    }
}
