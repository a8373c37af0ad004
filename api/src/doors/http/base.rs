//! The address by which the asker reached us: what absolute addresses in answers begin with.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use datasets::derive::dcat::{Portal, Profile};
use http::header;
use http::request::Parts;
use http::uri::Authority;

use crate::app::App;

/// `https://dati.example.org`, without a slash at its end: `--public-url`, else what the request says, else where we listen.
#[derive(Clone, Debug)]
pub struct Base(pub String);

impl Base {
    /// The same with who answers for the data.
    pub fn portal(&self, app: &App) -> Portal {
        Portal { base: self.0.clone(), contact: app.listen.public.contact.clone(), profile: Profile::Every }
    }
}

impl FromRequestParts<App> for Base {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        if let Some(url) = &app.listen.public.public_url {
            return Ok(Self(url.clone()));
        }
        let listening = app.addresses.get().map_or("http://localhost", |a| a.http.as_str());
        let said = parts.uri.authority().map(|a| a.as_str()).or_else(|| parts.headers.get(header::HOST)?.to_str().ok());
        let authority = said.and_then(|said| said.parse::<Authority>().ok()).filter(|a| !a.as_str().contains('@'));
        let Some(authority) = authority else { return Ok(Self(listening.to_owned())) };
        let proxied = parts.headers.get("x-forwarded-proto").filter(|_| app.listen.behind_proxy);
        let scheme = match proxied.map(|v| v.as_bytes()) {
            Some(b"https") => "https",
            Some(_) => "http",
            None if listening.starts_with("https:") || app.listen.behind_proxy => "https",
            None => "http",
        };
        Ok(Self(format!("{scheme}://{authority}")))
    }
}
