//! Documents that come with forms: `landing/_attachments/<hash>`, sealed under a key of their own that the vault keeps.

use sha2::{Digest, Sha256};

use crate::deliver::Deliveries;
use crate::error::{Error, Kind, Result};
use crate::vault::{Sealer, Secret};

impl Deliveries {
    /// Keeps a document and gives the SHA-256 of its bytes, by which it is found. When this returns it is durable; the same again is kept once.
    pub async fn keep(&self, bytes: &[u8]) -> Result<String> {
        let hash = hex::encode(Sha256::digest(bytes));
        let key = Secret::fresh()?;
        // The key is durable before what it seals; one that stands already was kept by who sent the same before.
        let key = self.vault().keep_key(&label(&hash), &key).await?.unwrap_or(key);
        let mut sealed = Vec::with_capacity(bytes.len() + 64);
        let mut sealer = Sealer::new(key);
        sealer.push(bytes, &mut sealed)?;
        sealer.finish(&mut sealed)?;
        self.landing().put_attachment(&hash, sealed).await?;
        Ok(hash)
    }

    /// Makes a document unreadable for good.
    pub async fn shred_document(&self, hash: &str) -> Result<()> {
        self.vault().shred(&label(hash)).await
    }

    /// A kept document. Errors: `NotFound` when there is none, or its person was erased.
    pub async fn kept(&self, hash: &str) -> Result<Vec<u8>> {
        if hash.len() != 64 || !hash.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(Error::new(Kind::NotFound, "form.attachment", hash));
        }
        let sealed = self.landing().attachment(hash, self.spool()).await?;
        let clear = self.vault().clear(&label(hash), sealed.path(), self.spool()).await?;
        let bytes = tokio::fs::read(clear.path()).await?;
        Ok(bytes)
    }
}

fn label(hash: &str) -> String {
    format!("allegato-{hash}")
}
