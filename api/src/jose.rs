//! Signed tokens (JWS, RFC 7515) against a set of public keys (JWKS, RFC 7517): vouchers of PDND, and what an identity provider says.
//! The algorithm is that of the key, whatever a token would like (RFC 8725).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::Value;

/// A token is a few hundred characters, with all a provider knows of a person a few thousand.
const LONGEST: usize = 16 << 10;

/// Public keys by the names that tokens give.
#[derive(Debug)]
pub struct KeySet(Vec<(Option<String>, Key)>);

#[derive(Debug)]
enum Key {
    /// Modulus and exponent; RS256.
    Rsa(Vec<u8>, Vec<u8>),
    /// An uncompressed point of P-256; ES256.
    P256(Vec<u8>),
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(tag = "kty")]
enum Written {
    #[serde(rename = "RSA")]
    Rsa { n: String, e: String },
    #[serde(rename = "EC")]
    Ec { crv: String, x: String, y: String },
}

/// What a key says of itself beside its numbers.
#[derive(Deserialize)]
struct Meant {
    kid: Option<String>,
    r#use: Option<String>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    /// Extensions that must be understood: we understand none.
    crit: Option<Value>,
}

/// A token whose signature is one of a key set's.
#[derive(Debug, PartialEq)]
pub struct Signed {
    /// What kind of token it says it is.
    pub kind: Option<String>,
    pub claims: Value,
}

impl KeySet {
    /// Reads a key set. One without a key that can be used is an error; keys of other kinds, or to encrypt with, are left out.
    pub fn read(text: &[u8]) -> Result<Self, String> {
        let set: Keys = serde_json::from_slice(text).map_err(|e| e.to_string())?;
        let keys: Vec<_> = set.keys.into_iter().filter_map(key).collect();
        if keys.is_empty() { Err("no RSA or P-256 key".into()) } else { Ok(Self(keys)) }
    }

    /// What a token says, if one of these keys signed it. Times and who it is for are the caller's to check. The error is for the log only.
    pub fn open(&self, token: &str) -> Result<Signed, &'static str> {
        if token.len() > LONGEST {
            return Err("too long");
        }
        let parts: Vec<&str> = token.split('.').collect();
        let [head, body, signature] = parts[..] else { return Err("not three parts") };
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| "not Base64");
        let header: Header = serde_json::from_slice(&decode(head)?).map_err(|_| "header")?;
        if header.crit.is_some() {
            return Err("an extension that is not understood");
        }
        let signed = &token.as_bytes()[..head.len() + 1 + body.len()];
        let signature = decode(signature)?;
        let mut candidates = self.0.iter().filter(|(kid, _)| header.kid.is_none() || *kid == header.kid).map(|(_, key)| key);
        if !candidates.any(|key| key.verifies(&header.alg, signed, &signature)) {
            return Err("signature");
        }
        let claims = serde_json::from_slice(&decode(body)?).map_err(|_| "claims")?;
        Ok(Signed { kind: header.typ, claims })
    }
}

impl Key {
    fn verifies(&self, algorithm: &str, signed: &[u8], signature: &[u8]) -> bool {
        match (self, algorithm) {
            (Self::Rsa(n, e), "RS256") => RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature).is_ok(),
            (Self::P256(point), "ES256") => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, signature).is_ok(),
            _ => false,
        }
    }
}

fn key(written: Value) -> Option<(Option<String>, Key)> {
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
    let meant: Meant = serde_json::from_value(written.clone()).ok()?;
    if meant.r#use.is_some_and(|meant| meant != "sig") {
        return None;
    }
    match serde_json::from_value(written).ok()? {
        Written::Rsa { n, e } => Some((meant.kid, Key::Rsa(decode(&n)?, decode(&e)?))),
        Written::Ec { crv, x, y } if crv == "P-256" => {
            let (x, y) = (decode(&x)?, decode(&y)?);
            (x.len() == 32 && y.len() == 32).then(|| (meant.kid, Key::P256([&[4], x.as_slice(), y.as_slice()].concat())))
        }
        Written::Ec { .. } => None,
    }
}

#[cfg(test)]
pub mod tests {
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    use serde_json::json;

    use super::*;

    /// Who signs in tests: one P-256 key called `a`.
    pub struct Signer {
        pair: EcdsaKeyPair,
        random: SystemRandom,
    }

    impl Signer {
        pub fn fresh() -> Self {
            let random = SystemRandom::new();
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
            Self { pair: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap(), random }
        }

        pub fn written(&self) -> Value {
            let point = self.pair.public_key().as_ref();
            let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
            json!({ "kty": "EC", "crv": "P-256", "kid": "a", "x": part(&point[1..33]), "y": part(&point[33..]) })
        }

        pub fn key_set(&self) -> String {
            json!({ "keys": [{ "kty": "oct", "k": "x" }, self.written()] }).to_string()
        }

        pub fn token(&self, header: Value, claims: &Value) -> String {
            let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
            let signature = self.pair.sign(&self.random, text.as_bytes()).unwrap();
            format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
        }
    }

    #[test]
    fn only_a_token_of_a_known_key_and_its_algorithm_opens() {
        let signer = Signer::fresh();
        let keys = KeySet::read(signer.key_set().as_bytes()).unwrap();
        let claims = json!({ "sub": "x" });
        let header = |header: Value| keys.open(&signer.token(header, &claims));
        assert_eq!(header(json!({ "alg": "ES256", "kid": "a", "typ": "JWT" })), Ok(Signed { kind: Some("JWT".into()), claims: claims.clone() }));
        assert!(header(json!({ "alg": "ES256" })).is_ok(), "without a name each key is tried");
        for wrong in [json!({ "alg": "none" }), json!({ "alg": "HS256", "kid": "a" }), json!({ "alg": "RS256" }), json!({ "alg": "ES256", "kid": "b" })] {
            assert_eq!(header(wrong), Err("signature"));
        }
        assert!(header(json!({ "alg": "ES256", "crit": ["x"] })).is_err());
        assert_eq!(keys.open(&Signer::fresh().token(json!({ "alg": "ES256", "kid": "a" }), &claims)), Err("signature"));
        let right = signer.token(json!({ "alg": "ES256" }), &claims);
        assert!(keys.open(right.rsplit_once('.').unwrap().0).is_err() && keys.open(&format!("{right}.")).is_err());
    }

    #[test]
    fn a_set_without_a_key_to_verify_with_is_refused() {
        let mut encrypting = Signer::fresh().written();
        encrypting["use"] = json!("enc");
        for keys in [json!([]), json!([{ "kty": "oct", "k": "x" }]), json!([encrypting])] {
            assert!(KeySet::read(json!({ "keys": keys }).to_string().as_bytes()).is_err());
        }
    }
}
