//! The log's key: one file of 32 random bytes, from which two keys are derived. One signs checkpoints; its public half stands in the log's
//! folder and is what others verify with. The other makes pseudonyms of addresses.

use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::str::FromStr;

use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use ring::{hkdf, hmac};

use crate::error::{Error, Kind, Result};

/// The public key's file in the log's folder.
pub const PUBLIC: &str = "key.pub";

pub type Signature = [u8; 64];

pub struct Key {
    pair: Ed25519KeyPair,
    pseudonyms: hmac::Key,
}

impl Key {
    /// Reads the key of the log in `folder`, and makes it when there is neither. To be called by one process at a time.
    /// Errors: `Conflict` when the log is another key's, or when one of the two is gone: a log that begins anew must not look whole.
    pub fn open(file: &Path, folder: &Path) -> Result<Self> {
        let public = folder.join(PUBLIC);
        match (read(file)?, read(&public)?) {
            (Some(text), Some(known)) => {
                let key = Self::of(&text).ok_or_else(|| refused("audit.key", "this is no key of 64 hexadecimal digits", file))?;
                if known == key.public().to_string() { Ok(key) } else { Err(refused("audit.key_other", "the log was sealed with another key", file)) }
            }
            (Some(_), None) => {
                Err(refused("audit.gone", "the log is gone and its key is there: put the log back, or move the key away to begin a new log", file))
            }
            (None, Some(_)) => Err(refused("audit.key_missing", "the key is missing: put it back, or move the log away to begin a new one", file)),
            (None, None) => {
                let mut bytes = [0; 32];
                SystemRandom::new().fill(&mut bytes).map_err(|e| Error::internal("audit.random", e.to_string()))?;
                let text = hex::encode(bytes);
                let key = Self::of(&text).ok_or_else(|| Error::internal("audit.key", "the key could not be made"))?;
                if let Some(parent) = file.parent() {
                    private_folder(parent)?;
                }
                // The public half first: a key without it means that the log is gone.
                write(&public, &key.public().to_string())?;
                write(file, &text)?;
                Ok(key)
            }
        }
    }

    fn of(text: &str) -> Option<Self> {
        let master: [u8; 32] = hex::decode(text).ok()?.try_into().ok()?;
        let master = hkdf::Salt::new(hkdf::HKDF_SHA256, b"siss audit").extract(&master);
        let derive = |label: &[u8]| -> Option<[u8; 32]> {
            let (label, mut key) = ([label], [0; 32]);
            master.expand(&label, hkdf::HKDF_SHA256).and_then(|okm| okm.fill(&mut key)).ok().map(|()| key)
        };
        let pair = Ed25519KeyPair::from_seed_unchecked(&derive(b"checkpoints")?).ok()?;
        Some(Self { pair, pseudonyms: hmac::Key::new(hmac::HMAC_SHA256, &derive(b"pseudonyms")?) })
    }

    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.pair.public_key().as_ref());
        PublicKey(bytes)
    }

    pub fn sign(&self, bytes: &[u8]) -> Signature {
        let mut signature = [0; 64];
        signature.copy_from_slice(self.pair.sign(bytes).as_ref());
        signature
    }

    /// 16 hexadecimal digits that stand for a text: the same text has the same ones, and without the key nobody can try texts out.
    pub fn pseudonym(&self, text: &str) -> String {
        hex::encode(&hmac::sign(&self.pseudonyms, text.as_bytes()).as_ref()[..8])
    }
}

/// What signatures are verified with; its text is 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// The public key that the log in `folder` says is its own.
    pub fn of_log(folder: &Path) -> Result<Self> {
        let file = folder.join(PUBLIC);
        let text = read(&file)?.ok_or_else(|| Error::new(Kind::NotFound, "audit.none", format!("there is no log in {}", folder.display())))?;
        text.parse().map_err(|()| refused("audit.key_public", "this is no public key", &file))
    }

    /// The public half of the key in a file; `None` without the file.
    pub fn of_key(file: &Path) -> Result<Option<Self>> {
        let Some(text) = read(file)? else { return Ok(None) };
        Key::of(&text).map(|key| Some(key.public())).ok_or_else(|| refused("audit.key", "this is no key of 64 hexadecimal digits", file))
    }

    pub fn verifies(&self, bytes: &[u8], signature: &Signature) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(bytes, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for PublicKey {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        hex::decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or(())
    }
}

/// Makes a folder, with its parents, that only its owner may enter.
pub(super) fn private_folder(folder: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn read(file: &Path) -> Result<Option<String>> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::internal("audit.key", format!("{}: {e}", file.display()))),
    }
}

/// Whole or not at all: a crash leaves no half key.
fn write(file: &Path, text: &str) -> Result<()> {
    let part = file.with_extension("part");
    let mut out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    writeln!(out, "{text}")?;
    out.sync_all()?;
    std::fs::rename(&part, file)?;
    if let Some(folder) = file.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn refused(code: &'static str, why: &str, file: &Path) -> Error {
    Error::new(Kind::Conflict, code, format!("{why} ({})", file.display()))
}
