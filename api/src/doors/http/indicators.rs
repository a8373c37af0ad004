//! `GET /indicatori`: every indicator that the reader may see, with the region's newest value against its target.

use axum::extract::State;
use axum::response::Response;
use datasets::indicator::{Level, REGION};
use serde_json::json;

use crate::app::App;
use crate::doors::http::answers::Question;
use crate::doors::http::figures::{of_place, standings, visible};
use crate::doors::http::pages::Frame;
use crate::doors::http::problem::Result;
use crate::doors::http::reading::{label, say, snapshot, versions};

/// The code list of states.
pub const STATES: &str = "stati_leps";

pub async fn page(State(app): State<App>, frame: Frame, question: Question) -> Result<Response> {
    let language = say(frame.language);
    let session = app.warehouse.session(&frame.who).await?;
    let indicators = visible(&app, &session);
    let moment = app.warehouse.moment(indicators.iter().map(|indicator| indicator.name.clone())).await?;
    let figures = of_place(&session.at(&moment), &indicators, Level::Regione, REGION).await?;
    let standings = standings(&indicators, &figures, Level::Regione, REGION, language);
    let state = |code: &str| label(&app, STATES, code, language);
    let states: Vec<_> = standings.iter().map(|one| one.here.as_ref().map(|figure| state(&figure.stato))).collect();
    let values = json!({ "indicators": standings, "states": states, "versions": versions(&moment) });
    let page = app.site.render("indicators.html", &frame, values)?;
    Ok(question.answer(&app, &frame.who, &snapshot(&moment), page).await)
}
