//! One record: a line of JSON for people and programs to read, chained to the one before by a hash over its fields. The hash is not over the
//! text, so that it can be found again from `sistema.audit`; a line that is not exactly the text of its own fields is damaged.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What every hash begins with: no other thing that is hashed or signed can be taken for a record.
const LABEL: &[u8] = b"siss audit record 1\n";

pub type Hash = [u8; 32];

/// What stands before the first record.
pub const BEGINNING: Hash = [0; 32];

/// An act with its place in the chain. Codes are kept as text: a log outlives the program that wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// From 1, without gaps.
    pub seq: u64,
    /// Microseconds since 1970, UTC.
    pub time: i64,
    /// Who: an account, `os:` and a user of the operating system, or the service itself.
    pub account: String,
    /// The account's role; may be empty.
    pub role: String,
    pub door: String,
    /// Keyed hash of the address; empty where there is none.
    pub from: String,
    pub action: String,
    pub object: String,
    pub why: String,
    pub outcome: String,
    pub count: Option<u64>,
    /// Hash of the record before.
    #[serde(with = "hexadecimal")]
    pub prev: Hash,
    #[serde(with = "hexadecimal")]
    pub hash: Hash,
}

impl Record {
    /// SHA-256 over every other field, each with its length before it, so that no two records have the same bytes.
    pub fn digest(&self) -> Hash {
        let mut digest = Sha256::new_with_prefix(LABEL);
        let mut part = |bytes: &[u8]| {
            digest.update((bytes.len() as u64).to_be_bytes());
            digest.update(bytes);
        };
        part(&self.seq.to_be_bytes());
        part(&self.time.to_be_bytes());
        for text in [&self.account, &self.role, &self.door, &self.from, &self.action, &self.object, &self.why, &self.outcome] {
            part(text.as_bytes());
        }
        match self.count {
            Some(count) => part(&count.to_be_bytes()),
            None => part(&[]),
        }
        part(&self.prev);
        digest.finalize().into()
    }

    /// The line, with its end.
    pub fn line(&self) -> Vec<u8> {
        // Texts and numbers alone: there is nothing that could not be written.
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }

    /// The record of a line without its end; `None` when it is not exactly what [`Self::line`] writes, or its hash is not its own.
    pub fn read(line: &[u8]) -> Option<Self> {
        let record: Self = serde_json::from_slice(line).ok()?;
        let written = record.line();
        (record.hash == record.digest() && written.strip_suffix(b"\n") == Some(line)).then_some(record)
    }
}

/// Bytes as hexadecimal digits in JSON.
pub(super) mod hexadecimal {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: impl AsRef<[u8]>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&hex::encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>, const N: usize>(from: D) -> Result<[u8; N], D::Error> {
        let bytes = hex::decode(String::deserialize(from)?).map_err(D::Error::custom)?;
        bytes.try_into().map_err(|_| D::Error::custom("another length"))
    }
}
