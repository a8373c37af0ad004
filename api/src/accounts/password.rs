//! Passwords of people: argon2id with 19 MiB and two passes (OWASP's minimum), salted, in PHC text form.

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use warehouse::error::{Error, Kind, Result};

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Characters; what a person chooses must have at least so many.
const SHORTEST: usize = 12;
/// Code of the refusal of one that is easy to guess.
pub const WEAK: &str = "accounts.password_weak";
/// Bytes; longer ones only cost time.
const LONGEST: usize = 512;

/// What everybody tries who attacks this service, and runs of keys and letters: they count as nothing.
const KNOWN: [&str; 24] = [
    "password",
    "parola",
    "segreta",
    "segreto",
    "utente",
    "admin",
    "amministratore",
    "benvenuto",
    "welcome",
    "cambiami",
    "accesso",
    "siss",
    "lazio",
    "regione",
    "comune",
    "distretto",
    "ambito",
    "sociale",
    "sociali",
    "servizi",
    "roma",
    "italia",
    "prova",
    "test",
];
const RUNS: [&str; 5] = ["qwertyuiop", "asdfghjkl", "zxcvbnm", "abcdefghijklmnopqrstuvwxyz", "01234567890"];
/// Characters that must be left beside those.
const OWN: usize = 8;

/// What a person's password must be: long, and more than what everybody knows of account and service. The demo's passwords, which everyone may
/// know, are exempt.
pub fn rule(password: &str, account: &str) -> Result<()> {
    if password.chars().count() < SHORTEST || password.len() > LONGEST || password.chars().any(char::is_control) {
        let message = format!("a password has {SHORTEST} characters or more, {LONGEST} bytes at most and no control characters");
        return Err(Error::new(Kind::Invalid, "accounts.password", message));
    }
    if own(password, account) < OWN {
        let message = "this password is easy to guess: well-known words, the account's name and runs of keys count as nothing; four words by chance are best";
        return Err(Error::new(Kind::Invalid, WEAK, message));
    }
    Ok(())
}

/// Characters that are neither known words, parts of the account's name, runs of three and more, nor like the one before them.
fn own(password: &str, account: &str) -> usize {
    let mut rest = password.to_lowercase();
    let parts = account.split(|c: char| !c.is_alphanumeric()).filter(|part| part.len() > 2).map(str::to_lowercase);
    let mut known: Vec<String> = parts.chain([account.to_lowercase()]).chain(KNOWN.map(str::to_owned)).collect();
    known.sort_by_key(|word| std::cmp::Reverse(word.len()));
    for word in known {
        rest = rest.replace(&word, " ");
    }
    for run in RUNS {
        let back: String = run.chars().rev().collect();
        for run in [run, &back] {
            for length in (3..=run.len()).rev() {
                for from in 0..=run.len() - length {
                    rest = rest.replace(&run[from..from + length], " ");
                }
            }
        }
    }
    let mut last = ' ';
    rest.chars().filter(|c| !c.is_whitespace() && std::mem::replace(&mut last, *c) != *c).count()
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

/// A password by chance: 26 letters and digits that are not mistaken for each other, 130 bits.
pub fn random() -> Result<String> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let bytes = super::token::random_bytes()?;
    Ok(bytes.iter().take(26).map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_long_and_hard_to_guess() {
        for (password, code) in [
            ("corta", Some("accounts.password")),
            ("dodici\u{7}caratteri", Some("accounts.password")),
            ("password1234", Some("accounts.password_weak")),
            ("comune_058091", Some("accounts.password_weak")),
            ("regionelazio", Some("accounts.password_weak")),
            ("aaaaaaaaaaaaaaa", Some("accounts.password_weak")),
            ("Qwertyuiop123!", Some("accounts.password_weak")),
            ("Comune058091!!", Some("accounts.password_weak")),
            ("lazio2026lazio", Some("accounts.password_weak")),
            ("fagiolo nuvola traghetto ottone", None),
            ("Zq8!vR2#kP6mWx", None),
        ] {
            assert_eq!(rule(password, "comune_058091").err().map(|e| e.code), code, "{password}");
        }
        assert!(rule(&random().unwrap(), "a").is_ok());
    }
}
