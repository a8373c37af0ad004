//! `GET /open/{area}/{name}/diff?from=&to=`: rows that came, went or were corrected between two releases, as JSON or CSV. It is streamed,
//! and whole: a comparison that breaks midway is cut off without a clean end.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use datasets::model::DatasetName;
use futures::{StreamExt, TryStreamExt, stream};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use warehouse::error::Error;
use warehouse::release::diff::{Diff, Row};
use warehouse::release::manifest::{Change, Manifest};
use warehouse::release::write::csv::cell;
use warehouse::release::{LATEST, judge};

use crate::app::App;
use crate::doors::http::open::{BRIEFLY, FOREVER, address, matches, named};
use crate::doors::http::problem::{Problem, Result};

/// Rows put into one piece of the answer.
const PIECE: usize = 256;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The earlier release; absent: the one before `to`.
    pub from: Option<String>,
    /// The later release; absent: the newest.
    pub to: Option<String>,
    /// `json` or `csv`; absent: as `Accept` says, else JSON.
    format: Option<String>,
    /// Cells of CSV as they are, though a spreadsheet may run them.
    #[serde(default)]
    raw: bool,
}

pub async fn diff(State(app): State<App>, Path((area, name)): Path<(String, String)>, Query(asked): Query<Asked>, headers: HeaderMap) -> Result<Response> {
    let name = named(&area, &name)?;
    let csv = csv(&asked, &headers)?;
    let (from, to) = pair(&app, &name, asked.from.as_deref(), asked.to.as_deref())?;
    let fixed = [&asked.from, &asked.to].iter().all(|one| one.as_deref().is_some_and(|release| release != LATEST));
    let (form, media) = if csv { ("csv", "text/csv; charset=utf-8; header=present") } else { ("json", "application/json") };
    let tag = format!("\"{}..{}.{}{form}\"", from.release, to.release, if asked.raw { "raw." } else { "" });
    let head = [(header::ETAG, tag.clone()), (header::CACHE_CONTROL, (if fixed { FOREVER } else { BRIEFLY }).to_owned())];
    if matches(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, head).into_response());
    }
    let found = app.releases.diff(&name, &from.release, &to.release).await?;
    let body = if csv { csv_body(found, !asked.raw) } else { json_body(found)? };
    Ok((head, [(header::CONTENT_TYPE, media), (header::HeaderName::from_static("siss-complete"), "true")], body).into_response())
}

/// The two releases that are compared; what is not said is the newest, and the one before.
pub fn pair(app: &App, name: &DatasetName, from: Option<&str>, to: Option<&str>) -> Result<(Arc<Manifest>, Arc<Manifest>)> {
    let to = app.releases.find(name, to.unwrap_or(LATEST))?;
    let first = || {
        let detail = format!("release {} is the first of {name}: there is none before it to compare with", to.release);
        Problem::invalid("release.first", detail).with("detail_it", format!("{} è la prima pubblicazione di {name}: non ce n'è una precedente", to.release))
    };
    let from = match from {
        Some(from) => from.to_owned(),
        None => to.previous.clone().ok_or_else(first)?,
    };
    Ok((app.releases.find(name, &from)?, to))
}

/// The gravest of what lies between two releases, whatever lies between them.
pub fn change(diff: &Diff) -> Change {
    if !judge::breaks(&diff.from, &diff.to.columns, &diff.to.key).is_empty() {
        return Change::Break;
    }
    if diff.from.contract_hash != diff.to.contract_hash {
        return Change::Method;
    }
    if diff.counts.corrected > 0 { Change::Correction } else { Change::Data }
}

fn csv(asked: &Asked, headers: &HeaderMap) -> Result<bool> {
    match asked.format.as_deref() {
        Some("csv") => Ok(true),
        Some("json") => Ok(false),
        Some(other) => Err(Problem::invalid("query.parameter", format!("parameter 'format': '{other}' is not json or csv"))),
        None => Ok(headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|accept| accept.starts_with("text/csv"))),
    }
}

fn json_body(diff: Diff) -> Result<Body> {
    let about = json!({
        "dataset": diff.to.dataset, "from": diff.from.release, "to": diff.to.release, "change": change(&diff),
        "key": diff.key, "columns_added": diff.columns_added, "columns_removed": diff.columns_removed, "counts": diff.counts,
        "href": format!("{}/diff?from={}&to={}", address(&diff.to.dataset), diff.from.release, diff.to.release),
    });
    let about = about.to_string();
    let start = format!("{},\"rows\":[", about.strip_suffix('}').unwrap_or(&about));
    let names = diff.key;
    let mut first = true;
    let piece = move |rows: Vec<Row>| {
        let mut text = String::new();
        for row in rows {
            text.push_str(if std::mem::take(&mut first) { "\n" } else { ",\n" });
            text.push_str(&object(&names, row).to_string());
        }
        Bytes::from(text)
    };
    let rows = diff.rows.try_chunks(PIECE).map_err(|broken| broken.1).map_ok(piece);
    Ok(streamed(start, rows, "\n],\"complete\":true}\n"))
}

fn object(names: &[String], row: Row) -> Value {
    let key: Map<String, Value> = names.iter().cloned().zip(row.key.into_iter().map(Value::from)).collect();
    json!({ "change": row.change, "key": key, "cells": row.cells })
}

/// One line for each cell that is another; the columns of the key say of which row.
fn csv_body(diff: Diff, safe: bool) -> Body {
    let mut start = String::from("change");
    for name in &diff.key {
        start.push(',');
        start.push_str(name);
    }
    start.push_str(",column,old,new\n");
    let names = diff.key;
    let piece = move |rows: Vec<Row>| {
        let mut text = String::new();
        for row in &rows {
            lines(&mut text, &names, row, safe);
        }
        Bytes::from(text)
    };
    streamed(start, diff.rows.try_chunks(PIECE).map_err(|broken| broken.1).map_ok(piece), "")
}

fn lines(text: &mut String, names: &[String], row: &Row, safe: bool) {
    let mut begin = row.change.as_str().to_owned();
    for value in &row.key {
        begin.push(',');
        optional(&mut begin, value.as_deref(), safe);
    }
    let others: Vec<_> = row.cells.iter().filter(|change| !names.contains(&change.column)).collect();
    if others.is_empty() {
        text.push_str(&begin);
        text.push_str(",,,\n");
    }
    for change in others {
        text.push_str(&format!("{begin},{}", change.column));
        for value in [&change.old, &change.new] {
            text.push(',');
            optional(text, value.as_deref(), safe);
        }
        text.push('\n');
    }
}

/// A null is an empty cell, an empty text a quoted one.
fn optional(text: &mut String, value: Option<&str>, safe: bool) {
    if let Some(value) = value {
        // Negative numbers are no formulas.
        cell(text, value, safe && value.parse::<f64>().is_err());
    }
}

fn streamed(start: String, rows: impl futures::Stream<Item = Result<Bytes, Error>> + Send + 'static, end: &'static str) -> Body {
    let whole = stream::iter([Ok(Bytes::from(start))]).chain(rows).chain(stream::iter([Ok(Bytes::from_static(end.as_bytes()))]));
    Body::from_stream(whole.inspect_err(|error| tracing::error!(%error, "a comparison broke")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use warehouse::release::diff::{CellChange, RowChange};

    #[test]
    fn a_corrected_row_is_a_line_for_each_cell() {
        let cell =
            |column: &str, old: Option<&str>, new: Option<&str>| CellChange { column: column.into(), old: old.map(Into::into), new: new.map(Into::into) };
        let cells = vec![cell("posti", Some("-1"), Some("2")), cell("nome", None, Some("=a,b"))];
        let row = Row { change: RowChange::Corrected, key: vec![Some("S1".into())], cells };
        let mut text = String::new();
        lines(&mut text, &["codice".into()], &row, true);
        assert_eq!(text, "corrected,S1,posti,-1,2\ncorrected,S1,nome,,\"'=a,b\"\n");
        let whole = Row { change: RowChange::Added, key: vec![None, Some(String::new())], cells: vec![] };
        text.clear();
        lines(&mut text, &["a".into(), "b".into()], &whole, true);
        assert_eq!(text, "added,,\"\",,,\n");
    }
}
