//! What pages for people share: the frame of a page, static files, and errors as pages for who asks with a browser.

use axum::extract::{FromRequestParts, OriginalUri, Path, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, Uri, header};
use serde::Serialize;
use serde_json::json;
use warehouse::principal::Principal;

use crate::accounts::stranger;
use crate::app::App;
use crate::doors::http::problem::{Problem, Result};
use crate::site::Site;
use crate::site::words::{self, Language};

/// What every page is told: its language, who reads it, and its own address.
#[derive(Clone, Debug)]
pub struct Frame {
    pub language: Language,
    pub who: Principal,
    /// Path of the page.
    pub here: String,
    /// Its query string without `lang`; may be empty.
    pub query: String,
    /// Whether the address says the language.
    chosen: bool,
    /// The word that forms of a page say which is only for who has signed in.
    pub word: Option<String>,
}

impl Frame {
    pub fn new(language: Language, who: Principal, uri: &Uri) -> Self {
        let rest: Vec<&str> = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("lang=")).collect();
        let chosen = words::asked(uri.query()).is_some();
        Self { language, who, here: uri.path().to_owned(), query: rest.join("&"), chosen, word: None }
    }

    /// An address of ours in the language that the reader chose, as templates write it.
    pub fn link(&self, path: &str) -> String {
        if !self.chosen || words::asked(path.split_once('?').map(|(_, query)| query)).is_some() {
            return path.to_owned();
        }
        let join = if path.contains('?') { '&' } else { '?' };
        format!("{path}{join}lang={}", self.language.code())
    }

    /// The same as templates see it.
    pub fn values(&self) -> impl Serialize {
        let signed = self.who != stranger();
        let join = if self.query.is_empty() { "" } else { "&" };
        json!({
            "account": signed.then_some(&self.who.account),
            "role": self.who.role,
            "word": self.word,
            "stranger": !signed,
            "here": self.here,
            "query": self.query,
            "chosen": self.chosen.then_some(self.language.code()),
            "other": format!("{}?{}{join}lang={}", self.here, self.query, self.language.other().code()),
            "other_lang": self.language.other().code(),
        })
    }
}

impl FromRequestParts<App> for Frame {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let who = Principal::from_request_parts(parts, app).await?;
        let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |uri| &uri.0);
        Ok(Self::new(Language::of(uri.query(), &parts.headers), who, uri))
    }
}

/// `GET /static/{hash}/{name}`
pub async fn asset(State(app): State<App>, Path((hash, name)): Path<(String, String)>, headers: HeaderMap) -> Result<Response> {
    app.site.assets().answer(&hash, &name, &headers).ok_or_else(Problem::not_found)
}

/// The layer: what the framework refuses by itself, a parameter or a part of the address that cannot be read, is a problem like any other.
pub async fn ours(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let plain = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !response.status().is_client_error() || !plain || response.extensions().get::<Problem>().is_some() {
        return response;
    }
    // Its own words may repeat what was sent.
    Problem::new(
        response.status(),
        "request.shape",
        "a parameter, a field or a part of the address is missing, there twice, or not of the form that it must have",
    )
    .with("detail_it", "Un parametro, un campo o una parte dell'indirizzo manca, è ripetuto o non ha la forma dovuta.")
    .into_response()
}

/// The layer: a problem becomes a page when a browser asked. Status and headers stay what they are.
pub async fn readable(State(app): State<App>, request: Request, next: Next) -> Response {
    let browser = request.headers().get_all(header::ACCEPT).iter().any(|v| v.to_str().is_ok_and(|list| list.contains("text/html")));
    let language = Language::of(request.uri().query(), request.headers());
    let uri = request.uri().clone();
    let response = next.run(request).await;
    let Some(problem) = response.extensions().get::<Problem>().filter(|_| browser) else { return response };
    // Who asked is not said: the problem may be that we do not know it.
    let Ok(page) = page(&app.site, problem, &Frame::new(language, stranger(), &uri)) else { return response };
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    // The page leads to our own form: the browser would ask in a window of its own, which no page can say anything in, and never forget.
    parts.headers.remove(header::WWW_AUTHENTICATE);
    let (head, body) = page.into_parts();
    parts.headers.extend(head.headers);
    Response::from_parts(parts, body)
}

fn page(site: &Site, problem: &Problem, frame: &Frame) -> Result<Response> {
    let words = site.words(frame.language);
    let family = if problem.status.is_server_error() { "problem_500" } else { "problem_400" };
    let heading = words.get(&format!("problem_{}", problem.status.as_u16())).or(words.get(family));
    let italian = problem.more.iter().find(|(name, _)| *name == "detail_it").and_then(|(_, text)| text.as_str());
    // A sentence for people stands in `locales` under the problem's code; else what programs read, in its own language.
    let said = words.get(&format!("problem_{}", problem.code.replace('.', "_")));
    let (detail, detail_lang) = match (frame.language, said.map(String::as_str), italian) {
        (language, Some(said), _) => (said, language.code()),
        (Language::Italian, None, Some(italian)) => (italian, "it"),
        _ => (problem.detail.as_str(), "en"),
    };
    let values = json!({
        "heading": heading, "detail": detail, "detail_lang": detail_lang, "status": problem.status.as_u16(), "code": problem.code,
    });
    site.render("problem.html", frame, values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::tests::{frame, site};

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
        let site = site();
        let problem = Problem::not_found().with("detail_it", "<script>");
        for language in [Language::Italian, Language::English] {
            assert!(page(&site, &problem, &frame(language)).is_ok());
        }
        assert!(page(&site, &Problem::new(http::StatusCode::IM_A_TEAPOT, "x", "y"), &frame(Language::English)).is_ok());
    }
}
