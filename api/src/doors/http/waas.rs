//! The door for INPS ("Welfare as a Service", api-comuni.yaml 2.0.1): it reads the national flows in their order and tells what became of
//! them. Answers follow that document to the letter, problems included, which are plainer than ours.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, RawQuery, State};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat, Utc};
use http::{HeaderMap, StatusCode, header};
use ingest::siuss::{Flow, Outcome};
use serde::Deserialize;
use serde_json::{Value, json};
use warehouse::principal::Principal;

use crate::app::App;
use crate::doors::http::layers::rate::Meter;
use crate::doors::http::who::{Credentials, credentials};
use crate::sign_ins::Means;

pub mod voucher;

/// Flows of an answer when the request does not say, and at most.
const USUAL: i64 = 10;
const MOST: i64 = 100;
/// The role of an account that may read the flows.
const ROLE: &str = "inps";

/// `GET /waas/v1/flussi`
pub async fn flows(State(app): State<App>, meter: Option<Extension<Meter>>, headers: HeaderMap, RawQuery(query): RawQuery) -> Result<Response, Refusal> {
    let who = sign_in(&app, &headers).await?;
    counted(meter, &who)?;
    let (since, limit) = asked(query.as_deref().unwrap_or_default())?;
    let flows = app.siuss.page(&who, since, limit).await.map_err(fault)?;
    let list: Vec<Value> = flows.iter().map(flow).collect();
    Ok(Json(json!({ "elenco_flussi": list })).into_response())
}

fn flow(flow: &Flow) -> Value {
    json!({
        "codice_ente": flow.body,
        "denominazione_ente": flow.title,
        "id_flusso": flow.id,
        "tipo": flow.kind,
        "ts_flusso": flow.moment.to_rfc3339_opts(SecondsFormat::Millis, true),
        "flusso": STANDARD.encode(&flow.xml),
    })
}

/// `since` and `limit`, which some of INPS's papers call `max_entries`.
fn asked(query: &str) -> Result<(i64, i64), Refusal> {
    let (mut since, mut limit) = (None, USUAL);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let number = || value.parse::<u128>().map_err(|_| Refusal::invalid(format!("{name}: un numero intero, non «{value}»")));
        match name.as_ref() {
            "since" => since = Some(i64::try_from(number()?).map_err(|_| Refusal::invalid("since: troppo grande".into()))?),
            "limit" | "max_entries" => {
                let wanted = i64::try_from(number()?).ok().filter(|n| *n <= MOST);
                limit = wanted.ok_or_else(|| Refusal::invalid(format!("{name}: da 0 a {MOST}")))?;
            }
            _ => {}
        }
    }
    Ok((since.ok_or_else(|| Refusal::invalid("since: obbligatorio".into()))?, limit))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Outcomes {
    #[serde(default)]
    elenco_esiti: Vec<One>,
}

#[derive(Deserialize)]
struct One {
    id_flusso: String,
    #[serde(rename = "tipo")]
    _kind: String,
    #[serde(rename = "ts_flusso")]
    _moment: DateTime<Utc>,
    ts_acquisizione: DateTime<Utc>,
    codice_esito: Code,
    #[serde(default, deserialize_with = "there")]
    descrizione_esito: Option<String>,
    #[serde(default, deserialize_with = "there")]
    id_acquisizione_siuss: Option<String>,
}

/// A text that may be left out, but not null.
fn there<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    String::deserialize(from).map(Some)
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Code {
    Ok,
    DatiNonTrovati,
    RichiestaInvalida,
    ErroreGenerico,
}

impl Code {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::DatiNonTrovati => "DATI_NON_TROVATI",
            Self::RichiestaInvalida => "RICHIESTA_INVALIDA",
            Self::ErroreGenerico => "ERRORE_GENERICO",
        }
    }
}

/// `POST /waas/v1/esiti`. A flow that is not known here is passed over: a refusal would only make INPS say it again for ever.
pub async fn outcomes(State(app): State<App>, meter: Option<Extension<Meter>>, headers: HeaderMap, body: Bytes) -> Result<StatusCode, Refusal> {
    let who = sign_in(&app, &headers).await?;
    counted(meter, &who)?;
    let media = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if media.split(';').next().map(str::trim) != Some("application/json") {
        return Err(Refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "il corpo è application/json".into()));
    }
    // An object: a list would be taken for its members in order.
    let said: serde_json::Map<String, Value> = serde_json::from_slice(&body).map_err(|e| Refusal::invalid(format!("corpo non valido: {e}")))?;
    let said: Outcomes = serde_json::from_value(Value::Object(said)).map_err(|e| Refusal::invalid(format!("corpo non valido: {e}")))?;
    if said.elenco_esiti.len() > MOST as usize {
        return Err(Refusal::invalid(format!("elenco_esiti: al massimo {MOST}")));
    }
    let outcome = |one: One| Outcome {
        id: one.id_flusso,
        acquired: one.ts_acquisizione,
        code: one.codice_esito.name().to_owned(),
        description: one.descrizione_esito,
        acquisition: one.id_acquisizione_siuss,
    };
    let unknown = app.siuss.outcomes(&said.elenco_esiti.into_iter().map(outcome).collect::<Vec<_>>()).await.map_err(fault)?;
    if unknown > 0 {
        tracing::warn!(unknown, "INPS told the outcome of flows that are not in the outbox");
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /waas/v1/status`
pub async fn status(State(app): State<App>) -> Refusal {
    match app.siuss.healthy().await {
        true => Refusal(StatusCode::OK, "il servizio funziona".into()),
        false => Refusal(StatusCode::SERVICE_UNAVAILABLE, "la casella dei flussi non risponde".into()),
    }
}

/// Who reads: the client of a PDND voucher, or an account of the role.
async fn sign_in(app: &App, headers: &HeaderMap) -> Result<String, Refusal> {
    let refused = || Refusal(StatusCode::UNAUTHORIZED, "serve un voucher PDND valido".into());
    let token = match credentials(headers) {
        Ok(Some(Credentials::Token(token))) => token,
        _ => return Err(refused()),
    };
    if token.contains('.') {
        let vouchers = app.vouchers.as_ref().ok_or_else(refused)?;
        let unrecorded = |e: warehouse::error::Error| fault(e.into());
        return match vouchers.check(&token, Utc::now().timestamp()) {
            Ok(client) => {
                app.sign_ins.used(&Principal::new(&client, ROLE), Means::Voucher, "").await.map_err(unrecorded)?;
                Ok(client)
            }
            Err(why) => {
                tracing::warn!(why, "a voucher was refused");
                app.sign_ins.failed(None, Means::Voucher).await.map_err(unrecorded)?;
                Err(refused())
            }
        };
    }
    let who = Credentials::Token(token).sign_in(&app.sign_ins).await.map_err(|_| refused())?;
    if who.role == ROLE { Ok(who.account) } else { Err(Refusal(StatusCode::FORBIDDEN, "l'utenza non legge i flussi SIUSS".into())) }
}

fn counted(meter: Option<Extension<Meter>>, who: &str) -> Result<(), Refusal> {
    let full = |_| Refusal(StatusCode::TOO_MANY_REQUESTS, "troppe richieste: riprovare fra un minuto".into());
    meter.map_or(Ok(()), |Extension(meter)| meter.account(who).map_err(full))
}

fn fault(e: ingest::error::Error) -> Refusal {
    tracing::error!(error = %e, "the national flows could not be served");
    Refusal(StatusCode::INTERNAL_SERVER_ERROR, "errore interno, registrato".into())
}

/// A problem as the document of INPS describes it: no member but these four.
pub struct Refusal(StatusCode, String);

impl Refusal {
    fn invalid(detail: String) -> Self {
        Self(StatusCode::BAD_REQUEST, detail)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(status, detail) = self;
        let body = json!({ "type": "about:blank", "title": status.canonical_reason().unwrap_or("Error"), "status": status.as_u16(), "detail": detail });
        let mut response = (status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, http::HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions() {
        let ask = |query| asked(query).ok();
        assert_eq!(ask("since=0"), Some((0, 10)));
        assert_eq!(ask("since=1700000000000&limit=100"), Some((1_700_000_000_000, 100)));
        assert_eq!(ask("max_entries=3&since=5"), Some((5, 3)));
        assert_eq!(ask("since=9223372036854775807"), Some((i64::MAX, 10)));
        for wrong in ["", "limit=1", "since=-1", "since=x", "since=0&limit=101", "since=0&limit=-1", "since=1.5", "since=9223372036854775808"] {
            assert_eq!(ask(wrong), None, "{wrong}");
        }
    }
}
