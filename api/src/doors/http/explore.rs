//! `GET /esplora`: a dataset counted or measured by groups, as a table, a picture and files, all of it in the address so that it can be shared. It is about public data and the same for everybody, unless `dati=miei` says that it is about what the reader's account sees.

mod ask;
mod chart;
mod show;

use axum::extract::{OriginalUri, RawQuery, State};
use axum::response::{IntoResponse, Response};
use dashboards::theme::Theme;
use datasets::language::Language;
use datasets::model::DatasetName;
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};
use warehouse::principal::Principal;
use warehouse::session::Session;
use warehouse::session::summary::rules::measures;
use warehouse::session::summary::{GROUPS, Summary};

use crate::accounts::stranger;
use crate::app::App;
use crate::doors::http::answers::Question;
use crate::doors::http::encode::{self, Wanted};
use crate::doors::http::format::Format;
use crate::doors::http::found;
use crate::doors::http::page::OPERATORS;
use crate::doors::http::pages::Frame;
use crate::doors::http::problem::{Problem, Result};
use crate::doors::http::reading::{IN_PAGE, say};
use crate::site::words::Words;

use self::ask::{Asked, FILTERS};

/// Rows of the table on the page; files hold all.
pub const ROWS: usize = 500;

/// `GET /esplora`
pub async fn page(State(app): State<App>, frame: Frame, RawQuery(query): RawQuery, question: Question) -> Result<Response> {
    let language = say(frame.language);
    let asked = ask::read(query.as_deref().unwrap_or_default())?;
    let session = session(&app, &frame.who, &asked).await?;
    let words = app.site.words(frame.language);
    let form = form(&app, &session, &asked, language, words)?;
    let (found, refused) = match (&asked.dataset, &asked.summary) {
        (Some(name), Some(summary)) => match show::find(&app, session, name, summary, frame.language).await {
            Ok(found) => (Some(found), None),
            // What cannot be measured is said where it can be mended.
            Err(problem) if problem.status == StatusCode::BAD_REQUEST || problem.status == StatusCode::UNPROCESSABLE_ENTITY => (None, Some(problem)),
            Err(problem) => return Err(problem),
        },
        _ => (None, None),
    };
    let why = |problem: &Problem| words.get(&format!("expl_error_{}", problem.code.replace('.', "_"))).unwrap_or(&problem.detail).clone();
    let chart = found.as_ref().and_then(|found| chart::chart(found, &asked, words, language)).map(|chart| dashboards::svg(&chart, &IN_PAGE));
    let values = json!({
        "form": form, "asked": asked.values(), "chart": chart, "found": found, "refused": refused.as_ref().map(why),
        "address": asked.address(), "operators": OPERATORS.map(|(word, _)| word), "filters": FILTERS, "groups": GROUPS,
        "files": Format::ALL.map(Format::extension),
    });
    let mut response = app.site.render("explore.html", &frame, values)?;
    if let Some(problem) = refused {
        *response.status_mut() = problem.status;
    }
    let versions = found.map(|found| found.snapshot).unwrap_or_default();
    Ok(question.answer(&app, &frame.who, &versions, response).await)
}

/// `GET /esplora/risultato.{csv,json,…}`: every row of the same result.
pub async fn file(State(app): State<App>, who: Principal, OriginalUri(uri): OriginalUri, RawQuery(query): RawQuery, headers: HeaderMap) -> Result<Response> {
    let asked = ask::read(query.as_deref().unwrap_or_default())?;
    let (name, summary) = whole(&asked)?;
    let rows = session(&app, &who, &asked).await?.summary(name, summary).await?;
    let format = Format::of(uri.path(), &headers)?;
    let file = (format != Format::Json).then(|| format!("esplora.{name}"));
    encode::answer(rows, Wanted { format, raw: false, file, page: None, patience: app.warehouse.limits().reader }).await
}

/// `GET /esplora/grafico.svg`: the picture of the same result.
pub async fn picture(State(app): State<App>, frame: Frame, RawQuery(query): RawQuery, question: Question) -> Result<Response> {
    let asked = ask::read(query.as_deref().unwrap_or_default())?;
    let (name, summary) = whole(&asked)?;
    let session = session(&app, &frame.who, &asked).await?;
    let found = show::find(&app, session, name, summary, frame.language).await?;
    let chart = chart::chart(&found, &asked, app.site.words(frame.language), say(frame.language)).ok_or_else(Problem::not_found)?;
    let picture = ([(header::CONTENT_TYPE, "image/svg+xml; charset=utf-8")], dashboards::svg(&chart, &Theme::file())).into_response();
    Ok(question.answer(&app, &frame.who, &found.snapshot, picture).await)
}

fn whole(asked: &Asked) -> Result<(&DatasetName, &Summary)> {
    asked.dataset.as_ref().zip(asked.summary.as_ref()).ok_or_else(|| {
        Problem::invalid("query.parameter", "parameters 'dataset' and 'misura' are needed").with("detail_it", "Servono i parametri 'dataset' e 'misura'.")
    })
}

/// Public data are read as a stranger reads them, whoever asks: a shared address shows the same to all.
async fn session(app: &App, who: &Principal, asked: &Asked) -> Result<Session> {
    if !asked.own {
        return Ok(app.warehouse.session(&stranger()).await?);
    }
    if *who == stranger() {
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "auth.required", "this address is about the data of an account: sign in first")
            .with("detail_it", "Questo indirizzo riguarda i dati di un'utenza: occorre accedere."));
    }
    Ok(app.warehouse.session(who).await?)
}

/// What can be chosen: datasets by area, and the columns of the one that is chosen.
fn form(app: &App, session: &Session, asked: &Asked, language: Language, words: &Words) -> Result<Value> {
    let mut areas: Vec<(String, Vec<Value>)> = Vec::new();
    for dataset in session.datasets() {
        let one = json!({ "name": dataset.name.to_string(), "title": dataset.contract.title.get(language) });
        let title = found::area_title(&dataset.name.area, words);
        match areas.last_mut() {
            Some((area, list)) if *area == title => list.push(one),
            _ => areas.push((title, vec![one])),
        }
    }
    let Some(name) = &asked.dataset else { return Ok(json!({ "areas": areas, "dataset": null })) };
    let dataset = session.dataset(name).map_err(|_| Problem::not_found())?;
    let indicator = app.warehouse.catalog().indicators.get(name);
    let column = |column: &&datasets::model::Column| {
        let dated = matches!(column.r#type, datasets::model::Type::Date | datasets::model::Type::Timestamp);
        let can = measures(column, &dataset.contract.key, indicator);
        json!({ "name": column.name, "title": column.title.get(language), "dated": dated, "measures": can })
    };
    Ok(json!({
        "areas": areas, "dataset": name.to_string(), "title": dataset.contract.title.get(language), "description": dataset.contract.description.get(language),
        "href": format!("/dataset/{}/{}", name.area, name.name), "columns": dataset.columns.iter().map(column).collect::<Vec<_>>(),
    }))
}
