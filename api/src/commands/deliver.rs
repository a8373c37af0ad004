//! `siss deliver`: files in, reports out.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::ValueEnum;
use datasets::model::Text;
use indicatif::ProgressBar;
use ingest::deliver::{Deliveries, OPERATOR};
use ingest::incoming::{self, Incoming};
use ingest::read::Bounds;
use ingest::report::Report;
use warehouse::Warehouse;
use warehouse::config::Limits;
use warehouse::derived::Derivations;
use warehouse::system::SystemLog;

use crate::accounts::Accounts;
use crate::commands::{operator, progress};
use crate::config::Data;
use crate::lock::Lock;

/// Violations shown for people; the report has more.
const SHOWN: usize = 20;
/// How long to wait for a server that is just starting, or for another delivery's recovery.
const WAIT: Duration = Duration::from_secs(60);

/// Delivers files of one dataset, sender and period, and prints what came of them
///
/// Exit code: 0 all rows accepted, 3 some refused, 4 a file refused whole, 1 it could not run.
/// The same file delivered twice is loaded once. A server may run on the same data.
#[derive(clap::Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Files in any format that `siss read` understands
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Dataset, such as assa.strutture
    #[arg(long, value_name = "AREA.NAME")]
    pub dataset: String,
    /// Who sends: ISTAT code of a comune, code of a district, or lazio
    #[arg(long, value_name = "CODE")]
    pub sender: String,
    /// Which period the data are of: 2026, 2026-Q3 or 2026-10, as the dataset's frequency asks
    #[arg(long, value_name = "PERIOD")]
    pub period: String,
    /// Mapping file of the dataset, by name [default: the one that names the sender, else the contract's own headers]
    #[arg(long, value_name = "NAME")]
    pub mapping: Option<String>,
    /// Account on whose behalf, which must have the right to deliver [default: the operator, who may deliver for all]
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// Prints the report of each file as one JSON object on one line
    #[arg(long)]
    pub json: bool,
    /// Language of what people read
    #[arg(long, env = "SISS_LANG", value_enum, default_value_t = Language::It, value_name = "LANGUAGE")]
    pub lang: Language,
    #[command(flatten)]
    pub data: Data,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    It,
    En,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let home = args.data.home()?;
    // While this is held no server that starts takes up deliveries that only seem to be left over.
    let _running = Lock::share_deliveries(&home, WAIT)?.context("deliveries are being recovered by another process: try again")?;
    let audit = args.data.audit()?;
    let warehouse = Warehouse::open(args.data.warehouse(Limits::default())?).await?;
    if let Some(name) = &args.account {
        let accounts = Accounts::open(&args.data.state()?).await?;
        let who = accounts.principal(name).await?.with_context(|| format!("there is no account '{name}'"))?;
        incoming::authorize(warehouse.catalog(), &who, &args.sender).map_err(|e| anyhow::anyhow!("{}", say(&e.message, args.lang)))?;
    }
    let system = SystemLog::start(warehouse.clone());
    let vault = args.data.vault(&audit).await?;
    let deliveries = Deliveries::new(&warehouse, system.clone(), vault, Bounds::default(), home.join("spool"))?;
    let mut reports = Vec::new();
    let mut failed = false;
    for file in &args.files {
        match one(&deliveries, &args, file).await {
            Ok(report) => {
                show(&report, &args)?;
                reports.push(report);
            }
            Err(error) => {
                eprintln!("siss: {}: {error:#}", file.display());
                failed = true;
            }
        }
    }
    deliveries.flush().await?;
    system.close().await?;
    operator::end(&audit, &warehouse, &system).await;
    // A server that works on the folder computes by itself what follows from the delivery.
    if Lock::server(&home)?.is_some() {
        // What failed is logged: the delivery itself is in.
        let _ = Derivations::new(warehouse).run().await;
    }
    Ok(ExitCode::from(if failed { 1 } else { exit_code(&reports) }))
}

async fn one(deliveries: &Deliveries, args: &Args, file: &Path) -> anyhow::Result<Report> {
    let name = file.file_name().context("not a file")?.to_string_lossy().into_owned();
    let incoming = Incoming {
        dataset: args.dataset.clone(),
        sender: args.sender.clone(),
        period: args.period.clone(),
        account: args.account.clone().unwrap_or_else(|| OPERATOR.to_string()),
        file_name: name.clone(),
        mapping: args.mapping.clone(),
    };
    let spoken = |e: ingest::error::Error| match e.source {
        None => anyhow::anyhow!("{}", say(&e.message, args.lang)),
        Some(_) => anyhow::Error::from(e),
    };
    let receipt = deliveries.receive_file(incoming, file).await.map_err(spoken)?;
    let bar = progress::counting(&name);
    let report = deliveries
        .process(&receipt.id, &{
            let bar = bar.clone();
            move |rows| bar.set_position(rows)
        })
        .await;
    ProgressBar::finish_and_clear(&bar);
    report.map_err(spoken)
}

/// 0 all accepted, 4 nothing loaded, 3 anything between.
fn exit_code(reports: &[Report]) -> u8 {
    let codes: Vec<u8> = reports.iter().map(Report::exit_code).collect();
    match codes.first() {
        Some(first) if codes.iter().all(|code| code == first) => *first,
        Some(_) => 3,
        None => 0,
    }
}

fn show(report: &Report, args: &Args) -> anyhow::Result<()> {
    if args.json {
        println!("{}", serde_json::to_string(report)?);
        return Ok(());
    }
    let lang = args.lang;
    println!("{}: {} [{}]", report.file, say(&report.summary, lang), report.id);
    for violation in report.violations.iter().take(SHOWN) {
        let place = match (violation.line, &violation.column) {
            (Some(line), Some(column)) => format!("{line}:{column}"),
            (Some(line), None) => line.to_string(),
            (None, Some(column)) => column.clone(),
            (None, None) => "-".to_string(),
        };
        let value = violation.value.as_deref().map(|value| format!(" «{value}»")).unwrap_or_default();
        println!("  {place}{value} {}: {}", violation.rule, say(&violation.message, lang));
    }
    let more = report.violations_total.saturating_sub(SHOWN as u64);
    if more > 0 {
        println!("  … {more}");
    }
    Ok(())
}

fn say(text: &Text, language: Language) -> &str {
    match language {
        Language::It => &text.it,
        Language::En => &text.en,
    }
}
