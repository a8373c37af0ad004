//! Received files that name persons: sealed under a key of their own before they touch a disk, and readable while the vault has that key.
//!
//! Layout: a mark, then chunks of 64 KiB (AES-256-GCM, 16 bytes longer each); a chunk's nonce is its number and whether it is the last.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{Aad, NONCE_LEN, Nonce};
use sqlx::Row;

use super::seal::Secret;
use super::{Vault, gone, store};
use crate::error::{Error, Result};

const MARK: &[u8] = b"SISS sealed 1\n";
const CHUNK: usize = 64 << 10;
const TAG: usize = 16;

/// Seals a stream.
pub struct Sealer {
    key: Secret,
    held: Vec<u8>,
    number: u64,
    started: bool,
}

impl Sealer {
    pub fn new(key: Secret) -> Self {
        Self { key, held: Vec::with_capacity(CHUNK), number: 0, started: false }
    }

    /// Takes bytes and adds what is sealed by now to `out`.
    pub fn push(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        if !self.started {
            self.started = true;
            out.extend_from_slice(MARK);
        }
        while !bytes.is_empty() {
            if self.held.len() == CHUNK {
                self.chunk(false, out)?;
            }
            let some = bytes.len().min(CHUNK - self.held.len());
            self.held.extend_from_slice(&bytes[..some]);
            bytes = &bytes[some..];
        }
        Ok(())
    }

    /// Ends the stream; gives its key.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<Secret> {
        self.push(&[], out)?;
        self.chunk(true, out)?;
        Ok(self.key)
    }

    fn chunk(&mut self, last: bool, out: &mut Vec<u8>) -> Result<()> {
        let mut sealed = std::mem::take(&mut self.held);
        let fault = |_| Error::internal("vault.seal", "a file could not be sealed");
        self.key.key.seal_in_place_append_tag(nonce(self.number, last), Aad::empty(), &mut sealed).map_err(fault)?;
        out.extend_from_slice(&sealed);
        self.number += 1;
        self.held.reserve(CHUNK);
        Ok(())
    }
}

fn nonce(number: u64, last: bool) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    nonce[0] = u8::from(last);
    nonce[4..].copy_from_slice(&number.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

/// Opens a sealed stream into `to`. A stream that was cut or changed is an error.
fn open(key: &Secret, from: &mut impl Read, to: &mut impl Write) -> Result<()> {
    let damaged = || Error::internal("vault.file", "a sealed file is damaged, or of another key");
    let mut mark = [0; MARK.len()];
    from.read_exact(&mut mark)?;
    if mark != MARK {
        return Err(damaged());
    }
    let mut next = read_chunk(from)?;
    for number in 0.. {
        let mut chunk = next;
        next = if chunk.len() == CHUNK + TAG { read_chunk(from)? } else { Vec::new() };
        let last = next.is_empty();
        let text = key.key.open_in_place(nonce(number, last), Aad::empty(), &mut chunk).map_err(|_| damaged())?;
        to.write_all(text)?;
        if last {
            break;
        }
    }
    Ok(())
}

fn read_chunk(from: &mut impl Read) -> Result<Vec<u8>> {
    let mut chunk = Vec::with_capacity(CHUNK + TAG);
    from.by_ref().take((CHUNK + TAG) as u64).read_to_end(&mut chunk)?;
    Ok(chunk)
}

/// A received file in clear: a file without a name, which is gone when this is dropped, however the process ends.
pub struct Clear {
    file: File,
}

impl Clear {
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
    }
}

/// A sealed file under another key, as a new temporary file in `folder`.
pub fn reseal(sealed: &Path, key: &Secret, to: Secret, folder: &Path) -> Result<tempfile::TempPath> {
    let (mut out, path) = tempfile::NamedTempFile::new_in(folder)?.into_parts();
    let mut through = Through { sealer: Sealer::new(to), out: Vec::new() };
    open(key, &mut File::open(sealed)?, &mut through)?;
    let Through { sealer, out: mut bytes } = through;
    sealer.finish(&mut bytes)?;
    out.write_all(&bytes)?;
    Ok(path)
}

struct Through {
    sealer: Sealer,
    out: Vec<u8>,
}

impl Write for Through {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.sealer.push(bytes, &mut self.out).map_err(std::io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Vault {
    /// Keeps the key of a received file. When the delivery has one already, that one is given: whoever came first sealed with it.
    pub async fn keep_key(&self, delivery: &str, key: &Secret) -> Result<Option<Secret>> {
        let sealed = self.seal(delivery, STANDARD.encode(key.bytes()).as_bytes())?;
        let done = sqlx::query("INSERT INTO landing_keys (delivery, sealed) VALUES ($1, $2) ON CONFLICT (delivery) DO NOTHING")
            .bind(delivery)
            .bind(sealed)
            .execute(self.pool())
            .await
            .map_err(store::fault("vault.keep_key"))?;
        if done.rows_affected() == 0 { self.key_of(delivery).await.map(Some) } else { Ok(None) }
    }

    async fn key_of(&self, delivery: &str) -> Result<Secret> {
        let row = sqlx::query("SELECT sealed FROM landing_keys WHERE delivery = $1").bind(delivery).fetch_optional(self.pool()).await;
        let row = row.map_err(store::fault("vault.key_of"))?.ok_or_else(|| gone(delivery))?;
        let bytes = self.inner.keys.seal.open(delivery, &store::get::<String>(&row, "sealed")?)?;
        let bytes = STANDARD.decode(bytes).ok().and_then(|bytes| bytes.try_into().ok());
        Secret::of(bytes.ok_or_else(|| Error::internal("vault.key_of", "not a key"))?)
    }

    /// A received file in clear. `NotFound` when a person it named was erased: nobody can read it any more.
    pub async fn clear(&self, delivery: &str, sealed: &Path, folder: &Path) -> Result<Clear> {
        let key = self.key_of(delivery).await?;
        let (sealed, folder) = (sealed.to_owned(), folder.to_owned());
        let opening = tokio::task::spawn_blocking(move || -> Result<Clear> {
            let mut file = tempfile::tempfile_in(folder)?;
            let mut out = std::io::BufWriter::new(&mut file);
            open(&key, &mut std::io::BufReader::new(File::open(sealed)?), &mut out)?;
            out.flush()?;
            drop(out);
            Ok(Clear { file })
        });
        opening.await.map_err(|e| Error::internal("vault.clear", e))?
    }

    /// Deliveries whose received file can still be read.
    pub async fn readable(&self) -> Result<Vec<String>> {
        let rows = sqlx::query("SELECT delivery FROM landing_keys ORDER BY delivery").fetch_all(self.pool()).await.map_err(store::fault("vault.readable"))?;
        rows.iter().map(|row| row.try_get("delivery").map_err(store::fault("vault.readable"))).collect()
    }

    /// Makes a received file unreadable for good.
    pub async fn shred(&self, delivery: &str) -> Result<()> {
        sqlx::query("DELETE FROM landing_keys WHERE delivery = $1").bind(delivery).execute(self.pool()).await.map_err(store::fault("vault.shred"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(key: [u8; 32], text: &[u8], step: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let mut sealer = Sealer::new(Secret::of(key).unwrap());
        text.chunks(step).for_each(|some| sealer.push(some, &mut out).unwrap());
        sealer.finish(&mut out).unwrap();
        out
    }

    #[test]
    fn streams_come_back_at_every_length() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
            let text: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
            let bytes = sealed([7; 32], &text, 1000);
            let mut back = Vec::new();
            open(&Secret::of([7; 32]).unwrap(), &mut bytes.as_slice(), &mut back).unwrap();
            assert!(back == text, "{length}");
        }
    }

    #[test]
    fn what_was_cut_or_changed_does_not_open() {
        let text = vec![1; 2 * CHUNK];
        let whole = sealed([7; 32], &text, 4096);
        let opens = |bytes: &[u8], key: u8| open(&Secret::of([key; 32]).unwrap(), &mut &bytes[..], &mut Vec::new()).is_ok();
        let chunk = MARK.len() + CHUNK + TAG;
        let mut changed = whole.clone();
        changed[chunk + 5] ^= 1;
        assert!(opens(&whole, 7));
        assert!(!opens(&whole, 8) && !opens(&whole[..chunk], 7) && !opens(&whole[..whole.len() - 1], 7) && !opens(&changed, 7));
    }
}
