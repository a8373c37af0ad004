//! `GET /api/v1/datasets/{area}/{name}/rows`: rows of one dataset by our own query, in the server.

use axum::extract::{OriginalUri, Path, RawQuery, State};
use axum::response::Response;
use datasets::model::DatasetName;
use http::{HeaderMap, StatusCode};
use warehouse::principal::Principal;

use crate::app::App;
use crate::doors::http::answers::Question;
use crate::doors::http::encode::{self, Wanted};
use crate::doors::http::format::Format;
use crate::doors::http::page;
use crate::doors::http::problem::{Problem, Result};

pub async fn rows(
    State(app): State<App>,
    who: Principal,
    Path((area, name)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
    RawQuery(query): RawQuery,
    question: Question,
    headers: HeaderMap,
) -> Result<Response> {
    let name: DatasetName = format!("{area}.{name}").parse().map_err(|_| Problem::not_found())?;
    let format = Format::of(uri.path(), &headers)?;
    let asked = page::read(query.as_deref().unwrap_or_default(), format)?;
    let session = app.warehouse.session(&who).await?;
    session.dataset(&name)?;
    if asked.page.at.is_none()
        && asked.version.is_none()
        && let Some(unchanged) = question.unchanged(&app, &who, &[&name]).await?
    {
        return Ok(unchanged);
    }

    // One row more than the page tells whether another page follows.
    let mut page = asked.page.clone();
    page.limit = page.limit.map(|limit| limit.saturating_add(1));
    let rows = session.rows(&name, page).await?;
    let version = rows.snapshot.values().copied().max().unwrap_or_default();
    if asked.version.is_some_and(|before| before != version) {
        let detail = "the dataset changed since the page before was read; start again without 'after'";
        return Err(Problem::new(StatusCode::CONFLICT, "page.moved", detail));
    }
    let next = asked.next(uri.path(), version);
    let wanted = Wanted {
        format,
        raw: asked.raw,
        file: (format != Format::Json).then(|| name.to_string()),
        page: asked.page.limit.zip(next),
        patience: app.warehouse.limits().reader,
    };
    let snapshot = rows.snapshot.clone();
    let response = encode::answer(rows, wanted).await?;
    Ok(question.answer(&app, &who, &snapshot, response).await)
}
