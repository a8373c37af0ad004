//! Who is asking: `Authorization`, or the session in the cookie, becomes a principal. No header is the stranger; a wrong one is refused,
//! never a stranger. A cookie whose session is over is the stranger: browsers keep it long after.

use axum::extract::FromRequestParts;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use warehouse::principal::Principal;

use crate::accounts::stranger;
use crate::app::App;
use crate::doors::http::layers::rate::Meter;
use crate::doors::http::problem::Problem;
use crate::doors::http::session;
use crate::sign_ins::{Means, SignIns};

impl FromRequestParts<App> for Principal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        // A page and its frame ask once each: a password is checked once a request.
        if let Some(known) = parts.extensions.get::<Principal>() {
            return Ok(known.clone());
        }
        let signed_in = match credentials(&parts.headers)? {
            Some(credentials) => Some(credentials.sign_in(&app.sign_ins).await?),
            None => match session::of(&parts.headers, app).await? {
                None => None,
                // A browser sends the cookie of itself, whoever made the request: what changes something needs a word of our own page too.
                Some((secret, _)) if !parts.method.is_safe() && !session::confirmed(&parts.headers, &secret) => return Err(session::unconfirmed()),
                Some((_, who)) => Some(who),
            },
        };
        if let (Some(who), Some(meter)) = (&signed_in, parts.extensions.get::<Meter>()) {
            meter.account(&who.account)?;
        }
        let who = signed_in.unwrap_or_else(stranger);
        parts.extensions.insert(who.clone());
        Ok(who)
    }
}

/// Go's Arrow library, hence the ADBC driver, sends Base64 without padding; everybody else with it.
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

/// What an `Authorization` header says, before it is believed.
pub enum Credentials {
    Token(String),
    Password { account: String, password: String },
}

/// The credentials of a request; `None` without the header.
pub fn credentials(headers: &HeaderMap) -> Result<Option<Credentials>, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().map_err(|_| refused())?;
    let (scheme, rest) = text.split_once(' ').ok_or_else(refused)?;
    if values.next().is_some() {
        return Err(refused());
    }
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(Some(Credentials::Token(rest.trim().into())));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(refused());
    }
    let bytes = BASE64.decode(rest.trim()).map_err(|_| refused())?;
    let pair = String::from_utf8(bytes).map_err(|_| refused())?;
    let (account, password) = pair.split_once(':').ok_or_else(refused)?;
    Ok(Some(Credentials::Password { account: account.into(), password: password.into() }))
}

impl Credentials {
    /// The principal, or the one refusal that says nothing about why. Recorded either way.
    pub async fn sign_in(&self, sign_ins: &SignIns) -> Result<Principal, Problem> {
        let (found, name, means, secret) = match self {
            Self::Token(token) => (sign_ins.accounts.token(token).await?, None, Means::Token, token.as_str()),
            Self::Password { account, password } => (sign_ins.accounts.password(account, password).await?, Some(account.as_str()), Means::Password, ""),
        };
        let Some(who) = found else {
            sign_ins.failed(name, means).await?;
            return Err(refused());
        };
        sign_ins.used(&who, means, secret).await?;
        Ok(who)
    }
}

fn refused() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "auth.failed", "sign-in failed: wrong account, password or token, or too many attempts")
}
