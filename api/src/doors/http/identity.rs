//! `/accedi/identita`: sign-in at the identity provider, there and back; and the provider's own word that a session is over.

use axum::Form;
use axum::extract::{OriginalUri, Query, State};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use tracing::{info, warn};

use warehouse::audit::Outcome::Refused;
use warehouse::audit::{Action, Event};

use crate::app::App;
use crate::doors::http::layers;
use crate::doors::http::problem::{Problem, Result};
use crate::doors::http::session::{self, Cookie};
use crate::doors::http::sign_in::{From, Stranger, onward};
use crate::oidc::transactions::LASTS;
use crate::oidc::who::{self, Outcome};
use crate::oidc::{Answer, Fault, Oidc, token};

/// What the audit log says of such a sign-in.
const MEANS: &str = "OpenID Connect";
/// Where the provider sends people back to: registered there exactly as it is here.
const BACK: &str = "/accedi/identita/ritorno";

/// Our address as people reach it; never what a request says of it.
pub fn own(app: &App) -> String {
    let listening = || app.addresses.get().map(|at| at.http.clone()).unwrap_or_default();
    app.listen.public.public_url.clone().unwrap_or_else(listening)
}

fn configured(app: &App) -> Result<&Oidc> {
    app.oidc.as_deref().ok_or_else(Problem::not_found)
}

/// `GET /accedi/identita`
pub async fn begin(
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    Stranger(frame): Stranger,
    Query(from): Query<From>,
) -> Result<Response> {
    let oidc = configured(&app)?;
    // Another site's link leads to the page on which people decide to sign in, not past it.
    if !layers::own(&headers, &uri) {
        return Ok(Redirect::to(&frame.link("/accedi")).into_response());
    }
    let back = frame.link(onward(from.da.as_deref()));
    let (address, browser) = oidc.begin(&back, &format!("{}{BACK}", own(&app)), frame.language.code()).await.map_err(told)?;
    let cookie = Cookie::Identity.set(&app, &browser, LASTS)?;
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(address.as_str())).into_response())
}

/// `GET /accedi/identita/ritorno`
pub async fn back(State(app): State<App>, headers: HeaderMap, Query(answer): Query<Answer>) -> Result<Response> {
    let oidc = configured(&app)?;
    let browser = Cookie::Identity.read(&headers, &app).ok_or(Fault::Expired).map_err(told)?;
    let (proven, kept) = oidc.finish(&answer, browser.text(), &format!("{}{BACK}", own(&app))).await.map_err(told)?;
    let (account, proof) = match who::who(&app, oidc, proven).await? {
        Outcome::Known(account, proof) => (account, proof),
        Outcome::Level => {
            app.audit.record(Event::new(Action::SignIn, MEANS).outcome(Refused).why("livello di autenticazione troppo basso")).await?;
            return Err(too_low());
        }
        Outcome::Nobody => {
            app.audit.record(Event::new(Action::SignIn, MEANS).outcome(Refused).why("nessuna utenza per questa identità")).await?;
            return Err(nobody());
        }
    };
    app.audit.record(Event::new(Action::SignIn, MEANS).account(&account)).await?;
    let cookie = session::begin(&app, &headers, &account, Some(&proof)).await?;
    let cookies = AppendHeaders([(header::SET_COOKIE, cookie), (header::SET_COOKIE, Cookie::Identity.unset(&app)?)]);
    info!(account, level = proof.level, "signed in by the identity provider");
    Ok((cookies, Redirect::to(onward(Some(&kept.back)))).into_response())
}

#[derive(Deserialize)]
pub struct Logout {
    logout_token: String,
}

/// `POST /accedi/identita/uscita`: the provider says, by a signed token, that a session is over (OpenID Connect Back-Channel Logout 1.0).
pub async fn over(State(app): State<App>, Form(sent): Form<Logout>) -> Result<Response> {
    let oidc = configured(&app)?;
    let claims = match oidc.ended(&sent.logout_token).await {
        Ok(claims) => claims,
        Err(fault) => {
            warn!(%fault, "a logout token was refused");
            return Err(Problem::invalid("oidc.logout", "the logout token is not right"));
        }
    };
    let subject = token::text(&claims, "sub").map(|subject| who::subject(&app, oidc, subject));
    let session = token::text(&claims, "sid").map(|sid| who::provider_session(&app, oidc, sid));
    let ended = app.accounts.end_proven(subject.as_deref(), session.as_deref()).await?;
    info!(ended, "sessions ended by the identity provider");
    Ok(StatusCode::OK.into_response())
}

/// What people are told; the log is told more, but nobody's name.
fn told(fault: Fault) -> Problem {
    let problem = |status, code, detail, italian: &str| Problem::new(status, code, detail).with("detail_it", italian);
    if !matches!(fault, Fault::Ours(_)) {
        warn!(%fault, "a sign-in by the identity provider came to nothing");
    }
    match fault {
        Fault::Ours(error) => error.into(),
        Fault::Unreachable(_) => problem(
            StatusCode::BAD_GATEWAY,
            "oidc.unreachable",
            "the identity provider does not answer as it should: try again in a few minutes",
            "Il gestore delle identità non risponde come dovrebbe: riprovare tra qualche minuto.",
        ),
        Fault::Token(_) => problem(
            StatusCode::FORBIDDEN,
            "oidc.token",
            "what the identity provider sent could not be verified, so nobody was signed in: begin again from the sign-in page",
            "Non è stato possibile verificare quanto inviato dal gestore delle identità, e nessuno è stato fatto entrare: ricominciare dalla pagina di accesso.",
        ),
        Fault::Expired => problem(
            StatusCode::FORBIDDEN,
            "oidc.expired",
            "this sign-in took too long, was completed already, or was begun in another browser: begin again from the sign-in page",
            "Questo accesso è durato troppo, è già stato completato o è iniziato in un altro browser: ricominciare dalla pagina di accesso.",
        ),
        Fault::Denied(_) => problem(
            StatusCode::FORBIDDEN,
            "oidc.denied",
            "the sign-in was cancelled or refused at the identity provider; public data are read without signing in",
            "L'accesso è stato annullato o rifiutato dal gestore delle identità; i dati pubblici si consultano senza accedere.",
        ),
    }
}

pub fn too_low() -> Problem {
    let detail = "your identity was recognised, but this sign-in is too weak for personal data: sign in again with SPID level 2 or higher, or with your electronic identity card (CIE) level 2 or higher";
    let italian = "L'identità è stata riconosciuta, ma questo accesso è troppo debole per i dati personali: accedere di nuovo con SPID di livello 2 o superiore, o con la carta d'identità elettronica (CIE) di livello 2 o superiore.";
    Problem::new(StatusCode::FORBIDDEN, "oidc.level", detail).with("detail_it", italian)
}

fn nobody() -> Problem {
    let detail = "your identity was recognised, but it has no access here: the office you work for asks the system's administrator for it (see Contacts)";
    let italian =
        "L'identità è stata riconosciuta, ma qui non ha un accesso: l'ufficio per cui si lavora lo chiede all'amministratore del sistema (vedi Contatti).";
    Problem::new(StatusCode::FORBIDDEN, "oidc.unknown", detail).with("detail_it", italian)
}
