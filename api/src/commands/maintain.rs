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

    /// Largest file that small ones are made into, in MiB; files from a third of it on are left alone
    #[arg(long, default_value_t = 192, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=192))]
    pub file_size: u64,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let warehouse = Warehouse::open(args.data.warehouse(Limits::default())?).await?;
    for table in warehouse.lake().maintain(&MaintainOptions::up_to(args.file_size << 20)).await? {
        println!("{}", serde_json::to_string(&table)?);
    }
    Ok(ExitCode::SUCCESS)
}
