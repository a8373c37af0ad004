//! `siss check`: are the contracts and dashboards right?

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use datasets::catalog::Catalog;
use datasets::derive::book;

/// Checks all contracts, code lists, roles and dashboards; prints every mistake as file:line:column and exits 1 if there is one
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Folder of contracts [default: `datasets` here, or beside the program]
    #[arg(long, env = "SISS_CONTRACTS", value_name = "DIR")]
    pub contracts: Option<PathBuf>,
    /// Also writes the data dictionary into this folder of documents
    #[arg(long, value_name = "DIR")]
    pub dictionary: Option<PathBuf>,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let folder = Catalog::find_dir(args.contracts.as_deref()).map_err(anyhow::Error::msg)?;
    // Dashboards are checked against contracts that are right.
    let checked = Catalog::load(&folder).and_then(|catalog| Ok((dashboards::load::load(&dashboards::load::beside(&folder), &catalog)?.len(), catalog)));
    match checked {
        Ok((boards, catalog)) => {
            if let Some(folder) = &args.dictionary {
                write_dictionary(&catalog, folder)?;
            }
            let Catalog { contracts, code_lists, roles, .. } = &catalog;
            println!("{} datasets, {} code lists, {} roles, {boards} dashboards: no mistakes", contracts.len(), code_lists.len(), roles.len());
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

/// Pages of datasets that are no more go: the folder of pages is made anew.
fn write_dictionary(catalog: &Catalog, folder: &Path) -> anyhow::Result<()> {
    let pages = folder.join(book::FOLDER);
    if pages.exists() {
        std::fs::remove_dir_all(&pages).with_context(|| pages.display().to_string())?;
    }
    std::fs::create_dir_all(&pages).with_context(|| pages.display().to_string())?;
    for (page, text) in book::book(catalog) {
        let file = folder.join(page);
        std::fs::write(&file, text).with_context(|| file.display().to_string())?;
    }
    Ok(())
}
