//! A person's own queries: the history of what was asked on the SQL page, and queries kept under a title, private or shared with
//! everybody who signs in. `sistema.queries` holds no text; this does, and only its owner reads it. Shared or not, a query runs with the
//! rights of who runs it.

use serde::Serialize;
use sqlx::Row;
use sqlx::any::AnyRow;
use warehouse::error::{Error, Kind, Result};

use crate::accounts::random;
use crate::state::{State, fault, now};

/// Queries of an account that are remembered.
const HISTORY: i64 = 200;
/// Queries that an account may keep.
const KEPT: i64 = 500;
/// Characters of a title.
pub const TITLE: usize = 200;

#[derive(Clone)]
pub struct Shelf {
    state: State,
}

/// A question as it was asked.
#[derive(Clone, Debug, Serialize)]
pub struct Asked {
    pub id: String,
    pub sql: String,
    /// Seconds since 1970.
    pub asked: i64,
    /// `ok`, or the code of the error.
    pub outcome: String,
    /// Rows shown, and whether there were no more.
    pub shown: i64,
    pub complete: bool,
}

/// A query kept under a title.
#[derive(Clone, Debug, Serialize)]
pub struct Saved {
    pub id: String,
    pub account: String,
    pub title: String,
    pub sql: String,
    pub shared: bool,
    pub changed: i64,
}

impl Shelf {
    pub fn new(state: State) -> Self {
        Self { state }
    }

    /// Remembers a question of an account; the oldest beyond the bound are forgotten.
    pub async fn remember(&self, account: &str, sql: &str, outcome: &str, shown: usize, complete: bool) -> Result<()> {
        sqlx::query("INSERT INTO asked_queries (id, account, query, asked, outcome, shown, complete) VALUES ($1, $2, $3, $4, $5, $6, $7)")
            .bind(uuid::Uuid::now_v7().simple().to_string())
            .bind(account)
            .bind(sql)
            .bind(now())
            .bind(outcome)
            .bind(i64::try_from(shown).unwrap_or(i64::MAX))
            .bind(i64::from(complete))
            .execute(self.state.pool())
            .await
            .map_err(fault("shelf.remember"))?;
        sqlx::query("DELETE FROM asked_queries WHERE id IN (SELECT id FROM asked_queries WHERE account = $1 ORDER BY id DESC LIMIT 1000 OFFSET $2)")
            .bind(account)
            .bind(HISTORY)
            .execute(self.state.pool())
            .await
            .map_err(fault("shelf.remember"))?;
        Ok(())
    }

    /// The last questions of an account, newest first.
    pub async fn history(&self, account: &str) -> Result<Vec<Asked>> {
        let rows = sqlx::query("SELECT id, query, asked, outcome, shown, complete FROM asked_queries WHERE account = $1 ORDER BY id DESC")
            .bind(account)
            .fetch_all(self.state.pool())
            .await
            .map_err(fault("shelf.history"))?;
        rows.iter().map(asked).collect::<sqlx::Result<_>>().map_err(fault("shelf.history"))
    }

    /// One question of an account's history.
    pub async fn asked(&self, account: &str, id: &str) -> Result<Option<Asked>> {
        let row = sqlx::query("SELECT id, query, asked, outcome, shown, complete FROM asked_queries WHERE account = $1 AND id = $2")
            .bind(account)
            .bind(id)
            .fetch_optional(self.state.pool())
            .await
            .map_err(fault("shelf.asked"))?;
        row.as_ref().map(asked).transpose().map_err(fault("shelf.asked"))
    }

    /// Forgets the history of an account.
    pub async fn forget(&self, account: &str) -> Result<()> {
        sqlx::query("DELETE FROM asked_queries WHERE account = $1").bind(account).execute(self.state.pool()).await.map_err(fault("shelf.forget"))?;
        Ok(())
    }

    /// Keeps a query; gives its id, which nobody can guess.
    pub async fn save(&self, account: &str, title: &str, sql: &str, shared: bool) -> Result<String> {
        let (kept,): (i64,) = sqlx::query_as("SELECT count(*) FROM saved_queries WHERE account = $1")
            .bind(account)
            .fetch_one(self.state.pool())
            .await
            .map_err(fault("shelf.save"))?;
        if kept >= KEPT {
            return Err(Error::new(Kind::Limit, "saved.many", format!("an account keeps {KEPT} queries at most: delete some first")));
        }
        let id = random()?[..22].to_owned();
        sqlx::query("INSERT INTO saved_queries (id, account, title, query, shared, changed) VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(&id)
            .bind(account)
            .bind(title)
            .bind(sql)
            .bind(i64::from(shared))
            .bind(now())
            .execute(self.state.pool())
            .await
            .map_err(fault("shelf.save"))?;
        Ok(id)
    }

    /// Changes a query of the account's own; false where it has none of that id.
    pub async fn change(&self, account: &str, id: &str, title: &str, sql: &str, shared: bool) -> Result<bool> {
        let done = sqlx::query("UPDATE saved_queries SET title = $1, query = $2, shared = $3, changed = $4 WHERE account = $5 AND id = $6")
            .bind(title)
            .bind(sql)
            .bind(i64::from(shared))
            .bind(now())
            .bind(account)
            .bind(id)
            .execute(self.state.pool())
            .await
            .map_err(fault("shelf.change"))?;
        Ok(done.rows_affected() > 0)
    }

    /// Deletes a query of the account's own; false where it has none of that id.
    pub async fn delete(&self, account: &str, id: &str) -> Result<bool> {
        let done = sqlx::query("DELETE FROM saved_queries WHERE account = $1 AND id = $2").bind(account).bind(id).execute(self.state.pool()).await;
        Ok(done.map_err(fault("shelf.delete"))?.rows_affected() > 0)
    }

    /// The account's own queries, last changed first.
    pub async fn own(&self, account: &str) -> Result<Vec<Saved>> {
        let rows = sqlx::query("SELECT id, account, title, query, shared, changed FROM saved_queries WHERE account = $1 ORDER BY changed DESC, id")
            .bind(account)
            .fetch_all(self.state.pool())
            .await
            .map_err(fault("shelf.own"))?;
        rows.iter().map(saved).collect::<sqlx::Result<_>>().map_err(fault("shelf.own"))
    }

    /// A query that the account may read: its own, or one that is shared.
    pub async fn saved(&self, account: &str, id: &str) -> Result<Option<Saved>> {
        let row = sqlx::query("SELECT id, account, title, query, shared, changed FROM saved_queries WHERE id = $1 AND (account = $2 OR shared = 1)")
            .bind(id)
            .bind(account)
            .fetch_optional(self.state.pool())
            .await
            .map_err(fault("shelf.saved"))?;
        row.as_ref().map(saved).transpose().map_err(fault("shelf.saved"))
    }
}

fn asked(row: &AnyRow) -> sqlx::Result<Asked> {
    Ok(Asked {
        id: row.try_get("id")?,
        sql: row.try_get("query")?,
        asked: row.try_get("asked")?,
        outcome: row.try_get("outcome")?,
        shown: row.try_get("shown")?,
        complete: row.try_get::<i64, _>("complete")? != 0,
    })
}

fn saved(row: &AnyRow) -> sqlx::Result<Saved> {
    Ok(Saved {
        id: row.try_get("id")?,
        account: row.try_get("account")?,
        title: row.try_get("title")?,
        sql: row.try_get("query")?,
        shared: row.try_get::<i64, _>("shared")? != 0,
        changed: row.try_get("changed")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::tests::Postgres;

    async fn own_and_shared(url: &str) {
        let state = State::open(url).await.unwrap();
        for name in ["a", "b"] {
            let add = sqlx::query("INSERT INTO accounts (name, role, facts, created, changed) VALUES ($1, 'pianificatore', '{}', 0, 0)").bind(name);
            add.execute(state.pool()).await.unwrap();
        }
        let shelf = Shelf::new(state.clone());
        let (mine, shared) = (shelf.save("a", "Mia", "SELECT 1", false).await.unwrap(), shelf.save("a", "Di tutti", "SELECT 2", true).await.unwrap());
        assert!(shelf.saved("b", &mine).await.unwrap().is_none() && shelf.saved("a", &mine).await.unwrap().is_some());
        assert_eq!(shelf.saved("b", &shared).await.unwrap().unwrap().account, "a");
        assert!(!shelf.change("b", &shared, "x", "SELECT 3", false).await.unwrap() && !shelf.delete("b", &shared).await.unwrap());
        assert!(shelf.change("a", &shared, "Di tutti", "SELECT 4", false).await.unwrap());
        assert!(shelf.saved("b", &shared).await.unwrap().is_none(), "no longer shared");
        assert_eq!(shelf.own("a").await.unwrap().len(), 2);
        for i in 0..HISTORY + 5 {
            shelf.remember("a", &format!("SELECT {i}"), "ok", 1, true).await.unwrap();
        }
        shelf.remember("b", "SELECT 0", "sql.syntax", 0, false).await.unwrap();
        let history = shelf.history("a").await.unwrap();
        assert_eq!((history.len() as i64, history[0].sql.as_str()), (HISTORY, format!("SELECT {}", HISTORY + 4).as_str()));
        assert!(shelf.asked("b", &history[0].id).await.unwrap().is_none());
        shelf.forget("a").await.unwrap();
        assert_eq!((shelf.history("a").await.unwrap().len(), shelf.history("b").await.unwrap().len()), (0, 1));
        // What a person kept goes with the account.
        sqlx::query("DELETE FROM accounts WHERE name = 'a'").execute(state.pool()).await.unwrap();
        assert!(shelf.own("a").await.unwrap().is_empty());
        state.close().await;
    }

    #[tokio::test]
    async fn queries_are_their_owners_in_sqlite() {
        let dir = tempfile::tempdir().unwrap();
        own_and_shared(&crate::state::sqlite_url(&dir.path().join("siss.db")).unwrap()).await;
    }

    #[tokio::test]
    async fn queries_are_their_owners_in_postgres() {
        let Some(server) = Postgres::start().await else { return };
        own_and_shared(&server.url()).await;
    }
}
