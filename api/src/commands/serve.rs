//! `siss serve`: opens the doors.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::background::{self, Every};
use crate::commands::worker;
use crate::config::{AuditKept, Common, Data, Listen, QueryLimits};
use crate::lock::Lock;
use crate::server::{Addresses, Server, on_signal};

/// How long a start waits for `siss deliver`.
const WAIT: Duration = Duration::from_secs(600);

/// Opens the doors: pages and REST, PostgreSQL, Flight SQL
///
/// When all doors are open, one line on standard output says where: `ready {"http": …, "postgres": …, "flight": …}`.
/// SIGINT and SIGTERM let running answers finish. Every option can stand in the environment or in the TOML file of --config.
#[derive(clap::Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    pub data: Data,
    #[command(flatten)]
    pub listen: Listen,
    #[command(flatten)]
    pub limits: QueryLimits,
    #[command(flatten)]
    pub background: Background,
}

/// What the server does by itself.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "In the background")]
pub struct Background {
    /// Folder watched for files to deliver: `DIR/<area>.<name>/<sender>/<period>/<file>`
    #[arg(long, env = "SISS_INBOX", value_name = "DIR")]
    pub inbox: Option<PathBuf>,
    /// Hours between two maintenances of the tables; 0 leaves them to `siss maintain`
    #[arg(long, env = "SISS_MAINTAIN_EVERY", default_value_t = 24, value_name = "HOURS")]
    pub maintain_every: u32,
    /// Hours between two releases of what is open; 0 leaves them to `siss release`
    #[arg(long, env = "SISS_RELEASE_EVERY", default_value_t = 24, value_name = "HOURS")]
    pub release_every: u32,
    #[command(flatten)]
    pub audit: AuditKept,
}

impl Background {
    pub fn start(&self, app: &App, stop: &CancellationToken) -> JoinSet<()> {
        let hours = |hours: u32| (hours > 0).then(|| Duration::from_secs(u64::from(hours) * 3600));
        let every = Every { maintain: hours(self.maintain_every), release: hours(self.release_every), audit_months: self.audit.audit_months };
        background::start(app, self.inbox.clone(), every, stop)
    }
}

pub async fn run(args: Args, common: &Common) -> anyhow::Result<ExitCode> {
    let shutdown = on_signal()?;
    let home = args.data.home()?;
    let Some(lock) = Lock::server(&home).with_context(|| format!("the lock of {}", home.display()))? else {
        bail!("another server writes to {}: stop it first, or use another folder", home.display());
    };
    let command = worker::command(common, &args.data)?;
    let app = App::open(&args.data, args.limits.limits()?, args.listen, command).await?;
    recover(&app, &home).await?;
    let work = args.background.start(&app, &shutdown);
    let server = Server::start(app, shutdown).await?;
    announce(&server.addresses)?;
    let outcome = server.finished(work).await;
    drop(lock);
    outcome.map(|()| ExitCode::SUCCESS)
}

/// Takes up deliveries that a crash left open. Commands that deliver hold their lock: they are waited for.
pub async fn recover(app: &App, home: &Path) -> anyhow::Result<()> {
    let folder = home.to_owned();
    let alone = tokio::task::spawn_blocking(move || Lock::own_deliveries(&folder, WAIT)).await??;
    let Some(_alone) = alone else { bail!("`siss deliver` is at work on {}: start again when it has ended", home.display()) };
    let finished = app.deliveries.recover().await?;
    if finished > 0 {
        tracing::info!(finished, "deliveries left open were finished");
    }
    Ok(())
}

/// The line that scripts wait for.
pub fn announce(addresses: &Addresses) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "ready {}", serde_json::to_string(addresses)?)?;
    Ok(out.flush()?)
}
