//! Health for load balancers and people, metrics for Prometheus.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{StatusCode, header};
use serde_json::json;
use warehouse::principal::Principal;

use crate::app::App;
use crate::doors::http::layers;
use crate::doors::http::problem::{Problem, Result};
use crate::doors::http::who::Credentials;

/// `GET /status`: 200 when the state store answers, else 503; both as problem documents (RAC_REST_NAME_011).
pub async fn status(State(app): State<App>) -> Result<Response> {
    if let Err(error) = app.accounts.principal("status").await {
        tracing::error!(%error, "state store does not answer");
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "status.state", "the state store does not answer"));
    }
    let load = app.pool.load();
    let body = json!({
        "type": "about:blank",
        "title": "OK",
        "status": 200,
        "detail": "the service answers",
        "version": env!("CARGO_PKG_VERSION"),
        "datasets": app.warehouse.catalog().contracts.len(),
        "queries": { "running": load.running, "waiting": load.waiting },
    });
    Ok(([(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response())
}

/// `GET /metrics`: for a scraper on this machine, or for staff.
pub async fn metrics(State(app): State<App>, parts: Parts) -> Result<([(header::HeaderName, &'static str); 1], String)> {
    if !layers::local(&parts) && !staff(&app, &parts).await? {
        return Err(Problem::new(StatusCode::FORBIDDEN, "metrics.staff", "metrics are for staff, or for a scraper on the same machine"));
    }
    let load = app.pool.load();
    ::metrics::gauge!("siss_queries_running").set(load.running as f64);
    ::metrics::gauge!("siss_queries_waiting").set(load.waiting as f64);
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.metrics.render()))
}

async fn staff(app: &App, parts: &Parts) -> Result<bool> {
    let Some(credentials) = super::credentials(&parts.headers)? else { return Ok(false) };
    let who: Principal = Credentials::sign_in(&credentials, &app.sign_ins).await?;
    Ok(app.warehouse.catalog().roles.get(&who.role).is_some_and(|role| role.staff))
}
