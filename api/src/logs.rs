//! Logs go to standard error; standard output belongs to answers and the `ready` line.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{Common, LogFormat};

/// Sets the process's log. Called once; a filter that cannot be read is an error.
pub fn start(common: &Common) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&common.log).map_err(|e| anyhow::anyhow!("--log '{}': {e}", common.log))?;
    let terminal = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let done = match common.log_format {
        LogFormat::Json => builder.json().try_init(),
        LogFormat::Human => builder.with_ansi(terminal).try_init(),
    };
    done.map_err(|e| anyhow::anyhow!("logs: {e}"))
}
