//! `GET /`: the start page. What is here, and how to connect to each door. `GET /accedi`: asks a browser for account and password.

use axum::extract::{OriginalUri, RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use datasets::model::Text;
use http::uri::Authority;
use http::{HeaderMap, StatusCode, Uri, header};
use serde::Serialize;
use warehouse::principal::Principal;

use crate::accounts::stranger;
use crate::app::App;
use crate::doors::http::pages::{self, Language, Words};
use crate::doors::http::problem::{Problem, Result};

#[derive(Serialize)]
struct Page<'a> {
    lang: &'a str,
    t: &'a Words,
    account: &'a str,
    /// Who signs in, in the examples.
    example: &'a str,
    stranger: bool,
    areas: Vec<Area<'a>>,
    http: String,
    postgres_host: String,
    postgres_port: String,
    flight: String,
}

#[derive(Serialize)]
struct Area<'a> {
    name: &'a str,
    datasets: Vec<Dataset<'a>>,
}

#[derive(Serialize)]
struct Dataset<'a> {
    name: String,
    href: String,
    title: &'a str,
    description: &'a str,
}

pub async fn home(State(app): State<App>, who: Principal, OriginalUri(uri): OriginalUri, headers: HeaderMap) -> Result<Response> {
    let language = Language::of(uri.query(), &headers);
    let session = app.warehouse.session(&who).await?;
    let visible = session.datasets();
    let mut areas: Vec<Area> = Vec::new();
    for dataset in &visible {
        let (title, description) = (say(&dataset.contract.title, language), say(&dataset.contract.description, language));
        let href = format!("/api/v1/datasets/{}/{}", dataset.name.area, dataset.name.name);
        let entry = Dataset { name: dataset.name.to_string(), href, title, description };
        match areas.last_mut() {
            Some(area) if area.name == dataset.name.area => area.datasets.push(entry),
            _ => areas.push(Area { name: &dataset.name.area, datasets: vec![entry] }),
        }
    }
    let addresses = app.addresses.get().ok_or_else(|| Problem::internal("home.addresses", "the doors are not open yet"))?;
    let host = host(&uri, &headers);
    let reached = |address: &str| address.replace("0.0.0.0", &host).replace("[::]", &host);
    let (postgres_host, postgres_port) = addresses.postgres.rsplit_once(':').unwrap_or((&addresses.postgres, "5432"));
    let stranger = who == stranger();
    let words = language.words();
    let page = Page {
        lang: language.code(),
        t: words,
        account: &who.account,
        example: if stranger { words.get("utenza").map_or("account", String::as_str) } else { &who.account },
        stranger,
        areas,
        http: reached(&addresses.http),
        postgres_host: reached(postgres_host).trim_matches(['[', ']']).into(),
        postgres_port: postgres_port.into(),
        flight: reached(&addresses.flight),
    };
    pages::render("home.html", language, &page)
}

/// The name by which the asker reached us: doors that listen on every address have no other.
fn host(uri: &Uri, headers: &HeaderMap) -> String {
    let said = uri.host().or_else(|| headers.get(header::HOST)?.to_str().ok());
    let name = said.and_then(|said| said.parse::<Authority>().ok()).map(|said| said.host().to_owned());
    name.unwrap_or_else(|| "localhost".into())
}

/// A browser asks its user when it is refused, and then signs in on every page of ours.
pub async fn sign_in(who: Principal, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    if who == stranger() {
        return Problem::new(StatusCode::UNAUTHORIZED, "auth.required", "sign in with account and password")
            .with("detail_it", "si accede con utenza e password")
            .into_response();
    }
    Redirect::to(&format!("/?lang={}", Language::of(query.as_deref(), &headers).code())).into_response()
}

fn say(text: &Text, language: Language) -> &str {
    if language == Language::English { &text.en } else { &text.it }
}

/// `GET /static/siss.css`
pub async fn style() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=3600")];
    (headers, include_str!("../../../templates/siss.css")).into_response()
}
