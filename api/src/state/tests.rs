//! A real PostgreSQL server of the tests' own, and what holds for both stores.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::*;

/// A server on a free port of this machine, its data in a folder that goes with it.
pub struct Postgres {
    server: Child,
    port: u16,
    _data: tempfile::TempDir,
}

impl Postgres {
    /// `None`, said aloud, where PostgreSQL is not installed; in CI that is a failure.
    pub async fn start() -> Option<Self> {
        let Some(bin) = newest_bin() else {
            assert!(std::env::var_os("CI").is_none(), "postgresql is not installed: scripts/setup.sh installs it");
            let _ = writeln!(std::io::stderr(), "SKIPPED: postgresql is not installed, `make setup` installs it");
            return None;
        };
        let data = tempfile::tempdir().unwrap();
        let owner = owner();
        if let Some((uid, gid)) = owner {
            std::os::unix::fs::chown(data.path(), Some(uid), Some(gid)).unwrap();
        }
        let folder = data.path().join("db");
        let made = as_owner(Command::new(bin.join("initdb")).args(["--auth=trust", "--username=postgres", "-D"]).arg(&folder), owner).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(bin.join("postgres"));
        command.arg("-D").arg(&folder).args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-p", &port.to_string(), "-k"]).arg(data.path());
        let server = as_owner(&mut command, owner).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let this = Self { server, port, _data: data };
        this.wait(&bin);
        Some(this)
    }

    fn wait(&self, bin: &Path) {
        for _ in 0..200 {
            let ready = Command::new(bin.join("pg_isready")).args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]).status().unwrap();
            if ready.success() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("postgresql did not start");
    }

    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGINT is PostgreSQL's fast shutdown: it ends its children too.
        let _ = Command::new("kill").args(["-INT", &self.server.id().to_string()]).status();
        let _ = self.server.wait();
    }
}

fn newest_bin() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut bins: Vec<PathBuf> = versions.flatten().map(|v| v.path().join("bin")).filter(|bin| bin.join("initdb").exists()).collect();
    bins.sort();
    bins.pop()
}

/// PostgreSQL refuses to run as root: then its own account runs it.
fn owner() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| -> Option<u32> { String::from_utf8(Command::new("id").args(arguments).output().ok()?.stdout).ok()?.trim().parse().ok() };
    match id(&["-u"])? {
        0 => Some((id(&["-u", "postgres"])?, id(&["-g", "postgres"])?)),
        _ => None,
    }
}

fn as_owner(command: &mut Command, owner: Option<(u32, u32)>) -> &mut Command {
    match owner {
        Some((uid, gid)) => command.uid(uid).gid(gid).current_dir("/"),
        None => command,
    }
}

async fn opens_twice(url: &str) {
    let (one, two) = tokio::join!(State::open(url), State::open(url));
    let (one, two) = (one.unwrap(), two.unwrap());
    sqlx::query("INSERT INTO secrets (name, value) VALUES ($1, $2)").bind("a").bind("b").execute(one.pool()).await.unwrap();
    let (steps,): (i64,) = sqlx::query_as("SELECT count(*) FROM siss_schema").fetch_one(two.pool()).await.unwrap();
    assert_eq!(steps as usize, MIGRATIONS.len());
    one.close().await;
    two.close().await;
    let again = State::open(url).await.unwrap();
    let (value,): (String,) = sqlx::query_as("SELECT value FROM secrets WHERE name = $1").bind("a").fetch_one(again.pool()).await.unwrap();
    assert_eq!(value, "b");
    sqlx::query("INSERT INTO siss_schema (version) VALUES (99)").execute(again.pool()).await.unwrap();
    again.close().await;
    assert_eq!(State::open(url).await.unwrap_err().code, "state.newer");
}

#[tokio::test]
async fn sqlite_is_durable_and_migrated_once() {
    let dir = tempfile::tempdir().unwrap();
    let url = sqlite_url(&dir.path().join("a b").join("siss.db")).unwrap();
    let state = State::open(&url).await.unwrap();
    let (mode,): (String,) = sqlx::query_as("PRAGMA journal_mode").fetch_one(state.pool()).await.unwrap();
    let (sync,): (i64,) = sqlx::query_as("PRAGMA synchronous").fetch_one(state.pool()).await.unwrap();
    assert_eq!((mode.as_str(), sync), ("wal", 2));
    state.close().await;
    opens_twice(&url).await;
}

#[tokio::test]
async fn postgres_is_migrated_once() {
    let Some(server) = Postgres::start().await else { return };
    opens_twice(&server.url()).await;
}

#[tokio::test]
async fn other_urls_are_refused() {
    for url in ["mysql://a/b", "sqlite://relative.db", "/a/path"] {
        assert_eq!(State::open(url).await.unwrap_err().code, "state.url", "{url}");
    }
}
