//! The Action API v3 of CKAN, as far as clients and harvesters read: `/api/3/action/…` and `/api/action/…`, by GET with a query string or
//! by POST with a JSON object. Answers and errors have CKAN's shape. A package is a dataset of the catalogue, a resource one of its files.

mod datastore;
mod fq;
mod packages;
mod search;

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use datasets::derive::dcat::{Portal, Published};
use http::{Method, StatusCode, header};
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use crate::accounts::stranger;
use crate::app::App;
use crate::doors::http::answers::Question;
use crate::doors::http::base::Base;
use crate::doors::http::problem::Problem;
use crate::doors::http::published;

/// Parameters of an action, by name.
type Parameters = Map<String, Value>;
type Outcome = Result<Value, Failure>;

/// What went wrong, in CKAN's words.
enum Failure {
    NotFound(String),
    /// By parameter.
    Invalid(&'static str, String),
    Search(String),
    Unknown(String),
    Ours(Problem),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        match problem.status {
            StatusCode::NOT_FOUND => Self::NotFound("Not found".into()),
            StatusCode::BAD_REQUEST => Self::Invalid("query", problem.detail),
            _ => Self::Ours(problem),
        }
    }
}

impl From<warehouse::error::Error> for Failure {
    fn from(error: warehouse::error::Error) -> Self {
        Problem::from(error).into()
    }
}

/// What every action works with.
struct Site<'a> {
    app: &'a App,
    portal: Portal,
    datasets: Vec<Published<'a>>,
}

/// `GET` and `POST /api/3/action/{action}`
pub async fn action(
    State(app): State<App>,
    base: Base,
    Path(action): Path<String>,
    method: Method,
    RawQuery(query): RawQuery,
    question: Question,
    body: Bytes,
) -> Result<Response, Problem> {
    let help = format!("{}/api/3/action/help_show?name={action}", base.0);
    let outcome = async {
        let parameters = parameters(&method, query.as_deref().unwrap_or_default(), &body)?;
        let (datasets, versions) = published::all(&app).await?;
        let site = Site { portal: base.portal(&app), app: &app, datasets };
        Ok::<_, Failure>((site.act(&action, &parameters).await?, versions))
    };
    let (response, versions): (Response, BTreeMap<String, u64>) = match outcome.await {
        Ok((result, versions)) => (wrapped(StatusCode::OK, json!({ "help": help, "success": true, "result": result })), versions),
        Err(Failure::Ours(problem)) => return Err(problem),
        Err(failure) => (failed(&help, failure), BTreeMap::new()),
    };
    Ok(if method != Method::POST { question.answer(&app, &stranger(), &versions, response).await } else { response })
}

fn failed(help: &str, failure: Failure) -> Response {
    let (status, kind, mut error) = match failure {
        Failure::NotFound(what) => (StatusCode::NOT_FOUND, "Not Found Error", json!({ "message": what })),
        Failure::Invalid(field, why) => (StatusCode::CONFLICT, "Validation Error", json!({ field: [why.clone()], "message": format!("{field}: {why}") })),
        Failure::Search(why) => (StatusCode::BAD_REQUEST, "Search Query Error", json!({ "message": why })),
        Failure::Unknown(action) => (StatusCode::BAD_REQUEST, "Bad Request", json!({ "message": format!("Action name not known: {action}") })),
        Failure::Ours(problem) => (problem.status, "Internal Server Error", json!({ "message": problem.detail })),
    };
    error["__type"] = kind.into();
    wrapped(status, json!({ "help": help, "success": false, "error": error }))
}

fn wrapped(status: StatusCode, body: Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json;charset=utf-8")], body.to_string()).into_response()
}

/// A POST's JSON object, or a query string whose values that look like JSON are read as such where an action wants them.
fn parameters(method: &Method, query: &str, body: &[u8]) -> Result<Parameters, Failure> {
    let mut found: Parameters = form_urlencoded::parse(query.as_bytes()).map(|(name, value)| (name.into_owned(), Value::String(value.into_owned()))).collect();
    if *method == Method::POST && !body.iter().all(u8::is_ascii_whitespace) {
        match serde_json::from_slice(body) {
            Ok(Value::Object(given)) => found.extend(given),
            _ => return Err(Failure::Invalid("body", "send one JSON object with the parameters of the action".into())),
        }
    }
    Ok(found)
}

impl Site<'_> {
    async fn act(&self, action: &str, with: &Parameters) -> Outcome {
        match action {
            "site_read" => Ok(true.into()),
            "status_show" => Ok(self.status()),
            "package_list" => self.package_list(with),
            "package_show" => self.package_show(with),
            "package_search" => self.package_search(with),
            "current_package_list_with_resources" => self.package_list_whole(with),
            "resource_show" => self.resource_show(with),
            "datastore_search" => self.datastore_search(with).await,
            "organization_list" => Ok(self.organization_list(with)),
            "organization_show" => self.organization_show(with),
            "group_list" => Ok(self.group_list(with)),
            "group_show" => self.group_show(with),
            "tag_list" => Ok(self.tag_list(with)),
            "license_list" => Ok(self.license_list()),
            other => Err(Failure::Unknown(other.to_owned())),
        }
    }

    fn status(&self) -> Value {
        json!({
            "ckan_version": "2.10.0",
            "site_url": self.portal.base,
            "site_title": "SISS, Regione Lazio",
            "site_description": "Dati aperti dei servizi sociali del Lazio",
            "locale_default": "it",
            "error_emails_to": self.portal.contact,
            "extensions": ["datastore", "dcat"],
        })
    }
}

/// A text parameter.
fn text<'a>(with: &'a Parameters, name: &str) -> Option<&'a str> {
    with.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn required<'a>(with: &'a Parameters, name: &'static str) -> Result<&'a str, Failure> {
    text(with, name).ok_or_else(|| Failure::Invalid(name, "Missing value".into()))
}

/// A whole number, also as text; `usual` when it is not given.
fn number(with: &Parameters, name: &'static str, usual: usize) -> Result<usize, Failure> {
    let wrong = || Failure::Invalid(name, "Invalid integer".into());
    match with.get(name) {
        None | Some(Value::Null) => Ok(usual),
        Some(Value::Number(n)) => n.as_u64().and_then(|n| usize::try_from(n).ok()).ok_or_else(wrong),
        Some(Value::String(text)) => text.trim().parse().map_err(|_| wrong()),
        Some(_) => Err(wrong()),
    }
}

/// A list, its JSON, or its items separated by commas.
fn list(with: &Parameters, name: &str) -> Vec<String> {
    match with.get(name) {
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::String(text)) => match serde_json::from_str::<Vec<String>>(text) {
            Ok(items) => items,
            Err(_) => text.split(',').map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned).collect(),
        },
        _ => Vec::new(),
    }
}

fn flag(with: &Parameters, name: &str, usual: bool) -> bool {
    match with.get(name) {
        Some(Value::Bool(yes)) => *yes,
        Some(Value::String(text)) => matches!(text.to_ascii_lowercase().as_str(), "true" | "1" | "yes"),
        _ => usual,
    }
}
