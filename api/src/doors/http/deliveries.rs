//! `POST /api/v1/deliveries`: a file in, a receipt or a report out. The body is streamed; once a receipt is given, the delivery survives a crash.

use std::path::Path as FilePath;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::{BoxError, Json};
use datasets::model::Class;
use futures::StreamExt;
use http::{HeaderMap, StatusCode, header};
use ingest::error::{Error, Kind};
use ingest::incoming::{self, Incoming, Receipt};
use ingest::report::Report;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::io::AsyncRead;
use tokio_util::io::StreamReader;
use warehouse::audit::{Action, Event, Origin};
use warehouse::principal::Principal;

use crate::accounts::stranger;
use crate::app::App;
use crate::doors::http::problem::{Problem, Result};
use crate::doors::http::uploads;

/// How long a request waits for the report when the client does not say (`Prefer: wait=…`, `Prefer: respond-async`).
const WAIT: Duration = Duration::from_secs(30);
const LONGEST_WAIT: Duration = Duration::from_secs(120);
/// A sender that is silent for this long has gone.
pub const SILENCE: Duration = Duration::from_secs(60);

/// What a sender says of a file, in the query string.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct About {
    pub dataset: String,
    pub sender: String,
    pub period: String,
    /// Name of a mapping file beside the contract.
    pub mapping: Option<String>,
    /// The file's name, shown in the report.
    pub file: Option<String>,
}

impl About {
    pub fn incoming(&self, account: &str) -> Incoming {
        Incoming {
            dataset: self.dataset.clone(),
            sender: self.sender.clone(),
            period: self.period.clone(),
            account: account.into(),
            file_name: self.file.clone().unwrap_or_else(|| "rest".into()),
            mapping: self.mapping.clone(),
        }
    }
}

/// `POST /api/v1/deliveries`
pub async fn receive(State(app): State<App>, who: Principal, about: Result<Query<About>, QueryRejection>, headers: HeaderMap, body: Body) -> Result<Response> {
    let Query(about) = about.map_err(|rejection| Problem::invalid("query.parameter", rejection.body_text()))?;
    authorize(&app, &who, &about.sender)?;
    if headers.contains_key(uploads::LENGTH) {
        return uploads::begin(&app, &who, about, &headers).await;
    }
    let media = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if media.starts_with("multipart/") || media.starts_with("application/x-www-form-urlencoded") {
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "body.type", "send the file itself as the body, with its own Content-Type"));
    }
    let incoming = about.incoming(&who.account);
    let broken = Broken::default();
    let body = reader(body, &broken);
    let receipt = match uploads::key(&headers)? {
        None => app.deliveries.receive(incoming, body).await.map_err(|error| broken.problem().unwrap_or_else(|| problem(error)))?,
        Some(key) => uploads::receive_once(&app, incoming, &key, body, &broken).await?,
    };
    answer(&app, receipt, &headers).await
}

/// A delivery by its receipt, loaded in the background; the report too, if it is there before the client's patience ends.
pub async fn answer(app: &App, receipt: Receipt, headers: &HeaderMap) -> Result<Response> {
    let (deliveries, id) = (app.deliveries.clone(), receipt.id.clone());
    let work = tokio::spawn(async move { deliveries.process(&id, &|_| {}).await });
    let report = match tokio::time::timeout(wait(headers), work).await {
        Err(_) => None,
        Ok(Err(panic)) => return Err(Problem::internal("deliveries.process", panic)),
        Ok(Ok(done)) => Some(done.map_err(problem)?),
    };
    let status = match &report {
        None => StatusCode::ACCEPTED,
        Some(_) if receipt.duplicate => StatusCode::OK,
        Some(_) => StatusCode::CREATED,
    };
    let location = format!("/api/v1/deliveries/{}", receipt.id);
    let state = if report.is_some() { "done" } else { "received" };
    Ok((status, [(header::LOCATION, location)], Json(json!({ "id": receipt.id, "state": state, "receipt": receipt, "report": report }))).into_response())
}

/// Strangers are told to sign in, whatever they name: that tells nothing of what is there.
pub fn known(who: &Principal) -> Result<()> {
    if *who != stranger() {
        return Ok(());
    }
    let problem = Problem::new(StatusCode::UNAUTHORIZED, "auth.required", "sign in to see what became of a delivery");
    Err(problem.with("detail_it", "Per vedere l'esito di una consegna occorre accedere."))
}

/// `GET /api/v1/deliveries/{id}`, `{id}.csv` (all violations), `{id}.refused.csv` (refused rows, to correct and send again)
pub async fn report(State(app): State<App>, who: Principal, Path(id): Path<String>) -> Result<Response> {
    known(&who)?;
    let (id, list) = match id.strip_suffix(".refused.csv").map(|id| (id, "refused.csv")).or(id.strip_suffix(".csv").map(|id| (id, "violations.csv"))) {
        Some((id, list)) => (id, Some(list)),
        None => (id.as_str(), None),
    };
    let Some(report) = app.deliveries.report(id).await.map_err(problem)? else {
        let receipt = app.deliveries.landing().receipt(id).await.map_err(problem)?.ok_or_else(Problem::not_found)?;
        let state = state_for(&app, &who, &receipt.sender, list.is_none())?;
        return Ok(Json(json!({ "id": receipt.id, "state": state, "receipt": receipt, "report": null })).into_response());
    };
    state_for(&app, &who, &report.sender, true)?;
    record_read(&app, &who, &report).await?;
    match list {
        None => Ok(Json(json!({ "id": report.id, "state": "done", "report": report })).into_response()),
        Some(list) => as_csv(app.deliveries.landing().list(&report, list).await.map_err(problem)?, &report, list),
    }
}

/// A report shows what was sent. If that tells of persons, that it is read is recorded.
pub async fn record_read(app: &App, who: &Principal, report: &Report) -> Result<()> {
    let contract = report.dataset.parse().ok().and_then(|name| app.warehouse.catalog().get(&name));
    if contract.is_some_and(|contract| contract.columns.iter().any(|column| column.class >= Class::Personal)) {
        let action = if Origin::current().export { Action::Export } else { Action::Read };
        app.audit.record(Event::new(action, format!("{} {}", report.dataset, report.id)).by(who).count(report.refused)).await?;
    }
    Ok(())
}

/// The state of a delivery that has no report yet. Others' deliveries, and lists that are not there yet, are not found.
fn state_for(app: &App, who: &Principal, sender: &str, there: bool) -> Result<&'static str> {
    let allowed = incoming::authorize(app.warehouse.catalog(), who, sender).is_ok();
    if allowed && there { Ok("received") } else { Err(Problem::not_found()) }
}

fn as_csv(bytes: Bytes, report: &Report, list: &str) -> Result<Response> {
    let disposition = format!("attachment; filename=\"{}.{list}\"", report.id);
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present".to_string()), (header::CONTENT_DISPOSITION, disposition)], bytes).into_response())
}

/// Whether `who` may deliver for the sender. A stranger is asked to sign in.
pub fn authorize(app: &App, who: &Principal, sender: &str) -> Result<()> {
    if *who == stranger() {
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "auth.required", "sign in to deliver"));
    }
    incoming::authorize(app.warehouse.catalog(), who, sender).map_err(problem)
}

/// A body as a reader that ends with an error when its sender breaks off or falls silent, and remembers that it was the sender.
pub fn reader(body: Body, broken: &Broken) -> impl AsyncRead + Unpin + Send + use<> {
    let broken = broken.clone();
    let patient = tokio_stream::StreamExt::timeout(body.into_data_stream(), SILENCE);
    let bytes = patient.map(move |item| match item {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => Err(broken.by(error)),
        Err(silence) => Err(broken.by(silence)),
    });
    StreamReader::new(Box::pin(bytes))
}

/// Tells a sender that broke off from a disk that failed.
#[derive(Clone, Default)]
pub struct Broken(Arc<AtomicBool>);

impl Broken {
    fn by(&self, error: impl Into<BoxError>) -> std::io::Error {
        self.0.store(true, Ordering::Relaxed);
        std::io::Error::other(error)
    }

    /// The problem of a body that did not arrive whole; `None` when the fault is not the sender's.
    pub fn problem(&self) -> Option<Problem> {
        self.0.load(Ordering::Relaxed).then(|| Problem::invalid("upload.broken", "the file did not arrive whole: send it again, or in parts"))
    }
}

/// `Prefer: wait=N` or `respond-async` (RFC 7240).
fn wait(headers: &HeaderMap) -> Duration {
    let prefer: Vec<&str> = headers.get_all("prefer").iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(',')).map(str::trim).collect();
    if prefer.contains(&"respond-async") {
        return Duration::ZERO;
    }
    let asked = prefer.iter().find_map(|p| p.strip_prefix("wait=")).and_then(|s| s.parse().ok()).map(Duration::from_secs);
    asked.unwrap_or(WAIT).min(LONGEST_WAIT)
}

/// An error of the pipeline, in both languages.
pub fn problem(error: Error) -> Problem {
    let status = match error.kind {
        Kind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::Limit => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::Internal => return Problem::internal(error.code, &error),
    };
    Problem::new(status, error.code, error.message.en).with("detail_it", error.message.it)
}

/// The SHA-256 of a file, hexadecimal, as the pipeline takes it.
pub async fn hash(path: &FilePath) -> Result<String> {
    let path = path.to_owned();
    let digest = tokio::task::spawn_blocking(move || -> std::io::Result<String> {
        use sha2::Digest;
        let mut digest = sha2::Sha256::new();
        std::io::copy(&mut std::fs::File::open(path)?, &mut digest)?;
        Ok(hex::encode(digest.finalize()))
    });
    digest.await.map_err(|e| Problem::internal("deliveries.hash", e))?.map_err(|e| Problem::internal("deliveries.hash", e))
}
