//! `siss derive`: computes derived datasets and indicators that are out of date.

use std::process::ExitCode;

use warehouse::Warehouse;
use warehouse::config::Limits;
use warehouse::derived::Derivations;

use crate::config::Data;

/// Computes derived datasets and indicators where their inputs changed; prints what was done, one JSON object per dataset
///
/// A server does the same by itself within a second of a delivery, and `siss deliver` at its end when no server is at work.
#[derive(clap::Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    pub data: Data,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let warehouse = Warehouse::open(args.data.warehouse(Limits::default())?).await?;
    for done in Derivations::new(warehouse).run().await? {
        println!("{}", serde_json::to_string(&done)?);
    }
    Ok(ExitCode::SUCCESS)
}
