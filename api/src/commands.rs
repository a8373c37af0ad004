//! Every subcommand of `siss` on one page; each is one file.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use warehouse::audit::Origin;

use crate::config::{self, Common};
use crate::logs;

mod audit;
mod check;
mod deliver;
mod demo;
mod derive;
mod erase;
pub mod examine;
mod maintain;
mod operator;
pub mod progress;
mod read;
mod release;
mod serve;
mod siuss;
mod sql;
mod token;
mod user;
mod verify;
mod worker;

/// The regional information system for social services as a data warehouse.
#[derive(Parser, Debug)]
#[command(name = "siss", version, about, long_about = None, max_term_width = 120)]
pub struct Cli {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    Demo(Box<demo::Args>),
    Serve(Box<serve::Args>),
    Check(check::Args),
    Read(Box<read::Args>),
    Deliver(Box<deliver::Args>),
    Sql(Box<sql::Args>),
    User(Box<user::Args>),
    Token(Box<token::Args>),
    Maintain(Box<maintain::Args>),
    Derive(Box<derive::Args>),
    Release(Box<release::Args>),
    Siuss(Box<siuss::Args>),
    Erase(Box<erase::Args>),
    Audit(Box<audit::Args>),
    Verify(Box<verify::Args>),
    #[command(hide = true)]
    Examine(examine::Args),
    #[command(hide = true)]
    Worker(Box<worker::Args>),
}

/// Parses the arguments (program name first) and runs the subcommand. A fault is said on standard error and answered with 1.
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    let cli = match parse(&arguments) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    match start(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("siss: {}", said(&error));
            ExitCode::FAILURE
        }
    }
}

/// The command line, with the values of the TOML file as defaults.
fn parse(arguments: &[OsString]) -> Result<Cli, clap::Error> {
    let command = config::apply_file(Cli::command(), arguments, std::env::var_os("SISS_CONFIG"));
    let command = command.map_err(|message| Cli::command().error(clap::error::ErrorKind::InvalidValue, message))?;
    Cli::from_arg_matches(&command.try_get_matches_from(arguments)?)
}

/// An error and its causes, each said once: many libraries repeat their cause in their own text.
fn said(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string).filter(|cause| !cause.trim().is_empty()) {
        if !text.contains(cause.trim()) {
            text.push_str(if text.is_empty() { "" } else { ": " });
            text.push_str(cause.trim());
        }
    }
    text
}

fn start(cli: Cli) -> anyhow::Result<ExitCode> {
    // The demo delivers by the hundred: its progress says enough.
    let more = if matches!(cli.command, Command::Demo(_)) { "ingest=warn," } else { "" };
    logs::start(&cli.common, more)?;
    if let Command::Worker(args) = &cli.command {
        worker::confine(args)?;
    }
    // An examiner shuts itself off once it has read what is asked, which would not hold for other threads: it has none.
    let mut runtime = match cli.command {
        Command::Examine(_) => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = runtime.thread_keep_alive(warehouse::IDLE_THREAD).enable_all().build()?;
    // What a server does is its own, or its clients'; what another command does is whoever's who gives it.
    let serves = matches!(cli.command, Command::Serve(_) | Command::Demo(_));
    let work = async {
        match cli.command {
            Command::Demo(args) => demo::run(*args, &cli.common).await,
            Command::Serve(args) => serve::run(*args, &cli.common).await,
            Command::Check(args) => check::run(args),
            Command::Read(args) => read::run(*args),
            Command::Deliver(args) => deliver::run(*args).await,
            Command::Sql(args) => sql::run(*args, &cli.common).await,
            Command::User(args) => user::run(*args).await,
            Command::Token(args) => token::run(*args).await,
            Command::Maintain(args) => maintain::run(*args).await,
            Command::Derive(args) => derive::run(*args).await,
            Command::Release(args) => release::run(*args).await,
            Command::Siuss(args) => siuss::run(*args).await,
            Command::Erase(args) => erase::run(*args).await,
            Command::Audit(args) => audit::run(*args).await,
            Command::Verify(args) => verify::run(*args),
            Command::Examine(_) => examine::run(),
            Command::Worker(args) => worker::run(*args).await,
        }
    };
    let code = if serves { runtime.block_on(work) } else { runtime.block_on(Origin::command(&operator::name()).within(work)) };
    // A blocking thread that still hashes or reads must not hold up the end.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    code
}
