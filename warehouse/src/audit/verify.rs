//! Reads the whole log and says whether it is what was written: every record its own hash, the hash of the one before, no gap, and every
//! checkpoint fitting. The first thing that is not so is named.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde::Serialize;

use crate::audit::checkpoint::{self, Checkpoint};
use crate::audit::key::PublicKey;
use crate::audit::record::{BEGINNING, Hash, Record};
use crate::audit::segments;
use crate::error::Result;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Whole(Whole),
    Broken(Broken),
}

/// A log without fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Whole {
    pub records: u64,
    /// Numbers of the first and last record; 0 when there is none.
    pub first: u64,
    pub last: u64,
    /// Up to which record it is signed.
    pub sealed: u64,
    pub checkpoints: usize,
}

/// The first fault of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// The record that is not what it was, or is not there; 0 for a checkpoint that cannot be read.
    pub seq: u64,
    pub file: String,
    /// Bytes from the beginning of the file.
    pub offset: u64,
    pub reason: Reason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    Changed,
    Missing,
    OutOfOrder,
    /// The last line has no end: a write under way when the machine stopped, or a cut.
    Torn,
    /// Signed with another hash.
    Checkpoint,
    /// A checkpoint's signature is not the log's, or the checkpoint cannot be read.
    Signature,
    /// Signed further than the log goes.
    Truncated,
}

/// Where something stands.
type Place = (String, u64);

/// Verifies the log in `folder` with the public key and checkpoints that were kept elsewhere. A server may go on writing meanwhile.
/// Errors: only when the files cannot be read.
pub fn verify(folder: &Path, key: &PublicKey, anchors: &[Checkpoint]) -> Result<Verdict> {
    let held = segments::held(folder)?;
    let checkpoints =
        std::fs::read(folder.join(checkpoint::FILE)).or_else(|e| if e.kind() == std::io::ErrorKind::NotFound { Ok(Vec::new()) } else { Err(e) })?;
    let mut files = Vec::new();
    for (number, length) in segments::extent(folder)? {
        files.push((segments::name(number), File::open(segments::path(folder, number))?, length));
    }
    // The files are open: what is appended or retired from here on changes nothing.
    drop(held);
    let mut walk = match Walk::new(key, &checkpoints, anchors) {
        Ok(walk) => walk,
        Err(broken) => return Ok(Verdict::Broken(broken)),
    };
    let mut end = (segments::name(1), 0);
    for (at, (name, file, length)) in files.iter().enumerate() {
        let mut lines = BufReader::with_capacity(1 << 20, file.take(*length));
        let mut offset = 0;
        loop {
            let mut line = Vec::new();
            let read = lines.read_until(b'\n', &mut line)? as u64;
            if read == 0 {
                break;
            }
            if let Err(mut broken) = walk.step(&line, (name.clone(), offset)) {
                if broken.reason == Reason::Missing && comes_later(broken.seq, lines, &files[at + 1..])? {
                    broken.reason = Reason::OutOfOrder;
                }
                return Ok(Verdict::Broken(broken));
            }
            offset += read;
        }
        end = (name.clone(), *length);
    }
    Ok(walk.finish(end))
}

/// Whether the record stands further behind.
fn comes_later(seq: u64, rest: impl BufRead, more: &[(String, File, u64)]) -> Result<bool> {
    let has = |lines: &mut dyn BufRead| -> Result<bool> {
        for line in lines.split(b'\n') {
            if Record::read(&line?).is_some_and(|record| record.seq == seq) {
                return Ok(true);
            }
        }
        Ok(false)
    };
    let mut rest = rest;
    if has(&mut rest)? {
        return Ok(true);
    }
    for (_, file, length) in more {
        if has(&mut BufReader::new(file.take(*length)))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The walk along the chain.
struct Walk {
    /// Where the log may begin: behind a record, and its hash.
    starts: BTreeMap<u64, Hash>,
    /// What was signed, by record.
    signed: BTreeMap<u64, Vec<(Hash, Place)>>,
    checkpoints: usize,
    first: u64,
    last: Option<(u64, Hash, Place)>,
}

impl Walk {
    fn new(key: &PublicKey, text: &[u8], anchors: &[Checkpoint]) -> Result<Self, Broken> {
        let mut walk = Self { starts: BTreeMap::from([(0, BEGINNING)]), signed: BTreeMap::new(), checkpoints: 0, first: 0, last: None };
        let mut offset = 0;
        for line in text.split_inclusive(|b| *b == b'\n') {
            let place = (checkpoint::FILE.to_owned(), offset);
            offset += line.len() as u64;
            // One that a crash tore says nothing; those before it hold.
            let Some(line) = line.strip_suffix(b"\n") else { break };
            let unreadable = || Broken { seq: 0, file: place.0.clone(), offset: place.1, reason: Reason::Signature };
            let checkpoint = Checkpoint::read(line).ok_or_else(unreadable)?;
            walk.trust(key, &checkpoint, place)?;
            if checkpoint.retired {
                walk.starts.insert(checkpoint.seq, checkpoint.hash);
            }
        }
        for anchor in anchors {
            walk.trust(key, anchor, ("--checkpoint".to_owned(), 0))?;
        }
        Ok(walk)
    }

    fn trust(&mut self, key: &PublicKey, checkpoint: &Checkpoint, place: Place) -> Result<(), Broken> {
        if !checkpoint.is_of(key) {
            return Err(Broken { seq: checkpoint.seq, file: place.0, offset: place.1, reason: Reason::Signature });
        }
        self.checkpoints += 1;
        self.signed.entry(checkpoint.seq).or_default().push((checkpoint.hash, place));
        Ok(())
    }

    fn step(&mut self, line: &[u8], place: Place) -> Result<(), Broken> {
        let broken = |seq: u64, reason| Broken { seq, file: place.0.clone(), offset: place.1, reason };
        let wanted = self.last.as_ref().map(|(seq, ..)| seq + 1);
        // Of a log whose beginning was retired the first record that can be read tells where it begins.
        let newest_start = self.starts.last_key_value().map_or(0, |(seq, _)| *seq);
        let Some(text) = line.strip_suffix(b"\n") else { return Err(broken(wanted.unwrap_or(newest_start + 1), Reason::Torn)) };
        let Some(record) = Record::read(text) else { return Err(broken(wanted.unwrap_or(newest_start + 1), Reason::Changed)) };
        let before = match &self.last {
            Some((seq, hash, _)) => (*seq, *hash),
            None => self.starts.range(..record.seq).next_back().map_or((0, BEGINNING), |(seq, hash)| (*seq, *hash)),
        };
        let wanted = before.0 + 1;
        if record.seq != wanted {
            return Err(broken(wanted, if record.seq > wanted { Reason::Missing } else { Reason::OutOfOrder }));
        }
        if record.prev != before.1 {
            // This record is what it was when it was hashed: the one before it is not the one it was chained to.
            return Err(match &self.last {
                Some((seq, _, (file, offset))) => Broken { seq: *seq, file: file.clone(), offset: *offset, reason: Reason::Changed },
                None => broken(wanted, Reason::Changed),
            });
        }
        if self.signed.get(&record.seq).is_some_and(|all| all.iter().any(|(hash, _)| *hash != record.hash)) {
            return Err(broken(record.seq, Reason::Checkpoint));
        }
        if self.last.is_none() {
            self.first = record.seq;
        }
        self.last = Some((record.seq, record.hash, place));
        Ok(())
    }

    fn finish(self, (file, offset): Place) -> Verdict {
        let last = self.last.as_ref().map_or(0, |(seq, ..)| *seq);
        let sealed = self.signed.last_key_value().map_or(0, |(seq, _)| *seq);
        if sealed > last {
            return Verdict::Broken(Broken { seq: last + 1, file, offset, reason: Reason::Truncated });
        }
        let records = if last == 0 { 0 } else { last - self.first + 1 };
        Verdict::Whole(Whole { records, first: self.first, last, sealed, checkpoints: self.checkpoints })
    }
}
