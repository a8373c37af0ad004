//! Appending to the log. Several processes may: each holds the lock while it writes, and first looks whether another wrote in between.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Datelike, Utc};
use sha2::{Digest, Sha256};

use crate::audit::checkpoint::{self, Checkpoint};
use crate::audit::event::{Action, Event};
use crate::audit::key::{Key, private_folder};
use crate::audit::record::{BEGINNING, Hash, Record};
use crate::audit::segments::{self, LOCK, Tail, tail};
use crate::error::{Error, Kind, Result};

/// Bytes after which a segment is closed; another begins with each month too, so that months can be retired.
const SEGMENT: u64 = 16 << 20;

pub struct Log {
    pub(super) folder: PathBuf,
    pub(super) key: Arc<Key>,
    lock: Arc<File>,
    /// The newest record; 0 before the first.
    seq: u64,
    hash: Hash,
    /// The newest segment, as this process left it.
    at: Option<Segment>,
    full: u64,
}

struct Segment {
    number: u32,
    file: File,
    length: u64,
    /// Year and month of its first record.
    month: Option<(i32, u32)>,
}

/// The lock of whoever appends, until it is dropped.
pub(super) struct Alone(Arc<File>);

impl Drop for Alone {
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

impl Log {
    /// Opens the log in a folder of its own, with its key; both are made when neither is there.
    /// Errors: `Conflict` when the log is not whole up to its newest checkpoint: to go on would bury the damage.
    pub fn open(folder: &Path, key: &Path) -> Result<Self> {
        private_folder(folder)?;
        let lock = Arc::new(OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(folder.join(LOCK))?);
        lock.lock()?;
        let alone = Alone(lock.clone());
        let key = Arc::new(Key::open(key, folder)?);
        let mut log = Self { folder: folder.to_owned(), key, lock, seq: 0, hash: BEGINNING, at: None, full: SEGMENT };
        log.look()?;
        drop(alone);
        Ok(log)
    }

    /// Segments of another size, to see many of them soon.
    #[cfg(test)]
    pub fn with_segments_of(mut self, bytes: u64) -> Self {
        self.full = bytes;
        self
    }

    /// Keeps every other process from appending.
    pub(super) fn alone(&self) -> Result<Alone> {
        self.lock.lock()?;
        Ok(Alone(self.lock.clone()))
    }

    /// Appends; the records are durable when this returns. Gives the number of the first.
    pub fn append(&mut self, events: &[Event]) -> Result<u64> {
        let _alone = self.alone()?;
        self.look()?;
        let first = self.seq + 1;
        self.write(events).map(|()| first)
    }

    /// Signs how far the log goes, unless that is signed already; `None` while it is empty.
    pub fn seal(&mut self) -> Result<Option<Checkpoint>> {
        let _alone = self.alone()?;
        self.look()?;
        self.seal_alone()
    }

    pub(super) fn seal_alone(&mut self) -> Result<Option<Checkpoint>> {
        if self.seq == 0 {
            return Ok(None);
        }
        if let Some(newest) = checkpoint::newest(&self.folder)?.filter(|newest| newest.seq == self.seq && newest.hash == self.hash && !newest.retired) {
            return Ok(Some(newest));
        }
        let checkpoint = Checkpoint::sign(&self.key, self.seq, self.hash, Utc::now().timestamp_micros(), false);
        checkpoint::append(&self.folder, &checkpoint)?;
        // Where logs are shipped to another machine, this line is a checkpoint kept elsewhere.
        tracing::info!(checkpoint = checkpoint.line(), "audit checkpoint");
        Ok(Some(checkpoint))
    }

    /// Takes up what other processes appended; the lock is held.
    pub(super) fn look(&mut self) -> Result<()> {
        let numbers = segments::numbers(&self.folder)?;
        if let (Some(at), Some(newest)) = (&self.at, numbers.last()) {
            let there = std::fs::metadata(segments::path(&self.folder, *newest))?;
            if at.number == *newest && there.len() == at.length && there.ino() == at.file.metadata()?.ino() {
                return Ok(());
            }
        }
        self.at = None;
        let (mut last, mut repaired) = (None, None);
        for number in numbers.iter().rev() {
            let path = segments::path(&self.folder, *number);
            let file = OpenOptions::new().read(true).append(true).open(&path)?;
            let end = tail(&file)?;
            let record = end.last.as_deref().map(|line| Record::read(line).ok_or_else(|| damaged(&path))).transpose()?;
            if !end.torn.is_empty() {
                if self.at.is_some() {
                    return Err(damaged(&path));
                }
                repaired = Some((file.try_clone()?, *number, end));
            }
            if self.at.is_none() {
                let month = segments::first(&self.folder, *number)?.and_then(|first| month(first.time));
                self.at = Some(Segment { number: *number, length: file.metadata()?.len(), file, month });
            }
            if record.is_some() {
                last = record;
                break;
            }
        }
        (self.seq, self.hash) = last.map_or((0, BEGINNING), |last| (last.seq, last.hash));
        if let Some(sealed) = checkpoint::newest(&self.folder)? {
            let fits = sealed.seq < self.seq || (sealed.seq == self.seq && sealed.hash == self.hash);
            if !fits {
                return Err(damaged(&self.folder));
            }
        }
        match repaired {
            Some((file, number, end)) => self.repair(&file, number, &end),
            None => Ok(()),
        }
    }

    /// Takes the torn end of a write that never ended, hence was never acknowledged, out of the log: a signed checkpoint does not go beyond
    /// it, and what is signed was durable. The bytes are kept beside the log, and the log says so.
    fn repair(&mut self, file: &File, number: u32, end: &Tail) -> Result<()> {
        let aside = self.folder.join(format!("{number:06}.{}.torn", end.whole));
        let mut kept = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&aside)?;
        kept.write_all(&end.torn)?;
        kept.sync_all()?;
        file.set_len(end.whole)?;
        file.sync_all()?;
        File::open(&self.folder)?.sync_all()?;
        if let Some(at) = &mut self.at {
            at.length = end.whole;
        }
        let (bytes, sum) = (end.torn.len(), hex::encode(Sha256::digest(&end.torn)));
        tracing::warn!(
            segment = segments::name(number),
            bytes,
            seq = self.seq + 1,
            "the audit log ended in a record that was never acknowledged; it was taken out"
        );
        let why = format!("scrittura interrotta, mai confermata: {bytes} byte tolti dalla fine e messi da parte; SHA-256 {sum}");
        self.write(&[Event::new(Action::Repair, segments::name(number)).why(why)])
    }

    /// Writes records behind the newest; the lock is held, and the end was looked at.
    pub(super) fn write(&mut self, events: &[Event]) -> Result<()> {
        let time = Utc::now().timestamp_micros();
        self.turn_over(time)?;
        let Some(at) = &mut self.at else { return Err(Error::internal("audit.write", "no segment")) };
        let (mut seq, mut hash, mut bytes) = (self.seq, self.hash, Vec::new());
        for event in events {
            seq += 1;
            let mut record = Record {
                seq,
                time,
                account: event.account.clone(),
                role: event.role.clone(),
                door: event.door.as_str().into(),
                from: event.from.map(|ip| self.key.pseudonym(&ip.to_canonical().to_string())).unwrap_or_default(),
                action: event.action.as_str().into(),
                object: event.object.clone(),
                why: event.why.clone(),
                outcome: event.outcome.as_str().into(),
                count: event.count,
                prev: hash,
                hash,
            };
            hash = record.digest();
            record.hash = hash;
            bytes.extend(record.line());
        }
        if let Err(e) = at.file.write_all(&bytes).and_then(|()| at.file.sync_data()) {
            // What may be on disk was not acknowledged. If it cannot be taken back now, the next look finds it.
            let _ = at.file.set_len(at.length);
            self.at = None;
            return Err(Error::internal("audit.write", e));
        }
        at.length += bytes.len() as u64;
        at.month = at.month.or(month(time));
        (self.seq, self.hash) = (seq, hash);
        Ok(())
    }

    /// Begins another segment where the newest is full or of another month.
    fn turn_over(&mut self, now: i64) -> Result<()> {
        let number = match &self.at {
            Some(at) if at.length < self.full && (at.month.is_none() || at.month == month(now)) => return Ok(()),
            Some(at) => at.number + 1,
            None => 1,
        };
        let file = OpenOptions::new().create_new(true).read(true).append(true).mode(0o600).open(segments::path(&self.folder, number))?;
        File::open(&self.folder)?.sync_all()?;
        self.at = Some(Segment { number, file, length: 0, month: None });
        Ok(())
    }
}

fn month(time: i64) -> Option<(i32, u32)> {
    DateTime::from_timestamp_micros(time).map(|time| (time.year(), time.month()))
}

fn damaged(at: &Path) -> Error {
    let what = format!("the audit log is damaged ({}): `siss audit verify` says where; put it back from a copy, or move it away with its key", at.display());
    Error::new(Kind::Conflict, "audit.damaged", what)
}
