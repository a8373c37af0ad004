//! Tokens of machines: 256 random bits, shown once; only their SHA-256 is stored.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use sqlx::Row;
use warehouse::error::{Error, Kind, Result};
use warehouse::principal::Principal;

use super::{Accounts, COLUMNS, account, unknown};
use crate::state::{fault, now};

/// So that secret scanners and people know what they see.
const PREFIX: &str = "siss_";
/// Characters of the hash that name a token in lists.
const ID_LENGTH: usize = 12;

/// A token as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct TokenInfo {
    /// Names the token, opens nothing.
    pub id: String,
    pub account: String,
    pub label: String,
    /// Seconds since 1970.
    pub created: i64,
    pub expires: i64,
}

impl Accounts {
    /// Makes a bearer token of an account that holds for `ttl`. The text is not kept anywhere.
    pub async fn issue_token(&self, name: &str, label: &str, ttl: Duration) -> Result<String> {
        if self.row(name).await?.is_none() {
            return Err(unknown(name));
        }
        let token = format!("{PREFIX}{}", random()?);
        let expires = now().saturating_add(i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX));
        sqlx::query("INSERT INTO tokens (hash, account, label, created, expires) VALUES ($1, $2, $3, $4, $5)")
            .bind(fingerprint(&token))
            .bind(name)
            .bind(label)
            .bind(now())
            .bind(expires)
            .execute(self.state.pool())
            .await
            .map_err(fault("tokens.issue"))?;
        Ok(token)
    }

    /// Whose token this is; `None` if it is unknown, revoked or past its time.
    pub async fn token(&self, token: &str) -> Result<Option<Principal>> {
        if !token.starts_with(PREFIX) || token.len() > 100 {
            return Ok(None);
        }
        let sql = format!("SELECT {COLUMNS} FROM tokens t JOIN accounts a ON a.name = t.account WHERE t.hash = $1 AND t.expires > $2");
        let held = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(fingerprint(token)).bind(now());
        let row = held.fetch_optional(self.state.pool()).await.map_err(fault("tokens.read"))?;
        row.map(|row| account(&row).map(Principal::from)).transpose()
    }

    /// The tokens of an account that still hold.
    pub async fn tokens(&self, name: &str) -> Result<Vec<TokenInfo>> {
        let rows = sqlx::query("SELECT hash, account, label, created, expires FROM tokens WHERE account = $1 AND expires > $2 ORDER BY created, hash")
            .bind(name)
            .bind(now())
            .fetch_all(self.state.pool())
            .await
            .map_err(fault("tokens.list"))?;
        rows.iter()
            .map(|row| {
                let hash: String = row.try_get("hash")?;
                let id = hash.chars().take(ID_LENGTH).collect();
                Ok(TokenInfo {
                    id,
                    account: row.try_get("account")?,
                    label: row.try_get("label")?,
                    created: row.try_get("created")?,
                    expires: row.try_get("expires")?,
                })
            })
            .collect::<sqlx::Result<_>>()
            .map_err(fault("tokens.list"))
    }

    /// Ends a token, named by its text or by its id; false if there is none.
    pub async fn revoke_token(&self, token: &str) -> Result<bool> {
        let hash = if token.starts_with(PREFIX) { fingerprint(token) } else { token.to_string() };
        if hash.len() < ID_LENGTH || !hash.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(Error::new(Kind::Invalid, "tokens.id", "a token is named by its text or by the id that the list shows"));
        }
        let done = sqlx::query("DELETE FROM tokens WHERE hash LIKE $1 OR expires <= $2").bind(format!("{hash}%")).bind(now()).execute(self.state.pool()).await;
        Ok(done.map_err(fault("tokens.revoke"))?.rows_affected() > 0)
    }
}

/// Only a hash is looked up, so that the time of the search says nothing about a token.
pub(super) fn fingerprint(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

/// 256 bits from the system.
pub fn random_bytes() -> Result<[u8; 32]> {
    use ring::rand::SecureRandom;
    let mut bytes = [0; 32];
    ring::rand::SystemRandom::new().fill(&mut bytes).map_err(|e| Error::internal("accounts.random", e.to_string()))?;
    Ok(bytes)
}

/// 256 bits as text.
pub fn random() -> Result<String> {
    Ok(URL_SAFE_NO_PAD.encode(random_bytes()?))
}
