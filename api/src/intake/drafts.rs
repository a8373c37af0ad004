//! Drafts: a form that is not sent yet, sealed, bound to the version of the form that was answered.

use serde::Serialize;
use sqlx::Row;
use warehouse::error::{Error, Kind, Result};

use super::{Intake, Payload};
use crate::state::{fault, now};

/// Drafts of one account.
const MOST: i64 = 200;

/// A draft without what it says.
#[derive(Clone, Debug, Serialize)]
pub struct Draft {
    pub id: String,
    pub form: String,
    /// Version of the form when it was saved.
    pub version: String,
    /// Seconds since 1970.
    pub changed: i64,
}

impl Intake {
    /// Keeps a draft; `id` of one that is there takes its place. Gives its id.
    pub async fn save_draft(&self, account: &str, id: Option<&str>, form: &str, version: &str, payload: &Payload) -> Result<String> {
        if let Some(id) = id {
            let done = sqlx::query("UPDATE drafts SET version = $1, sealed = $2, changed = $3 WHERE id = $4 AND account = $5 AND form = $6")
                .bind(version)
                .bind(self.seal(id, payload)?)
                .bind(now())
                .bind(id)
                .bind(account)
                .bind(form)
                .execute(self.state.pool())
                .await
                .map_err(fault("drafts.save"))?;
            if done.rows_affected() > 0 {
                return Ok(id.to_owned());
            }
        }
        let (kept,): (i64,) =
            sqlx::query_as("SELECT count(*) FROM drafts WHERE account = $1").bind(account).fetch_one(self.state.pool()).await.map_err(fault("drafts.save"))?;
        if kept >= MOST {
            return Err(Error::new(Kind::Limit, "drafts.many", format!("an account keeps {MOST} drafts at most: send or delete some first")));
        }
        let id = uuid::Uuid::now_v7().simple().to_string();
        sqlx::query("INSERT INTO drafts (id, account, form, version, sealed, changed) VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(&id)
            .bind(account)
            .bind(form)
            .bind(version)
            .bind(self.seal(&id, payload)?)
            .bind(now())
            .execute(self.state.pool())
            .await
            .map_err(fault("drafts.save"))?;
        Ok(id)
    }

    /// The drafts of an account, the last changed first.
    pub async fn drafts(&self, account: &str) -> Result<Vec<Draft>> {
        let rows = sqlx::query("SELECT id, form, version, changed FROM drafts WHERE account = $1 ORDER BY changed DESC, id DESC")
            .bind(account)
            .fetch_all(self.state.pool())
            .await
            .map_err(fault("drafts.list"))?;
        let draft = |row: &sqlx::any::AnyRow| {
            Ok(Draft { id: row.try_get("id")?, form: row.try_get("form")?, version: row.try_get("version")?, changed: row.try_get("changed")? })
        };
        rows.iter().map(draft).collect::<sqlx::Result<_>>().map_err(fault("drafts.list"))
    }

    /// A draft of an account with what it says.
    pub async fn draft(&self, account: &str, id: &str) -> Result<Option<(Draft, Payload)>> {
        let row = sqlx::query("SELECT id, form, version, changed, sealed FROM drafts WHERE account = $1 AND id = $2")
            .bind(account)
            .bind(id)
            .fetch_optional(self.state.pool())
            .await
            .map_err(fault("drafts.read"))?;
        let Some(row) = row else { return Ok(None) };
        let read = || -> sqlx::Result<(Draft, String)> {
            let draft = Draft { id: row.try_get("id")?, form: row.try_get("form")?, version: row.try_get("version")?, changed: row.try_get("changed")? };
            Ok((draft, row.try_get("sealed")?))
        };
        let (draft, sealed) = read().map_err(fault("drafts.read"))?;
        let payload = self.open(&draft.id, &sealed)?;
        Ok(Some((draft, payload)))
    }

    pub async fn delete_draft(&self, account: &str, id: &str) -> Result<bool> {
        let done = sqlx::query("DELETE FROM drafts WHERE account = $1 AND id = $2").bind(account).bind(id).execute(self.state.pool()).await;
        Ok(done.map_err(fault("drafts.delete"))?.rows_affected() > 0)
    }

    /// Deletes the drafts in which a person's fiscal code stands.
    pub(super) async fn forget_drafts(&self, person: &str) -> Result<()> {
        let rows: Vec<(String, String)> = sqlx::query_as("SELECT id, sealed FROM drafts").fetch_all(self.state.pool()).await.map_err(fault("drafts.forget"))?;
        for (id, sealed) in rows {
            let payload = self.open(&id, &sealed)?;
            let mut values = payload.values.values().chain(payload.parts.values().flatten().flat_map(|row| row.values()));
            if values.any(|value| self.vault.pseudonym(value).as_deref() == Some(person)) {
                sqlx::query("DELETE FROM drafts WHERE id = $1").bind(&id).execute(self.state.pool()).await.map_err(fault("drafts.forget"))?;
            }
        }
        Ok(())
    }
}
