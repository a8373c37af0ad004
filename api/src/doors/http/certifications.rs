//! Certifications: signing what was delivered, the chain of signatures, and whether what was signed is still what it was.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use datasets::model::DatasetName;
use http::{StatusCode, header};
use ingest::certification::{Certification, Digest, Signed};
use ingest::error::{Error, Kind};
use serde::Deserialize;
use serde_json::{Value, json};
use warehouse::principal::Principal;
use warehouse::session::rows::{Filter, Page, Sort};

use crate::app::App;
use crate::doors::http::deliveries::problem;
use crate::doors::http::encode;
use crate::doors::http::obligations::{bounded, session};
use crate::doors::http::problem::{Problem, Result};

/// What is to be signed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    dataset: String,
    periodo: String,
    /// The body of the account, which is also meant when it is not given.
    ente: Option<String>,
}

/// Which certifications; all that the account sees where nothing is said.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    dataset: Option<String>,
    ente: Option<String>,
    periodo: Option<String>,
}

/// One row of `sistema.certifications`.
#[derive(Debug, Deserialize)]
struct Row {
    certificazione: String,
    dataset: DatasetName,
    ente: String,
    periodo_dati: String,
    versione_tabella: u64,
    righe: u64,
    impronta: String,
    account: String,
    firmata_il: DateTime<Utc>,
    precedente: Option<String>,
}

/// `POST /api/v1/certifications`
pub async fn sign(State(app): State<App>, who: Principal, wish: Result<Json<Wish>, JsonRejection>) -> Result<Response> {
    session(&app, &who).await?;
    let Json(wish) = wish.map_err(|rejection| Problem::new(rejection.status(), "body.json", rejection.body_text()))?;
    let signed = app.certifications.sign(&who, &wish.dataset, &wish.periodo, wish.ente.as_deref()).await.map_err(problem)?;
    let certification = match signed {
        Signed::Done(certification) => certification,
        Signed::Missing(comuni) => {
            let missing = Error::new(Kind::Conflict, "certification.missing", &comuni.join(", "));
            return Err(problem(missing).with("missing", comuni));
        }
    };
    let id = certification.id();
    let found = rows(&app, &who, vec![Filter::eq("certificazione", &id)]).await?.pop().ok_or_else(|| Problem::internal("certifications.row", "not there"))?;
    let body = Json(json!({ "certification": shown(found, &BTreeSet::from([id.clone()])) }));
    Ok((StatusCode::CREATED, [(header::LOCATION, format!("/api/v1/certifications/{id}"))], body).into_response())
}

/// `GET /api/v1/certifications`: oldest first, each with whether it still holds.
pub async fn list(State(app): State<App>, who: Principal, asked: Result<Query<Asked>, QueryRejection>) -> Result<Json<Value>> {
    let Query(asked) = asked.map_err(|_| Problem::invalid("query.parameter", "the parameters are dataset, ente and periodo, each once"))?;
    bounded(&asked.dataset, &asked.ente, &asked.periodo)?;
    let filters = [("dataset", &asked.dataset), ("ente", &asked.ente), ("periodo_dati", &asked.periodo)];
    let filters = filters.into_iter().filter_map(|(column, value)| value.as_ref().map(|value| Filter::eq(column, value)));
    let found = rows(&app, &who, filters.collect()).await?;
    let holding = if found.is_empty() { BTreeSet::new() } else { app.certifications.holding().await.map_err(problem)? };
    Ok(Json(json!({ "certifications": found.into_iter().map(|row| shown(row, &holding)).collect::<Vec<_>>() })))
}

/// `GET /api/v1/certifications/{id}`: the digest computed again from the rows as they were signed.
pub async fn one(State(app): State<App>, who: Principal, Path(id): Path<String>) -> Result<Json<Value>> {
    let found = rows(&app, &who, vec![Filter::eq("certificazione", &id)]).await?.pop().ok_or_else(Problem::not_found)?;
    let row: Row = serde_json::from_value(found.clone()).map_err(|e| Problem::internal("certifications.row", e))?;
    let certification = Certification {
        dataset: row.dataset,
        body: row.ente,
        period: row.periodo_dati,
        version: row.versione_tabella,
        digest: Digest { rows: row.righe, sha256: row.impronta },
        account: row.account,
        signed: row.firmata_il,
        former: row.precedente,
    };
    let again = app.certifications.again(&certification).await.map_err(problem)?;
    let intact = certification.id() == row.certificazione;
    let holding = app.certifications.holding().await.map_err(problem)?;
    Ok(Json(json!({
        "certification": shown(found, &holding),
        "valid": again.as_ref().map(|again| intact && *again == certification.digest),
        "recomputed": again.map(|again| json!({ "righe": again.rows, "impronta": again.sha256 })),
    })))
}

fn shown(mut row: Value, holding: &BTreeSet<String>) -> Value {
    let holds = row["certificazione"].as_str().is_some_and(|id| holding.contains(id));
    row["holds"] = json!(holds);
    row
}

async fn rows(app: &App, who: &Principal, filters: Vec<Filter>) -> Result<Vec<Value>> {
    let table: DatasetName = "sistema.certifications".parse().map_err(|e: String| Problem::internal("certifications.table", e))?;
    let sort = ["dataset", "ente", "periodo_dati", "firmata_il"].map(|column| Sort { column: column.into(), descending: false });
    let page = Page { filters, sort: sort.into(), ..Page::default() };
    encode::gathered(session(app, who).await?.rows(&table, page).await?).await
}
