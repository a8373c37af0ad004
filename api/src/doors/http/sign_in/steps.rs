//! What may come between a right password and the session: `/accedi/codice`, the code of a second factor, and `/accedi/password`, a password of
//! one's own in place of the first.

use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::json;
use warehouse::audit::{Action, Event};
use warehouse::principal::Principal;

use super::Stranger;
use crate::accounts::sessions::Secret;
use crate::accounts::steps::{Step, WAITS, Waiting};
use crate::accounts::{Next, WEAK, password_rule};
use crate::app::App;
use crate::doors::http::pages::Frame;
use crate::doors::http::problem::{Problem, Result};
use crate::doors::http::session::{self, Cookie};
use crate::sign_ins::Means;

/// Leads to the page of a step. The browser's cookie says whose step it is.
pub async fn wait(app: &App, frame: &Frame, who: &Principal, step: Step, back: &str) -> Result<Response> {
    let waiting = app.accounts.begin_wait(&who.account, step, back).await?;
    let page = match step {
        Step::Code => "/accedi/codice",
        Step::Password => "/accedi/password",
    };
    Ok(([(header::SET_COOKIE, Cookie::Code.set(app, &waiting, WAITS)?)], Redirect::to(&frame.link(page))).into_response())
}

#[derive(Deserialize)]
pub struct Code {
    codice: String,
}

/// `GET /accedi/codice`
pub async fn code_page(State(app): State<App>, headers: HeaderMap, Stranger(frame): Stranger) -> Result<Response> {
    awaited(&app, &headers, Step::Code).await?;
    app.site.render("sign_in_code.html", &frame, json!({ "wrong": false }))
}

/// `POST /accedi/codice`
pub async fn code(State(app): State<App>, headers: HeaderMap, Stranger(frame): Stranger, sent: Result<Form<Code>, FormRejection>) -> Result<Response> {
    let Form(entered) = sent?;
    let (secret, waiting) = awaited(&app, &headers, Step::Code).await?;
    let Some(who) = app.accounts.code(&waiting.account, &entered.codice).await? else {
        app.sign_ins.failed(Some(&waiting.account), Means::Password).await?;
        return Ok((StatusCode::FORBIDDEN, app.site.render("sign_in_code.html", &frame, json!({ "wrong": true }))?).into_response());
    };
    app.accounts.arrived(secret.text()).await?;
    if app.accounts.then(&who.account).await? != Next::Nothing {
        return wait(&app, &frame, &who, Step::Password, &waiting.back).await;
    }
    enter(&app, &headers, &frame, &who, &waiting).await
}

#[derive(Deserialize)]
pub struct Own {
    nuova: String,
    ripetuta: String,
}

/// `GET /accedi/password`
pub async fn password_page(State(app): State<App>, headers: HeaderMap, Stranger(frame): Stranger) -> Result<Response> {
    awaited(&app, &headers, Step::Password).await?;
    app.site.render("sign_in_password.html", &frame, json!({ "refused": null }))
}

/// `POST /accedi/password`: the first password was shown a moment ago; what comes now is the owner's own.
pub async fn password(State(app): State<App>, headers: HeaderMap, Stranger(frame): Stranger, sent: Result<Form<Own>, FormRejection>) -> Result<Response> {
    let Form(sent) = sent?;
    let (_, waiting) = awaited(&app, &headers, Step::Password).await?;
    let refused = match refused(&sent.nuova, &sent.ripetuta, &waiting.account) {
        None if app.accounts.holds(&waiting.account, &sent.nuova).await? => Some("same"),
        refused => refused,
    };
    if refused.is_some() {
        let page = app.site.render("sign_in_password.html", &frame, json!({ "refused": refused }))?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    let who = app.accounts.principal(&waiting.account).await?.ok_or_else(Problem::not_found)?;
    app.accounts.set_password(&who.account, &sent.nuova).await?;
    app.audit.record(Event::new(Action::Administration, format!("utenza {}", who.account)).by(&who).why("prima password cambiata")).await?;
    enter(&app, &headers, &frame, &who, &waiting).await
}

/// Why a password and its repetition are not taken, as the pages' texts call it.
pub fn refused(new: &str, again: &str, account: &str) -> Option<&'static str> {
    match password_rule(new, account) {
        _ if new != again => Some("unlike"),
        Err(error) if error.code == WEAK => Some("weak"),
        Err(_) => Some("rule_broken"),
        Ok(()) => None,
    }
}

async fn enter(app: &App, headers: &HeaderMap, frame: &Frame, who: &Principal, waiting: &Waiting) -> Result<Response> {
    app.sign_ins.entered(who, Means::Password).await?;
    let cookie = session::begin(app, headers, &who.account, None).await?;
    let cookies = AppendHeaders([(header::SET_COOKIE, cookie), (header::SET_COOKIE, Cookie::Code.unset(app)?)]);
    Ok((cookies, Redirect::to(&frame.link(&waiting.back))).into_response())
}

/// Whose step this browser is to take.
async fn awaited(app: &App, headers: &HeaderMap, step: Step) -> Result<(Secret, Waiting)> {
    if let Some(secret) = Cookie::Code.read(headers, app)
        && let Some(waiting) = app.accounts.awaited(secret.text(), step).await?
    {
        return Ok((secret, waiting));
    }
    let detail = "no password was entered here in the last minutes: begin again from the sign-in page";
    let italian = "Qui non è stata inserita una password negli ultimi minuti: ricominciare dalla pagina di accesso.";
    Err(Problem::new(StatusCode::FORBIDDEN, "sign_in.over", detail).with("detail_it", italian))
}
