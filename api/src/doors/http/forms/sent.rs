//! A form as a browser sends it: `v.<column>`, `p.<dataset>.<row>.<column>`, documents as `a.<name>`, and what to do with it.

use axum::extract::FromRequest;
use axum::extract::Request;
use axum::extract::multipart::{Field, Multipart};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use ingest::form::Answers;

use super::documents;
use crate::app::App;
use crate::doors::http::problem::{Problem, Result};
use crate::doors::http::session::{Desk, FORM};
use crate::intake::{Document, Payload};

/// Characters of one answer, answers of a form, and rows of a part at most.
const ANSWER: usize = 20_000;
const ANSWERS: usize = 2_000;
const ROWS: usize = 200;

/// A form of a [`Desk`] page, its word found right.
pub struct Filled {
    pub desk: Desk,
    pub payload: Payload,
    pub version: String,
    /// Key of the row that it changes, draft and case that it goes on with; empty without.
    pub key: String,
    pub draft: String,
    pub case: String,
    /// Number of the last move of the case that was seen.
    pub seen: i64,
    /// Random name of this very filling-in: sent twice, it is one form.
    pub retry: String,
    pub action: String,
}

impl FromRequest<App> for Filled {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let desk = <Desk as axum::extract::FromRequestParts<App>>::from_request_parts(&mut parts, app).await?;
        let form = Multipart::from_request(Request::from_parts(parts, body), app).await;
        let form = form.map_err(|rejection| Problem::new(rejection.status(), "body.form", rejection.body_text()).into_response())?;
        read(app, desk, form).await.map_err(IntoResponse::into_response)
    }
}

async fn read(app: &App, desk: Desk, mut form: Multipart) -> Result<Filled> {
    let mut filled = Filled {
        desk,
        payload: Payload::default(),
        version: String::new(),
        key: String::new(),
        draft: String::new(),
        case: String::new(),
        seen: 0,
        retry: String::new(),
        action: String::new(),
    };
    let (mut confirmed, mut answers) = (false, 0);
    while let Some(field) = form.next_field().await.map_err(|e| Problem::invalid("body.form", e.body_text()))? {
        let name = field.name().unwrap_or_default().to_owned();
        answers += 1;
        if answers > ANSWERS {
            return Err(Problem::invalid("body.form", format!("a form has {ANSWERS} answers at most")));
        }
        if let Some(name) = name.strip_prefix("a.") {
            // The word stands before the documents: nothing of a form that is not ours is kept.
            if !confirmed {
                return Err(crate::doors::http::session::unconfirmed());
            }
            filled.payload.documents.extend(document(app, name, field).await?);
            continue;
        }
        let text = text(field).await?;
        match name.as_str() {
            FORM => {
                filled.desk.confirm(&text)?;
                confirmed = true;
            }
            "versione" => filled.version = text,
            "chiave" => filled.key = text,
            "bozza" => filled.draft = text,
            "pratica" => filled.case = text,
            "visto" => filled.seen = text.parse().unwrap_or_default(),
            "invio" => filled.retry = text,
            "azione" => filled.action = text,
            _ => answer(&mut filled.payload, &name, text)?,
        }
    }
    if confirmed { Ok(filled) } else { Err(crate::doors::http::session::unconfirmed()) }
}

/// One answer by its name; a name that no form has is passed over, as the language of the page.
fn answer(payload: &mut Payload, name: &str, text: String) -> Result<()> {
    if let Some(column) = name.strip_prefix("v.") {
        payload.values.insert(column.to_owned(), text);
    } else if let Some(rest) = name.strip_prefix("p.") {
        let mut steps = rest.rsplitn(3, '.');
        let (Some(column), Some(row), Some(dataset)) = (steps.next(), steps.next().and_then(|row| row.parse::<usize>().ok()), steps.next()) else {
            return Err(Problem::invalid("body.form", format!("'{name}' is no answer of this form")));
        };
        if row >= ROWS {
            return Err(Problem::invalid("body.form", format!("a part has {ROWS} rows at most")));
        }
        let rows = payload.parts.entry(dataset.to_owned()).or_default();
        if rows.len() <= row {
            rows.resize_with(row + 1, Answers::new);
        }
        rows[row].insert(column.to_owned(), text);
    }
    Ok(())
}

async fn text(field: Field<'_>) -> Result<String> {
    let text = field.text().await.map_err(|e| Problem::invalid("body.form", e.body_text()))?;
    if text.len() > ANSWER {
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body.form", format!("an answer has {ANSWER} characters at most")));
    }
    Ok(text)
}

/// A document, if one was chosen.
async fn document(app: &App, name: &str, mut field: Field<'_>) -> Result<Option<Document>> {
    let file = field.file_name().unwrap_or_default().to_owned();
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|e| Problem::invalid("body.form", e.body_text()))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > documents::MOST {
            return Err(documents::too_large());
        }
    }
    if bytes.is_empty() { Ok(None) } else { documents::keep(app, name, &file, bytes).await.map(Some) }
}
