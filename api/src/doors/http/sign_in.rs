//! `/accedi`: the ways to sign in. `POST /esci` ends the session.

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::json;
use warehouse::audit::{Action, Event};

use crate::accounts::steps::Step;
use crate::accounts::{Next, stranger};
use crate::app::App;
use crate::doors::http::identity;
use crate::doors::http::pages::Frame;
use crate::doors::http::problem::{Problem, Result};
use crate::doors::http::session::{self, Sent};
use crate::sign_ins::Means;

pub mod steps;

/// The page of who has signed in.
pub const AREA: &str = "/area";

#[derive(Deserialize)]
pub struct From {
    /// The page to go back to.
    pub da: Option<String>,
}

#[derive(Deserialize)]
pub struct Entered {
    utenza: String,
    password: String,
    da: Option<String>,
}

/// What the form says of the last try.
#[derive(Clone, Copy, Default)]
struct Last<'a> {
    name: &'a str,
    said: Option<&'static str>,
}

/// `GET /accedi`
pub async fn page(State(app): State<App>, frame: Frame, Query(from): Query<From>) -> Result<Response> {
    if frame.who != stranger() {
        return Ok(Redirect::to(&frame.link(AREA)).into_response());
    }
    form(&app, &frame, onward(from.da.as_deref()), Last::default())
}

/// `POST /accedi`: a wrong password is answered by the form again, without saying what was wrong.
pub async fn enter(State(app): State<App>, headers: HeaderMap, Stranger(frame): Stranger, sent: Result<Form<Entered>, FormRejection>) -> Result<Response> {
    let Form(entered) = sent?;
    let (back, name) = (onward(entered.da.as_deref()), entered.utenza.trim());
    let again = |last| Ok((StatusCode::FORBIDDEN, form(&app, &frame, back, last)?).into_response());
    let Some(entrant) = app.accounts.right_password(name, &entered.password).await? else {
        app.sign_ins.failed(Some(name), Means::Password).await?;
        return again(Last { name: &entered.utenza, said: Some("wrong") });
    };
    match entrant.next {
        Next::Enrolment => again(Last { name, said: Some("enrol") }),
        Next::Expired => again(Last { name, said: Some("expired") }),
        Next::Code => steps::wait(&app, &frame, &entrant.who, Step::Code, back).await,
        Next::Password => steps::wait(&app, &frame, &entrant.who, Step::Password, back).await,
        Next::Nothing => {
            app.sign_ins.entered(&entrant.who, Means::Password).await?;
            let cookie = session::begin(&app, &headers, &entrant.who.account, None).await?;
            Ok(([(header::SET_COOKIE, cookie)], Redirect::to(&frame.link(back))).into_response())
        }
    }
}

fn form(app: &App, frame: &Frame, back: &str, last: Last<'_>) -> Result<Response> {
    let provider = app.oidc.as_ref().map(|oidc| oidc.name(frame.language));
    let da: String = url::form_urlencoded::byte_serialize(back.as_bytes()).collect();
    let values = json!({ "back": back, "da": da, "name": last.name, "said": last.said, "provider": provider });
    app.site.render("sign_in.html", frame, values)
}

#[derive(Deserialize)]
pub struct Nothing {}

/// `POST /esci`: our session first, then the one at the identity provider that it came from. A form's answer may not lead to another site, so
/// a page does, at once.
pub async fn leave(State(app): State<App>, Sent { desk, fields: Nothing {} }: Sent<Nothing>) -> Result<Response> {
    let proof = app.accounts.proof(desk.secret()?).await?;
    let cookie = session::end(&app, desk.secret()?).await?;
    app.audit.record(Event::new(Action::SignOut, "sessione").by(desk.who())).await?;
    let there = match (&app.oidc, proof) {
        (Some(oidc), Some(proof)) => oidc.end(&proof.id_token, &format!("{}/", identity::own(&app))).await,
        _ => None,
    };
    // What pages left in the browser goes with the session.
    let clear = (HeaderName::from_static("clear-site-data"), HeaderValue::from_static("\"cache\", \"storage\""));
    let Some(there) = there else { return Ok(([(header::SET_COOKIE, cookie), clear], desk.go("/")).into_response()) };
    let mut frame = desk.frame;
    frame.who = stranger();
    let page = app.site.render("signed_out.html", &frame, json!({ "onward": there.as_str() }))?;
    let refresh = HeaderValue::from_str(&format!("0; url={there}")).map_err(|e| Problem::internal("session.refresh", e))?;
    Ok(([(header::SET_COOKIE, cookie), (header::REFRESH, refresh), clear], page).into_response())
}

/// The frame of a page whose reader is not asked for: who signs in may still send the cookie of a session that is another's.
pub struct Stranger(pub Frame);

impl axum::extract::FromRequestParts<App> for Stranger {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut http::request::Parts, app: &App) -> Result<Self, Problem> {
        parts.extensions.insert(stranger());
        Frame::from_request_parts(parts, app).await.map(Self)
    }
}

/// A page of ours to go on to. Another site's address, however it is written, is the reserved area.
pub fn onward(asked: Option<&str>) -> &str {
    let ours = |path: &str| path.starts_with('/') && !path.starts_with("//") && !path.contains(['\\', '#']) && !path.chars().any(char::is_control);
    asked.filter(|path| ours(path) && !path.starts_with("/accedi")).unwrap_or(AREA)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_leads_only_to_our_own_pages() {
        assert_eq!(onward(Some("/sql?q=a&lang=en")), "/sql?q=a&lang=en");
        for elsewhere in ["https://example.org", "//example.org", "/\\example.org", "\\/example.org", "/\t/example.org", "sql", "", "/accedi?da=/"] {
            assert_eq!(onward(Some(elsewhere)), AREA, "{elsewhere}");
        }
    }
}
