//! The vault's one key and what is derived from it: pseudonyms are made with one derived key, texts sealed with another.

use std::io::{ErrorKind, Write};
use std::path::Path;

use ring::{hkdf, hmac};
use sqlx::AnyPool;

use super::seal::{Secret, random};
use super::store;
use crate::error::{Error, Kind, Result};

pub struct Keys {
    pseudonyms: hmac::Key,
    pub seal: Secret,
}

impl Keys {
    /// Reads the key file, 64 hexadecimal digits. It is made when the vault is new.
    pub async fn open(file: &Path, pool: &AnyPool) -> Result<Self> {
        let keys = match std::fs::read_to_string(file) {
            Ok(text) => {
                let key = hex::decode(text.trim()).ok().filter(|key| key.len() == 32);
                Self::of(&key.ok_or_else(|| refused("vault.key", file))?)?
            }
            Err(e) if e.kind() == ErrorKind::NotFound && store::mark(pool, CHECK).await?.is_none() => {
                let key = random::<32>()?;
                write(file, &key)?;
                Self::of(&key)?
            }
            Err(e) if e.kind() == ErrorKind::NotFound => return Err(refused("vault.key_missing", file)),
            Err(e) => return Err(Error::internal("vault.key", format!("{}: {e}", file.display()))),
        };
        // A wrong key would give every person a second pseudonym.
        match store::mark(pool, CHECK).await? {
            Some(check) if check != keys.pseudonym(CHECK) => Err(refused("vault.key_other", file)),
            Some(_) => Ok(keys),
            None => {
                store::set_mark(pool, CHECK, &keys.pseudonym(CHECK)).await?;
                Ok(keys)
            }
        }
    }

    fn of(master: &[u8]) -> Result<Self> {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"siss vault");
        let master = salt.extract(master);
        let derive = |label: &[u8]| -> Result<[u8; 32]> {
            let mut key = [0; 32];
            let label = [label];
            let derived = master.expand(&label, hkdf::HKDF_SHA256).and_then(|okm| okm.fill(&mut key));
            derived.map_err(|_| Error::internal("vault.derive", "the key could not be derived"))?;
            Ok(key)
        };
        Ok(Self { pseudonyms: hmac::Key::new(hmac::HMAC_SHA256, &derive(b"pseudonyms")?), seal: Secret::of(derive(b"seal")?)? })
    }

    /// The first 128 bits of a keyed hash, in hexadecimal.
    pub fn pseudonym(&self, code: &str) -> String {
        self.hash(code.as_bytes())
    }

    /// A key for another purpose. What is hashed begins as no fiscal code and no other text of ours does.
    pub fn derived(&self, purpose: &str) -> Result<Secret> {
        let tag = hmac::sign(&self.pseudonyms, format!("\0key\0{purpose}").as_bytes());
        let bytes = tag.as_ref().try_into().map_err(|_| Error::internal("vault.derive", "the key could not be derived"))?;
        Secret::of(bytes)
    }

    pub fn hash(&self, text: &[u8]) -> String {
        hex::encode(&hmac::sign(&self.pseudonyms, text).as_ref()[..16])
    }
}

/// Name of the mark that tells whether a key is the vault's.
const CHECK: &str = "key-check";

fn write(file: &Path, key: &[u8]) -> Result<()> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    if let Some(folder) = file.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut out = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    writeln!(out, "{}", hex::encode(key))?;
    out.sync_all()?;
    if let Some(folder) = file.parent() {
        std::fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn refused(code: &'static str, file: &Path) -> Error {
    Error::new(Kind::Invalid, code, &file.display().to_string())
}
