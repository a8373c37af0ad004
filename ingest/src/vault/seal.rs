//! AES-256-GCM over short texts: a fresh nonce for each, and a label that binds a text to its place.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};

use crate::error::{Error, Result};

/// A key, ready for use.
pub struct Secret {
    pub(super) key: LessSafeKey,
    bytes: [u8; 32],
}

impl Secret {
    pub fn of(bytes: [u8; 32]) -> Result<Self> {
        let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| Error::internal("vault.seal", "not a key"))?;
        Ok(Self { key: LessSafeKey::new(key), bytes })
    }

    pub fn fresh() -> Result<Self> {
        Self::of(random()?)
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Nonce and ciphertext, in Base64.
    pub fn seal(&self, label: &str, text: &[u8]) -> Result<String> {
        let nonce = random::<NONCE_LEN>()?;
        let mut sealed = text.to_vec();
        let fault = |_| Error::internal("vault.seal", "a text could not be sealed");
        self.key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(label), &mut sealed).map_err(fault)?;
        Ok(STANDARD.encode([&nonce, sealed.as_slice()].concat()))
    }

    pub fn open(&self, label: &str, sealed: &str) -> Result<Vec<u8>> {
        let fault = || Error::internal("vault.open", "a sealed text is damaged, or of another key");
        let mut bytes = STANDARD.decode(sealed).map_err(|_| fault())?;
        if bytes.len() < NONCE_LEN {
            return Err(fault());
        }
        let mut text = bytes.split_off(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(&bytes).map_err(|_| fault())?;
        let length = self.key.open_in_place(nonce, Aad::from(label), &mut text).map_err(|_| fault())?.len();
        text.truncate(length);
        Ok(text)
    }
}

pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Error::internal("vault.random", "the system gives no random bytes"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_opens_with_its_key_and_label_only() {
        let (one, other) = (Secret::fresh().unwrap(), Secret::fresh().unwrap());
        let sealed = one.seal("a", b"Rivabianca").unwrap();
        assert_eq!(one.open("a", &sealed).unwrap(), b"Rivabianca");
        assert!(one.open("b", &sealed).is_err() && other.open("a", &sealed).is_err() && one.open("a", "AAAA").is_err());
        assert_ne!(sealed, one.seal("a", b"Rivabianca").unwrap());
    }
}
