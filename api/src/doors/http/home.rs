//! `GET /`: the start page. What is here, and how to connect to each door.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use datasets::model::Text;
use http::header;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;
use warehouse::principal::Principal;

use crate::app::App;
use crate::doors::http::problem::{Problem, Result};

type Words = BTreeMap<String, String>;

static PAGES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut pages = Environment::new();
    pages.set_undefined_behavior(UndefinedBehavior::Strict);
    pages.set_auto_escape_callback(|_| AutoEscape::Html);
    pages.add_template("home.html", include_str!("../../../templates/home.html")).expect("home.html is well formed");
    pages
});
static ITALIAN: LazyLock<Words> = LazyLock::new(|| toml::from_str(include_str!("../../../locales/it.toml")).expect("it.toml is well formed"));
static ENGLISH: LazyLock<Words> = LazyLock::new(|| toml::from_str(include_str!("../../../locales/en.toml")).expect("en.toml is well formed"));

#[derive(Serialize)]
struct Page<'a> {
    lang: &'a str,
    t: &'a Words,
    account: &'a str,
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

pub async fn home(State(app): State<App>, who: Principal, RawQuery(query): RawQuery) -> Result<Response> {
    let english = query.is_some_and(|query| query.split('&').any(|pair| pair == "lang=en"));
    let (lang, words) = if english { ("en", &*ENGLISH) } else { ("it", &*ITALIAN) };
    let session = app.warehouse.session(&who).await?;
    let visible = session.datasets();
    let mut areas: Vec<Area> = Vec::new();
    for dataset in &visible {
        let (title, description) = (say(&dataset.contract.title, english), say(&dataset.contract.description, english));
        let href = format!("/api/v1/datasets/{}/{}", dataset.name.area, dataset.name.name);
        let entry = Dataset { name: dataset.name.to_string(), href, title, description };
        match areas.last_mut() {
            Some(area) if area.name == dataset.name.area => area.datasets.push(entry),
            _ => areas.push(Area { name: &dataset.name.area, datasets: vec![entry] }),
        }
    }
    let addresses = app.addresses.get().ok_or_else(|| Problem::internal("home.addresses", "the doors are not open yet"))?;
    let (postgres_host, postgres_port) = addresses.postgres.rsplit_once(':').unwrap_or((&addresses.postgres, "5432"));
    let page = Page {
        lang,
        t: words,
        account: &who.account,
        stranger: who == crate::accounts::stranger(),
        areas,
        http: addresses.http.clone(),
        postgres_host: postgres_host.trim_matches(['[', ']']).into(),
        postgres_port: postgres_port.into(),
        flight: addresses.flight.clone(),
    };
    let template = PAGES.get_template("home.html").map_err(|e| Problem::internal("home.template", e))?;
    let html = template.render(Serde(&page)).map_err(|e| Problem::internal("home.render", e))?;
    Ok(([(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_LANGUAGE, lang)], html).into_response())
}

fn say(text: &Text, english: bool) -> &str {
    if english { &text.en } else { &text.it }
}

/// `GET /static/siss.css`
pub async fn style() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=3600")];
    (headers, include_str!("../../../templates/siss.css")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_say_the_same_things() {
        assert!(ITALIAN.keys().eq(ENGLISH.keys()));
    }
}
