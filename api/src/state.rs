//! The state store: many small durable writes (accounts, tokens, sessions, people's own queries) in SQLite by default, PostgreSQL by URL.
//! One SQL for both: only TEXT and BIGINT columns, `$n` parameters, times as seconds since 1970.

use std::path::Path;
use std::time::Duration;

use ingest::vault::encrypted;
use sqlx::any::AnyPoolOptions;
use sqlx::{Any, AnyConnection, AnyPool, Executor, Transaction};
use warehouse::error::{Error, Kind, Result};

mod migrate;

/// Schema steps in their order; a step that has shipped is never edited.
const MIGRATIONS: [&str; 6] = [
    include_str!("state/0001_accounts.sql"),
    include_str!("state/0002_desk.sql"),
    include_str!("state/0003_sign_in.sql"),
    include_str!("state/0004_cases.sql"),
    include_str!("state/0005_ended.sql"),
    include_str!("state/0006_first_password.sql"),
];

/// An open store. Clones share its connections.
#[derive(Clone, Debug)]
pub struct State {
    pool: AnyPool,
    sqlite: bool,
}

impl State {
    /// Opens the store at `sqlite:///path/file.db` (made if missing) or `postgres://…`, and brings its schema up to date.
    pub async fn open(url: &str) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let sqlite = match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => true,
            Some("postgres" | "postgresql") => false,
            _ => return Err(Error::new(Kind::Invalid, "state.url", "the state store is sqlite:///path/file.db or postgres://user@host/database")),
        };
        let mut options = AnyPoolOptions::new().max_connections(8).acquire_timeout(Duration::from_secs(10));
        if sqlite {
            options = options.after_connect(|connection, _| Box::pin(prepare_sqlite(connection)));
        }
        let address = if sqlite { creating(url)? } else { encrypted(url).map_err(|said| Error::new(Kind::Invalid, "state.url", said))? };
        // The driver's own text may repeat the URL, which holds a password.
        let pool = options.connect(&address).await.map_err(|e| Error::internal("state.open", e))?;
        migrate::run(&pool, sqlite, &MIGRATIONS).await?;
        Ok(Self { pool, sqlite })
    }

    /// A transaction that writes. SQLite has one writer at a time: who comes second waits at the beginning, not at its first write.
    pub async fn begin(&self, what: &'static str) -> Result<Transaction<'static, Any>> {
        self.pool.begin_with(if self.sqlite { "BEGIN IMMEDIATE" } else { "BEGIN" }).await.map_err(fault(what))
    }

    /// The connections, for the modules that keep a table here.
    pub fn pool(&self) -> &AnyPool {
        &self.pool
    }

    /// Overwrites what was deleted, as far as the store keeps it.
    pub async fn scrub(&self) -> Result<()> {
        if self.sqlite {
            sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_all(&self.pool).await.map_err(fault("state.scrub"))?;
        }
        Ok(())
    }

    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// A commit survives power loss: WAL alone would lose the last ones. What is deleted is overwritten, because some of it names persons.
async fn prepare_sqlite(connection: &mut AnyConnection) -> sqlx::Result<()> {
    for pragma in
        ["PRAGMA busy_timeout = 10000", "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA foreign_keys = ON", "PRAGMA secure_delete = ON"]
    {
        connection.execute(pragma).await?;
    }
    Ok(())
}

/// The URL with "make the file if it is not there", its folder made.
fn creating(url: &str) -> Result<String> {
    if url.contains('?') {
        return Ok(url.to_string());
    }
    let path = url.strip_prefix("sqlite://").filter(|path| path.starts_with('/'));
    let path = path.and_then(|path| url::Url::parse(&format!("file://{path}")).ok()).and_then(|url| url.to_file_path().ok());
    let Some(path) = path else {
        return Err(Error::new(Kind::Invalid, "state.url", "the path of sqlite:///path/file.db must be absolute"));
    };
    if let Some(folder) = path.parent() {
        crate::config::private_folder(folder).map_err(|e| Error::internal("state.folder", format!("{}: {e}", folder.display())))?;
    }
    Ok(format!("{url}?mode=rwc"))
}

/// URL of an SQLite file; a relative path is made absolute.
pub fn sqlite_url(path: &Path) -> std::io::Result<String> {
    let path = std::path::absolute(path)?;
    let url = url::Url::from_file_path(&path).map_err(|()| std::io::Error::other(format!("not a path: {}", path.display())))?;
    Ok(format!("sqlite://{}", url.path()))
}

/// Seconds since 1970, as the store keeps time.
pub fn now() -> i64 {
    chrono::Utc::now().timestamp()
}

/// A database fault: which step, the cause for the log.
pub fn fault(what: &'static str) -> impl FnOnce(sqlx::Error) -> Error {
    move |e| Error::internal(what, e)
}

#[cfg(test)]
pub mod tests;
