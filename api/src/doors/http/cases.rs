//! `/pratiche`: what became of forms. The work list of who applied and of the office that decides, each case with its history, and the
//! steps that whoever looks may take.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use datasets::form::Filled;
use datasets::workflow::Move;
use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use url::form_urlencoded;
use warehouse::principal::Principal;

use crate::app::App;
use crate::doors::http::deliveries::problem;
use crate::doors::http::forms::{document, form, moment, term};
use crate::doors::http::problem::{Problem, Result};
use crate::doors::http::reading::{label, say};
use crate::doors::http::session::{Desk, Sent};
use crate::intake::Payload;
use crate::intake::cases::{Case, PAGE, Wanted};
use crate::intake::fill::{Finding, Refused};
use crate::intake::moves::{Asked as Step, office, open, sees};
use crate::site::words::Language;

mod answers;
pub mod api;

/// Which cases a page or a list shows.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    pub modulo: String,
    pub stato: String,
    pub scadute: Option<String>,
    pub pagina: i64,
}

impl Asked {
    pub fn wanted(&self) -> Wanted {
        Wanted { form: self.modulo.clone(), state: self.stato.clone(), late: self.scadute.is_some(), page: self.pagina }
    }
}

/// The forms on which an account decides, with the body it decides for.
pub fn offices(app: &App, who: &Principal) -> Vec<(String, String)> {
    app.warehouse.catalog().forms().filter_map(|filled| Some((filled.contract.name.to_string(), office(filled, who)?))).collect()
}

/// `GET /pratiche`
pub async fn list(State(app): State<App>, desk: Desk, Query(asked): Query<Asked>) -> Result<Response> {
    let language = desk.frame.language;
    let offices = offices(&app, desk.who());
    let mut cases = app.intake.cases(desk.who(), &offices, &asked.wanted(), PAGE + 1).await?;
    let more = cases.len() as i64 > PAGE;
    cases.truncate(PAGE as usize);
    let now = crate::state::now();
    let rows: Vec<Value> = cases.iter().filter_map(|case| row(&app, desk.who(), case, language, now)).collect();
    let theirs =
        |filled: &Filled<'_>| filled.form.roles.contains(&desk.who().role) || offices.iter().any(|(form, _)| *form == filled.contract.name.to_string());
    let all = || app.warehouse.catalog().forms().filter(theirs);
    let forms: Vec<Value> = all().map(|filled| json!({ "name": filled.contract.name.to_string(), "title": language.say(&filled.form.title) })).collect();
    let states = states(&app, all(), language);
    let mut filters = form_urlencoded::Serializer::new(String::new());
    filters.append_pair("modulo", &asked.modulo).append_pair("stato", &asked.stato);
    if asked.scadute.is_some() {
        filters.append_pair("scadute", "1");
    }
    let values = json!({
        "filters": filters.finish(), "rows": rows, "more": more, "forms": forms, "states": states, "modulo": asked.modulo, "stato": asked.stato, "scadute": asked.scadute.is_some(),
        "pagina": asked.pagina.max(0), "office": !offices.is_empty(),
    });
    app.site.render("cases.html", &desk.frame, values)
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Shown {
    inviata: Option<String>,
}

/// `GET /pratiche/{id}`
pub async fn page(State(app): State<App>, desk: Desk, Path(id): Path<String>, Query(shown): Query<Shown>) -> Result<Response> {
    let (case, filled) = seen(&app, desk.who(), &id).await?;
    render(&app, &desk, filled, &case, &[], shown.inviata.is_some(), StatusCode::OK).await
}

/// `POST /pratiche/{id}/passi`: a step, with what it asks as `v.<column>`.
pub async fn step(State(app): State<App>, Path(id): Path<String>, Sent { desk, fields }: Sent<BTreeMap<String, String>>) -> Result<Response> {
    let (case, filled) = seen(&app, desk.who(), &id).await?;
    let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    let decided = fields.iter().filter_map(|(name, value)| Some((name.strip_prefix("v.")?.to_owned(), value.clone()))).collect();
    let asked = Step { code: field("passo"), seen: field("visto").parse().unwrap_or_default(), reason: field("motivo"), decided, answers: None };
    match app.intake.make(&app.deliveries, filled, desk.who(), &case, asked).await {
        Ok(()) => Ok(desk.go(&format!("/pratiche/{id}"))),
        Err(Refused::Findings(findings)) => render(&app, &desk, filled, &case, &findings, false, StatusCode::UNPROCESSABLE_ENTITY).await,
        Err(Refused::Error(error)) => Err(error.into()),
    }
}

/// `GET /pratiche/{id}/ricevuta.pdf`
pub async fn receipt(State(app): State<App>, desk: Desk, Path(id): Path<String>) -> Result<Response> {
    let (case, filled) = seen(&app, desk.who(), &id).await?;
    app.intake.tell(desk.account(), &case).await?;
    let payload = app.intake.answers(&case)?;
    let language = desk.frame.language;
    let bytes = answers::receipt(&app, filled, &case, &payload, language)?;
    Ok(attachment("application/pdf", &format!("ricevuta-{}.pdf", case.received.protocol.replace('/', "-")), bytes))
}

/// `GET /pratiche/{id}/documenti/{hash}`: never shown in the browser, always saved.
pub async fn document_of(State(app): State<App>, desk: Desk, Path((id, hash)): Path<(String, String)>) -> Result<Response> {
    let (case, _) = seen(&app, desk.who(), &id).await?;
    app.intake.tell(desk.account(), &case).await?;
    let payload = app.intake.answers(&case)?;
    let one = payload.documents.iter().find(|one| one.hash == hash).ok_or_else(Problem::not_found)?;
    let bytes = app.deliveries.kept(&one.hash).await.map_err(problem)?;
    Ok(attachment("application/octet-stream", &one.file, bytes))
}

/// A case that the account may see, with its form; others' are not found.
pub async fn seen<'a>(app: &'a App, who: &Principal, id: &str) -> Result<(Case, Filled<'a>)> {
    let case = app.intake.case(id).await?.ok_or_else(Problem::not_found)?;
    let filled = form(app, &case.form)?;
    if sees(filled, &case, who) { Ok((case, filled)) } else { Err(Problem::not_found()) }
}

async fn render(app: &App, desk: &Desk, filled: Filled<'_>, case: &Case, findings: &[Finding], sent: bool, status: StatusCode) -> Result<Response> {
    let language = desk.frame.language;
    let erased = case.sealed.is_empty();
    let payload = if erased { Payload::default() } else { app.intake.answers(case)? };
    if !erased {
        app.intake.tell(desk.account(), case).await?;
    }
    let history = app.intake.history(&case.received.id).await?;
    let role = |role: &str| app.warehouse.catalog().roles.get(role).map(|role| language.say(&role.title).to_owned());
    let made: Vec<Value> = history
        .iter()
        .map(|one| {
            let title = filled.workflow.moves.iter().find(|step| step.code == one.code).map(|step| language.say(&step.title));
            json!({ "code": one.code, "title": title, "state": state(app, filled, &one.to, language), "by": role(&one.role), "at": moment(one.at), "reason": one.reason, "delivery": one.delivery })
        })
        .collect();
    let steps: Vec<Value> = open(filled, case, desk.who()).into_iter().map(|one| offered(app, filled, case, &payload, one, language)).collect();
    let mut values = row(app, desk.who(), case, language, crate::state::now()).unwrap_or_default();
    let more = json!({
        "word": desk.word(), "sent": sent, "erased": erased, "hash": case.received.hash, "seen": case.moved, "version": case.version, "steps": steps, "history": made,
        "answers": answers::sections(app, filled, &payload, language), "documents": payload.documents.iter().map(|one| document(one, language)).collect::<Vec<_>>(),
        "findings": findings.iter().map(|one| language.say(&one.message)).collect::<Vec<_>>(), "provisional": filled.workflow.provisional,
    });
    if let (Some(values), Value::Object(more)) = (values.as_object_mut(), more) {
        values.extend(more);
    }
    Ok((status, app.site.render("case.html", &desk.frame, values)?).into_response())
}

/// A step as the page offers it.
fn offered(app: &App, filled: Filled<'_>, case: &Case, payload: &Payload, one: &Move, language: Language) -> Value {
    let asks = one.asks.iter().filter_map(|name| filled.contract.column(name)).map(|column| {
        let kind = if column.r#type == datasets::model::Type::Date { "date" } else { "text" };
        json!({ "name": column.name, "title": language.say(&column.title), "hint": language.say(&column.description), "kind": kind, "value": payload.decided.get(&column.name) })
    });
    json!({
        "code": one.code, "title": language.say(&one.title), "reason": one.reason, "asks": asks.collect::<Vec<_>>(), "to": one.to.as_deref().map(|to| state(app, filled, to, language)),
        "form": one.answers.then(|| format!("{}?pratica={}", crate::doors::http::forms::path(&filled.contract.name), case.received.id)),
    })
}

/// A case as lists show it.
fn row(app: &App, who: &Principal, case: &Case, language: Language, now: i64) -> Option<Value> {
    let filled = form(app, &case.form).ok()?;
    Some(json!({
        "id": case.received.id, "protocol": case.received.protocol, "code": case.received.code, "title": language.say(&filled.form.title), "form": case.form,
        "state": state(app, filled, &case.state, language), "state_code": case.state, "received": moment(case.received.received), "since": moment(case.since),
        "due": term(case.due), "late": case.due > 0 && case.due < now, "office": case.office, "todo": open(filled, case, who).iter().any(|one| one.to.is_some()),
        "pending": case.pending,
    }))
}

/// The states of some forms' workflows, each once.
fn states<'a>(app: &App, forms: impl Iterator<Item = Filled<'a>>, language: Language) -> Vec<Value> {
    let codes: BTreeSet<(&str, &str)> =
        forms.flat_map(|filled| filled.workflow.steps.iter().map(move |step| (filled.workflow.states.as_str(), step.code.as_str()))).collect();
    codes.into_iter().map(|(list, code)| json!({ "code": code, "label": label(app, list, code, say(language)) })).collect()
}

fn state(app: &App, filled: Filled<'_>, code: &str, language: Language) -> String {
    label(app, &filled.workflow.states, code, say(language))
}

/// Bytes that a browser saves and never opens itself.
fn attachment(media: &'static str, file: &str, bytes: Vec<u8>) -> Response {
    let plain: String = file.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' }).collect();
    let name = format!("attachment; filename=\"{plain}\"");
    ([(header::CONTENT_TYPE, media.to_owned()), (header::CONTENT_DISPOSITION, name), (header::CACHE_CONTROL, "no-store".to_owned())], bytes).into_response()
}
