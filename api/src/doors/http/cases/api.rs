//! Cases for programs: `/api/v1/cases`.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use datasets::form::Filled;
use http::header;
use serde::Deserialize;
use serde_json::{Value, json};
use warehouse::principal::Principal;

use super::{Asked, offices, seen};
use crate::app::App;
use crate::doors::http::forms::api::{Answered, refused, signed};
use crate::doors::http::forms::moment;
use crate::doors::http::problem::{Problem, Result};
use crate::intake::cases::{Case, PAGE, Wanted};
use crate::intake::moves::{Asked as Step, open};

/// Cases of one export.
const EXPORT: i64 = 1_000_000;

/// `GET /api/v1/cases`: cases of who asks, newest first, by pages.
/// Pages of the list.
const PAGES: u32 = 100_000;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listed {
    form: String,
    state: String,
    late: bool,
    page: u32,
}

pub async fn list(State(app): State<App>, who: Principal, listed: Result<Query<Listed>, axum::extract::rejection::QueryRejection>) -> Result<Response> {
    let Query(listed) = listed.map_err(|rejection| Problem::invalid("query.parameter", rejection.body_text()))?;
    signed(&who)?;
    let forms: Vec<Filled> = app.warehouse.catalog().forms().collect();
    let names: Vec<String> = forms.iter().map(|filled| filled.contract.name.to_string()).collect();
    let states: BTreeSet<&str> = forms.iter().flat_map(|filled| &filled.workflow.steps).map(|step| step.code.as_str()).collect();
    if !listed.form.is_empty() && !names.contains(&listed.form) {
        return Err(Problem::none_of("form", &names.iter().map(String::as_str).collect::<Vec<_>>()));
    }
    if !listed.state.is_empty() && !states.contains(listed.state.as_str()) {
        return Err(Problem::none_of("state", &states.into_iter().collect::<Vec<_>>()));
    }
    if listed.page > PAGES {
        return Err(Problem::invalid("query.parameter", format!("parameter 'page' is {PAGES} at most"))
            .with("detail_it", format!("Il parametro 'page' è al più {PAGES}.")));
    }
    let wanted = Wanted { form: listed.form, state: listed.state, late: listed.late, page: i64::from(listed.page) };
    let mut cases = app.intake.cases(&who, &offices(&app, &who), &wanted, PAGE + 1).await?;
    let complete = cases.len() as i64 <= PAGE;
    cases.truncate(PAGE as usize);
    Ok(Json(json!({ "cases": cases.iter().map(brief).collect::<Vec<_>>(), "complete": complete })).into_response())
}

/// `GET /pratiche.csv`: the same list as a file, whole.
pub async fn export(State(app): State<App>, desk: crate::doors::http::session::Desk, Query(asked): Query<Asked>) -> Result<Response> {
    let wanted = Wanted { page: 0, ..asked.wanted() };
    let cases = app.intake.cases(desk.who(), &offices(&app, desk.who()), &wanted, EXPORT).await?;
    let mut text = String::from("pratica,protocollo,modulo,codice,ente,stato,ricevuta_il,stato_dal,termine\r\n");
    for case in &cases {
        let due = if case.due > 0 { moment(case.due) } else { String::new() };
        let cells = [
            &case.received.id,
            &case.received.protocol,
            &case.form,
            &case.received.code,
            &case.office,
            &case.state,
            &moment(case.received.received),
            &moment(case.since),
            &due,
        ];
        text.push_str(&cells.map(|cell| cell.as_str()).join(","));
        text.push_str("\r\n");
    }
    let headers = [(header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present"), (header::CONTENT_DISPOSITION, "attachment; filename=\"pratiche.csv\"")];
    Ok((headers, text).into_response())
}

/// `GET /api/v1/cases/{id}`: answers, history and the steps that may be taken.
pub async fn one(State(app): State<App>, who: Principal, Path(id): Path<String>) -> Result<Response> {
    signed(&who)?;
    let (case, filled) = seen(&app, &who, &id).await?;
    app.intake.tell(&who.account, &case).await?;
    let payload = app.intake.answers(&case)?;
    let mut body = brief(&case);
    body["answers"] = json!({ "values": payload.values, "parts": payload.parts, "decided": payload.decided });
    body["documents"] = json!(payload.documents);
    body["history"] = json!(app.intake.history(&case.received.id).await?);
    body["moves"] = open(filled, &case, &who)
        .into_iter()
        .map(|one| json!({ "code": one.code, "title": one.title, "to": one.to, "reason": one.reason, "asks": one.asks, "answers": one.answers }))
        .collect();
    Ok(Json(body).into_response())
}

/// A step that a program takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taken {
    code: String,
    /// `moved` of the case as it was seen.
    seen: i64,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    values: BTreeMap<String, String>,
    answers: Option<Answered>,
}

/// `POST /api/v1/cases/{id}/moves`
pub async fn step(
    State(app): State<App>,
    who: Principal,
    Path(id): Path<String>,
    body: Result<Json<Taken>, axum::extract::rejection::JsonRejection>,
) -> Result<Response> {
    let Json(taken) = body.map_err(|rejection| Problem::new(rejection.status(), "body.json", rejection.body_text()))?;
    signed(&who)?;
    let (case, filled) = seen(&app, &who, &id).await?;
    let mut version = String::new();
    let answers = match taken.answers {
        None => None,
        Some(answered) => {
            version.clone_from(&answered.version);
            let mut payload = answered.payload(&app).await?;
            let before = app.intake.answers(&case)?;
            let kept = before.documents.into_iter().filter(|one| !payload.documents.iter().any(|new| new.name == one.name)).collect::<Vec<_>>();
            payload.documents.extend(kept);
            Some((payload, version.as_str()))
        }
    };
    let asked = Step { code: &taken.code, seen: taken.seen, reason: &taken.reason, decided: taken.values, answers };
    app.intake.make(&app.deliveries, filled, &who, &case, asked).await.map_err(refused)?;
    let (case, _) = seen(&app, &who, &id).await?;
    Ok(Json(brief(&case)).into_response())
}

fn brief(case: &Case) -> Value {
    let mut body = json!(case);
    for (name, seconds) in [("received", case.received.received), ("since", case.since), ("due", case.due)] {
        body[name] = if seconds > 0 { json!(moment(seconds)) } else { Value::Null };
    }
    body
}
