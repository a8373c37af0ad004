//! Sessions of browsers at this door: the cookie, pages that are only for who has signed in, and forms that such a page sends.
//!
//! A form carries a word that follows from its session ([`Secret::form`]): another site can make a browser send a request with our cookie,
//! but cannot know the word. Whoever proves to be somebody by other means (an identity provider) begins a session by [`begin`] likewise.

use axum::extract::{FromRequest, FromRequestParts, OriginalUri, Request};
use axum::response::{IntoResponse, Redirect, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::de::DeserializeOwned;
use url::form_urlencoded;
use warehouse::principal::Principal;

use crate::accounts::identity::Proof;
use crate::accounts::same_secret;
use crate::accounts::sessions::{LONGEST, Secret};
use crate::app::App;
use crate::config::is_loopback;
use crate::doors::http::layers::rate::Meter;
use crate::doors::http::pages::Frame;
use crate::doors::http::problem::{Problem, Result};

/// Field of a form, or header of a script's request, that says the session's word.
pub const FORM: &str = "modulo";
const FORM_HEADER: &str = "x-siss-modulo";

/// Whether browsers reach us by TLS only; then the cookie says so, and no other host of the domain can set it.
fn secure(app: &App) -> bool {
    app.listen.behind_proxy || !is_loopback(app.listen.http.ip())
}

/// A cookie of ours. Over TLS its name says that no other host of the domain set it.
#[derive(Clone, Copy)]
pub enum Cookie {
    Session,
    /// A sign-in at the identity provider is under way.
    Identity,
    /// A code is waited for.
    Code,
}

impl Cookie {
    fn name(self, secure: bool) -> &'static str {
        match (self, secure) {
            (Self::Session, true) => "__Host-siss",
            (Self::Session, false) => "siss",
            (Self::Identity, true) => "__Host-siss-identita",
            (Self::Identity, false) => "siss-identita",
            (Self::Code, true) => "__Host-siss-codice",
            (Self::Code, false) => "siss-codice",
        }
    }

    /// What a request's cookies of this name say. More than one: nothing, because one was put there by somebody else.
    pub fn read(self, headers: &HeaderMap, app: &App) -> Option<Secret> {
        let name = self.name(secure(app));
        let texts = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(';'));
        let mut ours = texts.filter_map(|pair| pair.trim().split_once('=')).filter(|(key, _)| *key == name).map(|(_, value)| value);
        let value = ours.next()?;
        if ours.next().is_some() { None } else { Secret::read(value) }
    }

    /// The header that sets it for some seconds.
    pub fn set(self, app: &App, value: &str, seconds: i64) -> Result<HeaderValue> {
        let secure = secure(app);
        let flag = if secure { "; Secure" } else { "" };
        let text = format!("{}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{flag}", self.name(secure));
        HeaderValue::from_str(&text).map_err(|e| Problem::internal("session.cookie", e))
    }

    /// The header that takes it away.
    pub fn unset(self, app: &App) -> Result<HeaderValue> {
        self.set(app, "", 0)
    }
}

/// The session of a request and whose it is; `None` without one, or when it is over.
pub async fn of(headers: &HeaderMap, app: &App) -> Result<Option<(Secret, Principal)>> {
    let Some(secret) = Cookie::Session.read(headers, app) else { return Ok(None) };
    Ok(app.accounts.session(&secret).await?.map(|who| (secret, who)))
}

/// Whether a request's header says the word of its session.
pub fn confirmed(headers: &HeaderMap, secret: &Secret) -> bool {
    headers.get(FORM_HEADER).is_some_and(|word| same_secret(word.as_bytes(), secret.form().as_bytes()))
}

pub fn unconfirmed() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "request.form", "this form is not of the session in use: open its page again, and send it from there")
        .with("detail_it", "Il modulo non è della sessione in uso: riaprire la pagina e inviarlo da lì.")
}

/// Begins a session of an account that has just proved who it is, and ends the one that the browser had: a cookie that somebody else put
/// into a browser before the sign-in is worth nothing after it.
pub async fn begin(app: &App, headers: &HeaderMap, account: &str, proof: Option<&Proof>) -> Result<HeaderValue> {
    if let Some(before) = Cookie::Session.read(headers, app) {
        app.accounts.end_session(&before).await?;
    }
    let secret = app.accounts.begin_session(account).await?;
    if let Some(proof) = proof {
        app.accounts.prove(&secret, proof).await?;
    }
    Cookie::Session.set(app, secret.text(), LONGEST)
}

/// Goes on with a session in another account of its owner, under another secret.
pub async fn change(app: &App, before: &Secret, account: &str, proof: &Proof) -> Result<HeaderValue> {
    let secret = app.accounts.change_session(before, account).await?;
    app.accounts.prove(&secret, proof).await?;
    Cookie::Session.set(app, secret.text(), LONGEST)
}

/// Ends a session; the header takes the cookie away.
pub async fn end(app: &App, secret: &Secret) -> Result<HeaderValue> {
    app.accounts.end_session(secret).await?;
    Cookie::Session.unset(app)
}

/// A page for who has signed in. Anybody else is sent to sign in, and comes back. A program that shows a token may read such a page; its
/// forms are for browsers' sessions.
pub struct Desk {
    pub frame: Frame,
    secret: Option<Secret>,
}

impl Desk {
    pub fn who(&self) -> &Principal {
        &self.frame.who
    }

    pub fn account(&self) -> &str {
        &self.frame.who.account
    }

    /// The session, of which a form that was found right always has one.
    pub fn secret(&self) -> Result<&Secret> {
        self.secret.as_ref().ok_or_else(unconfirmed)
    }

    /// The word that the page's forms say.
    pub fn word(&self) -> String {
        self.secret.as_ref().map(Secret::form).unwrap_or_default()
    }

    /// Refuses a form that does not say the session's word.
    pub fn confirm(&self, word: &str) -> Result<()> {
        let right = self.secret()?.form();
        if same_secret(word.as_bytes(), right.as_bytes()) { Ok(()) } else { Err(unconfirmed()) }
    }

    /// Goes on to another page of ours, in the same language.
    pub fn go(&self, path: &str) -> Response {
        Redirect::to(&self.frame.link(path)).into_response()
    }
}

impl FromRequestParts<App> for Desk {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        if parts.headers.contains_key(header::AUTHORIZATION) {
            let frame = Frame::from_request_parts(parts, app).await.map_err(IntoResponse::into_response)?;
            return Ok(Self { frame, secret: None });
        }
        let found = of(&parts.headers, app).await.map_err(IntoResponse::into_response)?;
        let Some((secret, who)) = found else { return Err(to_sign_in(parts)) };
        if let Some(meter) = parts.extensions.get::<Meter>() {
            meter.account(&who.account).map_err(IntoResponse::into_response)?;
        }
        // The form's own word is asked for where the form is read.
        parts.extensions.insert(who.clone());
        let mut frame = Frame::from_request_parts(parts, app).await.map_err(IntoResponse::into_response)?;
        frame.word = Some(secret.form());
        Ok(Self { frame, secret: Some(secret) })
    }
}

fn to_sign_in(parts: &Parts) -> Response {
    let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |uri| &uri.0);
    let page = if parts.method.is_safe() { uri.path_and_query().map_or("/", |p| p.as_str()) } else { uri.path() };
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("da", page).finish();
    Redirect::to(&format!("/accedi?{query}")).into_response()
}

/// A form of a [`Desk`] page, its word found right.
pub struct Sent<T> {
    pub desk: Desk,
    pub fields: T,
}

/// Bytes of a form: the text of a query, or the cells of a page of rows.
const MOST: usize = 4 << 20;

impl<T: DeserializeOwned> FromRequest<App> for Sent<T> {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let desk = Desk::from_request_parts(&mut parts, app).await?;
        let read = async {
            let media = parts.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
            if !media.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded") {
                return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "body.type", "send the form of the page"));
            }
            let body = axum::body::to_bytes(body, MOST).await;
            let body = body.map_err(|_| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body.size", format!("a form has {MOST} bytes at most")))?;
            let pairs: Vec<(String, String)> = form_urlencoded::parse(&body).into_owned().collect();
            let word = pairs.iter().find(|(name, _)| name == FORM).map_or("", |(_, word)| word.as_str());
            desk.confirm(word)?;
            let body: Vec<&(String, String)> = pairs.iter().filter(|(name, _)| name != FORM).collect();
            serde_urlencoded(&body)
        };
        let fields = read.await.map_err(IntoResponse::into_response)?;
        Ok(Self { desk, fields })
    }
}

/// Fields by name into a struct; all values are text.
fn serde_urlencoded<T: DeserializeOwned>(pairs: &[&(String, String)]) -> Result<T> {
    use serde::de::value::{Error, MapDeserializer};
    let fields = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    T::deserialize(MapDeserializer::<_, Error>::new(fields)).map_err(|error| Problem::invalid("body.form", format!("the form cannot be read: {error}")))
}
