//! `/area`: the reserved area, one page: who I am, what I can do, where else I am signed in.

use std::collections::BTreeMap;

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use warehouse::audit::{Action, Event};

use crate::accounts::identity::Proof;
use crate::app::App;
use crate::doors::http::identity::too_low;
use crate::doors::http::problem::{Problem, Result};
use crate::doors::http::session::{self, Desk, Sent};
use crate::doors::http::sign_in::{AREA, steps};
use crate::oidc::who::enough;
use crate::sign_ins::Means;
use crate::state::now;

/// What a body owes, for whom it is to be seen.
const OBLIGATIONS: &str = "sistema.obligations";

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Shown {
    cambiata: Option<String>,
}

/// `GET /area`
pub async fn page(State(app): State<App>, desk: Desk, Query(shown): Query<Shown>) -> Result<Response> {
    render(&app, &desk, Changed { done: shown.cambiata.is_some(), refused: None }).await
}

/// What the page says of a change of the password.
struct Changed {
    done: bool,
    refused: Option<&'static str>,
}

async fn render(app: &App, desk: &Desk, password: Changed) -> Result<Response> {
    let language = desk.frame.language;
    let catalog = app.warehouse.catalog();
    let title = |role: &str| catalog.roles.get(role).map_or_else(|| role.to_owned(), |role| language.say(&role.title).to_owned());
    let who = desk.who();
    let role = catalog.roles.get(&who.role);
    let proof = proof(app, desk).await?;
    let others: Vec<Value> = match &proof {
        Some(proof) => {
            let all = app.accounts.capacities(proof).await?;
            all.iter()
                .filter(|one| one.name != who.account)
                .map(|one| json!({ "name": one.name, "role": title(&one.role), "facts": facts(&one.facts) }))
                .collect()
        }
        None => Vec::new(),
    };
    let sessions = app.accounts.open_sessions(&who.account, desk.secret().ok()).await?;
    let now = now();
    let session = app.warehouse.session(who).await?;
    let values = json!({
        "word": desk.word(),
        "role": title(&who.role),
        "facts": facts(&who.facts),
        "owes": session.datasets().iter().any(|dataset| dataset.name.to_string() == OBLIGATIONS),
        "delivers": role.is_some_and(|role| role.deliver.is_some()),
        "datasets": session.datasets().len(),
        "level": proof.as_ref().map(|proof| proof.level),
        "provider": app.oidc.as_ref().filter(|_| proof.is_some()).map(|oidc| oidc.name(language)),
        "others": others,
        "sessions": sessions.iter().map(|one| json!({ "begun": (now - one.created) / 60, "used": (now - one.seen) / 60, "this": one.this })).collect::<Vec<_>>(),
        "second_factor": app.accounts.has_factor(&who.account).await?,
        "staff": role.is_some_and(|role| role.staff),
        "has_password": app.accounts.has_password(&who.account).await?,
        "changed": password.done,
        "refused": password.refused,
    });
    app.site.render("area.html", &desk.frame, values)
}

/// Facts that tell a territory or a body. A person's pseudonym says nothing to its owner.
fn facts(all: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
    all.iter().filter(|(name, _)| *name != "persona").map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

async fn proof(app: &App, desk: &Desk) -> Result<Option<Proof>> {
    match desk.secret() {
        Ok(secret) => Ok(app.accounts.proof(secret).await?),
        Err(_) => Ok(None),
    }
}

#[derive(Deserialize)]
pub struct Nothing {}

/// `POST /area/sessioni`: ends all other sessions of the account.
pub async fn end_others(State(app): State<App>, Sent { desk, fields: Nothing {} }: Sent<Nothing>) -> Result<Response> {
    app.accounts.end_other_sessions(desk.account(), desk.secret()?).await?;
    Ok(desk.go(AREA))
}

#[derive(Deserialize)]
pub struct Change {
    attuale: String,
    nuova: String,
    ripetuta: String,
}

/// `POST /area/password`: another password, for who shows the present one. Every other session and connection of the account ends.
pub async fn password(State(app): State<App>, headers: HeaderMap, Sent { desk, fields }: Sent<Change>) -> Result<Response> {
    let account = desk.account();
    let refused = steps::refused(&fields.nuova, &fields.ripetuta, account).or((fields.nuova == fields.attuale).then_some("same"));
    // Asked last: a try counts against the lock of the account.
    let refused = match refused {
        None if app.accounts.right_password(account, &fields.attuale).await?.is_none() => {
            app.sign_ins.failed(Some(account), Means::Password).await?;
            Some("wrong")
        }
        refused => refused,
    };
    if refused.is_some() {
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, render(&app, &desk, Changed { done: false, refused }).await?).into_response());
    }
    let proof = proof(&app, &desk).await?;
    app.accounts.set_password(account, &fields.nuova).await?;
    app.audit.record(Event::new(Action::Administration, format!("utenza {account}")).by(desk.who()).why("password cambiata")).await?;
    let cookie = session::begin(&app, &headers, account, proof.as_ref()).await?;
    Ok(([(header::SET_COOKIE, cookie)], desk.go(&format!("{AREA}?cambiata=1"))).into_response())
}

#[derive(Deserialize)]
pub struct Capacity {
    utenza: String,
}

/// `POST /area/veste`: goes on in another account of the same person, which the identity provider's proof must allow.
pub async fn change(State(app): State<App>, Sent { desk, fields }: Sent<Capacity>) -> Result<Response> {
    let proof = proof(&app, &desk).await?.ok_or_else(Problem::not_found)?;
    let held = app.accounts.capacities(&proof).await?;
    let wanted = held.iter().find(|one| one.name == fields.utenza).ok_or_else(Problem::not_found)?;
    if !enough(&app, &wanted.role, proof.level) {
        return Err(too_low());
    }
    let cookie = session::change(&app, desk.secret()?, &wanted.name, &proof).await?;
    Ok(([(header::SET_COOKIE, cookie)], desk.go(AREA)).into_response())
}
