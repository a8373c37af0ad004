//! Sign-ins under way, in the state store: each is used once, within ten minutes, by the browser that began it.

use sha2::{Digest, Sha256};
use sqlx::Row;
use warehouse::error::{Error, Kind, Result};

use crate::accounts::random;
use crate::state::{State, fault, now};

/// Seconds within which a person signs in at the provider.
pub const LASTS: i64 = 600;
/// Sign-ins under way at once: who only begins them cannot fill the store.
const MOST: i64 = 20_000;

/// What the browser is sent away with, and comes back with.
pub struct Begun {
    pub state: String,
    pub nonce: String,
    pub verifier: String,
    /// For the cookie.
    pub browser: String,
}

/// What is known of a sign-in that came back.
#[derive(Debug)]
pub struct Kept {
    pub nonce: String,
    pub verifier: String,
    /// The page of ours to go on to.
    pub back: String,
}

pub async fn begin(store: &State, back: &str) -> Result<Begun> {
    let begun = Begun { state: random()?, nonce: random()?, verifier: random()?, browser: random()? };
    let pool = store.pool();
    let now = now();
    sqlx::query("DELETE FROM oidc_transactions WHERE expires <= $1").bind(now).execute(pool).await.map_err(fault("oidc.tidy"))?;
    let (open,): (i64,) = sqlx::query_as("SELECT count(*) FROM oidc_transactions").fetch_one(pool).await.map_err(fault("oidc.count"))?;
    if open >= MOST {
        return Err(Error::new(Kind::Busy, "oidc.busy", "too many sign-ins at once, try again"));
    }
    sqlx::query("INSERT INTO oidc_transactions (state, browser, nonce, verifier, back, expires) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(hash(&begun.state))
        .bind(hash(&begun.browser))
        .bind(&begun.nonce)
        .bind(&begun.verifier)
        .bind(back)
        .bind(now + LASTS)
        .execute(pool)
        .await
        .map_err(fault("oidc.begin"))?;
    Ok(begun)
}

/// Takes a sign-in out of the store; `None` if there is none of this state, it took too long, or another browser began it. Whatever the
/// outcome, it cannot be used again.
pub async fn take(store: &State, state: &str, browser: &str) -> Result<Option<Kept>> {
    take_at(store, state, browser, now()).await
}

async fn take_at(store: &State, state: &str, browser: &str, now: i64) -> Result<Option<Kept>> {
    let row = sqlx::query("DELETE FROM oidc_transactions WHERE state = $1 RETURNING browser, nonce, verifier, back, expires")
        .bind(hash(state))
        .fetch_optional(store.pool())
        .await
        .map_err(fault("oidc.take"))?;
    let Some(row) = row else { return Ok(None) };
    let text = |column: &str| row.try_get::<String, _>(column).map_err(fault("oidc.take"));
    let expires: i64 = row.try_get("expires").map_err(fault("oidc.take"))?;
    if expires <= now || text("browser")? != hash(browser) {
        return Ok(None);
    }
    Ok(Some(Kept { nonce: text("nonce")?, verifier: text("verifier")?, back: text("back")? }))
}

/// Only hashes are looked up and kept: a copy of the store continues nobody's sign-in.
fn hash(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::tests::Postgres;

    async fn used_once(url: &str) {
        let store = State::open(url).await.unwrap();
        let one = begin(&store, "/sql").await.unwrap();
        let parts = [&one.state, &one.nonce, &one.verifier, &one.browser];
        assert!(parts.iter().all(|part| part.len() == 43) && one.state != one.nonce && one.nonce != one.verifier);
        assert!(take(&store, &one.nonce, &one.browser).await.unwrap().is_none(), "another state");
        let kept = take(&store, &one.state, &one.browser).await.unwrap().unwrap();
        assert_eq!((kept.nonce, kept.verifier, kept.back), (one.nonce, one.verifier, "/sql".to_owned()));
        assert!(take(&store, &one.state, &one.browser).await.unwrap().is_none(), "a second time");
        let other = begin(&store, "/").await.unwrap();
        assert!(take(&store, &other.state, &one.browser).await.unwrap().is_none(), "another browser");
        assert!(take(&store, &other.state, &other.browser).await.unwrap().is_none(), "after another browser tried");
        let late = begin(&store, "/").await.unwrap();
        assert!(take_at(&store, &late.state, &late.browser, now() + LASTS + 1).await.unwrap().is_none(), "too late");
        store.close().await;
    }

    #[tokio::test]
    async fn a_sign_in_is_used_once_in_sqlite() {
        let dir = tempfile::tempdir().unwrap();
        used_once(&crate::state::sqlite_url(&dir.path().join("siss.db")).unwrap()).await;
    }

    #[tokio::test]
    async fn a_sign_in_is_used_once_in_postgres() {
        let Some(server) = Postgres::start().await else { return };
        used_once(&server.url()).await;
    }
}
