//! `siss demo`: a synthetic region through the real pipeline, then the doors.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use datasets::catalog::Catalog;
use sha2::{Digest, Sha256};

use crate::accounts::random_password;
use crate::app::App;
use crate::commands::{serve, worker};
use crate::config::Common;
use crate::lock::Lock;
use crate::server::{Server, on_signal};

mod accounts;
mod guide;
mod region;

/// Makes a synthetic Lazio, delivers all its files through the real pipeline and opens the doors
///
/// No real person is in it; its territory and population are real. A second run on the same folder starts in seconds.
/// One account per role is made, named after it; how to sign in to each door is printed.
#[derive(clap::Args, Debug)]
#[command(verbatim_doc_comment)]
#[group(skip)]
pub struct Args {
    /// Size: 1 is Lazio
    #[arg(long, env = "SISS_DEMO_SCALE", default_value_t = 0.05, value_name = "S")]
    pub scale: f64,
    /// Which region: the same seed makes the same files
    #[arg(long, env = "SISS_DEMO_SEED", default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// Ends when the data are there, without opening the doors
    #[arg(long)]
    pub no_serve: bool,
    /// Password of all demo accounts [default: made at random and printed]
    #[arg(long, env = "SISS_DEMO_PASSWORD", hide_env_values = true, value_name = "PASSWORD")]
    pub password: Option<String>,
    #[command(flatten)]
    pub serve: serve::Args,
}

/// What a folder was made with; kept in `HOME/demo.json`.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Mark {
    scale: f64,
    seed: u64,
    /// Hash of the contracts.
    catalog: String,
    /// Whether everything was delivered.
    complete: bool,
}

pub async fn run(args: Args, common: &Common) -> anyhow::Result<ExitCode> {
    if !(args.scale > 0.0 && args.scale <= 100.0) {
        bail!("--scale is more than 0 and at most 100");
    }
    let shutdown = on_signal()?;
    let home = args.serve.data.home()?;
    let lock = Lock::server(&home)?.with_context(|| format!("a server works on {}: stop it first, or use another folder", home.display()))?;
    let wanted = Mark { scale: args.scale, seed: args.seed, catalog: fingerprint(&args.serve.data.contracts()?)?, complete: true };
    let made = mark(&home, &wanted)?;
    let app = App::open(&args.serve.data, args.serve.limits.limits()?, args.serve.listen.clone(), worker::command(common, &args.serve.data)?).await?;
    serve::recover(&app, &home).await?;
    if !made {
        write_mark(&home, &Mark { complete: false, ..wanted.clone() })?;
        let done = tokio::select! {
            done = region::make(&app, &home, args.scale, args.seed) => done,
            () = shutdown.cancelled() => Err(anyhow::anyhow!("stopped: run it again to go on")),
        };
        if let Err(error) = done {
            app.close().await;
            return Err(error);
        }
        write_mark(&home, &wanted)?;
    }
    let password = match &args.password {
        Some(password) => password.clone(),
        None => random_password()?,
    };
    accounts::make(&app, &password).await?;
    let shown = args.password.is_none().then_some(password.as_str());
    if args.no_serve {
        guide::accounts(shown)?;
        app.close().await;
        return Ok(ExitCode::SUCCESS);
    }
    let work = args.serve.background.start(&app, &shutdown);
    let server = Server::start(app.clone(), shutdown).await?;
    guide::doors(&server.addresses, &app, shown)?;
    serve::announce(&server.addresses)?;
    let outcome = server.finished(work).await;
    drop(lock);
    outcome.map(|()| ExitCode::SUCCESS)
}

/// Whether the folder already holds all of the wanted demo. One of another size or seed is never overwritten.
fn mark(home: &Path, wanted: &Mark) -> anyhow::Result<bool> {
    let text = match std::fs::read(home.join("demo.json")) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let found: Mark = serde_json::from_slice(&text).context("demo.json")?;
    if (found.scale, found.seed) != (wanted.scale, wanted.seed) {
        bail!("{} holds the demo of scale {} and seed {}: use another folder or remove it", home.display(), found.scale, found.seed);
    }
    if found.complete && found.catalog != wanted.catalog {
        tracing::warn!("contracts changed since the demo was made; its data stay as they were delivered");
    }
    Ok(found.complete)
}

fn write_mark(home: &Path, mark: &Mark) -> anyhow::Result<()> {
    let part = home.join("demo.json.part");
    std::fs::write(&part, serde_json::to_vec_pretty(mark)?)?;
    std::fs::File::open(&part)?.sync_all()?;
    Ok(std::fs::rename(part, home.join("demo.json"))?)
}

/// A hash of all contracts, rights and code lists.
fn fingerprint(contracts: &Path) -> anyhow::Result<String> {
    let catalog = Catalog::load(contracts).map_err(|mistakes| anyhow::anyhow!("contracts have {} mistakes: see `siss check`", mistakes.len()))?;
    let mut digest = Sha256::new();
    for contract in catalog.contracts.values() {
        digest.update(serde_json::to_vec(&contract.name)?);
        digest.update(serde_json::to_vec(contract)?);
    }
    digest.update(serde_json::to_vec(&catalog.roles)?);
    Ok(hex::encode(digest.finalize()))
}
