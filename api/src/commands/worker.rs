//! `siss worker`: the process in which users' SQL runs. Started by the server, never by hand.

use std::ffi::OsStr;
use std::process::ExitCode;

use anyhow::Context;
use warehouse::Warehouse;
use warehouse::config::Limits;
use warehouse::worker::walls::{self, Reach};

use crate::config::{Common, Data};

/// Runs queries for a server that talks to it on file descriptor 0
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    pub data: Data,
}

/// Leaves this process only what queries need, before it has another thread.
pub fn confine(args: &Args) -> anyhow::Result<()> {
    let tables = args.data.folder().map(|folder| folder.join("tables"));
    let reach = Reach { network: tables.is_none(), reads: tables.into_iter().chain([args.data.contracts()?]).collect(), writes: vec![std::env::temp_dir()] };
    if !walls::raise(&reach).context("the worker's walls")? {
        tracing::warn!("this kernel does not shut workers off from the rest of the machine, or only in part: Linux 6.12 does");
    }
    Ok(())
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut config = args.data.warehouse(Limits::default())?;
    config.store.reads_only = true;
    let warehouse = Warehouse::open(config).await?;
    warehouse::worker::serve(warehouse).await?;
    Ok(ExitCode::SUCCESS)
}

/// The command line of a worker: this program again, on the same data. The S3 secret goes by environment or file; by flag only if
/// ours came so.
pub fn command(common: &Common, data: &Data) -> anyhow::Result<Vec<String>> {
    let text = |part: &OsStr| part.to_str().map(String::from).with_context(|| format!("not UTF-8: {}", part.to_string_lossy()));
    let mut command = vec![text(std::env::current_exe()?.as_os_str())?, "worker".to_string()];
    let mut add = |flag: &str, value: &str| command.push(format!("--{flag}={value}"));
    if let Some(path) = &common.config {
        add("config", &text(path.as_os_str())?);
    }
    add("log", &common.log);
    add("data", &data.data);
    add("contracts", &text(data.contracts()?.as_os_str())?);
    add("s3-region", &data.s3_region);
    if let Some(endpoint) = &data.s3_endpoint {
        add("s3-endpoint", endpoint);
    }
    if let Some(key) = &data.s3_key {
        add("s3-key", key);
    }
    let by_flag = std::env::args_os().any(|argument| argument.to_string_lossy().starts_with("--s3-secret"));
    if let Some(secret) = data.s3_secret.as_ref().filter(|_| by_flag) {
        add("s3-secret", secret);
    }
    if data.s3_allow_http {
        command.push("--s3-allow-http".to_string());
    }
    Ok(command)
}
