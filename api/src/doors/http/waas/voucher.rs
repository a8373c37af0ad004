//! PDND vouchers: signed tokens (RFC 9068, RFC 8725) of a platform whose public keys are in a file (JWKS, RFC 7517).

use std::path::Path;

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;

/// Seconds by which two clocks may differ.
const CLOCKS: i64 = 30;
/// A voucher is a few hundred characters.
const LONGEST: usize = 16 << 10;

/// The keys and the audience that vouchers are checked against.
#[derive(Debug)]
pub struct Vouchers {
    keys: Vec<(Option<String>, Key)>,
    audience: String,
}

#[derive(Debug)]
enum Key {
    /// Modulus and exponent.
    Rsa(Vec<u8>, Vec<u8>),
    /// An uncompressed point of P-256.
    P256(Vec<u8>),
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(tag = "kty")]
enum Written {
    #[serde(rename = "RSA")]
    Rsa { kid: Option<String>, n: String, e: String },
    #[serde(rename = "EC")]
    Ec { kid: Option<String>, crv: String, x: String, y: String },
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Extensions that must be understood: we understand none.
    crit: Option<serde_json::Value>,
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
    pub fn load(file: &Path, audience: &str) -> anyhow::Result<Self> {
        let place = || file.display().to_string();
        let set: KeySet = serde_json::from_slice(&std::fs::read(file).with_context(place)?).with_context(place)?;
        let keys: Vec<_> = set.keys.into_iter().filter_map(key).collect();
        if keys.is_empty() {
            bail!("{}: no RSA or P-256 key", place());
        }
        Ok(Self { keys, audience: audience.to_owned() })
    }

    /// The client a voucher was given to; `now` in seconds since 1970. The error is for the log only.
    pub fn check(&self, token: &str, now: i64) -> Result<String, &'static str> {
        let parts: Vec<&str> = token.split('.').collect();
        let [head, body, signature] = parts[..] else { return Err("not three parts") };
        if token.len() > LONGEST {
            return Err("too long");
        }
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| "not Base64");
        let header: Header = serde_json::from_slice(&decode(head)?).map_err(|_| "header")?;
        if header.crit.is_some() {
            return Err("an extension that is not understood");
        }
        let signed = &token.as_bytes()[..head.len() + 1 + body.len()];
        let signature = decode(signature)?;
        let mut candidates = self.keys.iter().filter(|(kid, _)| header.kid.is_none() || *kid == header.kid).map(|(_, key)| key);
        if !candidates.any(|key| key.verifies(&header.alg, signed, &signature)) {
            return Err("signature");
        }
        let claims: Claims = serde_json::from_slice(&decode(body)?).map_err(|_| "claims")?;
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
        let client: String = claims.client_id.or(claims.sub).unwrap_or_default().chars().filter(|c| !c.is_control()).take(100).collect();
        Ok(format!("pdnd:{client}"))
    }
}

impl Key {
    /// The algorithm is that of the key, whatever the token would like.
    fn verifies(&self, algorithm: &str, signed: &[u8], signature: &[u8]) -> bool {
        match (self, algorithm) {
            (Self::Rsa(n, e), "RS256") => RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature).is_ok(),
            (Self::P256(point), "ES256") => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, signature).is_ok(),
            _ => false,
        }
    }
}

fn key(written: serde_json::Value) -> Option<(Option<String>, Key)> {
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
    match serde_json::from_value(written).ok()? {
        Written::Rsa { kid, n, e } => Some((kid, Key::Rsa(decode(&n)?, decode(&e)?))),
        Written::Ec { kid, crv, x, y } if crv == "P-256" => {
            let (x, y) = (decode(&x)?, decode(&y)?);
            (x.len() == 32 && y.len() == 32).then(|| (kid, Key::P256([&[4], x.as_slice(), y.as_slice()].concat())))
        }
        Written::Ec { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    use serde_json::{Value, json};

    use super::*;

    const NOW: i64 = 1_800_000_000;

    struct Platform {
        pair: EcdsaKeyPair,
        random: SystemRandom,
    }

    impl Platform {
        fn new() -> Self {
            let random = SystemRandom::new();
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
            Self { pair: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap(), random }
        }

        fn vouchers(&self) -> Vouchers {
            let point = self.pair.public_key().as_ref();
            let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
            let set =
                json!({ "keys": [{ "kty": "oct", "k": "x" }, { "kty": "EC", "crv": "P-256", "kid": "a", "x": part(&point[1..33]), "y": part(&point[33..]) }] });
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), set.to_string()).unwrap();
            Vouchers::load(file.path(), "https://siss/waas/v1").unwrap()
        }

        fn token(&self, header: Value, claims: Value) -> String {
            let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
            let signature = self.pair.sign(&self.random, text.as_bytes()).unwrap();
            format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
        }
    }

    #[test]
    fn only_a_right_voucher_opens() {
        let platform = Platform::new();
        let vouchers = platform.vouchers();
        let right = json!({ "aud": "https://siss/waas/v1", "exp": NOW + 60, "nbf": NOW, "client_id": "inps" });
        let with = |name: &str, value: Value| {
            let mut claims = right.clone();
            claims[name] = value;
            platform.token(json!({ "alg": "ES256", "kid": "a" }), claims)
        };
        assert_eq!(vouchers.check(&with("x", json!(1)), NOW).as_deref(), Ok("pdnd:inps"));
        assert_eq!(vouchers.check(&with("aud", json!(["other", "https://siss/waas/v1"])), NOW).as_deref(), Ok("pdnd:inps"));
        assert_eq!(vouchers.check(&with("aud", json!("https://other")), NOW), Err("audience"));
        assert_eq!(vouchers.check(&with("exp", json!(NOW)), NOW), Err("expired"));
        assert_eq!(vouchers.check(&with("nbf", json!(NOW + 3600)), NOW), Err("not valid yet"));
        let header = |header: Value| platform.token(header, right.clone());
        for wrong in [json!({ "alg": "none" }), json!({ "alg": "HS256", "kid": "a" }), json!({ "alg": "RS256" }), json!({ "alg": "ES256", "kid": "b" })] {
            assert_eq!(vouchers.check(&header(wrong), NOW), Err("signature"));
        }
        assert!(vouchers.check(&header(json!({ "alg": "ES256", "crit": ["x"] })), NOW).is_err());
        let foreign = Platform::new().token(json!({ "alg": "ES256", "kid": "a" }), right.clone());
        assert_eq!(vouchers.check(&foreign, NOW), Err("signature"));
        let unsigned = with("x", json!(1));
        assert!(vouchers.check(unsigned.rsplit_once('.').unwrap().0, NOW).is_err());
    }
}
