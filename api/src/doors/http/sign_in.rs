//! `/accedi`: the form for account and password, and the account's own page once signed in. `POST /esci` ends the session.

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::json;
use warehouse::audit::{Action, Event};

use crate::accounts::stranger;
use crate::app::App;
use crate::doors::http::pages::Frame;
use crate::doors::http::problem::{Problem, Result};
use crate::doors::http::session::{self, Sent};
use crate::sign_ins::Means;

#[derive(Deserialize)]
pub struct From {
    /// The page to go back to.
    da: Option<String>,
}

#[derive(Deserialize)]
pub struct Entered {
    utenza: String,
    password: String,
    da: Option<String>,
}

/// `GET /accedi`
pub async fn page(State(app): State<App>, frame: Frame, headers: HeaderMap, Query(from): Query<From>) -> Result<Response> {
    let open = session::of(&headers, &app).await?;
    let values = json!({
        "back": onward(from.da.as_deref()), "wrong": false, "name": "",
        "word": open.as_ref().map(|(secret, _)| secret.form()),
        "facts": frame.who.facts,
        "role": app.warehouse.catalog().roles.get(&frame.who.role).map(|role| frame.language.say(&role.title)),
    });
    app.site.render("sign_in.html", &frame, values)
}

/// `POST /accedi`: a wrong password is answered by the form again, without saying what was wrong.
pub async fn enter(State(app): State<App>, headers: HeaderMap, frame: Stranger, form: Result<Form<Entered>, FormRejection>) -> Result<Response> {
    let Form(entered) = form.map_err(|rejection| Problem::new(rejection.status(), "body.form", rejection.body_text()))?;
    let back = onward(entered.da.as_deref());
    let Some(who) = app.accounts.password(entered.utenza.trim(), &entered.password).await? else {
        app.sign_ins.failed(Some(entered.utenza.trim()), Means::Password).await?;
        let values = json!({ "back": back, "wrong": true, "name": entered.utenza, "word": null, "facts": {}, "role": null });
        return Ok((StatusCode::FORBIDDEN, app.site.render("sign_in.html", &frame.0, values)?).into_response());
    };
    app.sign_ins.entered(&who, Means::Password).await?;
    let cookie = session::begin(&app, &headers, &who.account).await?;
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(&frame.0.link(back))).into_response())
}

#[derive(Deserialize)]
pub struct Nothing {}

/// `POST /esci`
pub async fn leave(State(app): State<App>, Sent { desk, fields: Nothing {} }: Sent<Nothing>) -> Result<Response> {
    let cookie = session::end(&app, desk.secret()?).await?;
    app.audit.record(Event::new(Action::SignOut, "sessione").by(desk.who())).await?;
    Ok(([(header::SET_COOKIE, cookie)], desk.go("/")).into_response())
}

/// The frame of a page whose reader is not asked for: who signs in may still send the cookie of a session that is another's.
pub struct Stranger(Frame);

impl axum::extract::FromRequestParts<App> for Stranger {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut http::request::Parts, app: &App) -> Result<Self, Problem> {
        parts.extensions.insert(stranger());
        Frame::from_request_parts(parts, app).await.map(Self)
    }
}

/// A page of ours to go on to. Another site's address, however it is written, is the home page.
fn onward(asked: Option<&str>) -> &str {
    let ours = |path: &str| path.starts_with('/') && !path.starts_with("//") && !path.contains(['\\', '#']) && !path.chars().any(char::is_control);
    asked.filter(|path| ours(path) && !path.starts_with("/accedi")).unwrap_or("/")
}

#[cfg(test)]
mod tests {
    use super::onward;

    #[test]
    fn a_sign_in_leads_only_to_our_own_pages() {
        assert_eq!(onward(Some("/sql?q=a&lang=en")), "/sql?q=a&lang=en");
        for elsewhere in ["https://example.org", "//example.org", "/\\example.org", "\\/example.org", "/\t/example.org", "sql", "", "/accedi?da=/"] {
            assert_eq!(onward(Some(elsewhere)), "/", "{elsewhere}");
        }
    }
}
