//! The identity provider as we reach it: its description, its keys, its tokens. Only addresses of the configured issuer's own origin are
//! asked, with a cap on time and size, and no redirect is followed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::{Client, RequestBuilder, redirect};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use url::Url;

use super::{Fault, Result};
use crate::config::may_ask;
use crate::jose::{KeySet, Signed};

/// Bytes of an answer: a description has some thousand.
const MOST: usize = 256 << 10;
const CONNECT: Duration = Duration::from_secs(5);
const WHOLE: Duration = Duration::from_secs(10);
/// How long a description and its keys hold.
const HOLDS: Duration = Duration::from_secs(3600);
/// A signature that fits no key asks for the keys anew, but not more often than this.
const ANEW: Duration = Duration::from_secs(60);

/// What a provider says of itself (OpenID Connect Discovery 1.0, section 3).
#[derive(Clone, Debug, Deserialize)]
pub struct Description {
    issuer: String,
    pub authorization_endpoint: Url,
    pub token_endpoint: Url,
    jwks_uri: Url,
    pub userinfo_endpoint: Option<Url>,
    pub end_session_endpoint: Option<Url>,
    #[serde(default)]
    pub token_endpoint_auth_methods_supported: Vec<String>,
    code_challenge_methods_supported: Option<Vec<String>>,
    /// It names itself in each answer (RFC 9207).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

/// A description with the keys it leads to.
#[derive(Clone)]
pub struct Known {
    pub description: Arc<Description>,
    keys: Arc<KeySet>,
    asked: Instant,
}

pub struct Provider {
    pub issuer: String,
    http: Client,
    known: Mutex<Option<Known>>,
}

impl Provider {
    /// `issuer` as the configuration checked it. Nothing is asked yet: a provider that is down is no reason not to start.
    pub fn new(issuer: &str) -> anyhow::Result<Self> {
        let plain = issuer.starts_with("http:");
        let mut builder = Client::builder().redirect(redirect::Policy::none()).connect_timeout(CONNECT).timeout(WHOLE).https_only(!plain);
        if plain {
            builder = builder.no_proxy();
        }
        Ok(Self { issuer: issuer.to_owned(), http: builder.build()?, known: Mutex::new(None) })
    }

    /// The provider's description and keys, asked for at most once an hour. Past it, while it cannot be reached, the last one holds.
    pub async fn known(&self) -> Result<Known> {
        let mut place = self.known.lock().await;
        if let Some(known) = place.as_ref().filter(|known| known.asked.elapsed() < HOLDS) {
            return Ok(known.clone());
        }
        match (self.ask().await, place.as_mut()) {
            (Ok(known), _) => Ok(place.insert(known).clone()),
            (Err(fault), Some(last)) => {
                tracing::warn!(%fault, "the identity provider's description could not be renewed");
                last.asked = Instant::now();
                Ok(last.clone())
            }
            (Err(fault), None) => Err(fault),
        }
    }

    async fn ask(&self) -> Result<Known> {
        let address = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let description: Description = self.json(self.http.get(address)).await?;
        check(&description, &self.issuer)?;
        let keys = self.bytes(self.http.get(description.jwks_uri.clone())).await?;
        let keys = KeySet::read(&keys).map_err(|fault| Fault::Unreachable(format!("its keys: {fault}")))?;
        Ok(Known { description: Arc::new(description), keys: Arc::new(keys), asked: Instant::now() })
    }

    /// A token that the provider signed. Keys change: one that fits none of those we know asks for them anew.
    pub async fn open(&self, token: &str) -> Result<Signed> {
        let known = self.known().await?;
        match known.keys.open(token) {
            Err("signature") if known.asked.elapsed() >= ANEW => {
                self.known.lock().await.take_if(|held| held.asked == known.asked);
                self.known().await?.keys.open(token).map_err(Fault::Token)
            }
            other => other.map_err(Fault::Token),
        }
    }

    pub fn get(&self, address: &Url) -> RequestBuilder {
        self.http.get(address.clone())
    }

    pub fn post(&self, address: &Url) -> RequestBuilder {
        self.http.post(address.clone())
    }

    pub async fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T> {
        let bytes = self.bytes(request.header("accept", "application/json")).await?;
        serde_json::from_slice(&bytes).map_err(|fault| Fault::Unreachable(format!("its answer: {fault}")))
    }

    /// The body of a success. What an error's body says is not looked at: it may repeat secrets.
    async fn bytes(&self, request: RequestBuilder) -> Result<Vec<u8>> {
        let broken = |fault: reqwest::Error| Fault::Unreachable(fault.without_url().to_string());
        let mut answer = request.send().await.map_err(broken)?;
        if !answer.status().is_success() {
            return Err(Fault::Unreachable(format!("it answered {}", answer.status())));
        }
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(broken)? {
            if body.len() + part.len() > MOST {
                return Err(Fault::Unreachable(format!("its answer has more than {MOST} bytes")));
            }
            body.extend_from_slice(&part);
        }
        Ok(body)
    }
}

/// A description counts when it is the issuer's own and leads nowhere else.
fn check(description: &Description, issuer: &str) -> Result<()> {
    let wrong = |what: String| Err(Fault::Unreachable(format!("its description: {what}")));
    let Ok(own) = Url::parse(issuer) else { return wrong("the issuer is no address".into()) };
    if description.issuer != issuer {
        return wrong("it is another issuer's".into());
    }
    let always = [&description.authorization_endpoint, &description.token_endpoint, &description.jwks_uri];
    let perhaps = [&description.userinfo_endpoint, &description.end_session_endpoint];
    for address in always.into_iter().chain(perhaps.into_iter().flatten()) {
        if address.origin() != own.origin() || !may_ask(address) {
            return wrong(format!("{} is not of the issuer's origin", address.path()));
        }
    }
    match &description.code_challenge_methods_supported {
        Some(methods) if !methods.iter().any(|method| method == "S256") => wrong("no PKCE with S256".into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::jose::tests::Signer;

    fn judged(changes: &[(&str, Value)]) -> bool {
        let mut text = json!({
            "issuer": "https://id.example/r", "authorization_endpoint": "https://id.example/a", "token_endpoint": "https://id.example/t",
            "jwks_uri": "https://id.example/k", "userinfo_endpoint": "https://id.example/u", "code_challenge_methods_supported": ["plain", "S256"],
        });
        for (name, value) in changes {
            text[*name] = value.clone();
        }
        check(&serde_json::from_value(text).unwrap(), "https://id.example/r").is_ok()
    }

    #[test]
    fn a_description_is_the_issuers_own_and_leads_nowhere_else() {
        assert!(judged(&[]));
        assert!(!judged(&[("issuer", json!("https://id.example"))]));
        for elsewhere in ["https://other.example/x", "http://id.example/x", "https://id.example:8443/x", "http://169.254.169.254/x", "http://127.0.0.1/x"] {
            for name in ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "end_session_endpoint"] {
                assert!(!judged(&[(name, json!(elsewhere))]), "{name} {elsewhere}");
            }
        }
        assert!(!judged(&[("code_challenge_methods_supported", json!(["plain"]))]));
    }

    /// A provider on this machine whose keys can be changed.
    async fn changing(keys: Arc<parking_lot::Mutex<String>>) -> Provider {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = format!("http://{}", listener.local_addr().unwrap());
        let said =
            json!({ "issuer": here, "authorization_endpoint": format!("{here}/a"), "token_endpoint": format!("{here}/t"), "jwks_uri": format!("{here}/k") });
        let router = axum::Router::new()
            .route("/.well-known/openid-configuration", axum::routing::get(async move || said.to_string()))
            .route("/k", axum::routing::get(async move || keys.lock().clone()));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Provider::new(&here).unwrap()
    }

    #[tokio::test]
    async fn keys_that_changed_are_asked_for_but_not_at_every_wrong_token() {
        let (before, after, header) = (Signer::fresh(), Signer::fresh(), json!({ "alg": "ES256", "kid": "a" }));
        let keys = Arc::new(parking_lot::Mutex::new(before.key_set()));
        let provider = changing(keys.clone()).await;
        let (old, new) = (before.token(header.clone(), &json!({ "n": 1 })), after.token(header, &json!({ "n": 2 })));
        assert!(provider.open(&old).await.is_ok());
        *keys.lock() = after.key_set();
        assert!(matches!(provider.open(&new).await, Err(Fault::Token("signature"))), "asked a moment ago");
        let long_ago = Instant::now().checked_sub(ANEW).unwrap();
        provider.known.lock().await.as_mut().unwrap().asked = long_ago;
        assert_eq!(provider.open(&new).await.unwrap().claims, json!({ "n": 2 }));
        assert!(provider.open(&old).await.is_err(), "a key that was withdrawn opens nothing");
    }
}
