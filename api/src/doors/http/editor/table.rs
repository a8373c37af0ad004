//! The answer of a query as rows of the page's table, sent as they come: the page's head and the table's head first, then rows, then
//! whether that was all, then the rest of the page.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::StreamExt;
use http::header;
use minijinja::HtmlEscape;
use serde_json::{Value, json};
use tokio::sync::mpsc::Sender;
use tokio_stream::wrappers::ReceiverStream;
use warehouse::statement::Rows;

use super::{SHOWN, said};
use crate::app::App;
use crate::site::filters::grouped;
use crate::site::words::Language;

/// Characters of a cell that the page shows.
const CELL: usize = 1_000;

pub struct Job {
    pub app: App,
    pub language: Language,
    pub account: String,
    pub sql: String,
    /// The whole page, with the marker where the rows go and again where it is said whether they are all.
    pub html: String,
    pub marker: String,
    pub rows: Rows,
}

/// Names of the columns, and whether they hold numbers.
pub fn columns(schema: &SchemaRef) -> Vec<Value> {
    schema.fields().iter().map(|f| json!({ "name": f.name(), "number": f.data_type().is_numeric() })).collect()
}

/// The response, fed by a task of its own: a reader who leaves cancels the query.
pub fn stream(job: Job) -> Response {
    let (to, from) = tokio::sync::mpsc::channel(2);
    let language = job.language.code();
    tokio::spawn(run(job, to));
    let body = Body::from_stream(ReceiverStream::new(from));
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_LANGUAGE, language)], body).into_response()
}

/// How the rows of a page ended.
struct Shown {
    rows: usize,
    more: bool,
    /// Code and sentence of what broke the answer.
    broken: Option<(&'static str, String)>,
}

async fn run(job: Job, to: Sender<std::io::Result<Bytes>>) {
    let Job { app, language, account, sql, html, marker, rows } = job;
    let mut parts = html.splitn(3, marker.as_str());
    let (head, middle, tail) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if !send(&to, head.to_owned()).await {
        return;
    }
    let Some(shown) = rows_of(rows, &to).await else { return };
    let outcome = shown.broken.as_ref().map_or("ok", |(code, _)| code);
    let complete = !shown.more && shown.broken.is_none();
    if let Err(error) = app.shelf.remember(&account, &sql, outcome, shown.rows, complete).await {
        tracing::error!(%error, "a query was not remembered");
    }
    let count = grouped(&shown.rows.to_string(), language == Language::English);
    let end = match (&shown.broken, shown.more) {
        (Some((code, detail)), _) => said(&app, language, "desk_rows_broken", &[("n", count), ("code", (*code).to_owned()), ("detail", detail.clone())]),
        (None, true) => said(&app, language, "desk_rows_first", &[("n", count)]),
        (None, false) => said(&app, language, "desk_rows_all", &[("n", count)]),
    };
    let _ = send(&to, format!("{middle}{}{tail}", HtmlEscape(&end))).await;
}

/// False when nobody reads any more.
async fn send(to: &Sender<std::io::Result<Bytes>>, text: String) -> bool {
    to.send(Ok(Bytes::from(text))).await.is_ok()
}

/// Sends the rows; `None` when nobody reads any more.
async fn rows_of(rows: Rows, to: &Sender<std::io::Result<Bytes>>) -> Option<Shown> {
    let numbers: Vec<bool> = rows.schema.fields().iter().map(|f| f.data_type().is_numeric()).collect();
    let mut batches = rows.batches;
    let mut shown = Shown { rows: 0, more: false, broken: None };
    // To the end: a worker whose answer is not heard out is lost. There is at most one row more than the page shows.
    while let Some(batch) = batches.next().await {
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => {
                shown.broken = Some((error.code, error.message));
                break;
            }
        };
        let left = SHOWN - shown.rows;
        shown.more |= batch.num_rows() > left;
        let batch = batch.slice(0, batch.num_rows().min(left));
        let html = match written(&batch, &numbers) {
            Ok(html) => html,
            Err(error) => {
                tracing::error!(%error, "an answer could not be written");
                shown.broken = Some(("internal", String::new()));
                break;
            }
        };
        shown.rows += batch.num_rows();
        if !html.is_empty() && !send(to, html).await {
            return None;
        }
    }
    Some(shown)
}

fn written(batch: &RecordBatch, numbers: &[bool]) -> Result<String, arrow::error::ArrowError> {
    use std::fmt::Write;
    let options = FormatOptions::default();
    let cells: Vec<ArrayFormatter> = batch.columns().iter().map(|c| ArrayFormatter::try_new(c, &options)).collect::<Result<_, _>>()?;
    let mut html = String::new();
    for row in 0..batch.num_rows() {
        html.push_str("<tr>");
        for ((column, cell), number) in batch.columns().iter().zip(&cells).zip(numbers) {
            let class = if *number { " class=\"siss-number\"" } else { "" };
            if column.is_null(row) {
                let _ = write!(html, "<td{class}><em class=\"siss-null\">NULL</em></td>");
                continue;
            }
            let text = cell.value(row).to_string();
            let all = text.chars().count();
            let (text, cut) = if all > CELL { (text.chars().take(CELL).collect(), format!("… ({all})")) } else { (text, String::new()) };
            let _ = write!(html, "<td{class}>{}{cut}</td>", HtmlEscape(&text));
        }
        html.push_str("</tr>\n");
    }
    Ok(html)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array, StringArray};
    use std::sync::Arc;

    #[test]
    fn cells_are_text_whatever_they_hold() {
        let text: ArrayRef = Arc::new(StringArray::from(vec![Some("<script>\"a\"&"), None]));
        let batch = RecordBatch::try_from_iter([("t", text), ("n", Arc::new(Int64Array::from(vec![-1, 2])) as ArrayRef)]).unwrap();
        let html = written(&batch, &[false, true]).unwrap();
        assert!(html.starts_with("<tr><td>&lt;script&gt;&quot;a&quot;&amp;</td><td class=\"siss-number\">-1</td></tr>"), "{html}");
        assert!(html.contains("<em class=\"siss-null\">NULL</em>"));
    }
}
