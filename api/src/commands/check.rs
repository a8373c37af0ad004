//! `siss check`: are the contracts right?

use std::path::PathBuf;
use std::process::ExitCode;

use datasets::catalog::Catalog;

/// Checks all contracts, code lists and roles; prints every mistake as file:line:column and exits 1 if there is one
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Folder of contracts [default: `datasets` here, or beside the program]
    #[arg(long, env = "SISS_CONTRACTS", value_name = "DIR")]
    pub contracts: Option<PathBuf>,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let folder = Catalog::find_dir(args.contracts.as_deref()).map_err(anyhow::Error::msg)?;
    match Catalog::load(&folder) {
        Ok(catalog) => {
            println!("{} datasets, {} code lists, {} roles: no mistakes", catalog.contracts.len(), catalog.code_lists.len(), catalog.roles.len());
            Ok(ExitCode::SUCCESS)
        }
        Err(mistakes) => {
            for mistake in &mistakes {
                println!("{mistake}");
            }
            eprintln!("{} mistakes", mistakes.len());
            Ok(ExitCode::FAILURE)
        }
    }
}
