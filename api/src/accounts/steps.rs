//! Sign-ins that are half of the way: the password was right, and a code or a password of one's own is waited for.

use sqlx::Row;
use sqlx::any::AnyRow;
use warehouse::error::Result;

use super::{Accounts, token};
use crate::state::{fault, now};

/// Seconds between one step and the next.
pub const WAITS: i64 = 300;

/// The sign-in of somebody whose password was right, until the code or the password of their own is there.
#[derive(Debug, PartialEq, Eq)]
pub struct Waiting {
    pub account: String,
    /// The page of ours to go on to.
    pub back: String,
}

/// What a sign-in waits for once the password was right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Code,
    Password,
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Password => "password",
        }
    }
}

impl Accounts {
    /// Begins the wait for a step of somebody whose password was right; the secret is for a cookie.
    pub async fn begin_wait(&self, name: &str, step: Step, back: &str) -> Result<String> {
        let secret = token::random()?;
        let pool = self.state.pool();
        sqlx::query("DELETE FROM sign_in_steps WHERE expires <= $1").bind(now()).execute(pool).await.map_err(fault("steps.tidy"))?;
        sqlx::query("INSERT INTO sign_in_steps (hash, account, back, expires, step) VALUES ($1, $2, $3, $4, $5)")
            .bind(token::fingerprint(&secret))
            .bind(name)
            .bind(back)
            .bind(now() + WAITS)
            .bind(step.name())
            .execute(pool)
            .await
            .map_err(fault("steps.await"))?;
        Ok(secret)
    }

    /// Whose step is waited for; `None` when it took too long, or another step comes first.
    pub async fn awaited(&self, secret: &str, step: Step) -> Result<Option<Waiting>> {
        let row = sqlx::query("SELECT account, back FROM sign_in_steps WHERE hash = $1 AND expires > $2 AND step = $3")
            .bind(token::fingerprint(secret))
            .bind(now())
            .bind(step.name())
            .fetch_optional(self.state.pool())
            .await
            .map_err(fault("steps.awaited"))?;
        let read = |row: AnyRow| Ok(Waiting { account: row.try_get("account")?, back: row.try_get("back")? });
        row.map(read).transpose().map_err(fault("steps.awaited"))
    }

    /// Ends all waits of an account.
    pub(super) async fn end_steps(&self, name: &str) -> Result<()> {
        let done = sqlx::query("DELETE FROM sign_in_steps WHERE account = $1").bind(name).execute(self.state.pool()).await;
        done.map(drop).map_err(fault("steps.end"))
    }

    /// Ends the wait.
    pub async fn arrived(&self, secret: &str) -> Result<()> {
        let done = sqlx::query("DELETE FROM sign_in_steps WHERE hash = $1").bind(token::fingerprint(secret)).execute(self.state.pool()).await;
        done.map(drop).map_err(fault("steps.arrived"))
    }
}
