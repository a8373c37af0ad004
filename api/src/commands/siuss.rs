//! `siss siuss`: the national flows.

use std::process::ExitCode;

use ingest::deliver::Deliveries;
use ingest::read::Bounds;
use ingest::siuss::{OPERATOR, Siuss};
use warehouse::Warehouse;
use warehouse::config::Limits;
use warehouse::system::SystemLog;

use crate::commands::operator;
use crate::config::Data;

/// Builds the national flows (SIUSS) from what was delivered and puts them into the outbox; prints what was done
///
/// A server does the same by itself when what they are made of moves; both may run at once. What could not be sent, and why, stands in
/// sistema.siuss.
#[derive(clap::Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Fiscal code of the body that sends, named in each flow
    #[arg(long, env = "SISS_SIUSS_OPERATOR", default_value = OPERATOR, value_name = "CODE")]
    pub siuss_operator: String,
    #[command(flatten)]
    pub data: Data,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let audit = args.data.audit()?;
    let warehouse = Warehouse::open(args.data.warehouse(Limits::default())?).await?;
    let system = SystemLog::start(warehouse.clone());
    let vault = args.data.vault(&audit).await?;
    let deliveries = Deliveries::new(&warehouse, system.clone(), vault, Bounds::default(), args.data.home()?.join("spool"))?;
    let built = Siuss::new(&deliveries, &args.siuss_operator).run(&operator::name()).await?;
    system.close().await?;
    operator::end(&audit, &warehouse, &system).await;
    deliveries.vault().close().await;
    println!("{}", serde_json::to_string(&built)?);
    Ok(ExitCode::SUCCESS)
}
