//! `POST /api/v1/sql`: a question in SQL, answered by a worker process.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{OriginalUri, RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::Value;
use url::form_urlencoded;
use warehouse::principal::Principal;
use warehouse::statement::{Door, Parameter, Statement};

use crate::app::App;
use crate::doors::http::encode::{self, Wanted};
use crate::doors::http::format::Format;
use crate::doors::http::page::flag;
use crate::doors::http::problem::{Problem, Result};

/// The JSON form of a question.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    sql: String,
    /// Values of `$1`, `$2`, …: text, numbers, booleans or null.
    #[serde(default)]
    parameters: Vec<Value>,
}

pub async fn sql(
    State(app): State<App>,
    who: Principal,
    OriginalUri(uri): OriginalUri,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response> {
    let body = body.map_err(|rejection| Problem::new(rejection.status(), "body.unread", rejection.body_text()))?;
    let format = Format::of(uri.path(), &headers)?;
    let statement = statement(&headers, &body)?;
    let mut raw = false;
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()).filter(|(name, _)| name == "raw") {
        raw = flag(&name, &value)?;
    }
    let rows = app.pool.query(&who, statement, Door::Rest).await?;
    let file = (format != Format::Json).then(|| "risposta".into());
    encode::answer(rows, Wanted { format, raw, file, page: None, patience: app.warehouse.limits().reader }).await
}

/// The statement of a body: JSON, or the SQL itself as `text/plain` or `application/sql`.
fn statement(headers: &HeaderMap, body: &[u8]) -> Result<Statement> {
    let media = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    match media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/json" => {
            let question: Question =
                serde_json::from_slice(body).map_err(|e| Problem::invalid("body.json", format!("the body is not a question in JSON: {e}")))?;
            let parameters = question.parameters.into_iter().map(parameter).collect::<Result<_>>()?;
            Ok(Statement { sql: question.sql, parameters, ..Statement::default() })
        }
        "text/plain" | "application/sql" => {
            let sql = std::str::from_utf8(body).map_err(|_| Problem::invalid("body.utf8", "the body is not UTF-8"))?;
            Ok(Statement { sql: sql.into(), ..Statement::default() })
        }
        _ => Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "body.type", "send application/json, application/sql or text/plain")),
    }
}

fn parameter(value: Value) -> Result<Parameter> {
    Ok(match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        Value::Bool(yes) => Some(yes.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(_) | Value::Object(_) => return Err(Problem::invalid("body.parameter", "a parameter is text, a number, true, false or null")),
    })
}
