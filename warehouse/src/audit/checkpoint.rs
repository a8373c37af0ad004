//! Checkpoints: signed words on how far the log goes and what its last hash is. A chain alone tells neither that its end was cut off nor that
//! all of it was written anew; a checkpoint that lies elsewhere does.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::audit::key::{Key, PublicKey, Signature};
use crate::audit::record::{Hash, hexadecimal};
use crate::audit::segments::tail;
use crate::error::Result;

/// The file of checkpoints in the log's folder: one a line, oldest first.
pub const FILE: &str = "checkpoints.log";

const LABEL: &[u8] = b"siss audit checkpoint 1\n";

/// "The log goes to record `seq`, whose hash is `hash`"; or, retired, "the records up to `seq` were removed, the last hash was `hash`".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    pub seq: u64,
    #[serde(with = "hexadecimal")]
    pub hash: Hash,
    /// Microseconds since 1970, UTC.
    pub time: i64,
    pub retired: bool,
    /// Public key of the signature; whether it is the right one is for who verifies to know.
    pub key: String,
    #[serde(with = "hexadecimal")]
    pub signature: Signature,
}

impl Checkpoint {
    pub fn sign(key: &Key, seq: u64, hash: Hash, time: i64, retired: bool) -> Self {
        Self { seq, hash, time, retired, key: key.public().to_string(), signature: key.sign(&signed(seq, &hash, time, retired)) }
    }

    /// Whether it was signed with this key.
    pub fn is_of(&self, key: &PublicKey) -> bool {
        self.key == key.to_string() && key.verifies(&signed(self.seq, &self.hash, self.time, self.retired), &self.signature)
    }

    /// The line, without its end.
    pub fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The checkpoint of a line; `None` when it is not exactly what [`Self::line`] writes. Its signature is not looked at.
    pub fn read(line: &[u8]) -> Option<Self> {
        let checkpoint: Self = serde_json::from_slice(line).ok()?;
        (checkpoint.line().as_bytes() == line).then_some(checkpoint)
    }
}

/// What is signed: fields of fixed length, one after the other.
fn signed(seq: u64, hash: &Hash, time: i64, retired: bool) -> Vec<u8> {
    [LABEL, &seq.to_be_bytes(), hash, &time.to_be_bytes(), &[u8::from(retired)]].concat()
}

/// The newest checkpoint that was written whole.
pub fn newest(folder: &Path) -> Result<Option<Checkpoint>> {
    let Some(file) = open(folder)? else { return Ok(None) };
    Ok(tail(&file)?.last.and_then(|line| Checkpoint::read(&line)))
}

/// Adds a checkpoint; durable when this returns. The end of a line that a crash tore is taken away first.
pub fn append(folder: &Path, checkpoint: &Checkpoint) -> Result<()> {
    let path = folder.join(FILE);
    let is_new = !path.exists();
    let mut file = OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(path)?;
    file.set_len(tail(&file)?.whole)?;
    writeln!(file, "{}", checkpoint.line())?;
    file.sync_data()?;
    if is_new {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Leaves out the checkpoints of records before `first` that say nothing any more, now that these records are gone.
pub fn compact(folder: &Path, first: u64) -> Result<()> {
    let path = folder.join(FILE);
    let text = std::fs::read(&path)?;
    let lines = text.split_inclusive(|b| *b == b'\n');
    let keeps = |line: &&[u8]| line.strip_suffix(b"\n").and_then(Checkpoint::read).is_some_and(|c| c.retired || c.seq >= first);
    let kept: Vec<u8> = lines.filter(keeps).flatten().copied().collect();
    let part = path.with_extension("part");
    let mut out = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&part)?;
    out.write_all(&kept)?;
    out.sync_all()?;
    std::fs::rename(part, path)?;
    Ok(File::open(folder)?.sync_all()?)
}

fn open(folder: &Path) -> Result<Option<File>> {
    match File::open(folder.join(FILE)) {
        Ok(file) => Ok(Some(file)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e.into()),
    }
}
