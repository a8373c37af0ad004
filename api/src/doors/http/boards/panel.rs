//! One panel as a file: its picture as SVG or PNG, its numbers as CSV.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use dashboards::build::Drawing;
use dashboards::png::{WIDEST, png};
use dashboards::theme::Theme;
use http::{HeaderName, header};

use crate::app::App;
use crate::doors::http::answers::Question;
use crate::doors::http::boards::choice::Asked;
use crate::doors::http::boards::gather::{self, Answer};
use crate::doors::http::boards::{Door, refused};
use crate::doors::http::pages::Frame;
use crate::doors::http::problem::{Problem, Result};
use crate::doors::http::reading::say;

/// Pixels of a PNG whose address does not say.
const WIDTH: u32 = 1440;
const NARROWEST: u32 = 100;
const SNAPSHOT: HeaderName = HeaderName::from_static("siss-snapshot");

/// `GET /cruscotti/{name}/{panel}.svg`, `.png`, `.csv`
pub async fn file(
    State(app): State<App>,
    frame: Frame,
    Path((name, file)): Path<(String, String)>,
    Query(asked): Query<Asked>,
    question: Question,
) -> Result<Response> {
    let (panel, ending) = file.rsplit_once('.').ok_or_else(Problem::not_found)?;
    let session = app.warehouse.session(&frame.who).await?;
    let board = match app.boards.find(&name, &session)? {
        Door::Open(board) => board,
        Door::Closed(_) => return Err(refused(&frame)),
    };
    let panel = board.panel(panel).ok_or_else(Problem::not_found)?;
    let gathered = gather::gather(&app, session, board, Some(&panel.name), &asked, say(frame.language)).await?;
    let Some((_, Answer::Drawn(drawing))) = gathered.panels.first() else { return Err(refused(&frame)) };
    let picture = |theme: &Theme| drawing.svg(app.boards.boundaries(), theme);
    let (media, bytes) = match ending {
        "csv" => ("text/csv; charset=utf-8; header=present", csv(drawing)?),
        "svg" => ("image/svg+xml; charset=utf-8", picture(&Theme::file()).into_bytes()),
        "png" => ("image/png", drawn(picture(&Theme::file()), pixels(asked.width.as_deref())?).await?),
        _ => return Err(Problem::not_found()),
    };
    let snapshot: Vec<String> = gathered.versions.iter().map(|(name, version)| format!("{name}={version}")).collect();
    // Names of dashboards and panels are words, see `dashboards::load`.
    let saved = format!("{}; filename=\"{}.{}.{ending}\"", if ending == "csv" { "attachment" } else { "inline" }, board.name, panel.name);
    let headers = [(header::CONTENT_TYPE, media.to_owned()), (header::CONTENT_DISPOSITION, saved), (SNAPSHOT, snapshot.join(", "))];
    Ok(question.answer(&app, &frame.who, &gathered.moment, (headers, bytes).into_response()).await)
}

/// Text that a spreadsheet would take for a formula gets an apostrophe; a number below zero is a number.
fn csv(drawing: &Drawing) -> Result<Vec<u8>> {
    let fault = |e: String| Problem::internal("board.csv", e);
    let mut file = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in drawing.data() {
        let safe = row.into_iter().map(|cell| match cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && cell.parse::<f64>().is_err() {
            true => format!("'{cell}"),
            false => cell,
        });
        file.write_record(safe).map_err(|e| fault(e.to_string()))?;
    }
    file.into_inner().map_err(|e| fault(e.to_string()))
}

fn pixels(asked: Option<&str>) -> Result<u32> {
    let Some(asked) = asked else { return Ok(WIDTH) };
    asked.parse().ok().filter(|width| (NARROWEST..=WIDEST).contains(width)).ok_or_else(|| {
        Problem::invalid("query.parameter", format!("the parameter 'width' is a number of pixels from {NARROWEST} to {WIDEST}"))
            .with("detail_it", format!("Il parametro «width» è un numero di pixel da {NARROWEST} a {WIDEST}"))
    })
}

/// Drawing takes a core for a moment: not one that answers others.
async fn drawn(svg: String, width: u32) -> Result<Vec<u8>> {
    let drawn = tokio::task::spawn_blocking(move || png(&svg, width)).await.map_err(|e| Problem::internal("board.png", e))?;
    drawn.map_err(|e| Problem::internal("board.png", e))
}
