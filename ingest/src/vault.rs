//! Who persons are: fiscal codes, names and addresses, sealed, in a store of their own beside the lake. The lake knows a person by a keyed
//! pseudonym only. Who a person is can be asked by [`Vault::identify`] alone, which writes down who asked and why; the national flows ask, and
//! an erasure, to find the files that name the person.
//!
//! Kept too: the keys of received files that name persons, and the outbox of the national flows, whose texts name them.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use datasets::fiscal_code;
use serde::{Deserialize, Serialize};
use sqlx::{AnyPool, Row};
use warehouse::audit::{Action, Audit, Event};

use crate::error::{Error, Kind, Result};

mod files;
mod key;
mod persons;
mod seal;
pub(crate) mod store;

pub use self::files::{Clear, Sealer, reseal};
pub use self::persons::Arriving;
pub use self::seal::Secret;
pub use self::store::encrypted;

/// An open vault. Cloning is cheap; clones share connections and keys.
#[derive(Clone)]
pub struct Vault {
    inner: Arc<Inner>,
}

struct Inner {
    pool: AnyPool,
    sqlite: bool,
    keys: key::Keys,
    audit: Audit,
}

/// Who a person is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Person {
    pub fiscal_code: String,
    /// What the contract's vault columns hold, by column; days as `2024-12-31`.
    #[serde(flatten)]
    pub fields: HashMap<String, String>,
}

/// Who opens the vault, and what for.
#[derive(Clone, Copy, Debug)]
pub struct Purpose<'a> {
    pub account: &'a str,
    /// A sentence in Italian, shown in `sistema.audit`.
    pub why: &'a str,
}

impl Vault {
    /// Opens the vault at `sqlite:///path/file.db` (made if missing, readable by its owner only) or `postgres://…`; its key is in the file
    /// `key`, which is made with the vault and never again: a vault without its key is refused.
    pub async fn open(url: &str, key: &Path, audit: Audit) -> Result<Self> {
        let (pool, sqlite) = store::open(url).await?;
        let keys = key::Keys::open(key, &pool).await?;
        Ok(Self { inner: Arc::new(Inner { pool, sqlite, keys, audit }) })
    }

    /// The pseudonym of a fiscal code, 32 hexadecimal digits; `None` when it is not one.
    pub fn pseudonym(&self, code: &str) -> Option<String> {
        Some(self.inner.keys.pseudonym(&fiscal_code::normal(code)?))
    }

    /// Who the persons of some pseudonyms are, as far as they are known. The question is written to `sistema.audit`.
    pub async fn identify(&self, purpose: Purpose<'_>, pseudonyms: &[String]) -> Result<HashMap<String, Person>> {
        let mut found = HashMap::with_capacity(pseudonyms.len());
        for some in pseudonyms.chunks(store::AT_ONCE) {
            let sql = format!("SELECT pseudonym, sealed FROM persons WHERE pseudonym IN ({})", store::places(1, some.len()));
            let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
            for pseudonym in some {
                query = query.bind(pseudonym.as_str());
            }
            for row in query.fetch_all(self.pool()).await.map_err(store::fault("vault.identify"))? {
                let (pseudonym, sealed): (String, String) = (store::get(&row, "pseudonym")?, store::get(&row, "sealed")?);
                let text = self.inner.keys.seal.open(&pseudonym, &sealed)?;
                let person = serde_json::from_slice(&text).map_err(|e| Error::internal("vault.person", e))?;
                found.insert(pseudonym, person);
            }
        }
        self.record(purpose, "identita", found.len()).await?;
        Ok(found)
    }

    /// Opens texts that name persons and were sealed by [`Self::seal`], each with its label. Written to `sistema.audit`.
    pub async fn unseal(&self, purpose: Purpose<'_>, sealed: &[(&str, &str)]) -> Result<Vec<Vec<u8>>> {
        let texts = sealed.iter().map(|(label, text)| self.inner.keys.seal.open(label, text)).collect::<Result<Vec<_>>>()?;
        self.record(purpose, "flussi", texts.len()).await?;
        Ok(texts)
    }

    /// A keyed hash of a text that names a person: tells whether two are the same, and nothing else.
    pub fn fingerprint(&self, text: &[u8]) -> String {
        self.inner.keys.hash(text)
    }

    /// A key that follows from the vault's, for another store: a copy of that store alone opens nothing.
    pub fn secret(&self, purpose: &str) -> Result<Secret> {
        self.inner.keys.derived(purpose)
    }

    /// Seals a text that names a person; `label` must be given again to open it.
    pub fn seal(&self, label: &str, text: &[u8]) -> Result<String> {
        self.inner.keys.seal.seal(label, text)
    }

    /// Opens a text that was sealed by [`Self::seal`]. Who shows it to somebody writes that down by [`Self::record`].
    pub fn open_sealed(&self, label: &str, sealed: &str) -> Result<Vec<u8>> {
        self.inner.keys.seal.open(label, sealed)
    }

    /// Writes an opening or an erasure to the audit log; it is on disk when this returns.
    pub async fn record(&self, purpose: Purpose<'_>, what: &str, count: usize) -> Result<()> {
        let event = Event::new(Action::Vault, what).account(purpose.account).why(purpose.why).count(count as u64);
        self.inner.audit.record(event).await.map(|_| ()).map_err(Error::from)
    }

    /// The log that openings are written to.
    pub fn audit(&self) -> &Audit {
        &self.inner.audit
    }

    pub fn pool(&self) -> &AnyPool {
        &self.inner.pool
    }

    /// Whether the store is SQLite, which locks as a whole.
    pub fn sqlite(&self) -> bool {
        self.inner.sqlite
    }

    pub async fn close(&self) {
        self.inner.pool.close().await;
    }

    /// Overwrites what was deleted, as far as the store keeps it.
    pub async fn scrub(&self) -> Result<()> {
        if self.inner.sqlite {
            sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_all(self.pool()).await.map_err(store::fault("vault.scrub"))?;
        }
        Ok(())
    }

    /// Takes a person out: identity and flows. Gives the number of flows.
    pub async fn forget(&self, pseudonym: &str) -> Result<u64> {
        let fault = || store::fault("vault.forget");
        for table in ["persons", "arriving"] {
            let sql = format!("DELETE FROM {table} WHERE pseudonym = $1");
            sqlx::query(sqlx::AssertSqlSafe(sql)).bind(pseudonym).execute(self.pool()).await.map_err(fault())?;
        }
        let done = sqlx::query("DELETE FROM flows WHERE pseudonym = $1").bind(pseudonym).execute(self.pool()).await.map_err(fault())?;
        Ok(done.rows_affected())
    }

    /// The pseudonym that takes the place of an erased one: the same one when an erasure is taken up again.
    pub async fn begin_erasure(&self, pseudonym: &str) -> Result<String> {
        let fault = || store::fault("vault.erase");
        let fresh = hex::encode(seal::random::<16>()?);
        sqlx::query("INSERT INTO erasures (pseudonym, replacement) VALUES ($1, $2) ON CONFLICT (pseudonym) DO NOTHING")
            .bind(pseudonym)
            .bind(fresh)
            .execute(self.pool())
            .await
            .map_err(fault())?;
        let row = sqlx::query("SELECT replacement FROM erasures WHERE pseudonym = $1").bind(pseudonym).fetch_one(self.pool()).await.map_err(fault())?;
        row.try_get("replacement").map_err(fault())
    }

    pub async fn end_erasure(&self, pseudonym: &str) -> Result<()> {
        sqlx::query("DELETE FROM erasures WHERE pseudonym = $1").bind(pseudonym).execute(self.pool()).await.map_err(store::fault("vault.erase"))?;
        self.scrub().await
    }
}

/// A small fact kept in the vault.
pub async fn mark(vault: &Vault, name: &str) -> Result<Option<String>> {
    store::mark(vault.pool(), name).await
}

pub async fn set_mark(vault: &Vault, name: &str, value: &str) -> Result<()> {
    store::set_mark(vault.pool(), name, value).await
}

/// As [`set_mark`], within a transaction.
pub(crate) async fn set_mark_in(work: &mut sqlx::AnyConnection, name: &str, value: &str) -> Result<()> {
    sqlx::query(store::SET_MARK).bind(name).bind(value).execute(work).await.map_err(store::fault("vault.mark"))?;
    Ok(())
}

/// What is said where a cell of a person would stand.
pub const HIDDEN: &str = "***";

fn gone(delivery: &str) -> Error {
    Error::new(Kind::NotFound, "delivery.erased", delivery)
}
