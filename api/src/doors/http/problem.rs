//! Errors as `application/problem+json` (RFC 9457): a stable `code`, a sentence, and nothing of our insides.

use axum::extract::rejection::FormRejection;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use warehouse::error::{Error, Kind};

/// What a client reads when its request was not fulfilled.
#[derive(Clone, Debug)]
pub struct Problem {
    pub status: StatusCode,
    /// Stable, dotted: `sql.syntax`, `limit.time`, `auth.failed`.
    pub code: String,
    /// One sentence that may be shown; never holds a cell's value.
    pub detail: String,
    /// Further members, such as `detail_it`.
    pub more: Vec<(&'static str, Value)>,
}

pub type Result<T, E = Problem> = std::result::Result<T, E>;

impl Problem {
    pub fn new(status: StatusCode, code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { status, code: code.into(), detail: detail.into(), more: Vec::new() }
    }

    pub fn invalid(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// A parameter that is none of the values there are.
    pub fn none_of(parameter: &str, there: &[&str]) -> Self {
        let there = there.join(", ");
        Self::invalid("query.parameter", format!("parameter '{parameter}' is one of {there}"))
            .with("detail_it", format!("Il parametro '{parameter}' è uno tra {there}."))
    }

    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is nothing here, or not for you")
    }

    /// Ours: the cause is logged here, once, and the client learns only that it happened.
    pub fn internal(what: &str, cause: impl std::fmt::Display) -> Self {
        tracing::error!(what, %cause, "internal error");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "an internal error happened; it was recorded under this request's X-Request-Id")
    }

    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.more.push((name, value.into()));
        self
    }

    /// The body, also used inside a JSON answer that broke after it began.
    pub fn body(&self) -> Value {
        let mut body = json!({
            "type": format!("urn:siss:problem:{}", self.code),
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        });
        for (name, value) in &self.more {
            body[*name] = value.clone();
        }
        body
    }
}

impl From<FormRejection> for Problem {
    fn from(rejection: FormRejection) -> Self {
        Self::new(rejection.status(), "body.form", rejection.body_text())
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = match error.kind {
            Kind::Invalid => StatusCode::BAD_REQUEST,
            Kind::NotFound => StatusCode::NOT_FOUND,
            Kind::Forbidden => StatusCode::FORBIDDEN,
            Kind::Limit | Kind::Data => StatusCode::UNPROCESSABLE_ENTITY,
            Kind::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Conflict => StatusCode::CONFLICT,
            Kind::Internal => return Self::internal(error.code, &error),
        };
        Self::new(status, error.code, error.message)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.body().to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"siss\""));
            headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"siss\", charset=\"UTF-8\""));
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        // For the layer that shows it to people.
        response.extensions_mut().insert(self);
        response
    }
}
