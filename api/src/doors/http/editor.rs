//! `/sql`: the page on which people write queries. Every query runs in a worker, as through any other door, with the rights of its asker.

use axum::Json;
use axum::extract::{OriginalUri, Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use warehouse::session::outline::Step;
use warehouse::statement::{Door, Statement};

use crate::app::App;
use crate::doors::http::encode::{self, Wanted};
use crate::doors::http::format::Format;
use crate::doors::http::problem::{Problem, Result};
use crate::doors::http::session::{Desk, Sent};
use crate::shelf::Saved;
use crate::site::words::Language;

pub mod kept;
mod place;
mod table;

/// Rows that the page shows; files have them all.
const SHOWN: usize = 200;
/// The spreadsheet: a format of this page alone, bounded, where the others stream.
pub const SHEET: &str = "xlsx";
/// Questions of the history that the page lists.
const LISTED: usize = 20;

/// Which text the editor opens with.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Opened {
    /// A saved query.
    q: Option<String>,
    /// A question of one's history.
    storia: Option<String>,
    /// A worked question.
    domanda: Option<String>,
}

#[derive(Deserialize)]
pub struct Written {
    sql: String,
    /// The saved query that the text came from.
    #[serde(default)]
    q: String,
    /// `piano`: say what the query does instead of running it.
    #[serde(default)]
    azione: String,
}

/// `GET /sql`
pub async fn page(State(app): State<App>, desk: Desk, Query(opened): Query<Opened>) -> Result<Response> {
    let (mut sql, mut open) = (String::new(), None);
    if let Some(id) = &opened.q {
        let saved = app.shelf.saved(desk.account(), id).await?.ok_or_else(Problem::not_found)?;
        sql.clone_from(&saved.sql);
        open = Some(saved);
    } else if let Some(id) = &opened.storia {
        sql = app.shelf.asked(desk.account(), id).await?.ok_or_else(Problem::not_found)?.sql;
    } else if let Some(name) = &opened.domanda {
        sql.clone_from(&app.warehouse.catalog().questions.iter().find(|question| question.name == *name).ok_or_else(Problem::not_found)?.sql);
    }
    let values = values(&app, &desk, &sql, open.as_ref(), Outcome::default()).await?;
    app.site.render("sql.html", &desk.frame, values)
}

/// `POST /sql`: the page again, with the answer or the plan.
pub async fn ask(State(app): State<App>, Sent { desk, fields }: Sent<Written>) -> Result<Response> {
    let open = if fields.q.is_empty() { None } else { app.shelf.saved(desk.account(), &fields.q).await? };
    let statement = Statement { sql: fields.sql.clone(), ..Statement::default() };
    if fields.azione == "piano" {
        let outcome = match app.pool.outline(desk.who(), statement).await {
            Ok(steps) => Outcome { plan: Some(steps), ..Outcome::default() },
            Err(error) => Outcome { error: Some(error.into()), ..Outcome::default() },
        };
        let values = values(&app, &desk, &fields.sql, open.as_ref(), outcome).await?;
        return app.site.render("sql.html", &desk.frame, values);
    }
    // One row more tells whether there are more.
    match app.pool.query(desk.who(), Statement { first: Some(SHOWN + 1), ..statement }, Door::Page).await {
        Ok(rows) => {
            let marker = uuid::Uuid::new_v4().simple().to_string();
            let outcome = Outcome { marker: Some(marker.clone()), columns: table::columns(&rows.schema), ..Outcome::default() };
            let values = values(&app, &desk, &fields.sql, open.as_ref(), outcome).await?;
            let html = app.site.html("sql.html", &desk.frame, values)?;
            Ok(table::stream(table::Job { app, language: desk.frame.language, account: desk.account().to_owned(), sql: fields.sql, html, marker, rows }))
        }
        Err(error) => {
            app.shelf.remember(desk.account(), &fields.sql, error.code, 0, false).await?;
            let outcome = Outcome { error: Some(error.into()), ..Outcome::default() };
            let values = values(&app, &desk, &fields.sql, open.as_ref(), outcome).await?;
            app.site.render("sql.html", &desk.frame, values)
        }
    }
}

#[derive(Deserialize)]
pub struct Exported {
    sql: String,
    #[serde(default)]
    crudo: String,
}

/// `POST /sql/risposta.{format}`: the whole answer as a file.
pub async fn export(State(app): State<App>, OriginalUri(uri): OriginalUri, Sent { desk, fields }: Sent<Exported>) -> Result<Response> {
    let statement = Statement { sql: fields.sql, ..Statement::default() };
    if uri.path().ends_with(SHEET) {
        return encode::sheet(app.pool.query(desk.who(), statement, Door::Page).await?, "risposta").await;
    }
    let format = Format::of(uri.path(), &http::HeaderMap::new())?;
    let rows = app.pool.query(desk.who(), statement, Door::Page).await?;
    let patience = app.warehouse.limits().reader;
    encode::answer(rows, Wanted { format, raw: !fields.crudo.is_empty(), file: Some("risposta".into()), page: None, patience }).await
}

/// `GET /sql/dizionario.json`: names for the editor's completion, of what the reader may see and nothing else.
pub async fn dictionary(State(app): State<App>, desk: Desk) -> Result<Response> {
    let session = app.warehouse.session(desk.who()).await?;
    let say = |text| desk.frame.language.say(text).to_owned();
    let datasets = session.datasets().into_iter().map(|dataset| {
        let columns: Vec<Value> = dataset.columns.iter().map(|column| json!({ "name": column.name, "title": say(&column.title) })).collect();
        json!({ "name": dataset.name.to_string(), "title": say(&dataset.contract.title), "columns": columns, "history": dataset.history })
    });
    Ok(Json(json!({ "datasets": datasets.collect::<Vec<_>>() })).into_response())
}

/// What came of a question, for the page.
#[derive(Default)]
struct Outcome {
    error: Option<Problem>,
    plan: Option<Vec<Step>>,
    /// Where in the page the rows go.
    marker: Option<String>,
    columns: Vec<Value>,
}

async fn values(app: &App, desk: &Desk, sql: &str, open: Option<&Saved>, outcome: Outcome) -> Result<Value> {
    let language = desk.frame.language;
    let mut history = app.shelf.history(desk.account()).await?;
    let asked = history.len();
    history.truncate(LISTED);
    let history: Vec<Value> = history.iter().map(|one| json!({ "id": one.id, "sql": first_line(&one.sql), "asked": moment(one.asked), "time": clock(one.asked), "outcome": one.outcome, "shown": one.shown, "complete": one.complete })).collect();
    let saved = app.shelf.own(desk.account()).await?;
    let questions: Vec<Value> = app.warehouse.catalog().questions.iter().map(|q| json!({ "name": q.name, "title": language.say(&q.title) })).collect();
    let session = app.warehouse.session(desk.who()).await?;
    let datasets: Vec<Value> = session
        .datasets()
        .iter()
        .map(|d| json!({ "name": d.name.to_string(), "title": language.say(&d.contract.title), "columns": d.columns.iter().map(|c| &c.name).collect::<Vec<_>>() }))
        .collect();
    let error = outcome.error.as_ref().map(|problem| place::shown(problem, sql, language));
    let plan = outcome.plan.map(|steps| steps.iter().map(|step| json!(step)).collect::<Vec<_>>());
    Ok(json!({
        "word": desk.word(), "sql": sql, "open": open.map(|saved| shown(saved, desk)), "history": history, "asked": asked,
        "saved": saved.iter().map(|one| shown(one, desk)).collect::<Vec<_>>(), "questions": questions, "datasets": datasets,
        "error": error, "plan": plan, "marker": outcome.marker, "columns": outcome.columns, "limit": SHOWN,
        "rows": height(sql), "formats": Format::ALL.map(Format::extension).into_iter().chain([SHEET]).collect::<Vec<_>>(),
    }))
}

fn shown(saved: &Saved, desk: &Desk) -> Value {
    json!({
        "id": saved.id, "title": saved.title, "account": saved.account, "shared": saved.shared, "changed": moment(saved.changed),
        "own": saved.account == desk.account(),
    })
}

fn first_line(sql: &str) -> String {
    let line = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= 120 { line } else { line.chars().take(119).chain(['…']).collect() }
}

/// A moment as ISO text, for the filters of pages.
fn moment(seconds: i64) -> Option<String> {
    chrono::DateTime::from_timestamp(seconds, 0).map(|at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// The time of day of a moment, in UTC, as the rest of the service tells it.
fn clock(seconds: i64) -> Option<String> {
    chrono::DateTime::from_timestamp(seconds, 0).map(|at| at.format("%H:%M UTC").to_string())
}

/// Lines of the editor: as many as the query has and some more.
fn height(sql: &str) -> usize {
    (sql.lines().count() + 2).clamp(8, 24)
}

/// The word of a language under a key, with what stands in braces filled in.
fn said(app: &App, language: Language, key: &str, parts: &[(&str, String)]) -> String {
    let word = app.site.words(language).get(key).cloned().unwrap_or_default();
    parts.iter().fold(word, |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}
