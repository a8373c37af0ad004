//! Queries that people keep: saved under a title, shared by their address or kept private, deleted; and the history, forgotten.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use crate::app::App;
use crate::doors::http::problem::{Problem, Result};
use crate::doors::http::session::Sent;
use crate::shelf::TITLE;

#[derive(Deserialize)]
pub struct Kept {
    sql: String,
    titolo: String,
    /// The query that is changed; empty: a new one.
    #[serde(default)]
    q: String,
    /// Present when everybody who signs in may read it.
    #[serde(default)]
    condivisa: String,
}

/// `POST /sql/salva`
pub async fn save(State(app): State<App>, Sent { desk, fields }: Sent<Kept>) -> Result<Response> {
    let title = fields.titolo.trim();
    if title.is_empty() || title.chars().count() > TITLE {
        return Err(Problem::invalid("saved.title", format!("a title has 1 to {TITLE} characters"))
            .with("detail_it", format!("Il titolo ha da 1 a {TITLE} caratteri.")));
    }
    let most = app.warehouse.limits().text_bytes;
    if fields.sql.trim().is_empty() || fields.sql.len() > most {
        return Err(Problem::invalid("saved.query", format!("a query has 1 to {most} bytes")).with("detail_it", format!("La query ha da 1 a {most} byte.")));
    }
    let shared = !fields.condivisa.is_empty();
    let id = if fields.q.is_empty() {
        app.shelf.save(desk.account(), title, &fields.sql, shared).await?
    } else if app.shelf.change(desk.account(), &fields.q, title, &fields.sql, shared).await? {
        fields.q
    } else {
        return Err(Problem::not_found());
    };
    Ok(desk.go(&format!("/sql?q={id}")))
}

#[derive(Deserialize)]
pub struct One {
    q: String,
}

/// `POST /sql/elimina`
pub async fn delete(State(app): State<App>, Sent { desk, fields }: Sent<One>) -> Result<Response> {
    if !app.shelf.delete(desk.account(), &fields.q).await? {
        return Err(Problem::not_found());
    }
    Ok(desk.go("/sql"))
}

#[derive(Deserialize)]
pub struct Nothing {}

/// `POST /sql/dimentica`
pub async fn forget(State(app): State<App>, Sent { desk, fields: Nothing {} }: Sent<Nothing>) -> Result<Response> {
    app.shelf.forget(desk.account()).await?;
    Ok(desk.go("/sql"))
}
