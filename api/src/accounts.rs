//! Who may sign in: accounts with a role and facts, passwords and browsers' sessions for people, SCRAM verifiers for the PostgreSQL door, tokens for machines.
//! Nothing from which a password or token could be read back is stored.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use datasets::catalog::Catalog;
use ingest::vault::Secret;
use sqlx::Row;
use sqlx::any::AnyRow;
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;
use warehouse::audit::Origin;
use warehouse::error::{Error, Kind, Result};
use warehouse::principal::Principal;

use crate::state::{State, fault, now};

pub mod factor;
mod facts;
mod first;
pub mod identity;
mod lockout;
mod password;
mod scram;
pub mod sessions;
pub mod standing;
pub mod steps;
mod token;

pub use facts::{CITIZEN, derive_ambito, protected, stranger, validate};
pub use password::{WEAK, random as random_password, rule as password_rule};
pub use scram::Scram;
pub use token::{TokenInfo, random};

/// What the vault's key for the accounts is for, see [`Accounts::with_seal`].
pub const SEAL: &str = "accounts";
/// Passwords checked at once: each costs 19 MiB and tens of milliseconds, whoever asks.
const PARALLEL_HASHES: usize = 2;
/// How long a sign-in waits for its turn before it is refused as busy.
const HASH_WAIT: Duration = Duration::from_secs(10);

/// The accounts of an installation. Clones share everything.
#[derive(Clone)]
pub struct Accounts {
    state: State,
    inner: Arc<Inner>,
    /// Seals what must be read again, such as the secret of a second factor. The command line needs none for most of its work.
    seal: Option<Arc<Secret>>,
    /// Roles whose accounts must have a second factor.
    demanding: Arc<BTreeSet<String>>,
}

struct Inner {
    hashes: Semaphore,
    lockout: lockout::Lockout,
    /// Makes salts of accounts that do not exist: the same at every try, unguessable from outside.
    dummy_key: [u8; 32],
    /// Hash of a password nobody has, so that an unknown account costs what a known one does.
    dummy_hash: String,
}

/// Somebody whose password was right, and what is still to be done before a session begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entrant {
    pub who: Principal,
    pub next: Next,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Nothing,
    /// A code of the second factor.
    Code,
    /// A second factor must be set up first: the role demands one.
    Enrolment,
    /// A password of their own, in place of the first.
    Password,
    /// A new first password: this one was not changed in time.
    Expired,
}

/// An account to be made.
#[derive(Clone, Debug)]
pub struct NewAccount<'a> {
    pub name: &'a str,
    pub role: &'a str,
    pub facts: BTreeMap<String, String>,
    /// Without one, only tokens open the doors.
    pub password: Option<&'a str>,
}

/// An account as an administrator sees it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Account {
    pub name: String,
    pub role: String,
    pub facts: BTreeMap<String, String>,
    pub has_password: bool,
    /// Seconds since 1970.
    pub created: i64,
    /// Seconds since 1970 until when a first password must be changed; nothing where the password is the owner's choice.
    pub first_password_until: Option<i64>,
}

impl Accounts {
    /// Opens the accounts in the state store at `url` (see [`State::open`]).
    pub async fn open(url: &str) -> Result<Self> {
        Self::new(State::open(url).await?).await
    }

    pub async fn new(state: State) -> Result<Self> {
        let dummy_key = scram::dummy_key(&state).await?;
        let dummy_hash = password::hash(&token::random()?).await?;
        let inner = Inner { hashes: Semaphore::new(PARALLEL_HASHES), lockout: lockout::Lockout::default(), dummy_key, dummy_hash };
        Ok(Self { state, inner: Arc::new(inner), seal: None, demanding: Arc::default() })
    }

    /// With what seals secrets that must be read again.
    pub fn with_seal(self, seal: Secret) -> Self {
        Self { seal: Some(Arc::new(seal)), ..self }
    }

    /// With roles whose accounts must have a second factor.
    pub fn demanding(self, roles: BTreeSet<String>) -> Self {
        Self { demanding: Arc::new(roles), ..self }
    }

    /// Closes the store; what is written is on disk already.
    pub async fn close(&self) {
        self.state.close().await;
    }

    /// Makes an account. Role and facts must stand in the catalog's `roles.toml`; the name must be free.
    pub async fn add(&self, catalog: &Catalog, new: &NewAccount<'_>) -> Result<()> {
        facts::validate(catalog, new)?;
        let facts = serde_json::to_string(&new.facts).map_err(|e| Error::internal("accounts.facts", e))?;
        let done = sqlx::query("INSERT INTO accounts (name, role, facts, created, changed) VALUES ($1, $2, $3, $4, $4) ON CONFLICT (name) DO NOTHING")
            .bind(new.name)
            .bind(new.role)
            .bind(facts)
            .bind(now())
            .execute(self.state.pool())
            .await
            .map_err(fault("accounts.add"))?;
        if done.rows_affected() == 0 {
            return Err(Error::new(Kind::Conflict, "accounts.exists", format!("account '{}' exists", new.name)));
        }
        match new.password {
            Some(password) => self.set_password(new.name, password).await,
            None => Ok(()),
        }
    }

    /// Removes an account, its tokens, its sessions and its second factor; false if there is none.
    pub async fn remove(&self, name: &str) -> Result<bool> {
        self.unenrol(name).await?;
        sqlx::query("DELETE FROM tokens WHERE account = $1").bind(name).execute(self.state.pool()).await.map_err(fault("accounts.remove"))?;
        let done = sqlx::query("DELETE FROM accounts WHERE name = $1").bind(name).execute(self.state.pool()).await.map_err(fault("accounts.remove"))?;
        Ok(done.rows_affected() > 0)
    }

    pub async fn list(&self) -> Result<Vec<Account>> {
        let sql = format!("SELECT {} FROM accounts a ORDER BY a.name", COLUMNS);
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(self.state.pool()).await.map_err(fault("accounts.list"))?;
        rows.iter().map(account).collect()
    }

    /// Gives an account a new password of its owner's choice, for people (argon2id) and for the PostgreSQL door (SCRAM) alike.
    pub async fn set_password(&self, name: &str, password: &str) -> Result<()> {
        self.write_password(name, password, None).await
    }

    async fn write_password(&self, name: &str, password: &str, first_until: Option<i64>) -> Result<()> {
        let turn = self.turn().await?;
        let hash = password::hash(password).await?;
        let verifier = scram::verifier(password).await?;
        drop(turn);
        let done = sqlx::query(
            "UPDATE accounts SET password = $1, scram_salt = $2, scram_iterations = $3, scram_stored_key = $4, scram_server_key = $5, changed = $6, \
             first_until = $7 WHERE name = $8",
        )
        .bind(hash)
        .bind(hex::encode(&verifier.salt))
        .bind(i64::from(verifier.iterations))
        .bind(hex::encode(&verifier.stored_key))
        .bind(hex::encode(&verifier.server_key))
        .bind(now())
        .bind(first_until)
        .bind(name)
        .execute(self.state.pool())
        .await
        .map_err(fault("accounts.password"))?;
        match done.rows_affected() {
            0 => Err(unknown(name)),
            // Who knew the old one is signed in no longer, nor half of the way.
            _ => {
                self.end_steps(name).await?;
                self.end_sessions(name).await
            }
        }
    }

    /// Who signs in with name and password alone, as programs do; `None` if they do not fit, the account is locked for a while, or something is
    /// still to be done: accounts with a second factor work at these doors with tokens, first passwords not at all. An unknown name costs the
    /// same time. `Busy` when too many sign in at once.
    pub async fn password(&self, name: &str, password: &str) -> Result<Option<Principal>> {
        Ok(self.right_password(name, password).await?.filter(|entrant| entrant.next == Next::Nothing).map(|entrant| entrant.who))
    }

    /// The same for people, who can be asked for a code.
    pub async fn right_password(&self, name: &str, password: &str) -> Result<Option<Entrant>> {
        if self.inner.lockout.locked(name, Origin::current().from, Instant::now()) {
            return Ok(None);
        }
        let row = self.row(name).await?;
        let stored: Option<String> = row.as_ref().and_then(|row| row.try_get("password").ok());
        let turn = self.turn().await?;
        let fits = password::verify(password, stored.as_deref().unwrap_or(&self.inner.dummy_hash)).await?;
        drop(turn);
        match row {
            Some(row) if fits && stored.is_some() => {
                let account = account(&row)?;
                let next = self.next(&account).await?;
                let who = Principal::from(account);
                // Who knows the password alone must not clear away wrong codes.
                if next == Next::Nothing {
                    self.succeeded(name);
                }
                Ok(Some(Entrant { who, next }))
            }
            _ => {
                self.failed(name);
                Ok(None)
            }
        }
    }

    /// What is to be done after a right password.
    async fn next(&self, account: &Account) -> Result<Next> {
        let own = account.own_password(now());
        Ok(match self.has_factor(&account.name).await? {
            _ if own == Next::Expired => own,
            true => Next::Code,
            false if self.demanding.contains(&account.role) => Next::Enrolment,
            false => own,
        })
    }

    /// What the PostgreSQL door needs to check a proof; `None` while the account is locked. An unknown name, one without a password, or one
    /// that needs a second factor or has a first password gets a verifier that nothing fits, the same at every try. The door reports the
    /// outcome to [`Self::succeeded`] or [`Self::failed`].
    pub async fn scram(&self, name: &str) -> Result<Option<Scram>> {
        if self.inner.lockout.locked(name, Origin::current().from, Instant::now()) {
            return Ok(None);
        }
        let real = match self.row(name).await? {
            Some(row) if self.next(&account(&row)?).await? == Next::Nothing => scram::stored(&row)?,
            _ => None,
        };
        Ok(Some(real.unwrap_or_else(|| scram::dummy(&self.inner.dummy_key, name))))
    }

    /// A sign-in of this name succeeded: earlier failures are forgotten.
    pub fn succeeded(&self, name: &str) {
        self.inner.lockout.succeeded(name, Origin::current().from);
    }

    /// A sign-in of this name failed: after a few, the name is locked for a while, doubling.
    pub fn failed(&self, name: &str) {
        self.inner.lockout.failed(name, Origin::current().from, Instant::now());
    }

    /// The principal of an account, without any sign-in: for the command line and for a door that has checked a proof itself.
    pub async fn principal(&self, name: &str) -> Result<Option<Principal>> {
        self.row(name).await?.map(|row| account(&row).map(Principal::from)).transpose()
    }

    /// Whether an account signs in by password; else an identity provider says who it is, or it has only tokens.
    pub async fn has_password(&self, name: &str) -> Result<bool> {
        Ok(self.row(name).await?.map(|row| account(&row)).transpose()?.is_some_and(|account| account.has_password))
    }

    /// A place among the few that may hash at once.
    async fn turn(&self) -> Result<tokio::sync::SemaphorePermit<'_>> {
        match tokio::time::timeout(HASH_WAIT, self.inner.hashes.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Error::new(Kind::Busy, "accounts.busy", "too many sign-ins at once, try again")),
        }
    }

    async fn row(&self, name: &str) -> Result<Option<AnyRow>> {
        let sql = format!("SELECT {}, scram_salt, scram_iterations, scram_stored_key, scram_server_key FROM accounts a WHERE a.name = $1", COLUMNS);
        sqlx::query(sqlx::AssertSqlSafe(sql)).bind(name).fetch_optional(self.state.pool()).await.map_err(fault("accounts.read"))
    }
}

/// What [`account`] reads, of `accounts a`.
const COLUMNS: &str = "a.name, a.role, a.facts, a.password, a.created, a.first_until";

fn account(row: &AnyRow) -> Result<Account> {
    let text = |column: &str| row.try_get::<String, _>(column).map_err(fault("accounts.read"));
    let facts = serde_json::from_str(&text("facts")?).map_err(|e| Error::internal("accounts.facts", e))?;
    let password: Option<String> = row.try_get("password").map_err(fault("accounts.read"))?;
    let created = row.try_get("created").map_err(fault("accounts.read"))?;
    let first_password_until = row.try_get("first_until").map_err(fault("accounts.read"))?;
    Ok(Account { name: text("name")?, role: text("role")?, facts, has_password: password.is_some(), created, first_password_until })
}

impl From<Account> for Principal {
    fn from(account: Account) -> Self {
        Self { account: account.name, role: account.role, facts: account.facts }
    }
}

fn unknown(name: &str) -> Error {
    Error::new(Kind::NotFound, "accounts.unknown", format!("there is no account '{name}'"))
}

/// Compares secrets without telling by time where they differ.
pub fn same_secret(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

#[cfg(test)]
mod tests;
