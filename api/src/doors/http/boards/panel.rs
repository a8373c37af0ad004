//! One panel as a file: SVG, PNG or the rows behind it as CSV.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use dashboards::png::{WIDEST, png};
use dashboards::theme::Theme;
use http::header;

use crate::app::App;
use crate::doors::http::boards::choice::Asked;
use crate::doors::http::boards::gather::{self, Answer};
use crate::doors::http::boards::language;
use crate::doors::http::encode::{self, Wanted};
use crate::doors::http::format::Format;
use crate::doors::http::pages::Frame;
use crate::doors::http::problem::{Problem, Result};

/// Pixels of a PNG whose address does not say.
const WIDTH: u32 = 1440;

/// `GET /cruscotti/{name}/{panel}.svg`, `.png`, `.csv`
pub async fn file(State(app): State<App>, frame: Frame, Path((name, file)): Path<(String, String)>, Query(asked): Query<Asked>) -> Result<Response> {
    let (panel, ending) = file.rsplit_once('.').ok_or_else(Problem::not_found)?;
    let session = app.warehouse.session(&frame.who).await?;
    let board = app.boards.find(&name, &session)?;
    let panel = board.panel(panel).ok_or_else(Problem::not_found)?;
    let language = language(frame.language);
    if ending == "csv" {
        let rows = gather::rows(&app, &session, board, panel, &asked, language).await?;
        let file = Some(format!("{}.{}", board.name, panel.name));
        return encode::answer(rows, Wanted { format: Format::Csv, raw: false, file, page: None, patience: app.warehouse.limits().reader }).await;
    }
    let gathered = gather::gather(&app, &session, board, Some(&panel.name), &asked, language).await?;
    let Some((_, Answer::Drawn(drawing))) = gathered.panels.first() else { return Err(Problem::not_found()) };
    let snapshot: Vec<String> = gathered.versions.iter().map(|(name, version)| format!("{name}={version}")).collect();
    let svg = drawing.svg(app.boards.boundaries(), &Theme::file());
    let (media, bytes) = match ending {
        "svg" => ("image/svg+xml", svg.into_bytes()),
        "png" => ("image/png", drawn(svg, asked.width.unwrap_or(WIDTH)).await?),
        _ => return Err(Problem::not_found()),
    };
    Ok(([(header::CONTENT_TYPE, media.to_owned()), (header::HeaderName::from_static("siss-snapshot"), snapshot.join(", "))], bytes).into_response())
}

/// Drawing takes a core for a moment: not one that answers others.
async fn drawn(svg: String, width: u32) -> Result<Vec<u8>> {
    if !(100..=WIDEST).contains(&width) {
        return Err(Problem::invalid("query.parameter", format!("width is a number of pixels from 100 to {WIDEST}")));
    }
    let drawn = tokio::task::spawn_blocking(move || png(&svg, width)).await.map_err(|e| Problem::internal("board.png", e))?;
    drawn.map_err(|e| Problem::internal("board.png", e))
}
