//! `siss serve`: opens the doors.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::commands::worker;
use crate::config::{Common, Data, Listen, QueryLimits};
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
}

pub async fn run(args: Args, common: &Common) -> anyhow::Result<ExitCode> {
    let shutdown = on_signal()?;
    serve(args, common, shutdown, |addresses| announce(addresses)).await?;
    Ok(ExitCode::SUCCESS)
}

/// Serves until `shutdown`; `ready` is called once, when all doors are open.
pub async fn serve(args: Args, common: &Common, shutdown: CancellationToken, ready: impl FnOnce(&Addresses) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let home = args.data.home()?;
    let Some(lock) = Lock::server(&home).with_context(|| format!("the lock of {}", home.display()))? else {
        bail!("another server writes to {}: stop it first, or use another folder", home.display());
    };
    let command = worker::command(common, &args.data)?;
    let app = App::open(&args.data, args.limits.limits()?, args.listen, command).await?;
    recover(&app, &home).await?;
    let server = Server::start(app, shutdown).await?;
    ready(&server.addresses)?;
    let outcome = server.finished().await;
    drop(lock);
    outcome
}

/// Takes up deliveries that a crash left open. Commands that deliver hold their lock: they are waited for.
async fn recover(app: &App, home: &Path) -> anyhow::Result<()> {
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
