//! PDND vouchers: signed tokens (RFC 9068) of a platform whose public keys are in a file.

use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

use crate::jose::KeySet;

/// `typ` of an access token (RFC 9068 §2.1).
const KINDS: [&str; 2] = ["at+jwt", "application/at+jwt"];
/// Seconds by which two clocks may differ.
const CLOCKS: i64 = 30;

/// What vouchers are checked against.
#[derive(Debug)]
pub struct Vouchers {
    keys: KeySet,
    audience: String,
    /// Who may come; empty: each to whom the platform gave a voucher for this audience.
    clients: Vec<String>,
}

#[derive(Deserialize)]
struct Claims {
    aud: Audience,
    exp: i64,
    nbf: Option<i64>,
    sub: Option<String>,
    client_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Some(Vec<String>),
}

impl Vouchers {
    /// Reads a key set. A file without a key that can be used is an error; keys of other kinds are left out.
    pub fn load(file: &Path, audience: &str, clients: &[String]) -> anyhow::Result<Self> {
        let place = || file.display().to_string();
        let keys = KeySet::read(&std::fs::read(file).with_context(place)?).map_err(anyhow::Error::msg).with_context(place)?;
        Ok(Self { keys, audience: audience.to_owned(), clients: clients.to_vec() })
    }

    /// The client a voucher was given to; `now` in seconds since 1970. The error is for the log only.
    pub fn check(&self, token: &str, now: i64) -> Result<String, &'static str> {
        let signed = self.keys.open(token)?;
        // Made by the same keys for another use, such as proof of who the client is.
        if !signed.kind.as_deref().is_some_and(|kind| KINDS.iter().any(|ours| kind.eq_ignore_ascii_case(ours))) {
            return Err("kind");
        }
        let claims: Claims = serde_json::from_value(signed.claims).map_err(|_| "claims")?;
        let meant = match &claims.aud {
            Audience::One(one) => *one == self.audience,
            Audience::Some(some) => some.contains(&self.audience),
        };
        if !meant {
            return Err("audience");
        }
        if claims.exp <= now {
            return Err("expired");
        }
        if claims.nbf.is_some_and(|from| from > now + CLOCKS) {
            return Err("not valid yet");
        }
        let client = claims.client_id.or(claims.sub).unwrap_or_default();
        if !self.clients.is_empty() && !self.clients.contains(&client) {
            return Err("client");
        }
        let client: String = client.chars().filter(|c| !c.is_control()).take(100).collect();
        Ok(format!("pdnd:{client}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::jose::tests::Signer;

    const NOW: i64 = 1_800_000_000;

    fn vouchers(platform: &Signer, clients: &[&str]) -> Vouchers {
        let clients: Vec<String> = clients.iter().map(ToString::to_string).collect();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), platform.key_set()).unwrap();
        Vouchers::load(file.path(), "https://siss/waas/v1", &clients).unwrap()
    }

    #[test]
    fn only_a_right_voucher_opens() {
        let platform = Signer::fresh();
        let (named, vouchers) = (vouchers(&platform, &["inps", "inps-prova"]), vouchers(&platform, &[]));
        let right = json!({ "aud": "https://siss/waas/v1", "exp": NOW + 60, "nbf": NOW, "client_id": "inps" });
        let with = |name: &str, value: Value| {
            let mut claims = right.clone();
            claims[name] = value;
            platform.token(json!({ "alg": "ES256", "kid": "a", "typ": "at+jwt" }), &claims)
        };
        assert_eq!(vouchers.check(&with("x", json!(1)), NOW).as_deref(), Ok("pdnd:inps"));
        assert_eq!(vouchers.check(&with("client_id", json!("altri")), NOW).as_deref(), Ok("pdnd:altri"));
        assert_eq!(named.check(&with("x", json!(1)), NOW).as_deref(), Ok("pdnd:inps"));
        for client in [json!("altri"), json!(""), json!(null)] {
            assert_eq!(named.check(&with("client_id", client), NOW), Err("client"));
        }
        assert_eq!(vouchers.check(&with("aud", json!(["other", "https://siss/waas/v1"])), NOW).as_deref(), Ok("pdnd:inps"));
        assert_eq!(vouchers.check(&with("aud", json!("https://other")), NOW), Err("audience"));
        assert_eq!(vouchers.check(&with("exp", json!(NOW)), NOW), Err("expired"));
        assert_eq!(vouchers.check(&with("nbf", json!(NOW + 3600)), NOW), Err("not valid yet"));
        for typ in [json!(null), json!("JWT"), json!("dpop+jwt")] {
            assert_eq!(vouchers.check(&platform.token(json!({ "alg": "ES256", "kid": "a", "typ": typ }), &right), NOW), Err("kind"), "{typ}");
        }
        assert_eq!(vouchers.check(&platform.token(json!({ "alg": "none" }), &right), NOW), Err("signature"));
        assert_eq!(vouchers.check(&Signer::fresh().token(json!({ "alg": "ES256", "kid": "a" }), &right), NOW), Err("signature"));
    }
}
