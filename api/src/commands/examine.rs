//! `siss examine`: the process in which a signed file is taken apart. Started by `siss verify` and the intake, never by hand.

use std::process::ExitCode;

/// Examines the file that a request on standard input names
#[derive(clap::Args, Debug)]
pub struct Args {}

pub fn run() -> anyhow::Result<ExitCode> {
    ingest::signature::apart::child()?;
    Ok(ExitCode::SUCCESS)
}

/// The command line of such a process: this program again.
pub fn command() -> anyhow::Result<Vec<String>> {
    let program = std::env::current_exe()?;
    let program = program.to_str().ok_or_else(|| anyhow::anyhow!("not UTF-8: {}", program.display()))?;
    Ok(vec![program.to_string(), "examine".to_string(), "--log=error".to_string()])
}
