//! Connections that sign in once and last: what they were opened with is looked at again. Who loses the account, its password, its role or
//! the token, or is signed out, is out of these doors too.

use sha2::{Digest, Sha256};
use sqlx::Row;
use warehouse::error::Result;

use super::{Accounts, token};
use crate::state::{fault, now};

/// How an account stood when a connection was opened, and by which token, if by one.
#[derive(Clone, Debug)]
pub struct Standing {
    account: String,
    mark: [u8; 32],
    /// Its hash.
    token: Option<String>,
}

impl Accounts {
    /// To be taken when an account has just shown who it is; `None` where it is gone already.
    pub async fn standing(&self, account: &str, token: Option<&str>) -> Result<Option<Standing>> {
        let mark = self.mark(account).await?;
        Ok(mark.map(|mark| Standing { account: account.to_owned(), mark, token: token.map(token::fingerprint) }))
    }

    /// Whether a connection that was opened so may go on.
    pub async fn stands(&self, standing: &Standing) -> Result<bool> {
        if self.mark(&standing.account).await? != Some(standing.mark) {
            return Ok(false);
        }
        let Some(hash) = &standing.token else { return Ok(true) };
        let held = sqlx::query("SELECT account FROM tokens WHERE hash = $1 AND account = $2 AND expires > $3").bind(hash).bind(&standing.account).bind(now());
        Ok(held.fetch_optional(self.state.pool()).await.map_err(fault("accounts.standing"))?.is_some())
    }

    /// Ends what an account has open at these doors.
    pub(super) async fn end_connections(&self, account: &str) -> Result<()> {
        let ended = sqlx::query("UPDATE accounts SET ended = ended + 1 WHERE name = $1").bind(account);
        ended.execute(self.state.pool()).await.map_err(fault("accounts.standing")).map(drop)
    }

    /// Role, facts, password, and how often its sessions were ended.
    async fn mark(&self, account: &str) -> Result<Option<[u8; 32]>> {
        let row =
            sqlx::query("SELECT role, facts, COALESCE(password, '') AS password, CAST(ended AS TEXT) AS ended FROM accounts WHERE name = $1").bind(account);
        let Some(row) = row.fetch_optional(self.state.pool()).await.map_err(fault("accounts.standing"))? else { return Ok(None) };
        let mut digest = Sha256::new();
        for column in ["role", "facts", "password", "ended"] {
            let text: String = row.try_get(column).map_err(fault("accounts.standing"))?;
            digest.update((text.len() as u64).to_le_bytes());
            digest.update(text);
        }
        Ok(Some(digest.finalize().into()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::accounts::tests::{catalog, comune};
    use crate::state::State;
    use crate::state::tests::Postgres;

    async fn ends(url: &str) {
        let accounts = Accounts::new(State::open(url).await.unwrap()).await.unwrap();
        accounts.add(&catalog(), &comune("a")).await.unwrap();
        let token = accounts.issue_token("a", "prova", Duration::from_secs(60)).await.unwrap();
        let (by_token, plain) = (accounts.standing("a", Some(&token)).await.unwrap().unwrap(), accounts.standing("a", None).await.unwrap().unwrap());
        assert!(accounts.stands(&by_token).await.unwrap() && accounts.stands(&plain).await.unwrap());
        assert!(accounts.standing("nobody", None).await.unwrap().is_none());
        accounts.revoke_token(&token).await.unwrap();
        assert!(!accounts.stands(&by_token).await.unwrap() && accounts.stands(&plain).await.unwrap());
        accounts.set_password("a", "un'altra parola lunga").await.unwrap();
        assert!(!accounts.stands(&plain).await.unwrap());
        let again = accounts.standing("a", None).await.unwrap().unwrap();
        accounts.end_sessions("a").await.unwrap();
        assert!(!accounts.stands(&again).await.unwrap());
        let last = accounts.standing("a", None).await.unwrap().unwrap();
        accounts.remove("a").await.unwrap();
        assert!(!accounts.stands(&last).await.unwrap());
        accounts.close().await;
    }

    #[tokio::test]
    async fn what_a_connection_was_opened_with_ends_it_in_sqlite() {
        let dir = tempfile::tempdir().unwrap();
        ends(&crate::state::sqlite_url(&dir.path().join("siss.db")).unwrap()).await;
    }

    #[tokio::test]
    async fn what_a_connection_was_opened_with_ends_it_in_postgres() {
        let Some(server) = Postgres::start().await else { return };
        ends(&server.url()).await;
    }
}
