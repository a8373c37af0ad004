//! Logs go to standard error; standard output belongs to answers and the `ready` line.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{Common, LogFormat};

/// Libraries that report each step at "info"; named in `--log`, they speak as it says.
const QUIET: &str = "buoyant_kernel=warn,delta_kernel=warn,deltalake=warn,deltalake_core=warn,sqlx=warn";

/// Sets the process's log, with `more` quiet modules. Called once; a filter that cannot be read is an error.
pub fn start(common: &Common, more: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(format!("{QUIET},{more}{}", common.log)).map_err(|e| anyhow::anyhow!("--log '{}': {e}", common.log))?;
    let terminal = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let done = match common.log_format {
        LogFormat::Json => builder.json().try_init(),
        LogFormat::Human => builder.with_ansi(terminal).try_init(),
    };
    done.map_err(|e| anyhow::anyhow!("logs: {e}"))
}
