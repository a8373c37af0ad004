//! `GET /`: what the portal is and what is in it.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use crate::app::App;
use crate::doors::http::answers::Question;
use crate::doors::http::found::{self, Entry};
use crate::doors::http::pages::Frame;
use crate::doors::http::problem::Result;

pub async fn home(State(app): State<App>, frame: Frame, question: Question) -> Result<Response> {
    let session = app.warehouse.session(&frame.who).await?;
    let words = app.site.words(frame.language);
    let entries: Vec<Entry> = session.datasets().iter().map(|dataset| found::entry(dataset, &[], frame.language, words)).collect();
    let values = json!({ "count": entries.len(), "areas": found::areas(&entries), "themes": found::themes(&entries, words) });
    let page = app.site.render("home.html", &frame, values)?;
    // It names datasets and none of their rows.
    Ok(question.answer(&app, &frame.who, &BTreeMap::new(), page).await)
}
