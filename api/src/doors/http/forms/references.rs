//! The rows that an answer may name, as far as who asks sees them: listed where they are few, searched while somebody types where they are many.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use datasets::form::Filled;
use datasets::model::{Column, DatasetName};
use serde::Deserialize;
use serde_json::{Value, json};
use warehouse::session::Session;
use warehouse::session::rows::{Filter, Operator};
use warehouse::session::summary::{Function, Key, Order, Summary};

use crate::app::App;
use crate::doors::http::encode;
use crate::doors::http::forms::form;
use crate::doors::http::problem::{Problem, Result};
use crate::doors::http::session::Desk;
use crate::intake::fill::allowed;

/// Columns that name a row for people, the first one that is there.
const NAMES: [&str; 4] = ["denominazione", "nome", "comune", "oggetto"];
/// Rows that a search offers.
const FOUND: usize = 20;
/// Characters of a search.
const LONGEST: usize = 100;

/// The dataset that a column refers to, with the column of the code and that of its name.
pub struct Register {
    pub dataset: DatasetName,
    key: String,
    label: Option<&'static str>,
}

impl Register {
    /// `None` where the column refers to nothing, or to nothing that the session shows.
    pub fn of(session: &Session, column: &Column) -> Option<Self> {
        let (dataset, key) = column.reference()?;
        let seen = session.dataset(&dataset).ok()?;
        let there = |name: &str| seen.columns.iter().any(|c| c.name == name);
        let label = NAMES.into_iter().find(|name| there(name) && *name != key);
        there(&key).then_some(Self { dataset, key, label })
    }

    /// The first codes, each once, as `{code, label}`, and whether there may be more: a register may have a row for each year of one.
    pub async fn rows(&self, session: &Session, filters: Vec<Filter>, limit: usize) -> Result<(Vec<Value>, bool)> {
        let columns = [Some(self.key.as_str()), self.label].into_iter().flatten();
        let group = columns.map(|column| Key { column: column.to_owned(), part: None }).collect();
        let each = Summary { group, across: None, function: Function::Count, column: None, filters, order: Order::Group, limit: Some(limit) };
        let rows = encode::gathered(session.summary(&self.dataset, &each).await?).await?;
        let mut choices: Vec<Value> = rows.iter().map(|row| json!({ "code": row[&self.key], "label": self.label.map(|label| &row[label]) })).collect();
        // One that had several names.
        choices.dedup_by(|one, other| one["code"] == other["code"]);
        Ok((choices, rows.len() >= limit))
    }
}

#[derive(Deserialize)]
pub struct Searched {
    /// `dataset.column` of the form.
    campo: String,
    /// A part of the name or of the code.
    testo: String,
}

/// `GET /moduli/{area}/{name}/valori`: `{"choices": [{"code", "label"}]}`.
pub async fn search(State(app): State<App>, desk: Desk, Path((area, name)): Path<(String, String)>, Query(asked): Query<Searched>) -> Result<Response> {
    let filled = form(&app, &format!("{area}.{name}"))?;
    allowed(filled, desk.who())?;
    let column = column(&app, filled, &asked.campo).ok_or_else(Problem::not_found)?;
    let session = app.warehouse.session(desk.who()).await?;
    let register = Register::of(&session, column).ok_or_else(Problem::not_found)?;
    let text: String = asked.testo.trim().chars().take(LONGEST).collect();
    let has = |column: &str| vec![Filter { column: column.to_owned(), operator: Operator::Contains, value: Some(text.clone()) }];
    let (mut choices, _) = register.rows(&session, has(&register.key), FOUND).await?;
    if let Some(label) = register.label.filter(|_| choices.len() < FOUND) {
        let (named, _) = register.rows(&session, has(label), FOUND).await?;
        let more: Vec<Value> = named.into_iter().filter(|one| choices.iter().all(|known| known["code"] != one["code"])).take(FOUND - choices.len()).collect();
        choices.extend(more);
    }
    Ok(Json(json!({ "choices": choices })).into_response())
}

/// A column that the form asks, of its own dataset or of one of its parts.
fn column<'a>(app: &'a App, filled: Filled<'a>, field: &str) -> Option<&'a Column> {
    let (dataset, column) = field.rsplit_once('.')?;
    let dataset: DatasetName = dataset.parse().ok()?;
    let part = filled.form.parts.iter().find(|part| part.dataset == dataset);
    let asked = match part {
        Some(part) => part.columns.iter().any(|name| name == column),
        None => filled.contract.name == dataset && filled.form.asked().any(|name| name == column),
    };
    app.warehouse.catalog().get(&dataset).filter(|_| asked)?.column(column)
}
