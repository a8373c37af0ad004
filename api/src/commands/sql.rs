//! `siss sql`: a question from the command line, through the same gate and workers as every door.

use std::io::{IsTerminal, Read, Write};
use std::process::ExitCode;

use anyhow::Context;
use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use clap::ValueEnum;
use futures::TryStreamExt;
use warehouse::Warehouse;
use warehouse::audit::mirror::Mirror;
use warehouse::statement::{Door, Rows, Statement};
use warehouse::system::SystemLog;
use warehouse::worker::{Pool, PoolConfig};

use crate::accounts::Accounts;
use crate::commands::worker;
use crate::config::{Common, Data, QueryLimits};
use crate::queries;

/// Runs one SQL query as an account and prints its rows
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The query [default: read from standard input]
    pub query: Option<String>,
    /// Who asks: rows and columns are those the account may see
    #[arg(long, env = "SISS_ACCOUNT", default_value = "amministratore", value_name = "NAME")]
    pub account: String,
    /// How rows are printed [default: table on a terminal, CSV otherwise]
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    #[command(flatten)]
    pub data: Data,
    #[command(flatten)]
    pub limits: QueryLimits,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Csv,
    /// One JSON object per line.
    Json,
}

pub async fn run(args: Args, common: &Common) -> anyhow::Result<ExitCode> {
    let sql = match args.query {
        Some(query) => query,
        None => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("the query on standard input")?;
            text
        }
    };
    let accounts = Accounts::open(&args.data.state()?).await?;
    let who = accounts.principal(&args.account).await?.with_context(|| format!("there is no account '{}': see `siss user list`", args.account))?;
    let limits = args.limits.limits()?;
    let audit = args.data.audit()?;
    let warehouse = Warehouse::open(args.data.warehouse(limits.clone())?).await?.audited(&audit);
    let system = SystemLog::start(warehouse.clone());
    // Who asks for the log is shown all of it.
    Mirror::new(&audit, &warehouse, &system)?.follow().await?;
    let log = queries::log(warehouse.catalog(), system.clone())?;
    let pool = Pool::start(PoolConfig { command: worker::command(common, &args.data)?, limits, log, reads: warehouse.reads() }).await?;
    let format = args.format.unwrap_or(if std::io::stdout().is_terminal() { Format::Table } else { Format::Csv });
    let answer = match pool.query(&who, Statement { sql, ..Statement::default() }, Door::Cli).await {
        Ok(rows) => print(rows, format).await,
        Err(error) => Err(error.into()),
    };
    pool.close().await;
    system.close().await?;
    audit.close().await;
    accounts.close().await;
    answer.map(|()| ExitCode::SUCCESS)
}

async fn print(mut rows: Rows, format: Format) -> anyhow::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let schema = rows.schema.clone();
    match format {
        Format::Csv => {
            let mut writer = arrow::csv::WriterBuilder::new().with_header(true).build(&mut out);
            writer.write(&RecordBatch::new_empty(schema))?;
            while let Some(batch) = rows.batches.try_next().await? {
                writer.write(&batch)?;
            }
        }
        Format::Json => {
            let mut writer = arrow::json::LineDelimitedWriter::new(&mut out);
            while let Some(batch) = rows.batches.try_next().await? {
                writer.write(&batch)?;
            }
            writer.finish()?;
        }
        Format::Table => {
            let mut lines = vec![schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>()];
            while let Some(batch) = rows.batches.try_next().await? {
                texts(&batch, &mut lines)?;
            }
            table(&mut out, &lines)?;
        }
    }
    Ok(out.flush()?)
}

fn texts(batch: &RecordBatch, lines: &mut Vec<Vec<String>>) -> anyhow::Result<()> {
    let options = FormatOptions::default();
    let columns = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options)).collect::<Result<Vec<_>, _>>()?;
    for row in 0..batch.num_rows() {
        lines.push(columns.iter().map(|column| column.value(row).to_string()).collect());
    }
    Ok(())
}

/// Prints lines, the first of which are names, in columns as wide as their widest value.
fn table(out: &mut impl Write, lines: &[Vec<String>]) -> std::io::Result<()> {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for (i, line) in lines.iter().enumerate() {
        let cells: Vec<String> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
        if i == 0 {
            writeln!(out, "{}", widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>().join("  "))?;
        }
    }
    writeln!(out, "({} rows)", lines.len().saturating_sub(1))
}
