//! The catalogue for machines: DCAT in three syntaxes, whole and by dataset, chosen by extension or `Accept`; `sitemap.xml` and `robots.txt`.

use std::collections::BTreeMap;

use axum::Extension;
use axum::extract::{OriginalUri, Path, Request, State};
use axum::handler::Handler;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::Utc;
use datasets::derive::dcat::rdf::{Rdf, Syntax};
use datasets::derive::dcat::{self, Portal, Profile};
use datasets::model::DatasetName;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use url::form_urlencoded;
use warehouse::principal::Principal;

use crate::accounts::stranger;
use crate::app::App;
use crate::doors::http::answers::Question;
use crate::doors::http::base::Base;
use crate::doors::http::dataset::page;
use crate::doors::http::figures::visible;
use crate::doors::http::places::{self, Places};
use crate::doors::http::problem::{Problem, Result};
use crate::doors::http::published;
use crate::doors::http::reading::snapshot;

/// `GET /catalog`, `/catalog.ttl`, `/catalog.rdf`, `/catalog.jsonld`. The catalogue is the same for everybody.
pub async fn whole(State(app): State<App>, base: Base, OriginalUri(uri): OriginalUri, question: Question, headers: HeaderMap) -> Result<Response> {
    let Some(syntax) = wanted(uri.path(), &headers, Some(Syntax::Turtle))? else { return Ok(Redirect::to("/cerca").into_response()) };
    let (datasets, versions) = published::all(&app).await?;
    let portal = Portal { profile: profile(&uri)?, ..base.portal(&app) };
    let rdf = dcat::catalogue(&portal, &datasets, Utc::now().date_naive());
    respond(&app, &rdf, syntax, &versions, &question).await
}

/// `GET /dataset/{area}/{name}`: DCAT for who asks for it by extension or `Accept`, else the page about the dataset.
pub async fn dataset(State(app): State<App>, OriginalUri(uri): OriginalUri, request: Request) -> Response {
    match wanted(uri.path(), request.headers(), None) {
        Ok(Some(syntax)) => one.call(Asked::put(request, syntax), app).await,
        // What nobody can write is for the page to answer: it is what people get.
        Ok(None) | Err(_) => page.call(request, app).await,
    }
}

/// The syntax found by [`dataset`].
#[derive(Clone, Copy)]
struct Asked(Syntax);

impl Asked {
    fn put(mut request: Request, syntax: Syntax) -> Request {
        request.extensions_mut().insert(Self(syntax));
        request
    }
}

async fn one(
    State(app): State<App>,
    base: Base,
    Path((area, name)): Path<(String, String)>,
    Extension(Asked(syntax)): Extension<Asked>,
    OriginalUri(uri): OriginalUri,
    question: Question,
) -> Result<Response> {
    let stem = Syntax::ALL.iter().find_map(|s| name.strip_suffix(s.extension())?.strip_suffix('.')).unwrap_or(&name);
    let name: DatasetName = format!("{area}.{stem}").parse().map_err(|_| Problem::not_found())?;
    let (dataset, versions) = published::one(&app, &name).await?;
    let portal = Portal { profile: profile(&uri)?, ..base.portal(&app) };
    respond(&app, &dcat::dataset(&portal, &dataset), syntax, &versions, &question).await
}

/// `?profile=dcat-ap-3` adds what other profiles would refuse. Errors: 400.
fn profile(uri: &Uri) -> Result<Profile> {
    let asked = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).find(|(name, _)| name == "profile");
    match asked.as_ref().map(|(_, value)| &**value) {
        None => Ok(Profile::Every),
        Some("dcat-ap-3") => Ok(Profile::Three),
        Some(_) => Err(Problem::invalid("query.parameter", "parameter 'profile': use dcat-ap-3, or leave it out")
            .with("detail_it", "parametro «profile»: il valore è dcat-ap-3, oppure si omette")),
    }
}

async fn respond(app: &App, rdf: &Rdf, syntax: Syntax, versions: &BTreeMap<String, u64>, question: &Question) -> Result<Response> {
    let bytes = rdf.write(syntax).map_err(|e| Problem::internal("catalogue.write", e))?;
    let charset = if syntax == Syntax::Turtle { "; charset=utf-8" } else { "" };
    let mut response = ([(header::CONTENT_TYPE, format!("{}{charset}", syntax.media_type()))], bytes).into_response();
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    let who: Principal = stranger();
    Ok(question.answer(app, &who, versions, response).await)
}

/// The syntax of a request; `None` for who would rather have a page. `any`: what those get who take anything. Errors: 406.
fn wanted(path: &str, headers: &HeaderMap, any: Option<Syntax>) -> Result<Option<Syntax>> {
    if let Some((_, extension)) = path.rsplit('/').next().unwrap_or_default().rsplit_once('.')
        && let Some(syntax) = Syntax::ALL.into_iter().find(|s| s.extension() == extension)
    {
        return Ok(Some(syntax));
    }
    let accept: Vec<&str> = headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok()).collect();
    if accept.is_empty() {
        return Ok(any);
    }
    let mut best: Option<(f32, Option<Syntax>)> = None;
    for item in accept.join(",").split(',') {
        let mut parts = item.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default().to_ascii_lowercase();
        let quality = parts.find_map(|p| p.strip_prefix("q=")).and_then(|q| q.parse::<f32>().ok()).unwrap_or(1.0);
        let found = match media.as_str() {
            "text/html" | "application/xhtml+xml" => None,
            "*/*" | "text/*" => any,
            "application/*" | "application/json" => Some(Syntax::JsonLd),
            "application/xml" | "text/xml" => Some(Syntax::RdfXml),
            other => match Syntax::ALL.into_iter().find(|s| s.media_type() == other) {
                Some(syntax) => Some(syntax),
                None => continue,
            },
        };
        if quality > 0.0 && best.is_none_or(|(q, _)| quality > q) {
            best = Some((quality, found));
        }
    }
    best.map(|(_, found)| found).ok_or_else(|| {
        let offered: Vec<&str> = Syntax::ALL.iter().map(|s| s.media_type()).collect();
        Problem::new(StatusCode::NOT_ACCEPTABLE, "format.unknown", format!("none of the accepted types can be written; offered: {}", offered.join(", ")))
    })
}

/// Pages for everybody that are there once.
const PAGES: [&str; 9] = ["/", "/cerca", "/indicatori", "/cruscotti", "/mappa", "/territorio", "/esplora", "/novita", "/collegarsi"];

/// `GET /sitemap.xml`: what search engines may look at, with the day it last changed.
pub async fn site_map(State(app): State<App>, base: Base, question: Question) -> Result<Response> {
    let (datasets, mut versions) = published::all(&app).await?;
    let session = app.warehouse.session(&stranger()).await?;
    let moment = app.warehouse.moment(places::tables(&places::TABLES)?).await?;
    let places = Places::read(&session.clone().at(&moment)).await?;
    let mut pages: Vec<String> = PAGES.map(str::to_owned).into();
    pages.extend(visible(&app, &session).iter().map(|indicator| format!("/indicatore/{}", indicator.name.name)));
    pages.extend(app.boards.open_to(&session).map(|name| format!("/cruscotti/{name}")));
    pages.extend(places.ambiti.keys().map(|ambito| format!("/territorio/{}", places::slug(ambito))));
    pages.extend(places.comuni.keys().map(|code| format!("/territorio/{code}")));
    versions.extend(snapshot(&moment));
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n");
    for page in pages {
        xml.push_str(&format!("  <url><loc>{}</loc></url>\n", escaped(&format!("{}{page}", base.0))));
    }
    for dataset in &datasets {
        xml.push_str(&format!("  <url><loc>{}</loc><lastmod>{}</lastmod></url>\n", escaped(&format!("{}{}", base.0, dataset.path())), dataset.issued));
    }
    xml.push_str("</urlset>\n");
    let response = ([(header::CONTENT_TYPE, "application/xml; charset=utf-8")], xml).into_response();
    Ok(question.answer(&app, &stranger(), &versions, response).await)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&apos;")
}

/// `GET /robots.txt`: pages and catalogue for all; rows and files of data are for who asks for them.
pub async fn robots(base: Base) -> Response {
    let text = format!("User-agent: *\nDisallow: /api/v1/\nDisallow: /waas/\nDisallow: /accedi\nDisallow: /metrics\n\nSitemap: {}/sitemap.xml\n", base.0);
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=3600")], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepting(accept: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))])
    }

    #[test]
    fn the_syntax_is_that_of_the_address_or_what_is_liked_best() {
        let turtle = Some(Syntax::Turtle);
        assert_eq!(wanted("/catalog.rdf", &accepting("text/turtle"), turtle).unwrap(), Some(Syntax::RdfXml));
        assert_eq!(wanted("/catalog", &HeaderMap::new(), turtle).unwrap(), turtle);
        assert_eq!(wanted("/catalog", &accepting("text/html,application/xml;q=0.9,*/*;q=0.8"), turtle).unwrap(), None);
        assert_eq!(wanted("/catalog", &accepting("application/ld+json, text/turtle;q=0.5"), turtle).unwrap(), Some(Syntax::JsonLd));
        assert!(wanted("/catalog", &accepting("image/png"), turtle).is_err());
    }

    #[test]
    fn a_dataset_is_a_page_unless_rdf_is_asked_for() {
        assert_eq!(wanted("/dataset/assa/strutture", &HeaderMap::new(), None).unwrap(), None);
        assert_eq!(wanted("/dataset/assa/strutture", &accepting("*/*"), None).unwrap(), None);
        assert_eq!(wanted("/dataset/assa/strutture", &accepting("application/rdf+xml"), None).unwrap(), Some(Syntax::RdfXml));
        assert_eq!(wanted("/dataset/assa/strutture.ttl", &accepting("text/html"), None).unwrap(), Some(Syntax::Turtle));
    }
}
