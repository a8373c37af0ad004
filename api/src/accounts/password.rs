//! Passwords of people: argon2id with 19 MiB and two passes (OWASP's minimum), salted, in PHC text form.

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use warehouse::error::{Error, Kind, Result};

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Characters; what a person chooses must have at least so many.
const SHORTEST: usize = 12;
/// Bytes; longer ones only cost time.
const LONGEST: usize = 512;

/// What a person's password must be. The demo's passwords, which everyone may know, are exempt.
pub fn rule(password: &str) -> Result<()> {
    if password.chars().count() < SHORTEST || password.len() > LONGEST || password.chars().any(char::is_control) {
        let message = format!("a password has {SHORTEST} characters or more, {LONGEST} bytes at most and no control characters");
        return Err(Error::new(Kind::Invalid, "accounts.password", message));
    }
    Ok(())
}

fn argon() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|e| Error::internal("accounts.argon2", e.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Hashes a password with a new salt, off the async threads.
pub async fn hash(password: &str) -> Result<String> {
    let salt: [u8; 16] = rand::random();
    let password = password.to_string();
    on_thread(move || {
        let salt = SaltString::encode_b64(&salt).map_err(|e| Error::internal("accounts.argon2", e.to_string()))?;
        let hash = argon()?.hash_password(password.as_bytes(), &salt).map_err(|e| Error::internal("accounts.argon2", e.to_string()))?;
        Ok(hash.to_string())
    })
    .await
}

/// Whether a password fits a stored hash; the comparison takes the same time either way.
pub async fn verify(password: &str, hash: &str) -> Result<bool> {
    if password.len() > LONGEST {
        return Ok(false);
    }
    let (password, hash) = (password.to_string(), hash.to_string());
    on_thread(move || {
        let parsed = PasswordHash::new(&hash).map_err(|e| Error::internal("accounts.argon2", e.to_string()))?;
        Ok(argon()?.verify_password(password.as_bytes(), &parsed).is_ok())
    })
    .await
}

/// Runs costly arithmetic off the async threads.
pub async fn on_thread<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::internal("accounts.thread", e))?
}

/// A password by chance: 20 letters and digits that are not mistaken for each other, 100 bits.
pub fn random() -> Result<String> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let bytes = super::token::random_bytes()?;
    Ok(bytes.iter().take(20).map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect())
}
