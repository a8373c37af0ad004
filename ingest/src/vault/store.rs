//! The vault's tables, in SQLite or PostgreSQL. One SQL for both: TEXT and BIGINT columns, `$n` parameters.

use std::path::PathBuf;
use std::time::Duration;

use sqlx::any::{AnyPoolOptions, AnyRow};
use sqlx::{AnyConnection, AnyPool, Executor, Row};
use url::Url;

use crate::error::{Error, Kind, Result};

/// Rows of one statement: a parameter each, several times over.
pub const AT_ONCE: usize = 500;

/// Persons; those of a delivery that is not loaded yet; keys of received files; erasures under way; the outbox, in which a flow has a
/// moment (`ts`, milliseconds since 1970, strictly ascending) and a line that is held back has none.
const SCHEMA: [&str; 9] = [
    "CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS persons (pseudonym TEXT PRIMARY KEY, sealed TEXT NOT NULL, delivery TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS arriving (delivery TEXT NOT NULL, line BIGINT NOT NULL, pseudonym TEXT NOT NULL, sealed TEXT NOT NULL, PRIMARY KEY (delivery, line))",
    "CREATE TABLE IF NOT EXISTS landing_keys (delivery TEXT PRIMARY KEY, sealed TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS erasures (pseudonym TEXT PRIMARY KEY, replacement TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS flows (kind TEXT NOT NULL, reference TEXT NOT NULL, number BIGINT NOT NULL, ts BIGINT, flow TEXT, operation TEXT, body TEXT, title TEXT, \
     comune TEXT NOT NULL, ambito TEXT, pseudonym TEXT NOT NULL, content TEXT, sealed TEXT, state TEXT NOT NULL, reason TEXT, sent BIGINT, answered BIGINT, \
     answer TEXT, acquisition TEXT, changed BIGINT NOT NULL, PRIMARY KEY (kind, reference, number))",
    "CREATE UNIQUE INDEX IF NOT EXISTS flows_ts ON flows (ts)",
    "CREATE UNIQUE INDEX IF NOT EXISTS flows_flow ON flows (flow)",
    "CREATE INDEX IF NOT EXISTS flows_changed ON flows (changed)",
];

/// The connections, and whether they are SQLite's.
pub async fn open(url: &str) -> Result<(AnyPool, bool)> {
    sqlx::any::install_default_drivers();
    let sqlite = match url.split_once(':').map(|(scheme, _)| scheme) {
        Some("sqlite") => true,
        Some("postgres" | "postgresql") => false,
        _ => return Err(Error::new(Kind::Invalid, "vault.url", "")),
    };
    let mut options = AnyPoolOptions::new().max_connections(4).acquire_timeout(Duration::from_secs(30));
    if sqlite {
        options = options.after_connect(|connection, _| Box::pin(prepare(connection)));
    }
    let address = if sqlite { creating(url)? } else { encrypted(url).map_err(|said| Error::new(Kind::Invalid, "vault.url", &said))? };
    let pool = options.connect(&address).await.map_err(fault("vault.connect"))?;
    for statement in SCHEMA {
        pool.execute(statement).await.map_err(fault("vault.schema"))?;
    }
    Ok((pool, sqlite))
}

/// A PostgreSQL address as it may be used: another machine is reached by TLS, and its certificate is checked. Errors: a sentence.
pub fn encrypted(address: &str) -> std::result::Result<String, String> {
    let mut url = Url::parse(address).map_err(|e| format!("the address of PostgreSQL: {e}"))?;
    let asked: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let said = |name: &str| asked.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    // A path is a socket of this machine.
    let host = said("hostaddr").or(said("host")).or(url.host_str()).unwrap_or_default();
    let here =
        host.is_empty() || host.starts_with('/') || host.to_ascii_lowercase().starts_with("%2f") || ["localhost", "127.0.0.1", "::1", "[::1]"].contains(&host);
    match said("sslmode") {
        _ if here => Ok(address.to_owned()),
        Some("verify-full" | "verify-ca") => Ok(address.to_owned()),
        Some(mode) => Err(format!(
            "sslmode={mode} would send data of persons to another machine without knowing which: verify-full, and sslrootcert=FILE for an authority of your own"
        )),
        None => {
            url.query_pairs_mut().append_pair("sslmode", "verify-full");
            Ok(url.into())
        }
    }
}

/// What is deleted is overwritten, and a commit survives power loss.
async fn prepare(connection: &mut AnyConnection) -> sqlx::Result<()> {
    for pragma in ["PRAGMA busy_timeout = 30000", "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA secure_delete = ON"] {
        connection.execute(pragma).await?;
    }
    Ok(())
}

/// The URL with "make the file if it is not there"; file and folder are their owner's alone.
fn creating(url: &str) -> Result<String> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    let path = url.strip_prefix("sqlite://").filter(|path| path.starts_with('/') && !path.contains('?'));
    let path = PathBuf::from(path.ok_or_else(|| Error::new(Kind::Invalid, "vault.url", ""))?.replace("%20", " "));
    if let Some(folder) = path.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
    Ok(format!("{url}?mode=rwc"))
}

/// A small fact of the vault.
pub async fn mark(pool: &AnyPool, name: &str) -> Result<Option<String>> {
    let row = sqlx::query("SELECT value FROM marks WHERE name = $1").bind(name).fetch_optional(pool).await.map_err(fault("vault.mark"))?;
    row.map(|row| get(&row, "value")).transpose()
}

pub const SET_MARK: &str = "INSERT INTO marks (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";

pub async fn set_mark(pool: &AnyPool, name: &str, value: &str) -> Result<()> {
    sqlx::query(SET_MARK).bind(name).bind(value).execute(pool).await.map_err(fault("vault.mark"))?;
    Ok(())
}

/// `$1, $2, …`: `count` parameters from `first` on.
pub fn places(first: usize, count: usize) -> String {
    (first..first + count).map(|i| format!("${i}")).collect::<Vec<_>>().join(", ")
}

pub fn get<'r, T: sqlx::Decode<'r, sqlx::Any> + sqlx::Type<sqlx::Any>>(row: &'r AnyRow, column: &str) -> Result<T> {
    row.try_get(column).map_err(fault("vault.column"))
}

pub fn fault(code: &'static str) -> impl FnOnce(sqlx::Error) -> Error {
    move |e| Error::internal(code, e)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_machine_is_reached_by_tls_that_is_checked() {
        for same in [
            "postgres://a@localhost/b",
            "postgres://a@127.0.0.1:5433/b?sslmode=disable",
            "postgres:///b?host=/run/postgresql",
            "postgres://a:p@db.example.org/b?sslmode=verify-full",
        ] {
            assert_eq!(encrypted(same).as_deref(), Ok(same));
        }
        assert_eq!(encrypted("postgres://a:p%40@db.example.org/b").as_deref(), Ok("postgres://a:p%40@db.example.org/b?sslmode=verify-full"));
        for weak in ["disable", "allow", "prefer", "require"] {
            assert!(
                encrypted(&format!("postgres://a@db.example.org/b?sslmode={weak}"))
                    .is_err_and(|said| said.contains("verify-full") && !said.contains("db.example.org"))
            );
        }
    }
}
