//! The second factor: codes of an app (TOTP, RFC 6238: SHA-1, 30 seconds, six digits, which every app knows), and codes to get in without it,
//! each used once. The app's secret is sealed in the store.

use std::time::Instant;

use ingest::vault::Secret;
use ring::hmac;
use sha2::{Digest, Sha256};
use sqlx::Row;
use subtle::ConstantTimeEq;
use warehouse::audit::Origin;
use warehouse::error::{Error, Result};
use warehouse::principal::Principal;

use super::{Accounts, token, unknown};
use crate::state::{fault, now};

/// Seconds of a code.
const STEP: i64 = 30;
const DIGITS: u32 = 6;
/// Bytes of a secret: as many as the hash gives (RFC 4226, section 4).
const SECRET: usize = 20;
/// Codes to get in when the app is gone.
const RECOVERY: usize = 8;
/// Characters of one: 80 bits, so that a plain hash keeps it.
const RECOVERY_LENGTH: usize = 24;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What is shown once, when a second factor is set up.
#[derive(Debug)]
pub struct Enrolment {
    /// For typing into an app.
    pub secret: String,
    /// For a QR code.
    pub uri: String,
    pub recovery: Vec<String>,
}

impl Accounts {
    /// Sets up a second factor, in place of an earlier one; the account's sessions end.
    pub async fn enrol(&self, name: &str) -> Result<Enrolment> {
        if self.row(name).await?.is_none() {
            return Err(unknown(name));
        }
        let bytes = token::random_bytes()?[..SECRET].to_vec();
        let sealed = self.seal()?.seal(&label(name), &bytes).map_err(|e| Error::internal("factor.seal", e))?;
        let recovery = (0..RECOVERY).map(|_| Ok(base32(&token::random_bytes()?)[..RECOVERY_LENGTH].to_owned())).collect::<Result<Vec<_>>>()?;
        self.unenrol(name).await?;
        let pool = self.state.pool();
        for code in &recovery {
            let keep = sqlx::query("INSERT INTO recovery_codes (hash, account) VALUES ($1, $2)").bind(hash(name, code)).bind(name);
            keep.execute(pool).await.map_err(fault("factor.enrol"))?;
        }
        sqlx::query("INSERT INTO second_factors (account, secret, last_step, created) VALUES ($1, $2, 0, $3)")
            .bind(name)
            .bind(sealed)
            .bind(now())
            .execute(pool)
            .await
            .map_err(fault("factor.enrol"))?;
        let secret = base32(&bytes);
        let uri = format!("otpauth://totp/SISS:{name}?secret={secret}&issuer=SISS&algorithm=SHA1&digits={DIGITS}&period={STEP}");
        Ok(Enrolment { secret, uri, recovery: recovery.iter().map(|code| spaced(code)).collect() })
    }

    /// Takes the second factor away; the account's sessions end. False if there was none.
    pub async fn unenrol(&self, name: &str) -> Result<bool> {
        self.end_sessions(name).await?;
        let pool = self.state.pool();
        self.end_steps(name).await?;
        sqlx::query("DELETE FROM recovery_codes WHERE account = $1").bind(name).execute(pool).await.map_err(fault("factor.end"))?;
        let done = sqlx::query("DELETE FROM second_factors WHERE account = $1").bind(name).execute(pool).await.map_err(fault("factor.end"))?;
        Ok(done.rows_affected() > 0)
    }

    /// Whether an account has one.
    pub async fn has_factor(&self, name: &str) -> Result<bool> {
        let row = sqlx::query("SELECT account FROM second_factors WHERE account = $1").bind(name).fetch_optional(self.state.pool()).await;
        Ok(row.map_err(fault("factor.read"))?.is_some())
    }

    /// Whose the code is, if it is the account's and used for the first time. A wrong one counts as a failed sign-in; `None` too while the
    /// account is locked.
    pub async fn code(&self, name: &str, text: &str) -> Result<Option<Principal>> {
        self.code_at(name, text, now()).await
    }

    async fn code_at(&self, name: &str, text: &str, now: i64) -> Result<Option<Principal>> {
        if self.inner.lockout.locked(name, Origin::current().from, Instant::now()) {
            return Ok(None);
        }
        let text: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect::<String>().to_ascii_uppercase();
        let fits = match text.len() {
            6 => self.use_code(name, &text, now).await?,
            RECOVERY_LENGTH => self.use_recovery(name, &text).await?,
            _ => false,
        };
        if !fits {
            self.failed(name);
            return Ok(None);
        }
        self.succeeded(name);
        self.principal(name).await
    }

    async fn use_code(&self, name: &str, text: &str, now: i64) -> Result<bool> {
        let row = sqlx::query("SELECT secret, last_step FROM second_factors WHERE account = $1").bind(name).fetch_optional(self.state.pool()).await;
        let Some(row) = row.map_err(fault("factor.read"))? else { return Ok(false) };
        let (sealed, last): (String, i64) = (row.try_get("secret").map_err(fault("factor.read"))?, row.try_get("last_step").map_err(fault("factor.read"))?);
        let secret = self.seal()?.open(&label(name), &sealed).map_err(|e| Error::internal("factor.open", e))?;
        // A phone's clock may be a step off, and typing takes time.
        let step = (now / STEP - 1..=now / STEP + 1).find(|step| *step > last && code(&secret, *step, DIGITS).as_bytes().ct_eq(text.as_bytes()).into());
        let Some(step) = step else { return Ok(false) };
        // The condition lets one of two who show the same code at once through.
        let mark = sqlx::query("UPDATE second_factors SET last_step = $1 WHERE account = $2 AND last_step < $1").bind(step).bind(name);
        Ok(mark.execute(self.state.pool()).await.map_err(fault("factor.use"))?.rows_affected() == 1)
    }

    async fn use_recovery(&self, name: &str, text: &str) -> Result<bool> {
        let take = sqlx::query("DELETE FROM recovery_codes WHERE hash = $1 AND account = $2").bind(hash(name, text)).bind(name);
        Ok(take.execute(self.state.pool()).await.map_err(fault("factor.use"))?.rows_affected() == 1)
    }

    /// What seals secrets that must be read again.
    pub(super) fn seal(&self) -> Result<&Secret> {
        self.seal.as_deref().ok_or_else(|| Error::internal("accounts.seal", "the accounts were opened without the vault"))
    }
}

/// The code of a step (RFC 4226, section 5.3).
fn code(secret: &[u8], step: i64, digits: u32) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret), &step.to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag[tag.len() - 1] & 0x0f);
    let number = u32::from_be_bytes([tag[at] & 0x7f, tag[at + 1], tag[at + 2], tag[at + 3]]);
    format!("{:0width$}", number % 10_u32.pow(digits), width = digits as usize)
}

/// RFC 4648, without padding.
fn base32(bytes: &[u8]) -> String {
    let mut out = String::new();
    for five in bytes.chunks(5) {
        let bits = five.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte)) << (8 * (5 - five.len()));
        let count = (five.len() * 8).div_ceil(5);
        out.extend((0..count).map(|i| char::from(BASE32[(bits >> (35 - 5 * i) & 31) as usize])));
    }
    out
}

fn spaced(code: &str) -> String {
    code.as_bytes().chunks(4).map(|four| String::from_utf8_lossy(four)).collect::<Vec<_>>().join("-")
}

fn hash(name: &str, code: &str) -> String {
    hex::encode(Sha256::digest(format!("siss recovery\0{name}\0{code}")))
}

fn label(name: &str) -> String {
    format!("second factor {name}")
}

#[cfg(test)]
mod tests;
