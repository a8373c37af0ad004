//! What pages for people share: templates, the words of both languages, and errors as pages for who asks with a browser.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderMap, header};
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;
use serde_json::json;

use crate::doors::http::problem::{Problem, Result};

pub type Words = BTreeMap<String, String>;

static PAGES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut pages = Environment::new();
    pages.set_undefined_behavior(UndefinedBehavior::Strict);
    pages.set_auto_escape_callback(|_| AutoEscape::Html);
    for (name, text) in [
        ("base.html", include_str!("../../../templates/base.html")),
        ("home.html", include_str!("../../../templates/home.html")),
        ("problem.html", include_str!("../../../templates/problem.html")),
    ] {
        pages.add_template(name, text).expect("templates are well formed");
    }
    pages
});
static ITALIAN: LazyLock<Words> = LazyLock::new(|| toml::from_str(include_str!("../../../locales/it.toml")).expect("it.toml is well formed"));
static ENGLISH: LazyLock<Words> = LazyLock::new(|| toml::from_str(include_str!("../../../locales/en.toml")).expect("en.toml is well formed"));

/// Language of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Italian,
    English,
}

impl Language {
    /// What `lang=` in the address says, else the browser's first known language, else Italian.
    pub fn of(query: Option<&str>, headers: &HeaderMap) -> Self {
        let known = |tag: &str| match tag.split([';', '-']).next().unwrap_or_default().trim() {
            "it" => Some(Self::Italian),
            "en" => Some(Self::English),
            _ => None,
        };
        let asked = query.and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("lang=")).and_then(known));
        let accepted = || headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).and_then(|list| list.split(',').find_map(known));
        asked.or_else(accepted).unwrap_or(Self::Italian)
    }

    pub fn code(self) -> &'static str {
        if self == Self::English { "en" } else { "it" }
    }

    pub fn words(self) -> &'static Words {
        if self == Self::English { &ENGLISH } else { &ITALIAN }
    }
}

/// A page by its template.
pub fn render(template: &str, language: Language, values: &impl Serialize) -> Result<Response> {
    let template = PAGES.get_template(template).map_err(|e| Problem::internal("pages.template", e))?;
    let html = template.render(Serde(values)).map_err(|e| Problem::internal("pages.render", e))?;
    Ok(([(header::CONTENT_LANGUAGE, language.code()), (header::VARY, "accept-language")], Html(html)).into_response())
}

/// The layer: a problem becomes a page when a browser asked. Status and headers stay what they are.
pub async fn readable(request: Request, next: Next) -> Response {
    let browser = request.headers().get_all(header::ACCEPT).iter().any(|v| v.to_str().is_ok_and(|list| list.contains("text/html")));
    let language = Language::of(request.uri().query(), request.headers());
    let response = next.run(request).await;
    let Some(problem) = response.extensions().get::<Problem>().filter(|_| browser) else { return response };
    let Ok(page) = page(problem, language) else { return response };
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    let (head, body) = page.into_parts();
    parts.headers.extend(head.headers);
    Response::from_parts(parts, body)
}

fn page(problem: &Problem, language: Language) -> Result<Response> {
    let words = language.words();
    let family = if problem.status.is_server_error() { "problem_500" } else { "problem_400" };
    let heading = words.get(&format!("problem_{}", problem.status.as_u16())).or(words.get(family));
    let italian = problem.more.iter().find(|(name, _)| *name == "detail_it").and_then(|(_, text)| text.as_str());
    let (detail, detail_lang) = match (language, italian) {
        (Language::Italian, Some(italian)) => (italian, "it"),
        _ => (problem.detail.as_str(), "en"),
    };
    let values = json!({
        "lang": language.code(), "t": words, "heading": heading, "detail": detail, "detail_lang": detail_lang,
        "status": problem.status.as_u16(), "code": problem.code,
    });
    render("problem.html", language, &values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_say_the_same_things() {
        assert!(ITALIAN.keys().eq(ENGLISH.keys()));
    }

    #[test]
    fn the_address_goes_before_the_browser() {
        let mut headers = HeaderMap::new();
        assert_eq!(Language::of(None, &headers), Language::Italian);
        headers.insert(header::ACCEPT_LANGUAGE, "fr, en-GB;q=0.8, it;q=0.5".parse().unwrap());
        assert_eq!(Language::of(None, &headers), Language::English);
        assert_eq!(Language::of(Some("a=1&lang=it"), &headers), Language::Italian);
    }

    #[test]
    fn every_problem_is_a_page_and_shows_what_it_is_given_as_text() {
        let problem = Problem::not_found().with("detail_it", "<script>");
        for language in [Language::Italian, Language::English] {
            assert!(page(&problem, language).is_ok());
        }
        assert!(page(&Problem::new(http::StatusCode::IM_A_TEAPOT, "x", "y"), Language::English).is_ok());
    }
}
