//! `/moduli`: the forms. One template renders any of them from its contract; a browser without script, one with it, and a program over
//! [`api`] meet the same rules and read the same sentences.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use datasets::form::Filled;
use datasets::model::DatasetName;
use http::StatusCode;
use ingest::form::Answers;
use serde::Deserialize;
use serde_json::{Value, json};
use warehouse::principal::Principal;
use warehouse::session::rows::{Filter, Page};

use crate::app::App;
use crate::doors::http::encode;
use crate::doors::http::problem::{Problem, Result};
use crate::doors::http::reading::{label, say};
use crate::doors::http::session::{Desk, Sent};
use crate::intake::cases::Case;
use crate::intake::fill::{Finding, Refused, Sending, allowed};
use crate::intake::moves::{Asked as Move, open};
use crate::intake::register::{Standing, day};
use crate::intake::{Document, Payload};
use crate::site::words::Language;

pub mod api;
mod documents;
mod fields;
pub mod references;
mod sent;

use fields::Drawn;

/// What the page is opened with.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Opened {
    chiave: String,
    bozza: String,
    pratica: String,
}

/// `GET /moduli`
pub async fn list(State(app): State<App>, desk: Desk) -> Result<Response> {
    let language = desk.frame.language;
    let catalog = app.warehouse.catalog();
    let forms = catalog.forms().filter(|filled| filled.form.roles.contains(&desk.who().role)).map(|filled| {
        json!({ "path": path(&filled.contract.name), "title": language.say(&filled.form.title), "intro": language.say(&filled.form.intro), "area": filled.contract.feed.subsystem })
    });
    let titled = |name: &str| form(&app, name).map(|filled| language.say(&filled.form.title).to_owned()).unwrap_or_default();
    let drafts = app.intake.drafts(desk.account()).await?;
    let drafts = drafts.iter().filter_map(|one| {
        let filled = form(&app, &one.form).ok()?;
        let to = format!("{}?bozza={}", path(&filled.contract.name), one.id);
        Some(json!({ "id": one.id, "title": titled(&one.form), "to": to, "changed": moment(one.changed), "older": one.version != filled.contract.version }))
    });
    let values = json!({ "word": desk.word(), "forms": forms.collect::<Vec<_>>(), "drafts": drafts.collect::<Vec<_>>() });
    app.site.render("forms.html", &desk.frame, values)
}

/// `GET /moduli/{area}/{name}`
pub async fn page(State(app): State<App>, desk: Desk, Path((area, name)): Path<(String, String)>, Query(opened): Query<Opened>) -> Result<Response> {
    let filled = form(&app, &format!("{area}.{name}"))?;
    allowed(filled, desk.who())?;
    let mut shown = Shown { version: filled.contract.version.clone(), retry: crate::accounts::random()?, ..Shown::default() };
    if !opened.pratica.is_empty() {
        let (case, _) = answerable(&app, &desk, filled, &opened.pratica).await?;
        shown.payload = opened_answers(&app, &desk, &case).await?;
        (shown.case, shown.seen, shown.older) = (case.received.id.clone(), case.moved, case.version != filled.contract.version);
        shown.key = case.received.code;
    } else if !opened.bozza.is_empty() {
        let (draft, payload) = app.intake.draft(desk.account(), &opened.bozza).await?.ok_or_else(Problem::not_found)?;
        (shown.draft, shown.older) = (draft.id, draft.version != filled.contract.version);
        shown.key = payload.key.clone().unwrap_or_default();
        shown.payload = payload;
    } else if !opened.chiave.is_empty() {
        shown.payload.values = registered(&app, desk.who(), filled, &opened.chiave).await?;
        shown.key = opened.chiave;
    }
    render(&app, &desk, filled, shown, StatusCode::OK).await
}

/// `POST /moduli/{area}/{name}`: saves, adds a row, or sends. Whatever is wrong, nothing that was answered is lost.
pub async fn post(State(app): State<App>, Path((area, name)): Path<(String, String)>, sent: sent::Filled) -> Result<Response> {
    let filled = form(&app, &format!("{area}.{name}"))?;
    let sent::Filled { desk, mut payload, version, key, draft, case, seen, retry, action } = sent;
    allowed(filled, desk.who())?;
    documents_of(&app, &desk, &mut payload, &draft, &case).await?;
    let retry = if retry.len() >= 16 && retry.len() <= 100 { retry } else { crate::accounts::random()? };
    let mut shown = Shown { payload, version, key, draft, case, seen, retry, ..Shown::default() };
    shown.older = shown.version != filled.contract.version;
    match action.split_once(':') {
        Some(("aggiungi", dataset)) => shown.payload.parts.entry(dataset.to_owned()).or_default().push(Answers::new()),
        Some(("togli", row)) => {
            if let Some((dataset, row)) = row.rsplit_once(':').and_then(|(dataset, row)| Some((dataset, row.parse::<usize>().ok()?)))
                && let Some(rows) = shown.payload.parts.get_mut(dataset)
                && row < rows.len()
            {
                rows.remove(row);
            }
        }
        _ if action == "salva" => {
            save(&app, &desk, filled, &mut shown).await?;
            shown.saved = true;
        }
        _ => return send(&app, desk, filled, shown, &action).await,
    }
    shown.version = filled.contract.version.clone();
    render(&app, &desk, filled, shown, StatusCode::OK).await
}

async fn send(app: &App, desk: Desk, filled: Filled<'_>, mut shown: Shown, action: &str) -> Result<Response> {
    // Who answered an older form looks at the new one first; what was answered stands in it.
    if shown.older {
        save(app, &desk, filled, &mut shown).await?;
        shown.version = filled.contract.version.clone();
        return render(app, &desk, filled, shown, StatusCode::CONFLICT).await;
    }
    if action == "invia" && !shown.key.is_empty() && shown.case.is_empty() {
        let was = registered(app, desk.who(), filled, &shown.key).await?;
        shown.changes = Some(changes(app, filled, &was, &shown, desk.frame.language));
        return render(app, &desk, filled, shown, StatusCode::OK).await;
    }
    let done = if shown.case.is_empty() {
        let key = Some(shown.key.as_str()).filter(|key| !key.is_empty());
        if let Some(key) = key {
            registered(app, desk.who(), filled, key).await?;
        }
        let sending = Sending { payload: shown.payload.clone(), version: &shown.version, key, retry: &shown.retry, again: action == "ripeti" };
        app.intake.send(&app.deliveries, filled, desk.who(), sending).await.map(|taken| match taken {
            crate::intake::Taken::New(received) | crate::intake::Taken::Same(received) => Ok(received.id),
            crate::intake::Taken::Twin(received) => Err(received),
        })
    } else {
        let (case, code) = answerable(app, &desk, filled, &shown.case).await?;
        let asked = Move { code: &code, seen: shown.seen, answers: Some((shown.payload.clone(), &shown.version)), ..Move::default() };
        app.intake.make(&app.deliveries, filled, desk.who(), &case, asked).await.map(|()| Ok(case.received.id))
    };
    match done {
        Ok(Ok(id)) => {
            if !shown.draft.is_empty() {
                app.intake.delete_draft(desk.account(), &shown.draft).await?;
            }
            Ok(desk.go(&format!("/pratiche/{id}?inviata=1")))
        }
        Ok(Err(twin)) => {
            shown.twin = Some(json!({ "protocol": twin.protocol, "id": twin.id, "received": moment(twin.received) }));
            render(app, &desk, filled, shown, StatusCode::CONFLICT).await
        }
        Err(Refused::Findings(findings)) => {
            shown.findings = findings;
            save(app, &desk, filled, &mut shown).await?;
            render(app, &desk, filled, shown, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(Refused::Error(error)) => Err(error.into()),
    }
}

/// `POST /moduli/{area}/{name}/controlla`: what the rules say so far, for the page's script.
pub async fn check(State(app): State<App>, Path((area, name)): Path<(String, String)>, sent: sent::Filled) -> Result<Response> {
    let filled = form(&app, &format!("{area}.{name}"))?;
    allowed(filled, sent.desk.who())?;
    let mut payload = sent.payload;
    documents_of(&app, &sent.desk, &mut payload, &sent.draft, &sent.case).await?;
    let today = chrono::Utc::now().date_naive();
    let at = Standing::first(filled, Some(sent.key.as_str()).filter(|key| !key.is_empty()), today);
    let found = app.intake.judge(&app.deliveries, filled, Some(sent.desk.who()), &payload, at).await?;
    let language = sent.desk.frame.language;
    let drawn = Drawn { app: &app, filled, language, who: sent.desk.who(), payload: &payload, findings: &found.findings };
    Ok(Json(drawn.summary()).into_response())
}

/// `POST /moduli/bozze/{id}/elimina`
pub async fn drop_draft(
    State(app): State<App>,
    Path(id): Path<String>,
    Sent { desk, fields: _ }: Sent<std::collections::BTreeMap<String, String>>,
) -> Result<Response> {
    if !app.intake.delete_draft(desk.account(), &id).await? {
        return Err(Problem::not_found());
    }
    Ok(desk.go("/moduli"))
}

/// The form of a dataset; a form that is not there and one of no dataset are the same.
pub fn form<'a>(app: &'a App, name: &str) -> Result<Filled<'a>> {
    let name: DatasetName = name.parse().map_err(|_| Problem::not_found())?;
    app.warehouse.catalog().form(&name).ok_or_else(Problem::not_found)
}

pub fn path(name: &DatasetName) -> String {
    format!("/moduli/{}/{}", name.area, name.name)
}

/// A document as pages show it.
pub fn document(one: &Document, language: Language) -> Value {
    let reason = if language == Language::English { &one.verdict["reason_en"] } else { &one.verdict["reason"] };
    let signed = one.verdict["signers"].as_array().is_some_and(|signers| !signers.is_empty());
    let signers: Vec<&str> = one.verdict["signers"].as_array().into_iter().flatten().filter_map(|signer| signer["name"].as_str()).collect();
    json!({ "name": one.name, "file": one.file, "bytes": one.bytes, "hash": one.hash, "result": one.verdict["result"], "reason": reason, "signed": signed, "signers": signers })
}

/// Seconds since 1970 as templates take them.
pub fn moment(seconds: i64) -> String {
    chrono::DateTime::from_timestamp(seconds, 0).unwrap_or_default().to_rfc3339()
}

/// What a page of a form shows.
#[derive(Default)]
struct Shown {
    payload: Payload,
    findings: Vec<Finding>,
    version: String,
    key: String,
    draft: String,
    case: String,
    seen: i64,
    retry: String,
    /// The answers are for an older version of the form.
    older: bool,
    saved: bool,
    /// A case with the same answers.
    twin: Option<Value>,
    /// What a change of a row changes, to be confirmed.
    changes: Option<Vec<Value>>,
}

async fn render(app: &App, desk: &Desk, filled: Filled<'_>, shown: Shown, status: StatusCode) -> Result<Response> {
    let language = desk.frame.language;
    let drawn = Drawn { app, filled, language, who: desk.who(), payload: &shown.payload, findings: &shown.findings };
    let values = json!({
        "word": desk.word(), "form": path(&filled.contract.name), "title": language.say(&filled.form.title), "intro": language.say(&filled.form.intro),
        "groups": drawn.sections().await?, "parts": drawn.parts().await?, "attachments": drawn.attachments(), "most": documents::MOST >> 20, "summary": drawn.summary(),
        "version": shown.version, "key": shown.key, "draft": shown.draft, "case": shown.case, "seen": shown.seen, "retry": shown.retry,
        "older": shown.older, "saved": shown.saved, "twin": shown.twin, "changes": shown.changes, "provisional": filled.workflow.provisional,
    });
    Ok((status, app.site.render("form.html", &desk.frame, values)?).into_response())
}

async fn save(app: &App, desk: &Desk, filled: Filled<'_>, shown: &mut Shown) -> Result<()> {
    if !shown.case.is_empty() {
        return Ok(());
    }
    let payload = Payload { key: Some(shown.key.clone()).filter(|key| !key.is_empty()), ..shown.payload.clone() };
    let id = Some(shown.draft.as_str()).filter(|id| !id.is_empty());
    shown.draft = app.intake.save_draft(desk.account(), id, &filled.contract.name.to_string(), &shown.version, &payload).await?;
    Ok(())
}

/// Documents of an earlier filling-in stay unless another one came in their place.
async fn documents_of(app: &App, desk: &Desk, payload: &mut Payload, draft: &str, case: &str) -> Result<()> {
    let before = if !draft.is_empty() {
        app.intake.draft(desk.account(), draft).await?.map(|(_, payload)| payload.documents)
    } else if !case.is_empty() {
        let case = app.intake.case(case).await?.filter(|case| case.applicant == crate::intake::applicant(desk.who()));
        case.map(|case| app.intake.answers(&case)).transpose()?.map(|payload| payload.documents)
    } else {
        None
    };
    let kept: Vec<Document> = before.into_iter().flatten().filter(|one| !payload.documents.iter().any(|new| new.name == one.name)).collect();
    payload.documents.extend(kept);
    Ok(())
}

/// A case that its applicant may answer again, and the move by which.
async fn answerable(app: &App, desk: &Desk, filled: Filled<'_>, id: &str) -> Result<(Case, String)> {
    let case = app.intake.case(id).await?.filter(|case| case.form == filled.contract.name.to_string()).ok_or_else(Problem::not_found)?;
    let code = open(filled, &case, desk.who()).into_iter().find(|one| one.answers).map(|one| one.code.clone());
    Ok((case, code.ok_or_else(Problem::not_found)?))
}

async fn opened_answers(app: &App, desk: &Desk, case: &Case) -> Result<Payload> {
    app.intake.tell(desk.account(), case).await?;
    let mut payload = app.intake.answers(case)?;
    payload.decided.clear();
    Ok(payload)
}

/// The row of a key as it stands in the register, as far as who asks sees it.
async fn registered(app: &App, who: &Principal, filled: Filled<'_>, key: &str) -> Result<Answers> {
    let column = filled.key().ok_or_else(Problem::not_found)?;
    let session = app.warehouse.session(who).await?;
    let page = Page { filters: vec![Filter::eq(&column.name, key)], limit: Some(1), ..Page::default() };
    let rows = encode::gathered(session.rows(&filled.contract.name, page).await?).await?;
    let row = rows.into_iter().next().ok_or_else(Problem::not_found)?;
    let text = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    Ok(filled.asked().filter_map(|column| Some((column.name.clone(), text(&row[&column.name])?))).collect())
}

/// What a change changes: label, before, after.
fn changes(app: &App, filled: Filled<'_>, was: &Answers, shown: &Shown, language: Language) -> Vec<Value> {
    let named = |column: &datasets::model::Column, value: Option<&String>| -> Value {
        let Some(value) = value.filter(|value| !value.trim().is_empty()) else { return Value::Null };
        json!(column.code_list.as_ref().map_or_else(|| value.clone(), |list| label(app, list, value, say(language))))
    };
    let mut all = Vec::new();
    for column in filled.asked() {
        let (before, after) = (was.get(&column.name), shown.payload.values.get(&column.name));
        let same = |value: Option<&String>| value.map(|value| value.trim().to_lowercase()).filter(|value| !value.is_empty());
        if after.is_some() && same(before) != same(after) {
            all.push(json!({ "title": language.say(&column.title), "before": named(column, before), "after": named(column, after) }));
        }
    }
    all
}

/// Day of a case's term, as templates take it; nothing without one.
pub fn term(due: i64) -> Option<String> {
    (due > 0).then(|| day(due).to_string())
}
