//! Forms on their way: drafts, cases with all that became of them, protocol numbers, and the queue from which their rows go to the lake.
//! The state store holds all of it; what persons answered is sealed by the vault. A case is acknowledged when it is on disk.

use std::collections::BTreeMap;
use std::sync::Arc;

use ingest::form::Answers;
use ingest::vault::Vault;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use warehouse::error::{Error, Kind, Result};
use warehouse::principal::Principal;

use crate::state::State;

pub mod cases;
pub mod drafts;
pub mod drain;
pub mod fill;
pub mod hand_over;
mod mirror;
pub mod moves;
mod queue;
pub mod receipt;
pub mod register;

pub use queue::Taken;

/// Who writes rows of forms into the lake: an account that nobody has.
pub const SERVICE_ACCOUNT: &str = "moduli";

/// Everything a person says in a form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Payload {
    pub values: Answers,
    /// Rows of other datasets that come along, by dataset.
    pub parts: BTreeMap<String, Vec<Answers>>,
    /// The row of the register that a draft changes, by its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Documents that were kept already.
    pub documents: Vec<Document>,
    /// What the office filled in while it decided.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub decided: Answers,
}

/// A document of a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Name of the form's attachment.
    pub name: String,
    /// As the sender called the file; only shown.
    pub file: String,
    pub bytes: u64,
    /// SHA-256, under which it is kept.
    pub hash: String,
    /// What the verification of signatures said: the report of `siss verify`.
    pub verdict: serde_json::Value,
}

impl Payload {
    /// SHA-256 of what was sent: the receipt says it, and who sent it can find it again (docs/FORMS.md).
    pub fn hash(&self, form: &str, version: &str) -> String {
        let documents: Vec<(&str, &str)> = self.documents.iter().map(|one| (one.name.as_str(), one.hash.as_str())).collect();
        let text = serde_json::json!({ "form": form, "version": version, "values": self.values, "parts": self.parts, "documents": documents });
        hex::encode(Sha256::digest(text.to_string()))
    }

    /// Leaves out what says nothing.
    pub fn tidy(&mut self) {
        let blank = |row: &mut Answers| row.retain(|_, value| !value.trim().is_empty());
        blank(&mut self.values);
        for rows in self.parts.values_mut() {
            rows.iter_mut().for_each(blank);
            rows.retain(|row| !row.is_empty());
        }
        self.parts.retain(|_, rows| !rows.is_empty());
    }
}

/// The cases of an installation. Clones share everything.
#[derive(Clone)]
pub struct Intake {
    state: State,
    vault: Vault,
    queue: mpsc::Sender<queue::Job>,
    /// One drain at a time.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Intake {
    pub fn new(state: State, vault: Vault) -> Self {
        let queue = queue::start(state.clone());
        Self { state, vault, queue, turn: Arc::default() }
    }

    fn seal(&self, id: &str, payload: &Payload) -> Result<String> {
        let text = serde_json::to_vec(payload).map_err(|e| Error::internal("intake.payload", e))?;
        self.seal_text(id, &text)
    }

    fn seal_text(&self, id: &str, text: &[u8]) -> Result<String> {
        self.vault.seal(id, text).map_err(|e| Error::internal("intake.seal", e))
    }

    fn open(&self, id: &str, sealed: &str) -> Result<Payload> {
        if sealed.is_empty() {
            return Err(Error::new(Kind::NotFound, "case.erased", "the person of this case was erased: what was answered is gone"));
        }
        let text = self.open_text(id, sealed)?;
        serde_json::from_slice(&text).map_err(|e| Error::internal("intake.payload", e))
    }

    fn open_text(&self, id: &str, sealed: &str) -> Result<Vec<u8>> {
        self.vault.open_sealed(id, sealed).map_err(|e| Error::internal("intake.open", e))
    }

    /// Takes a person out of drafts and cases; gives the hashes of the documents that named them. What was decided, and when, stays.
    pub async fn forget(&self, person: &str) -> Result<Vec<String>> {
        let fault = || crate::state::fault("intake.forget");
        let rows: Vec<(String,)> = sqlx::query_as("SELECT a.hash FROM attachments a JOIN cases c ON c.id = a.case_id WHERE c.person = $1")
            .bind(person)
            .fetch_all(self.state.pool())
            .await
            .map_err(fault())?;
        for sql in [
            "UPDATE moves SET reason = '' WHERE case_id IN (SELECT id FROM cases WHERE person = $1)",
            "UPDATE attachments SET file = '', verdict = '' WHERE case_id IN (SELECT id FROM cases WHERE person = $1)",
            "UPDATE cases SET sealed = '', twin = '', applicant = '', person = '', pending = 0 WHERE person = $1",
        ] {
            sqlx::query(sql).bind(person).execute(self.state.pool()).await.map_err(fault())?;
        }
        self.forget_drafts(person).await?;
        Ok(rows.into_iter().map(|(hash,)| hash).collect())
    }
}

/// The body, operator or person for which an account acts: what one sends, the others of it see.
pub fn applicant(who: &Principal) -> String {
    let fact = ["codice_istat", "ambito", "codice_fiscale_gestore", "persona"].into_iter().find_map(|name| Some((name, who.facts.get(name)?)));
    fact.map_or_else(|| format!("account:{}", who.account), |(name, value)| format!("{name}:{value}"))
}
