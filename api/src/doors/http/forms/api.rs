//! Forms for programs: `/api/v1/forms`. What a page sends in fields, a program sends as JSON; documents come as base64.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use datasets::form::Filled;
use http::{HeaderMap, StatusCode, header};
use ingest::form::Answers;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use warehouse::principal::Principal;

use super::{documents, form, moment, registered};
use crate::accounts::stranger;
use crate::app::App;
use crate::doors::http::problem::{Problem, Result};
use crate::doors::http::uploads;
use crate::intake::fill::{Refused, Sending, allowed, fixed};
use crate::intake::register::Standing;
use crate::intake::{Payload, Taken};

/// Attachments of one form.
const ATTACHMENTS: usize = 20;

/// A form as a program answers it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answered {
    /// The version of the form that is answered.
    pub version: String,
    pub values: Answers,
    #[serde(default)]
    pub parts: BTreeMap<String, Vec<Answers>>,
    #[serde(default)]
    pub attachments: Vec<Attached>,
    /// The row that it changes, by its key.
    pub key: Option<String>,
    /// The same answers were sent before and are meant again.
    #[serde(default)]
    pub again: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attached {
    pub name: String,
    pub file: String,
    /// Base64.
    pub content: String,
}

impl Answered {
    pub async fn payload(self, app: &App) -> Result<Payload> {
        if self.attachments.len() > ATTACHMENTS {
            return Err(Problem::invalid("form.attachments", format!("a form has {ATTACHMENTS} attachments at most")));
        }
        let mut payload = Payload { values: self.values, parts: self.parts, ..Payload::default() };
        for one in self.attachments {
            let bytes =
                STANDARD.decode(&one.content).map_err(|_| Problem::invalid("form.attachments", format!("the content of '{}' is not base64", one.name)))?;
            payload.documents.push(documents::keep(app, &one.name, &one.file, bytes).await?);
        }
        Ok(payload)
    }
}

/// `GET /api/v1/forms`
pub async fn list(State(app): State<App>, who: Principal) -> Result<Response> {
    let all = app.warehouse.catalog().forms().filter(|filled| filled.form.roles.contains(&who.role));
    Ok(Json(json!({ "forms": all.map(|filled| json!({ "form": filled.contract.name.to_string(), "version": filled.contract.version, "title": filled.form.title })).collect::<Vec<_>>() })).into_response())
}

/// `GET /api/v1/forms/{area}/{name}`: what is asked, and what becomes of it.
pub async fn definition(State(app): State<App>, who: Principal, Path((area, name)): Path<(String, String)>) -> Result<Response> {
    let filled = form(&app, &format!("{area}.{name}"))?;
    allowed(filled, &who)?;
    let columns: Vec<Value> = filled.asked().map(|column| json!(column)).collect();
    let (asked, flow) = (filled.form, filled.workflow);
    Ok(Json(json!({
        "form": filled.contract.name.to_string(), "version": filled.contract.version, "title": asked.title, "intro": asked.intro, "sections": asked.sections, "columns": columns,
        "parts": asked.parts, "attachments": asked.attachments, "fixed": fixed(filled, &who),
        "workflow": { "title": flow.title, "provisional": flow.provisional, "states": flow.steps, "moves": flow.moves },
    }))
    .into_response())
}

/// `POST /api/v1/forms/{area}/{name}`: takes it in. 201 with the receipt once it is on disk; 200 where it was before; 422 with what is wrong.
pub async fn send(
    State(app): State<App>,
    who: Principal,
    Path((area, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: Result<Json<Answered>, JsonRejection>,
) -> Result<Response> {
    let (filled, answered) = answered(&app, &who, &area, &name, body)?;
    let retry = match uploads::key(&headers)? {
        Some(key) => key,
        None => crate::accounts::random()?,
    };
    let (version, key, again) = (answered.version.clone(), answered.key.clone(), answered.again);
    // A row that is to be changed is one that who asks sees.
    if let Some(key) = &key {
        registered(&app, &who, filled, key).await?;
    }
    let payload = answered.payload(&app).await?;
    let sending = Sending { payload, version: &version, key: key.as_deref(), retry: &retry, again };
    let (status, received, duplicate) = match app.intake.send(&app.deliveries, filled, &who, sending).await.map_err(refused)? {
        Taken::New(received) => (StatusCode::CREATED, received, false),
        Taken::Same(received) => (StatusCode::OK, received, true),
        Taken::Twin(received) => {
            let detail = format!("the same answers were sent before, as {}: say again = true if they are meant twice", received.protocol);
            let italian =
                format!("Le stesse risposte sono già state inviate, protocollo {}: indicare again = true se sono volute due volte.", received.protocol);
            return Err(Problem::new(StatusCode::CONFLICT, "form.twin", detail).with("detail_it", italian).with("case", received.id));
        }
    };
    let location = format!("/api/v1/cases/{}", received.id);
    let body = json!({
        "id": received.id, "protocol": received.protocol, "code": received.code, "received": moment(received.received), "hash": received.hash, "duplicate": duplicate,
        "receipt": format!("/pratiche/{}/ricevuta.pdf", received.id),
    });
    Ok((status, [(header::LOCATION, location)], Json(body)).into_response())
}

/// `POST /api/v1/forms/{area}/{name}/check`: what the rules say, without sending.
pub async fn check(
    State(app): State<App>,
    who: Principal,
    Path((area, name)): Path<(String, String)>,
    body: Result<Json<Answered>, JsonRejection>,
) -> Result<Response> {
    let (filled, answered) = answered(&app, &who, &area, &name, body)?;
    let key = answered.key.clone();
    let payload = answered.payload(&app).await?;
    let today = chrono::Utc::now().date_naive();
    let at = Standing::first(filled, key.as_deref(), today);
    let found = app.intake.judge(&app.deliveries, filled, Some(&who), &payload, at).await?;
    Ok(Json(json!({ "stands": found.stands(), "findings": found.findings })).into_response())
}

/// The form, and what was answered, for who may fill it in.
fn answered<'a>(app: &'a App, who: &Principal, area: &str, name: &str, body: Result<Json<Answered>, JsonRejection>) -> Result<(Filled<'a>, Answered)> {
    let filled = form(app, &format!("{area}.{name}"))?;
    signed(who)?;
    allowed(filled, who)?;
    let Json(answered) = body.map_err(|rejection| Problem::new(rejection.status(), "body.json", rejection.body_text()))?;
    Ok((filled, answered))
}

/// Forms and cases are for who has signed in.
pub fn signed(who: &Principal) -> Result<()> {
    if *who == stranger() {
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "auth.required", "sign in to fill in forms and see cases")
            .with("detail_it", "Per i moduli e le pratiche occorre accedere."));
    }
    Ok(())
}

/// What is said of a form that was not taken.
pub fn refused(refused: Refused) -> Problem {
    match refused {
        Refused::Error(error) => error.into(),
        Refused::Findings(findings) => {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "form.findings", "the rules of the dataset refuse these answers: see findings")
                .with("detail_it", "Le regole del dataset rifiutano queste risposte: vedi findings.")
                .with("findings", json!(findings))
        }
    }
}
