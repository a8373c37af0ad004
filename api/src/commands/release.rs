//! `siss release`: what is open, frozen into files that never change.

use std::process::ExitCode;

use datasets::model::DatasetName;
use warehouse::Warehouse;
use warehouse::config::Limits;
use warehouse::release::Releases;
use warehouse::release::make::{Done, Outcome};

use crate::config::Data;
use crate::releases;

/// Publishes what contracts call open, as everybody may see it, all datasets at one moment; prints what became of each
///
/// What did not change makes no new release. What tells of persons is refused, and so is a contract that breaks what readers rely on
/// before the day it was announced for. A server does the same by itself every --release-every hours; both may run at once.
/// Ends with 1 when something open could not be published.
#[derive(clap::Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    pub data: Data,
    /// This dataset alone, such as `assa.strutture`; may be given several times
    #[arg(long, value_name = "AREA.NAME")]
    pub dataset: Vec<DatasetName>,
    /// One JSON object per dataset, with reasons in Italian and English
    #[arg(long)]
    pub json: bool,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let home = args.data.home()?;
    let warehouse = Warehouse::open(args.data.warehouse(Limits::default())?).await?;
    let all = Releases::load(warehouse, releases::scratch(&home)).await?;
    let audit = args.data.audit()?;
    let outcomes = releases::make(&all, &home, &audit, &args.dataset).await?;
    audit.close().await;
    for outcome in &outcomes {
        println!("{}", if args.json { serde_json::to_string(outcome)? } else { said(outcome) });
    }
    let refused = outcomes.iter().any(|one| if args.dataset.is_empty() { releases::held_up(one) } else { matches!(one.done, Done::Refused(_)) });
    Ok(if refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn said(outcome: &Outcome) -> String {
    let Outcome { dataset, done } = outcome;
    match done {
        Done::Released { release, change, rows, difference } => {
            let than_before = difference.map(|d| format!(": {} added, {} removed, {} corrected", d.added, d.removed, d.corrected));
            format!("released   {dataset}  {release}  {rows} rows, {}{}", change.as_str(), than_before.unwrap_or_default())
        }
        Done::Unchanged { release } => format!("unchanged  {dataset}  {release}"),
        Done::Refused(refusal) => format!("refused    {dataset}  {}: {}", refusal.code, refusal.reason.en),
    }
}
