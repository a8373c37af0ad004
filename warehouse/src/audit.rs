//! Who did what to which object, when, from where, why, and with what outcome: append-only, chained by hash, sealed by signed checkpoints
//! (docs/adr/0012). It holds no personal data of those it is about; `sistema.audit` mirrors it for those who may read it.

pub mod checkpoint;
pub mod event;
pub mod key;
mod log;
pub mod mirror;
pub mod origin;
pub mod reader;
pub mod reads;
pub mod record;
mod retain;
mod segments;
pub mod verify;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};

use chrono::Utc;
use tokio::sync::oneshot;

use self::checkpoint::Checkpoint;
pub use self::event::{Action, Door, Event, Outcome};
use self::key::Key;
use self::log::Log;
pub use self::origin::Origin;
pub use self::retain::FEWEST;
use self::verify::{Verdict, verify};
use self::writer::Job;
use crate::error::{Error, Kind, Result};

/// The open log of an installation. Cloning is cheap. Several processes may have it open.
#[derive(Clone)]
pub struct Audit {
    inner: Arc<Inner>,
}

struct Inner {
    folder: PathBuf,
    key: Arc<Key>,
    jobs: Sender<Job>,
}

impl Audit {
    /// Opens the log in `folder`, whose key is in the file `key`; both are made, for their owner alone, when neither is there.
    /// Errors: `Conflict` when the log is damaged, gone, or another key's: nothing should be done that cannot be recorded.
    pub fn open(folder: &Path, key: &Path) -> Result<Self> {
        let log = Log::open(folder, key)?;
        let key = log.key.clone();
        let (jobs, asked) = mpsc::channel();
        std::thread::Builder::new().name("audit".into()).spawn(move || writer::run(log, &asked))?;
        Ok(Self { inner: Arc::new(Inner { folder: folder.to_owned(), key, jobs }) })
    }

    /// Records an act; it is on disk when this returns. Gives the record's number.
    /// Errors: `Internal` when it could not be written: then whoever asks must not go on.
    pub async fn record(&self, event: Event) -> Result<u64> {
        let (answer, answered) = oneshot::channel();
        self.ask(Job::Record(Box::new(event), Some(answer)))?;
        answered.await.map_err(|_| closed())?
    }

    /// Records an act that is done already, without waiting; that it could not be written is said in the service's log.
    pub fn post(&self, event: Event) {
        if let Err(error) = self.ask(Job::Record(Box::new(event), None)) {
            tracing::error!(%error, "an act could not be recorded");
        }
    }

    /// Signs how far the log goes; `None` while it is empty.
    pub async fn seal(&self) -> Result<Option<Checkpoint>> {
        let (answer, answered) = oneshot::channel();
        self.ask(Job::Seal(answer))?;
        answered.await.map_err(|_| closed())?
    }

    /// Removes whole segments of records older than so many months, [`FEWEST`] at least. Gives the number of records.
    /// Errors: `Conflict` when the log is not whole: what is damaged is evidence.
    pub async fn retire(&self, months: u32) -> Result<u64> {
        let (folder, key) = (self.inner.folder.clone(), self.inner.key.public());
        let verdict = tokio::task::spawn_blocking(move || verify(&folder, &key, &[])).await.map_err(|e| Error::internal("audit.verify", e))??;
        if let Verdict::Broken(broken) = verdict {
            let what = format!("nothing is removed from an audit log that is not whole: record {} in {}", broken.seq, broken.file);
            return Err(Error::new(Kind::Conflict, "audit.damaged", what));
        }
        let (answer, answered) = oneshot::channel();
        self.ask(Job::Retire(retain::cutoff(Utc::now(), months), answer))?;
        answered.await.map_err(|_| closed())?
    }

    /// Writes what was asked for, signs, and ends; nothing is recorded any more.
    pub async fn close(&self) {
        let (answer, answered) = oneshot::channel();
        if self.ask(Job::Close(answer)).is_ok() {
            let _ = answered.await;
        }
    }

    /// What the log writes where a text must be recognised and not be told, such as the name that a failed sign-in gave.
    pub fn pseudonym(&self, text: &str) -> String {
        self.inner.key.pseudonym(text)
    }

    /// A short name of this log, by its public key.
    pub fn id(&self) -> String {
        self.inner.key.public().to_string()[..16].to_owned()
    }

    pub fn folder(&self) -> &Path {
        &self.inner.folder
    }

    fn ask(&self, job: Job) -> Result<()> {
        self.inner.jobs.send(job).map_err(|_| closed())
    }
}

fn closed() -> Error {
    Error::internal("audit.closed", "the audit log is closed")
}

#[cfg(test)]
mod tests;
