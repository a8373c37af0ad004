//! First passwords: those that `siss` makes by chance for somebody. They open nothing but the page where their owner chooses another, and that
//! for some days only, so that what was printed, sent or noted down is worth nothing later.

use sqlx::Row;
use warehouse::error::Result;

use super::{Account, Accounts, Next, password};
use crate::state::now;

/// Seconds for which one holds.
const HOLDS: i64 = 7 * 24 * 3600;

impl Accounts {
    /// Gives an account a password that its owner must change at the first sign-in; says until when that can be, in seconds since 1970.
    pub async fn give_password(&self, name: &str, password: &str) -> Result<i64> {
        let until = now() + HOLDS;
        self.write_password(name, password, Some(until)).await?;
        Ok(until)
    }

    /// What is still to be done by who has shown a right password and, where there is one, a right code.
    pub async fn then(&self, name: &str) -> Result<Next> {
        let row = self.row(name).await?;
        Ok(row.as_ref().map(super::account).transpose()?.map_or(Next::Nothing, |account| account.own_password(now())))
    }

    /// Whether this is the account's password. For who has shown it already: a try is not counted.
    pub async fn holds(&self, name: &str, password: &str) -> Result<bool> {
        let stored: Option<String> = self.row(name).await?.and_then(|row| row.try_get("password").ok());
        let Some(stored) = stored else { return Ok(false) };
        let _turn = self.turn().await?;
        password::verify(password, &stored).await
    }
}

impl Account {
    pub(super) fn own_password(&self, now: i64) -> Next {
        match self.first_password_until {
            Some(until) if until <= now => Next::Expired,
            Some(_) => Next::Password,
            None => Next::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::tests::{catalog, comune};
    use crate::state::State;
    use crate::state::tests::Postgres;

    async fn must_be_changed(url: &str) {
        let accounts = Accounts::new(State::open(url).await.unwrap()).await.unwrap();
        accounts.add(&catalog(), &comune("a")).await.unwrap();
        let first = password::random().unwrap();
        let until = accounts.give_password("a", &first).await.unwrap();
        assert!((now() + HOLDS - 5..=now() + HOLDS).contains(&until));
        assert_eq!(accounts.right_password("a", &first).await.unwrap().unwrap().next, Next::Password);
        assert!(accounts.holds("a", &first).await.unwrap() && !accounts.holds("a", "un'altra parola lunga").await.unwrap());
        assert_eq!(accounts.password("a", &first).await.unwrap(), None, "programs have nobody who could choose another");
        let (with_first, unknown) = (accounts.scram("a").await.unwrap().unwrap(), accounts.scram("nobody").await.unwrap().unwrap());
        assert_eq!(with_first.iterations, unknown.iterations, "PostgreSQL's door is not open either, and does not say why");

        sqlx::query("UPDATE accounts SET first_until = $1").bind(now()).execute(accounts.state.pool()).await.unwrap();
        assert_eq!(accounts.right_password("a", &first).await.unwrap().unwrap().next, Next::Expired);

        accounts.give_password("a", &first).await.unwrap();
        accounts.set_password("a", "un'altra parola lunga").await.unwrap();
        assert_eq!(accounts.then("a").await.unwrap(), Next::Nothing);
        assert!(accounts.password("a", "un'altra parola lunga").await.unwrap().is_some());
        accounts.close().await;
    }

    #[tokio::test]
    async fn a_first_password_must_be_changed_in_sqlite() {
        let dir = tempfile::tempdir().unwrap();
        must_be_changed(&crate::state::sqlite_url(&dir.path().join("siss.db")).unwrap()).await;
    }

    #[tokio::test]
    async fn a_first_password_must_be_changed_in_postgres() {
        let Some(server) = Postgres::start().await else { return };
        must_be_changed(&server.url()).await;
    }
}
