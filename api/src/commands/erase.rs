//! `siss erase`: a person's right to be forgotten.

use std::io::Read;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use ingest::deliver::Deliveries;
use ingest::read::Bounds;
use warehouse::Warehouse;
use warehouse::audit::{Action, Event, Outcome};
use warehouse::config::Limits;
use warehouse::system::SystemLog;

use crate::accounts::Accounts;
use crate::commands::operator;
use crate::config::Data;
use crate::intake::Intake;
use crate::lock::Lock;
use crate::state::State;

/// How long to wait for deliveries under way.
const WAIT: Duration = Duration::from_secs(60);

/// Erases a person: identity, flows, account, received files that name them, and their pseudonym in every version of every table
///
/// The rows stay, under a pseudonym of nobody, so that what was counted stays true. Earlier versions of the tables that may name a
/// person are gone afterwards, and received files that named the person can no longer be read. Stop the server first. Interrupted, it is
/// taken up again by running it again.
#[derive(clap::Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Reads the fiscal code from standard input, so that it stands in no command line
    #[arg(long, required = true)]
    pub fiscal_code_stdin: bool,
    /// Why, for sistema.audit: who asked and when, without names
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    #[command(flatten)]
    pub data: Data,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut code = String::new();
    std::io::stdin().read_to_string(&mut code).context("the fiscal code on standard input")?;
    let home = args.data.home()?;
    let Some(_server) = Lock::server(&home)? else { bail!("a server works on {}: stop it first", home.display()) };
    let Some(_deliveries) = Lock::own_deliveries(&home, WAIT)? else { bail!("`siss deliver` is at work on {}: try again when it has ended", home.display()) };
    let audit = args.data.audit()?;
    let warehouse = Warehouse::open(args.data.warehouse(Limits::default())?).await?;
    let system = SystemLog::start(warehouse.clone());
    let vault = args.data.vault(&audit).await?;
    let deliveries = Deliveries::new(&warehouse, system.clone(), vault, Bounds::default(), home.join("spool"))?;
    deliveries.recover().await?;
    let accounts = Accounts::open(&args.data.state()?).await?;
    if let Some(person) = deliveries.vault().pseudonym(code.trim()) {
        accounts.forget_person(&person).await?;
    }
    accounts.close().await;
    let erased = deliveries.erase(&operator::name(), &args.reason, code.trim()).await;
    let event = Event::new(Action::Administration, "siss erase").why(&args.reason).outcome(Outcome::of(&erased));
    audit.record(event.count(erased.as_ref().map_or(0, |erased| erased.rows))).await?;
    let erased = erased?;
    let state = State::open(&args.data.state()?).await?;
    if let Some(person) = deliveries.vault().pseudonym(code.trim()) {
        for document in Intake::new(state.clone(), deliveries.vault().clone()).forget(&person).await? {
            deliveries.shred_document(&document).await?;
        }
    }
    state.scrub().await?;
    state.close().await;
    system.close().await?;
    operator::end(&audit, &warehouse, &system).await;
    deliveries.vault().close().await;
    println!("{}", serde_json::to_string(&erased)?);
    Ok(ExitCode::SUCCESS)
}
