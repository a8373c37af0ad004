//! Sign-in with an identity that people have already: OpenID Connect, authorisation code with PKCE (RFC 7636), through the region's provider
//! of SPID and CIE. What comes of it is an account of ours, see [`who`], and a browser's session like any other.

use std::fmt;
use std::sync::Arc;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use datasets::catalog::Catalog;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use url::Url;
use url::form_urlencoded::byte_serialize;

use crate::config::OidcOptions;
use crate::site::words::Language;
use crate::state::{State, now};

pub mod mapping;
pub mod provider;
pub mod token;
pub mod transactions;
pub mod who;

use mapping::Mapping;
use provider::Provider;
use token::Expected;
use transactions::Kept;

/// Why a sign-in came to nothing. People are told which; the words within are for the log and name nobody.
#[derive(Debug)]
pub enum Fault {
    /// The provider is down, or is not what it should be.
    Unreachable(String),
    /// What it sent is not to be believed.
    Token(&'static str),
    /// No sign-in of this browser is under way: too late, a second time, or another's.
    Expired,
    /// The person said no, or the provider did.
    Denied(String),
    /// The state store.
    Ours(warehouse::error::Error),
}

pub type Result<T> = std::result::Result<T, Fault>;

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(what) => write!(f, "the identity provider cannot be used: {what}"),
            Self::Token(what) => write!(f, "a token of the identity provider was refused: {what}"),
            Self::Expired => f.write_str("no sign-in is under way"),
            Self::Denied(what) => write!(f, "the identity provider refused: {what}"),
            Self::Ours(error) => error.fmt(f),
        }
    }
}

/// A provider that was configured.
pub struct Oidc {
    pub provider: Provider,
    pub mapping: Mapping,
    client: String,
    secret: Option<String>,
    name: (String, String),
    /// Where sign-ins under way are kept.
    store: State,
}

/// What the provider sends the browser back with.
#[derive(Deserialize)]
pub struct Answer {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

/// Who signed in, as the provider says it.
#[derive(Debug)]
pub struct Proven {
    pub subject: String,
    pub claims: Value,
    /// Says at sign-out whose session ends.
    pub id_token: String,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    access_token: Option<String>,
}

impl Oidc {
    /// `None` if no issuer is configured. A mapping or secret that cannot be read is an error: nothing starts half.
    pub fn load(options: &OidcOptions, catalog: &Catalog, store: State) -> anyhow::Result<Option<Arc<Self>>> {
        let (Some(issuer), Some(client), Some(file)) = (&options.oidc_issuer, &options.oidc_client, &options.oidc_mapping) else { return Ok(None) };
        let secret = options.oidc_secret.as_ref().map(|file| std::fs::read_to_string(file).with_context(|| file.display().to_string())).transpose()?;
        let secret = secret.map(|text| text.trim().to_owned());
        if secret.as_deref() == Some("") {
            anyhow::bail!("the file of --oidc-secret is empty");
        }
        let mapping = Mapping::load(file, catalog).context("the mapping of claims")?;
        let name = (options.oidc_name.clone(), options.oidc_name_en.clone());
        Ok(Some(Arc::new(Self { provider: Provider::new(issuer)?, mapping, client: client.clone(), secret, name, store })))
    }

    /// What people call the provider.
    pub fn name(&self, language: Language) -> &str {
        if language == Language::English { &self.name.1 } else { &self.name.0 }
    }

    /// Begins a sign-in: where to send the browser, and what its cookie is to say. `back`: the page of ours to go on to; `redirect`: our
    /// address, exactly as it is registered there.
    pub async fn begin(&self, back: &str, redirect: &str, language: &str) -> Result<(Url, String)> {
        let mut address = self.provider.known().await?.description.authorization_endpoint.clone();
        let begun = transactions::begin(&self.store, back).await.map_err(Fault::Ours)?;
        let scopes: Vec<&str> = std::iter::once("openid").chain(self.mapping.scopes.iter().map(String::as_str)).collect();
        let mut query = address.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client)
            .append_pair("redirect_uri", redirect)
            .append_pair("scope", &scopes.join(" "))
            .append_pair("state", &begun.state)
            .append_pair("nonce", &begun.nonce)
            .append_pair("code_challenge", &URL_SAFE_NO_PAD.encode(Sha256::digest(&begun.verifier)))
            .append_pair("code_challenge_method", "S256")
            .append_pair("ui_locales", language);
        if let Some(level) = &self.mapping.ask {
            query.append_pair("acr_values", level);
        }
        drop(query);
        Ok((address, begun.browser))
    }

    /// Takes up a sign-in that came back: the transaction is used up first, whatever else is wrong.
    pub async fn finish(&self, answer: &Answer, browser: &str, redirect: &str) -> Result<(Proven, Kept)> {
        let state = answer.state.as_deref().ok_or(Fault::Expired)?;
        let kept = transactions::take(&self.store, state, browser).await.map_err(Fault::Ours)?.ok_or(Fault::Expired)?;
        let description = self.provider.known().await?.description;
        match &answer.iss {
            Some(issuer) if *issuer != self.provider.issuer => return Err(Fault::Token("the answer is another issuer's")),
            None if description.authorization_response_iss_parameter_supported => return Err(Fault::Token("the answer says no issuer")),
            _ => {}
        }
        if let Some(error) = &answer.error {
            return Err(Fault::Denied(error.chars().filter(|c| c.is_ascii_graphic()).take(60).collect()));
        }
        let code = answer.code.as_deref().ok_or(Fault::Token("no code"))?;
        let tokens = self.exchange(&description, code, &kept.verifier, redirect).await?;
        let access = tokens.access_token.as_deref();
        let mut claims = self.provider.open(&tokens.id_token).await?.claims;
        let expected = Expected { issuer: &self.provider.issuer, client: &self.client, nonce: &kept.nonce, access, now: now() };
        let subject = token::subject(&claims, &expected).map_err(Fault::Token)?.to_owned();
        if let (Some(address), Some(access)) = (&description.userinfo_endpoint, access) {
            let more: Value = self.provider.json(self.provider.get(address).bearer_auth(access)).await?;
            add(&mut claims, more, &subject)?;
        }
        Ok((Proven { subject, claims, id_token: tokens.id_token }, kept))
    }

    async fn exchange(&self, description: &provider::Description, code: &str, verifier: &str, redirect: &str) -> Result<Tokens> {
        let mut form = vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect), ("code_verifier", verifier)];
        let mut request = self.provider.post(&description.token_endpoint);
        let methods = &description.token_endpoint_auth_methods_supported;
        let in_form = !methods.is_empty() && !methods.iter().any(|method| method == "client_secret_basic");
        match &self.secret {
            Some(secret) if in_form => form.extend([("client_id", self.client.as_str()), ("client_secret", secret)]),
            // Both are encoded as a form is (RFC 6749, section 2.3.1).
            Some(secret) => request = request.basic_auth(encoded(&self.client), Some(encoded(secret))),
            None => form.push(("client_id", &self.client)),
        }
        self.provider.json(request.form(&form)).await
    }

    /// Where the provider's own session ends (RP-Initiated Logout 1.0), if it has such a place and can be reached. `home`: where people go
    /// on to afterwards.
    pub async fn end(&self, id_token: &str, home: &str) -> Option<Url> {
        let known = self.provider.known().await.inspect_err(|fault| tracing::warn!(%fault, "signed out here only")).ok()?;
        let mut address = known.description.end_session_endpoint.clone()?;
        address.query_pairs_mut().append_pair("id_token_hint", id_token).append_pair("client_id", &self.client).append_pair("post_logout_redirect_uri", home);
        Some(address)
    }

    /// The claims of a logout token that the provider sent by itself, its kind and signature found right.
    pub async fn ended(&self, token: &str) -> Result<Value> {
        let signed = self.provider.open(token).await?;
        if signed.kind.as_deref().is_some_and(|kind| !kind.eq_ignore_ascii_case("logout+jwt") && !kind.eq_ignore_ascii_case("jwt")) {
            return Err(Fault::Token("not a logout token"));
        }
        token::ended(&signed.claims, &self.provider.issuer, &self.client, now()).map_err(Fault::Token)?;
        Ok(signed.claims)
    }
}

fn encoded(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

/// Adds what the provider tells beside the ID token; what the signed token says stays as it is.
fn add(claims: &mut Value, more: Value, subject: &str) -> Result<()> {
    if more["sub"].as_str() != Some(subject) {
        return Err(Fault::Token("the claims are another subject's"));
    }
    let (Value::Object(known), Value::Object(more)) = (claims, more) else { return Err(Fault::Token("claims are no object")) };
    for (name, value) in more {
        // How somebody signed in is the token's to say.
        if name != "acr" {
            known.entry(name).or_insert(value);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_signed_never_takes_the_place_of_what_is() {
        let mut claims = json!({ "sub": "x", "gruppi": "a" });
        add(&mut claims, json!({ "sub": "x", "gruppi": "b", "acr": "3", "name": "n" }), "x").unwrap();
        assert_eq!(claims, json!({ "sub": "x", "gruppi": "a", "name": "n" }));
        assert!(add(&mut claims, json!({ "sub": "y" }), "x").is_err() && add(&mut claims, json!([]), "x").is_err());
    }
}
