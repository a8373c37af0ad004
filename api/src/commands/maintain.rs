//! `siss maintain`: what a lake needs now and then.

use std::process::ExitCode;

use warehouse::Warehouse;
use warehouse::audit::mirror::Mirror;
use warehouse::audit::{Action, Event, Outcome};
use warehouse::config::Limits;
use warehouse::lake::MaintainOptions;
use warehouse::system::SystemLog;

use crate::commands::operator;
use crate::config::{AuditKept, Data};

/// Compacts tables, writes checkpoints and removes files that no kept snapshot needs; prints what was done, one JSON object per table
///
/// Segments of the audit log past --audit-months go too, behind a signed word on how far they went.
/// A server does the same by itself every --maintain-every hours; both may run at once.
#[derive(clap::Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    pub data: Data,

    /// Largest file that small ones are made into, in MiB; files from a third of it on are left alone
    #[arg(long, default_value_t = 192, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=192))]
    pub file_size: u64,

    #[command(flatten)]
    pub audit: AuditKept,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let audit = args.data.audit()?;
    let warehouse = Warehouse::open(args.data.warehouse(Limits::default())?).await?;
    let done = warehouse.lake().maintain(&MaintainOptions::up_to(args.file_size << 20)).await;
    audit.record(Event::new(Action::Administration, "siss maintain").outcome(Outcome::of(&done))).await?;
    for table in done? {
        println!("{}", serde_json::to_string(&table)?);
    }
    let system = SystemLog::start(warehouse.clone());
    let retired = audit.retire(args.audit.audit_months).await?;
    let rows = Mirror::new(&audit, &warehouse, &system)?.retire(args.audit.audit_months).await?;
    if retired + rows > 0 {
        println!("{}", serde_json::json!({ "audit_records_retired": retired, "audit_rows_retired": rows }));
    }
    operator::end(&audit, &warehouse, &system).await;
    Ok(ExitCode::SUCCESS)
}
