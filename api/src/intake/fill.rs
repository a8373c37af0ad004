//! A form that is filled in: who may, what the service writes into it, and what the dataset's rules say of it.

use chrono::{Datelike, Utc};
use datasets::form::{Filled, REGION};
use datasets::locale::{CHECKS, say};
use datasets::model::{Identity, Sender, Severity, Text};
use ingest::deliver::Deliveries;
use ingest::form::{Answers, Judged};
use ingest::report::Violation;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;
use warehouse::audit::{Action, Door, Event};
use warehouse::error::{Error, Kind, Result};
use warehouse::principal::Principal;

use super::queue::{Code, Job, Kept, New, Taken};
use super::register::{Standing, main_row, part_rows};
use super::{Document, Intake, Payload, applicant};
use crate::state::now;

/// A sentence about an answer: where it stands and what is wrong.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// Dataset and row (from 1) of a part; absent for the main row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<(String, usize)>,
    /// Column or attachment; absent where it is about the row as a whole.
    pub column: Option<String>,
    pub rule: String,
    pub severity: Severity,
    pub message: Text,
}

/// What was found of a form, and what follows from its answers.
#[derive(Debug)]
pub struct Found {
    pub findings: Vec<Finding>,
    /// The main row as it would stand, with what is given and looked up.
    pub row: Answers,
    pub sender: String,
    pub office: String,
    /// Pseudonym of the person it is about; empty without one.
    pub person: String,
}

impl Found {
    pub fn stands(&self) -> bool {
        !self.findings.iter().any(|one| one.severity == Severity::Error)
    }
}

/// A form with how it is to be taken.
#[derive(Clone, Debug)]
pub struct Sending<'a> {
    pub payload: Payload,
    /// The version of the form that was answered.
    pub version: &'a str,
    /// The row that it changes.
    pub key: Option<&'a str>,
    /// The sender's own name of the request: the same again is the same form.
    pub retry: &'a str,
    /// The same answers were sent before, and are meant again.
    pub again: bool,
}

/// Why a form was not taken.
#[derive(Debug)]
pub enum Refused {
    /// What is wrong with the answers.
    Findings(Vec<Finding>),
    Error(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Values that follow from who fills a form in: its facts, and what its role stands for.
pub fn fixed(filled: Filled<'_>, who: &Principal) -> Answers {
    let asked = |name: &str| filled.form.asked().any(|asked| asked == name);
    let facts = who.facts.iter().filter(|(name, _)| asked(name)).map(|(name, value)| (name.clone(), value.clone()));
    let roles = filled.form.for_role.iter().filter_map(|(column, values)| Some((column.clone(), values.get(&who.role)?.clone())));
    facts.chain(roles).collect()
}

/// Whether an account may fill a form in.
pub fn allowed(filled: Filled<'_>, who: &Principal) -> Result<()> {
    if filled.form.roles.contains(&who.role) {
        return Ok(());
    }
    Err(Error::new(Kind::Forbidden, "form.forbidden", format!("role '{}' does not fill in this form: {} do", who.role, filled.form.roles.join(", "))))
}

impl Intake {
    /// Judges a form by its contract, and checks that it is about who fills it in. `who` is absent where an office decides.
    pub async fn judge(&self, deliveries: &Deliveries, filled: Filled<'_>, who: Option<&Principal>, payload: &Payload, at: Standing<'_>) -> Result<Found> {
        let mut row = main_row(filled, payload, at);
        if let Some(who) = who {
            for (column, value) in fixed(filled, who) {
                let said = row.insert(column.clone(), value.clone());
                if said.is_some_and(|said| !said.trim().is_empty() && said.trim() != value) {
                    return Err(Error::new(Kind::Forbidden, "form.own", format!("'{column}' is '{value}' for this account: each fills in for its own")));
                }
            }
        }
        let lookups = deliveries.looked_up(filled.contract, &row).await.map_err(fault)?;
        let text = |name: &str| row.get(name).or(lookups.get(name)).map(|value| value.trim().to_owned()).unwrap_or_default();
        let key = filled.contract.key.first().cloned().unwrap_or_default();
        let code = at.key.map_or_else(|| filled.form.code(at.sent.year(), text).with(0), str::to_owned);
        let sender = match (filled.contract.feed.senders, &filled.contract.feed.sender_column) {
            (Sender::Regione, _) => REGION.to_owned(),
            (_, Some(column)) => text(column),
            (_, None) => String::new(),
        };
        row.insert(key.clone(), code);
        let judged = deliveries.judge(&filled.contract.name.to_string(), &sender, std::slice::from_ref(&row)).await.map_err(fault)?;
        let Judged { mut rows, findings } = judged;
        let row = rows.pop().unwrap_or_default();
        let hashes: Vec<&str> = filled.form.attachments.iter().filter_map(|one| one.hash.as_deref()).collect();
        // A key that is not made yet, and the hash of a document that is missing, are not the sender's to mend.
        let theirs = |one: &Violation| !one.column.as_deref().is_some_and(|c| hashes.contains(&c) || (at.key.is_none() && c == key));
        let mut found: Vec<Finding> = findings.into_iter().filter(theirs).map(|one| finding(None, one)).collect();
        found.extend(documents(filled, payload));
        for (dataset, rows) in part_rows(filled, &row, payload) {
            let Some(part) = filled.form.parts.iter().find(|part| part.dataset == dataset) else { continue };
            if rows.len() > part.most as usize {
                return Err(Error::new(Kind::Invalid, "form.part", format!("'{dataset}': {} rows at most", part.most)));
            }
            let dataset = dataset.to_string();
            let judged = deliveries.judge(&dataset, &sender, &rows).await.map_err(fault)?;
            // The main row is not in the lake yet.
            let theirs = judged.findings.into_iter().filter(|one| one.column.as_deref().is_none_or(|c| part.link.get(c).is_none_or(|main| *main != key)));
            found.extend(theirs.map(|one| finding(Some(&dataset), one)));
        }
        if let Some(unknown) = payload.documents.iter().find(|one| !filled.form.attachments.iter().any(|attachment| attachment.name == one.name)) {
            return Err(Error::new(Kind::Invalid, "form.attachment", format!("the form has no attachment '{}'", unknown.name)));
        }
        if let Some(unknown) = payload.parts.keys().find(|name| !filled.form.parts.iter().any(|part| part.dataset.to_string() == **name)) {
            return Err(Error::new(Kind::Invalid, "form.part", format!("the form has no part '{unknown}'")));
        }
        let office = filled.form.office.as_ref().map_or_else(|| REGION.to_owned(), |column| row.get(column).cloned().unwrap_or_default());
        let person = self.person(filled, &row);
        if let Some(who) = who {
            own(who, &row, &person)?;
        }
        Ok(Found { findings: found, row, sender, office, person })
    }

    fn person(&self, filled: Filled<'_>, row: &Answers) -> String {
        let column = filled.contract.columns.iter().find(|column| column.identity == Some(Identity::Pseudonym));
        column.and_then(|column| self.vault.pseudonym(row.get(&column.name)?)).unwrap_or_default()
    }

    /// Takes a form in. When the receipt is returned it is on disk, with its number.
    pub async fn send(&self, deliveries: &Deliveries, filled: Filled<'_>, who: &Principal, mut sending: Sending<'_>) -> Result<Taken, Refused> {
        allowed(filled, who)?;
        current(filled, sending.version)?;
        sending.payload.tidy();
        sending.payload.decided.clear();
        let today = Utc::now().date_naive();
        let first = &filled.workflow.first;
        let at = Standing::first(filled, sending.key, today);
        let found = self.judge(deliveries, filled, Some(who), &sending.payload, at).await?;
        if !found.stands() {
            return Err(Refused::Findings(found.findings));
        }
        sending.payload.values.extend(fixed(filled, who));
        let (form, version) = (filled.contract.name.to_string(), filled.contract.version.clone());
        let id = uuid::Uuid::now_v7().simple().to_string();
        let hash = sending.payload.hash(&form, &version);
        let applicant = applicant(who);
        let step = filled.workflow.step(first);
        let received = now();
        let text = |name: &str| found.row.get(name).cloned().unwrap_or_default();
        let new = New {
            sealed: self.seal(&id, &sending.payload)?,
            twin: digest(&[&form, &applicant, sending.key.unwrap_or(""), &hash]),
            retry: digest(&[&who.account, &form, sending.retry]),
            code: sending.key.map_or_else(|| Code::Next(filled.form.code(today.year(), text)), |key| Code::Known(key.to_owned())),
            account: who.account.clone(),
            role: who.role.clone(),
            person: found.person,
            office: found.office,
            sender: found.sender,
            year: i64::from(today.year()),
            state: first.clone(),
            due: filled.workflow.due(first, received),
            pending: step.is_some_and(|step| step.register),
            documents: sending.payload.documents.iter().map(kept).collect(),
            again: sending.again,
            id,
            form,
            version,
            applicant,
            hash,
            received,
        };
        let (done, taken) = oneshot::channel();
        let gone = || Error::internal("intake.queue", "the queue is closed");
        self.queue.send(Job { new, done }).await.map_err(|_| gone())?;
        let taken = taken.await.map_err(|_| gone())??;
        if let Taken::New(received) = &taken {
            let event = Event::new(Action::Form, format!("{} {}", filled.contract.name, received.id)).by(who).door(Door::Http).why(received.protocol.clone());
            self.vault.audit().record(event).await?;
        }
        Ok(taken)
    }
}

/// Errors: `Conflict` where the form changed since it was answered.
pub fn current(filled: Filled<'_>, version: &str) -> Result<()> {
    let now = &filled.contract.version;
    if version == now {
        return Ok(());
    }
    Err(Error::new(
        Kind::Conflict,
        "form.version",
        format!("the form is at version {now}, these answers are for version {version}: look them through and send them again"),
    ))
}

pub fn kept(document: &Document) -> Kept {
    Kept {
        name: document.name.clone(),
        file: document.file.clone(),
        bytes: i64::try_from(document.bytes).unwrap_or(i64::MAX),
        hash: document.hash.clone(),
        verdict: document.verdict.to_string(),
    }
}

/// A row is about who fills it in: its municipality, its district, its own person.
fn own(who: &Principal, row: &Answers, person: &str) -> Result<()> {
    for (fact, value) in &who.facts {
        let other = match fact.as_str() {
            "persona" => !person.is_empty() && person != value,
            _ => row.get(fact).is_some_and(|said| said != value),
        };
        if other {
            return Err(Error::new(Kind::Forbidden, "form.own", "each fills in for its own: this is about somebody else"));
        }
    }
    Ok(())
}

/// How the name of a PDF ends, signed or with a timestamp.
const NAMED: [&str; 4] = [".pdf", ".p7m", ".m7m", ".tsd"];

/// Documents that are missing, damaged after signing, or not signed where they must be.
fn documents(filled: Filled<'_>, payload: &Payload) -> Vec<Finding> {
    let mut findings = Vec::new();
    for attachment in &filled.form.attachments {
        let mut find = |rule: &str, message: Text| {
            findings.push(Finding { part: None, column: Some(attachment.name.clone()), rule: rule.into(), severity: Severity::Error, message });
        };
        let Some(document) = payload.documents.iter().find(|one| one.name == attachment.name) else {
            if attachment.required {
                find("document.required", say(&CHECKS, "required").fill("title", &attachment.title));
            }
            continue;
        };
        let verdict = &document.verdict;
        let reason = || Text::new(verdict["reason"].as_str().unwrap_or_default(), verdict["reason_en"].as_str().unwrap_or_default());
        let parts: Vec<&str> = verdict["active_content"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        // What cannot be taken apart is no PDF either; a name that says something else would be opened as something else.
        let name = document.file.to_ascii_lowercase();
        let named = NAMED.iter().any(|end| name.ends_with(end));
        if !named || verdict["layers"].as_array().and_then(|layers| layers.last()).is_none_or(|layer| layer["kind"] != "PDF") {
            find("document.kind", say(&CHECKS, "document_kind").fill("title", &attachment.title));
            continue;
        }
        if !parts.is_empty() {
            let parts = parts.join(", ");
            find("document.active", say(&CHECKS, "document_active").fill("title", &attachment.title).fill("value", &Text::new(&parts, &parts)));
            continue;
        }
        let signed = verdict["signers"].as_array().is_some_and(|signers| !signers.is_empty());
        if verdict["result"] == "TOTAL-FAILED" || verdict["subindication"] == "FORMAT_FAILURE" {
            find("document.failed", reason());
        } else if attachment.signed && !(signed && verdict["intact"] == true) {
            find("document.unsigned", reason());
        }
    }
    findings
}

fn finding(part: Option<&str>, one: Violation) -> Finding {
    let row = usize::try_from(one.line.unwrap_or(1)).unwrap_or(1);
    Finding { part: part.map(|dataset| (dataset.to_owned(), row)), column: one.column, rule: one.rule, severity: one.severity, message: one.message }
}

/// An error of the pipeline as the state store's crate says it.
pub fn fault(error: ingest::error::Error) -> Error {
    let kind = match error.kind {
        ingest::error::Kind::Invalid => Kind::Invalid,
        ingest::error::Kind::Forbidden => Kind::Forbidden,
        ingest::error::Kind::NotFound => Kind::NotFound,
        ingest::error::Kind::Conflict => Kind::Conflict,
        ingest::error::Kind::Limit => Kind::Limit,
        ingest::error::Kind::Internal => return Error::internal(error.code, error),
    };
    Error::new(kind, error.code, error.message.en)
}

pub fn digest(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    hex::encode(digest.finalize())
}
