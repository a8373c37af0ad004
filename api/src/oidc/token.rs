//! What an ID token must say before it is believed (OpenID Connect Core 1.0, section 3.1.3.7).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Seconds by which two clocks may differ.
const CLOCKS: i64 = 60;
/// Seconds since a token was made after which it is not of this sign-in.
const OLDEST: i64 = 600;

/// What is asked of a token; `now` in seconds since 1970.
pub struct Expected<'a> {
    pub issuer: &'a str,
    pub client: &'a str,
    pub nonce: &'a str,
    /// The access token that came with it, if it came with one.
    pub access: Option<&'a str>,
    pub now: i64,
}

/// The subject of a token that is right. The error is for the log only.
pub fn subject<'a>(claims: &'a Value, expected: &Expected<'_>) -> Result<&'a str, &'static str> {
    whose(claims, expected.issuer, expected.client)?;
    fresh(claims, expected.now)?;
    if time(claims, "exp")?.is_none_or(|end| end <= expected.now - CLOCKS) {
        return Err("expired");
    }
    if claims["nonce"].as_str() != Some(expected.nonce) {
        return Err("nonce");
    }
    if let (Some(said), Some(access)) = (claims["at_hash"].as_str(), expected.access)
        && said != URL_SAFE_NO_PAD.encode(&Sha256::digest(access)[..16])
    {
        return Err("at_hash");
    }
    text(claims, "sub").ok_or("no subject")
}

/// The session that a logout token ends (Back-Channel Logout 1.0, section 2.6): subject, session of the provider, or both; `id` is the
/// token's own name.
#[derive(Debug, PartialEq)]
pub struct Ended<'a> {
    pub subject: Option<&'a str>,
    pub session: Option<&'a str>,
}

pub fn ended<'a>(claims: &'a Value, issuer: &str, client: &str, now: i64) -> Result<Ended<'a>, &'static str> {
    whose(claims, issuer, client)?;
    fresh(claims, now)?;
    if time(claims, "exp")?.is_some_and(|end| end <= now - CLOCKS) {
        return Err("expired");
    }
    if !claims["events"]["http://schemas.openid.net/event/backchannel-logout"].is_object() {
        return Err("not a logout token");
    }
    // An ID token that somebody got hold of is no logout token.
    if claims.get("nonce").is_some() {
        return Err("nonce");
    }
    let ended = Ended { subject: text(claims, "sub"), session: text(claims, "sid") };
    if ended.subject.is_none() && ended.session.is_none() { Err("no subject and no session") } else { Ok(ended) }
}

fn whose(claims: &Value, issuer: &str, client: &str) -> Result<(), &'static str> {
    if claims["iss"].as_str() != Some(issuer) {
        return Err("issuer");
    }
    let several = match &claims["aud"] {
        Value::String(one) if one == client => false,
        Value::Array(some) if some.iter().any(|one| one == client) => some.len() > 1,
        _ => return Err("audience"),
    };
    match claims["azp"].as_str() {
        Some(party) if party == client => Ok(()),
        None if !several => Ok(()),
        _ => Err("authorized party"),
    }
}

fn fresh(claims: &Value, now: i64) -> Result<(), &'static str> {
    let made = time(claims, "iat")?.ok_or("no time")?;
    let from = time(claims, "nbf")?.unwrap_or(made);
    if made > now + CLOCKS || from > now + CLOCKS {
        return Err("not valid yet");
    }
    if made < now - OLDEST { Err("too old") } else { Ok(()) }
}

/// A claim that is a time. One that is there and is no number is not taken for absent (CVE-2026-25537 did that in a library).
fn time(claims: &Value, name: &str) -> Result<Option<i64>, &'static str> {
    match &claims[name] {
        Value::Null => Ok(None),
        value => value.as_i64().map(Some).ok_or("a time that is no number"),
    }
}

/// A claim that is a text, not empty and of a sensible length.
pub fn text<'a>(claims: &'a Value, name: &str) -> Option<&'a str> {
    claims.get(name)?.as_str().map(str::trim).filter(|text| !text.is_empty() && text.len() <= 255)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn judged(changes: &[(&str, Value)]) -> Result<String, &'static str> {
        let access = "ya29.token";
        let mut claims = json!({
            "iss": "https://id.example", "aud": "siss", "sub": "x-1", "nonce": "n", "iat": NOW - 5, "exp": NOW + 60,
            "at_hash": URL_SAFE_NO_PAD.encode(&Sha256::digest(access)[..16]),
        });
        for (name, value) in changes {
            claims[*name] = value.clone();
        }
        subject(&claims, &Expected { issuer: "https://id.example", client: "siss", nonce: "n", access: Some(access), now: NOW }).map(str::to_owned)
    }

    #[test]
    fn a_token_is_ours_fresh_and_of_this_sign_in() {
        assert_eq!(judged(&[]).as_deref(), Ok("x-1"));
        assert!(judged(&[("aud", json!(["siss", "other"])), ("azp", json!("siss"))]).is_ok());
        assert!(judged(&[("iat", json!(NOW + 30))]).is_ok() && judged(&[("exp", json!(NOW - 30))]).is_ok(), "clocks differ");
        let wrong: [(&str, &[(&str, Value)]); 17] = [
            ("a time that is no number", &[("nbf", json!("9999999999"))]),
            ("a time that is no number", &[("exp", json!("never"))]),
            ("a time that is no number", &[("iat", json!(1.5))]),
            ("issuer", &[("iss", json!("https://id.example/"))]),
            ("issuer", &[("iss", json!(null))]),
            ("audience", &[("aud", json!("other"))]),
            ("audience", &[("aud", json!(["other"]))]),
            ("authorized party", &[("aud", json!(["siss", "other"]))]),
            ("authorized party", &[("azp", json!("other"))]),
            ("expired", &[("exp", json!(NOW - 120))]),
            ("expired", &[("exp", json!(null))]),
            ("no time", &[("iat", json!(null))]),
            ("too old", &[("iat", json!(NOW - 3600))]),
            ("not valid yet", &[("nbf", json!(NOW + 3600))]),
            ("nonce", &[("nonce", json!("m"))]),
            ("at_hash", &[("at_hash", json!("AAAA"))]),
            ("no subject", &[("sub", json!(" "))]),
        ];
        for (reason, changes) in wrong {
            assert_eq!(judged(changes), Err(reason), "{changes:?}");
        }
    }

    #[test]
    fn a_logout_token_is_no_id_token() {
        let event = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
        let right = json!({ "iss": "i", "aud": "siss", "iat": NOW, "exp": NOW + 60, "jti": "1", "sid": "s", "events": event });
        assert_eq!(ended(&right, "i", "siss", NOW), Ok(Ended { subject: None, session: Some("s") }));
        for (name, value) in [
            ("nonce", json!("n")),
            ("events", json!({})),
            ("iss", json!("j")),
            ("aud", json!("x")),
            ("sid", json!(null)),
            ("iat", json!(1)),
            ("exp", json!("never")),
        ] {
            let mut wrong = right.clone();
            wrong[name] = value;
            assert!(ended(&wrong, "i", "siss", NOW).is_err(), "{name}");
        }
    }
}
