//! Sign-ins as the audit log has them: who came in, by which means, and who was turned away. A session or a connection is one sign-in; of a
//! token or password that comes with every request the first one within an hour is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use moka::sync::Cache;
use sha2::{Digest, Sha256};
use warehouse::audit::{Action, Audit, Event, Origin, Outcome};
use warehouse::error::Result;
use warehouse::principal::Principal;

use crate::accounts::Accounts;

/// How long the same credentials from the same address are one sign-in.
const HOUR: Duration = Duration::from_secs(3_600);
/// Failures of one name from one address that are recorded within a minute: who tries passwords must be seen, and must not fill the disk.
const FAILURES: u32 = 10;
const MINUTE: Duration = Duration::from_secs(60);
/// Credentials remembered at once.
const REMEMBERED: u64 = 100_000;

/// By what somebody shows who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    Password,
    Token,
    /// A voucher of PDND.
    Voucher,
}

impl Means {
    fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Token => "token",
            Self::Voucher => "voucher PDND",
        }
    }
}

/// The accounts with the log that their sign-ins go to. Clones share everything.
#[derive(Clone)]
pub struct SignIns {
    pub accounts: Accounts,
    audit: Audit,
    entered: Cache<[u8; 32], Arc<AtomicU32>>,
    failed: Cache<[u8; 32], Arc<AtomicU32>>,
}

impl SignIns {
    pub fn new(accounts: Accounts, audit: Audit) -> Self {
        let remember = |time| Cache::builder().max_capacity(REMEMBERED).time_to_live(time).build();
        Self { accounts, audit, entered: remember(HOUR), failed: remember(MINUTE) }
    }

    /// Somebody began a session or a connection. Errors: what cannot be recorded must not go on.
    pub async fn entered(&self, who: &Principal, means: Means) -> Result<()> {
        self.audit.record(Event::new(Action::SignIn, means.as_str()).by(who)).await.map(|_| ())
    }

    /// Somebody sent credentials along with a request. Of the same ones from the same place one is recorded within an hour; `secret` tells
    /// tokens of one account apart, and nothing of it is kept but a hash in memory.
    pub async fn used(&self, who: &Principal, means: Means, secret: &str) -> Result<()> {
        let key = key(&[&who.account, means.as_str(), secret]);
        let times = self.entered.get_with(key, Arc::default);
        if times.fetch_add(1, Ordering::Relaxed) > 0 {
            return Ok(());
        }
        let recorded = self.entered(who, means).await;
        if recorded.is_err() {
            self.entered.invalidate(&key);
        }
        recorded
    }

    /// Somebody was turned away. A name that is no account's may be a password in the wrong field, or a person's: a keyed hash of it is
    /// recorded, which tells whether two are the same.
    pub async fn failed(&self, name: Option<&str>, means: Means) -> Result<()> {
        let times = self.failed.get_with(key(&[name.unwrap_or_default(), means.as_str()]), Arc::default);
        if times.fetch_add(1, Ordering::Relaxed) >= FAILURES {
            return Ok(());
        }
        let event = Event::new(Action::SignIn, means.as_str()).outcome(Outcome::Refused);
        let known = match name {
            Some(name) => self.accounts.principal(name).await?,
            None => None,
        };
        let event = match (known, name) {
            (Some(who), _) => event.by(&who),
            (None, Some(name)) => event.account(&format!("ignoto:{}", self.audit.pseudonym(name))),
            (None, None) => event.account("ignoto"),
        };
        self.audit.record(event).await.map(|_| ())
    }
}

/// What is told apart: the parts, door and address.
fn key(parts: &[&str]) -> [u8; 32] {
    let origin = Origin::current();
    let mut digest = Sha256::new();
    for part in parts.iter().copied().chain([origin.door.as_str(), &format!("{:?}", origin.from)]) {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}
