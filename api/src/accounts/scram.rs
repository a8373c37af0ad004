//! SCRAM-SHA-256 verifiers (RFC 5802, RFC 7677): what the PostgreSQL door keeps instead of a password.

use std::num::NonZeroU32;

use ring::{digest, hmac, pbkdf2};
use sqlx::Row;
use sqlx::any::AnyRow;
use warehouse::error::{Error, Result};

use super::{password, token};
use crate::state::{State, fault};

/// RFC 7677 asks for 4096 at least; between 15 000 and 32 000 costs a client some ten milliseconds.
const ITERATIONS: u32 = 20_000;
const SALT_BYTES: usize = 16;
const KEY_BYTES: usize = digest::SHA256_OUTPUT_LEN;

/// A salted verifier. The client's proof is checked against `stored_key`, the server proves itself with `server_key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scram {
    pub salt: Vec<u8>,
    pub iterations: u32,
    pub stored_key: Vec<u8>,
    pub server_key: Vec<u8>,
}

/// A verifier of a password, with a new salt.
pub async fn verifier(text: &str) -> Result<Scram> {
    let salt: [u8; SALT_BYTES] = rand::random();
    // As PostgreSQL does: a text that SASLprep refuses counts as it stands.
    let text = stringprep::saslprep(text).map_or_else(|_| text.to_string(), |normal| normal.into_owned());
    password::on_thread(move || Ok(derive(text.as_bytes(), &salt, ITERATIONS))).await
}

fn derive(text: &[u8], salt: &[u8], iterations: u32) -> Scram {
    let rounds = NonZeroU32::new(iterations).unwrap_or(NonZeroU32::MIN);
    let mut salted = [0; KEY_BYTES];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, salt, text, &mut salted);
    let key = hmac::Key::new(hmac::HMAC_SHA256, &salted);
    let client_key = hmac::sign(&key, b"Client Key");
    let stored_key = digest::digest(&digest::SHA256, client_key.as_ref()).as_ref().to_vec();
    let server_key = hmac::sign(&key, b"Server Key").as_ref().to_vec();
    Scram { salt: salt.to_vec(), iterations, stored_key, server_key }
}

/// The verifier of an account's row; `None` if it has no password.
pub fn stored(row: &AnyRow) -> Result<Option<Scram>> {
    let bytes = |column: &str| -> Result<Option<Vec<u8>>> {
        let text: Option<String> = row.try_get(column).map_err(fault("accounts.scram"))?;
        text.map(|text| hex::decode(text).map_err(|e| Error::internal("accounts.scram", e))).transpose()
    };
    let iterations: Option<i64> = row.try_get("scram_iterations").map_err(fault("accounts.scram"))?;
    match (bytes("scram_salt")?, iterations, bytes("scram_stored_key")?, bytes("scram_server_key")?) {
        (Some(salt), Some(iterations), Some(stored_key), Some(server_key)) => {
            let iterations = u32::try_from(iterations).map_err(|e| Error::internal("accounts.scram", e))?;
            Ok(Some(Scram { salt, iterations, stored_key, server_key }))
        }
        _ => Ok(None),
    }
}

/// A verifier for a name that has none: the same at every try, and no proof fits it.
pub fn dummy(key: &[u8; 32], name: &str) -> Scram {
    let part = |what: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), format!("{what}\0{name}").as_bytes()).as_ref().to_vec();
    let mut salt = part("salt");
    salt.truncate(SALT_BYTES);
    Scram { salt, iterations: ITERATIONS, stored_key: part("stored"), server_key: part("server") }
}

/// The installation's key for [`dummy`], made at the first start.
pub async fn dummy_key(state: &State) -> Result<[u8; 32]> {
    sqlx::query("INSERT INTO secrets (name, value) VALUES ('dummy', $1) ON CONFLICT (name) DO NOTHING")
        .bind(hex::encode(token::random_bytes()?))
        .execute(state.pool())
        .await
        .map_err(fault("accounts.secret"))?;
    let row = sqlx::query("SELECT value FROM secrets WHERE name = 'dummy'").fetch_one(state.pool()).await.map_err(fault("accounts.secret"))?;
    let text: String = row.try_get("value").map_err(fault("accounts.secret"))?;
    let mut key = [0; 32];
    hex::decode_to_slice(text, &mut key).map_err(|e| Error::internal("accounts.secret", e))?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exchange of RFC 7677 section 3: the stored keys must verify its client proof and make its server signature.
    #[test]
    fn agrees_with_the_rfc() {
        use base64::Engine;
        let base64 = &base64::engine::general_purpose::STANDARD;
        let salt = base64.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let scram = derive(b"pencil", &salt, 4096);
        let server_first = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let auth = format!("n=user,r=rOprNGfwEbeRWgbNEkqO,{server_first},c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
        let server = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &scram.server_key), auth.as_bytes());
        assert_eq!(base64.encode(server), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &scram.stored_key), auth.as_bytes());
        let proof = base64.decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=").unwrap();
        let client_key: Vec<u8> = proof.iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
        assert_eq!(digest::digest(&digest::SHA256, &client_key).as_ref(), scram.stored_key);
    }

    #[test]
    fn an_unknown_name_always_gets_the_same_salt() {
        let key = [7; 32];
        assert_eq!(dummy(&key, "nessuno"), dummy(&key, "nessuno"));
        assert_ne!(dummy(&key, "nessuno").salt, dummy(&key, "altro").salt);
        assert_ne!(dummy(&key, "nessuno").salt, dummy(&[8; 32], "nessuno").salt);
        assert_eq!(dummy(&key, "nessuno").salt.len(), SALT_BYTES);
    }
}
