//! Sessions of browsers: 256 random bits in a cookie; only their SHA-256 is stored. A session ends when it is not used for a while, at
//! its longest time, with its account or its password, or when its owner says so.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use sqlx::Row;
use sqlx::any::AnyRow;
use warehouse::error::Result;
use warehouse::principal::Principal;

use super::{Accounts, COLUMNS, account, token};
use crate::state::{fault, now};

/// Seconds without a request after which a session is over.
pub const IDLE: i64 = 30 * 60;
/// Seconds after which it is over however much it is used: a working day.
pub const LONGEST: i64 = 10 * 3600;
/// Seconds by which the time of the last request may lag: not every request costs a write.
const LAG: i64 = 60;
/// Sessions of one account; beyond them the one that was used least lately ends.
const MOST: i64 = 20;

/// The secret of a session, as the cookie holds it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// What a cookie says, if it may be a secret of ours.
    pub fn read(text: &str) -> Option<Self> {
        let ours = text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        ours.then(|| Self(text.to_owned()))
    }

    /// For the cookie alone.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// What forms of this session carry: it follows from the secret, and the secret does not follow from it.
    pub fn form(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(format!("siss form\0{}", self.0)))
    }

    pub(super) fn hash(&self) -> String {
        hex::encode(Sha256::digest(self.0.as_bytes()))
    }
}

/// A session that is not over, as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Open {
    pub created: i64,
    pub seen: i64,
    /// The one that asks.
    pub this: bool,
}

impl Accounts {
    /// A new session of an account that has just proved who it is.
    pub async fn begin_session(&self, name: &str) -> Result<Secret> {
        let secret = Secret(token::random()?);
        let now = now();
        let pool = self.state.pool();
        sqlx::query("DELETE FROM sessions WHERE seen <= $1 OR created <= $2")
            .bind(now - IDLE)
            .bind(now - LONGEST)
            .execute(pool)
            .await
            .map_err(fault("sessions.tidy"))?;
        sqlx::query("DELETE FROM sessions WHERE hash IN (SELECT hash FROM sessions WHERE account = $1 ORDER BY seen DESC, hash LIMIT 1000 OFFSET $2)")
            .bind(name)
            .bind(MOST - 1)
            .execute(pool)
            .await
            .map_err(fault("sessions.tidy"))?;
        sqlx::query("INSERT INTO sessions (hash, account, created, seen) VALUES ($1, $2, $3, $3)")
            .bind(secret.hash())
            .bind(name)
            .bind(now)
            .execute(pool)
            .await
            .map_err(fault("sessions.begin"))?;
        Ok(secret)
    }

    /// Whose session this is; `None` if it is unknown or over.
    pub async fn session(&self, secret: &Secret) -> Result<Option<Principal>> {
        self.session_at(secret, now()).await
    }

    async fn session_at(&self, secret: &Secret, now: i64) -> Result<Option<Principal>> {
        let sql =
            format!("SELECT {COLUMNS}, s.seen FROM sessions s JOIN accounts a ON a.name = s.account WHERE s.hash = $1 AND s.seen > $2 AND s.created > $3");
        let held = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(secret.hash()).bind(now - IDLE).bind(now - LONGEST);
        let row = held.fetch_optional(self.state.pool()).await.map_err(fault("sessions.read"))?;
        let Some(row) = row else { return Ok(None) };
        let seen: i64 = row.try_get("seen").map_err(fault("sessions.read"))?;
        if now - seen >= LAG {
            let touch = sqlx::query("UPDATE sessions SET seen = $1 WHERE hash = $2").bind(now).bind(secret.hash());
            touch.execute(self.state.pool()).await.map_err(fault("sessions.touch"))?;
        }
        Ok(Some(account(&row)?.into()))
    }

    /// Ends a session; nothing happens if it is over already.
    pub async fn end_session(&self, secret: &Secret) -> Result<()> {
        sqlx::query("DELETE FROM sessions WHERE hash = $1").bind(secret.hash()).execute(self.state.pool()).await.map_err(fault("sessions.end"))?;
        Ok(())
    }

    /// A new session in place of another, for its owner in another account; it is over when the other would have been at the latest.
    pub async fn change_session(&self, before: &Secret, name: &str) -> Result<Secret> {
        let secret = self.begin_session(name).await?;
        sqlx::query("UPDATE sessions SET created = COALESCE((SELECT created FROM sessions WHERE hash = $1), created) WHERE hash = $2")
            .bind(before.hash())
            .bind(secret.hash())
            .execute(self.state.pool())
            .await
            .map_err(fault("sessions.change"))?;
        self.end_session(before).await?;
        Ok(secret)
    }

    /// When the sessions of an account that are not over began and were last used, in seconds since 1970, the one of `secret` marked.
    pub async fn open_sessions(&self, name: &str, secret: Option<&Secret>) -> Result<Vec<Open>> {
        let rows = sqlx::query("SELECT hash, created, seen FROM sessions WHERE account = $1 AND seen > $2 AND created > $3 ORDER BY seen DESC, hash")
            .bind(name)
            .bind(now() - IDLE)
            .bind(now() - LONGEST)
            .fetch_all(self.state.pool())
            .await
            .map_err(fault("sessions.list"))?;
        let this = secret.map(Secret::hash);
        let read = |row: &AnyRow| Ok(Open { created: row.try_get("created")?, seen: row.try_get("seen")?, this: Some(row.try_get("hash")?) == this });
        rows.iter().map(read).collect::<sqlx::Result<_>>().map_err(fault("sessions.list"))
    }

    /// Ends all sessions of an account but one, and the connections it has open.
    pub async fn end_other_sessions(&self, name: &str, kept: &Secret) -> Result<()> {
        self.end_connections(name).await?;
        let others = sqlx::query("DELETE FROM sessions WHERE account = $1 AND hash <> $2").bind(name).bind(kept.hash());
        others.execute(self.state.pool()).await.map(drop).map_err(fault("sessions.end"))
    }

    /// Ends all sessions of an account, and the connections it has open ([`super::standing`]).
    pub async fn end_sessions(&self, name: &str) -> Result<()> {
        self.end_connections(name).await?;
        sqlx::query("DELETE FROM sessions WHERE account = $1").bind(name).execute(self.state.pool()).await.map_err(fault("sessions.end"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::tests::{catalog, comune};
    use crate::state::State;
    use crate::state::tests::Postgres;

    async fn lives_and_ends(url: &str) {
        let accounts = Accounts::new(State::open(url).await.unwrap()).await.unwrap();
        accounts.add(&catalog(), &comune("a")).await.unwrap();
        let (one, two) = (accounts.begin_session("a").await.unwrap(), accounts.begin_session("a").await.unwrap());
        assert!(one != two && one.form() != two.form() && !one.form().contains(one.text()));
        let start = now();
        let there = async |secret: &Secret, at: i64| accounts.session_at(secret, at).await.unwrap().map(|who| who.account);
        assert_eq!(there(&one, start).await.as_deref(), Some("a"));
        assert_eq!(there(&Secret(one.form()), start).await, None, "what forms carry opens nothing");
        // Used every twenty minutes it lives to its longest time and no longer.
        for at in (0..LONGEST - 60).step_by(20 * 60) {
            assert!(there(&one, start + at).await.is_some(), "{at}");
        }
        assert_eq!(there(&one, start + LONGEST + 1).await, None);
        // Not used it ends after the idle time.
        assert_eq!(there(&two, start + IDLE + 1).await, None);
        assert!(there(&two, start).await.is_some());
        accounts.end_session(&two).await.unwrap();
        assert_eq!(there(&two, start).await, None);
        let three = accounts.begin_session("a").await.unwrap();
        accounts.set_password("a", "un'altra frase lunga").await.unwrap();
        assert_eq!(there(&three, start).await, None, "a new password ends what the old one began");
        let mut last = None;
        for _ in 0..MOST + 3 {
            last = Some(accounts.begin_session("a").await.unwrap());
        }
        let (open,): (i64,) = sqlx::query_as("SELECT count(*) FROM sessions").fetch_one(accounts.state.pool()).await.unwrap();
        assert_eq!(open, MOST);
        assert!(accounts.remove("a").await.unwrap());
        assert_eq!(there(&last.unwrap(), start).await, None);
        accounts.close().await;
    }

    #[tokio::test]
    async fn a_session_lives_and_ends_in_sqlite() {
        let dir = tempfile::tempdir().unwrap();
        lives_and_ends(&crate::state::sqlite_url(&dir.path().join("siss.db")).unwrap()).await;
    }

    #[tokio::test]
    async fn a_session_lives_and_ends_in_postgres() {
        let Some(server) = Postgres::start().await else { return };
        lives_and_ends(&server.url()).await;
    }

    #[test]
    fn only_what_may_be_ours_is_looked_up() {
        for text in ["", "a", &"a".repeat(44), &format!("{}=", "a".repeat(42))] {
            assert!(Secret::read(text).is_none(), "{text}");
        }
    }
}
