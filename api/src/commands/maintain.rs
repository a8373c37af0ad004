//! `siss maintain`: what a lake needs now and then.

use std::process::ExitCode;

use warehouse::Warehouse;
use warehouse::config::Limits;
use warehouse::lake::MaintainOptions;

use crate::config::Data;

/// Compacts tables, writes checkpoints and removes files that no kept snapshot needs; prints what was done, one JSON object per table
///
/// A server does the same by itself every --maintain-every hours; both may run at once.
#[derive(clap::Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    pub data: Data,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let warehouse = Warehouse::open(args.data.warehouse(Limits::default())?).await?;
    for table in warehouse.lake().maintain(&MaintainOptions::default()).await? {
        println!("{}", serde_json::to_string(&table)?);
    }
    Ok(ExitCode::SUCCESS)
}
