//! What bodies owe: as rows, as a calendar of reminders, and how complete districts and region are.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{OriginalUri, Query, State};
use axum::response::{IntoResponse, Response};
use chrono::{NaiveDate, Utc};
use datasets::model::DatasetName;
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use warehouse::principal::Principal;
use warehouse::session::rows::{Filter, Page, Sort};

use crate::accounts::stranger;
use crate::app::App;
use crate::doors::http::encode::{self, Wanted};
use crate::doors::http::format::Format;
use crate::doors::http::problem::{Problem, Result};
use crate::site::words::Language;

mod calendar;
mod completeness;

/// Whose rows a role without a territory is reminded of.
const REGION: &str = "lazio";
/// States in which something is still to be delivered.
const OPEN: [&str; 3] = ["due", "missing", "received"];
/// The code list of states.
const STATES: &str = "stati_obbligo";

/// Which obligations; all that the account sees where nothing is said.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    dataset: Option<String>,
    ente: Option<String>,
    periodo: Option<String>,
    stato: Option<String>,
    /// Language of a calendar, read by [`Language::of`].
    lang: Option<String>,
}

/// One row of `sistema.obligations`.
#[derive(Clone, Debug, Deserialize)]
pub struct Obligation {
    pub dataset: String,
    pub ente: String,
    pub ambito: Option<String>,
    pub periodo_dati: String,
    pub scadenza: NaiveDate,
    pub stato: String,
    pub in_ritardo: bool,
}

/// `GET /api/v1/obligations`
pub async fn list(State(app): State<App>, who: Principal, asked: Result<Query<Asked>, QueryRejection>, headers: HeaderMap) -> Result<Response> {
    let asked = read(&app, asked)?;
    let format = Format::of("", &headers)?;
    let rows = session(&app, &who).await?.rows(&table()?, page(&asked, Vec::new())).await?;
    let file = (format != Format::Json).then(|| "obligations".to_owned());
    encode::answer(rows, Wanted { format, raw: false, file, page: None, patience: app.warehouse.limits().reader }).await
}

/// `GET /api/v1/obligations.ics`: what is still to be delivered, by the body of the account if no other is asked for.
pub async fn calendar(
    State(app): State<App>,
    who: Principal,
    OriginalUri(uri): OriginalUri,
    asked: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response> {
    let mut asked = read(&app, asked)?;
    let own = ["codice_istat", "ambito"].iter().find_map(|fact| who.facts.get(*fact)).map_or(REGION, String::as_str);
    asked.ente.get_or_insert_with(|| own.to_owned());
    let mut open = obligations(&app, &who, &asked).await?;
    open.retain(|one| OPEN.contains(&one.stato.as_str()));
    let language = Language::of(uri.query(), &headers);
    let titles = |dataset: &str| {
        let contract = dataset.parse::<DatasetName>().ok().and_then(|name| app.warehouse.catalog().get(&name).map(|c| c.title.clone()));
        contract.map_or_else(|| dataset.to_owned(), |title| language.say(&title).to_owned())
    };
    let text = calendar::text(&open, language, app.site.words(language), Utc::now(), titles);
    let kind = [(header::CONTENT_TYPE, "text/calendar; charset=utf-8"), (header::CONTENT_DISPOSITION, "attachment; filename=\"siss.ics\"")];
    Ok((kind, [(header::CONTENT_LANGUAGE, language.code()), (header::VARY, "accept-language")], text).into_response())
}

/// `GET /api/v1/completeness`: of the districts whose bodies the account sees all of.
pub async fn completeness(State(app): State<App>, who: Principal, asked: Result<Query<Asked>, QueryRejection>) -> Result<Json<Value>> {
    let Asked { dataset, ente: None, periodo, stato: None, lang: None } = read(&app, asked)? else {
        return Err(Problem::invalid("query.parameter", "the parameters are dataset and periodo"));
    };
    // A municipality sees its own part of a district: no share can be told from that.
    if who.facts.contains_key("codice_istat") {
        return Err(Problem::new(StatusCode::FORBIDDEN, "completeness.part", "how complete a district is, is told to the district and the region")
            .with("detail_it", "Quanto un distretto è completo lo vedono il distretto e la Regione."));
    }
    let rows = obligations(&app, &who, &Asked { dataset, periodo, ..Asked::default() }).await?;
    let region = !who.facts.contains_key("ambito");
    Ok(Json(json!({ "completeness": completeness::of(&rows, region) })))
}

async fn obligations(app: &App, who: &Principal, asked: &Asked) -> Result<Vec<Obligation>> {
    let columns = ["dataset", "ente", "ambito", "periodo_dati", "scadenza", "stato", "in_ritardo"];
    let rows = session(app, who).await?.rows(&table()?, page(asked, columns.map(String::from).into())).await?;
    let rows = encode::gathered(rows).await?.into_iter().map(serde_json::from_value);
    rows.collect::<std::result::Result<_, _>>().map_err(|e| Problem::internal("obligations.row", e))
}

/// The session of who has signed in: nothing here is for strangers, and a calendar asks for a password only when it is told to.
pub async fn session(app: &App, who: &Principal) -> Result<warehouse::session::Session> {
    if *who == stranger() {
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "auth.required", "sign in first").with("detail_it", "Occorre accedere."));
    }
    Ok(app.warehouse.session(who).await?)
}

fn read(app: &App, asked: Result<Query<Asked>, QueryRejection>) -> Result<Asked> {
    let Query(asked) = asked.map_err(|_| Problem::invalid("query.parameter", "the parameters are dataset, ente, periodo and stato, each once"))?;
    bounded(&asked.dataset, &asked.ente, &asked.periodo)?;
    let states = app.warehouse.catalog().code_lists.get(STATES);
    if asked.stato.as_ref().is_some_and(|stato| states.is_some_and(|list| !list.contains(stato))) {
        return Err(Problem::invalid("query.parameter", "stato is due, missing, received, valid or certified"));
    }
    if asked.lang.as_deref().is_some_and(|lang| !["it", "en"].contains(&lang)) {
        return Err(Problem::invalid("query.parameter", "lang is it or en"));
    }
    Ok(asked)
}

/// What could be no dataset, body or period is refused, as the specification says, and not merely found nowhere.
pub(super) fn bounded(dataset: &Option<String>, body: &Option<String>, period: &Option<String>) -> Result<()> {
    if let Some(Err(why)) = dataset.as_deref().map(str::parse::<DatasetName>) {
        return Err(Problem::invalid("query.parameter", format!("dataset: {why}")));
    }
    let long = |value: &Option<String>, most: usize| value.as_ref().is_some_and(|value| value.chars().count() > most);
    if long(body, 60) || long(period, 10) {
        return Err(Problem::invalid("query.parameter", "ente has 60 characters at most, periodo 10, such as 2026-10"));
    }
    Ok(())
}

fn table() -> Result<DatasetName> {
    "sistema.obligations".parse().map_err(|e: String| Problem::internal("obligations.table", e))
}

fn page(asked: &Asked, columns: Vec<String>) -> Page {
    let filter = |column: &str, value: &Option<String>| value.as_ref().map(|value| Filter::eq(column, value));
    let filters = [("dataset", &asked.dataset), ("ente", &asked.ente), ("periodo_dati", &asked.periodo), ("stato", &asked.stato)].map(|(c, v)| filter(c, v));
    let sort = ["scadenza", "dataset", "ente", "periodo_dati"].map(|column| Sort { column: column.into(), descending: false });
    Page { columns, filters: filters.into_iter().flatten().collect(), sort: sort.into(), ..Page::default() }
}
