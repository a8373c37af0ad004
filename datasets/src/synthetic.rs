//! A synthetic Lazio: the files that comuni, districts and the region would send, on the real territory and population, in their
//! several formats, with planted faults whose list is kept aside. No real person is in it. The same seed gives the same bytes.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::catalog::Catalog;
use crate::model::DatasetName;

mod access;
mod assa;
mod cell;
mod childcare;
mod encode;
mod error;
mod faults;
mod money;
mod names;
mod random;
mod reference;
mod sheet;
mod style;
mod territory;
#[cfg(test)]
mod tests;

pub use error::{Error, Result};

use sheet::Sheet;
use territory::Territory;

/// How large a region, and which one.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// 1 is the size of Lazio: about 2,500 facilities and 1,500 education services.
    pub scale: f64,
    pub seed: u64,
}

/// What has been written so far.
#[derive(Clone, Debug)]
pub struct Progress {
    pub dataset: DatasetName,
    pub files: usize,
    pub rows: u64,
}

/// What was written, in the order in which it is to be delivered: a dataset after those it refers to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Manifest {
    pub files: Vec<File>,
    pub faults: Vec<Fault>,
}

/// A file to deliver: `<dataset>/<period>/<sender>.<extension>` under the folder given to [`write`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct File {
    pub path: PathBuf,
    pub dataset: DatasetName,
    pub sender: String,
    pub period: String,
    /// Data rows, faulty ones included.
    pub rows: u64,
}

/// A row that breaks exactly one check.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fault {
    pub path: PathBuf,
    /// Physical line of the row's start, from 1 with the header; row of a worksheet; for a JSON array the element from 1.
    pub line: u64,
    /// The column at fault; `None` when it is the row as a whole.
    pub column: Option<String>,
    /// `rule` of `derive::checks`.
    pub rule: String,
    /// The cell as it stands in the file; empty without a column.
    pub value: String,
}

/// Writes the region's files under `dir`, and `manifest.json` with `faults.csv` in the folder [`aside`].
/// Errors: the reference data cannot be read, a contract has a column or a rule the region does not know, or the disk refuses.
pub fn write(catalog: &Catalog, dir: &Path, options: Options, progress: &mut dyn FnMut(Progress)) -> Result<Manifest> {
    let territory = Territory::read(catalog)?;
    let mut out = Output { catalog, dir, seed: options.seed, manifest: Manifest::default(), inspections: vec![], progress };
    for sheets in reference::sheets(catalog)? {
        out.put(sheets)?;
    }
    let facilities = assa::facilities(&territory, options);
    out.put(assa::registry::sheets(catalog, &facilities, options.seed)?)?;
    out.put(assa::places::sheets(catalog, &facilities, options.seed)?)?;
    let histories = assa::history::histories(&facilities, options.seed);
    out.put(assa::acts::inspections(catalog, &histories)?)?;
    out.inspections = histories.iter().flat_map(|h| &h.inspections).map(|i| i.id.clone()).collect();
    out.put(assa::acts::acts(catalog, &histories)?)?;
    out.put(access::sheets(catalog, &territory, options)?)?;
    out.put(money::sheets(catalog, &territory, options.seed)?)?;
    out.put(childcare::sheets(catalog, &territory, options)?)?;
    out.aside()?;
    Ok(out.manifest)
}

/// The folder beside `dir` that holds the list of what was written and of the faults: `<dir>.manifest`.
pub fn aside(dir: &Path) -> PathBuf {
    let mut name = dir.file_name().unwrap_or_default().to_owned();
    name.push(".manifest");
    dir.with_file_name(name)
}

struct Output<'a> {
    catalog: &'a Catalog,
    dir: &'a Path,
    seed: u64,
    manifest: Manifest,
    /// Inspections that a sanction may name.
    inspections: Vec<String>,
    progress: &'a mut dyn FnMut(Progress),
}

impl Output<'_> {
    /// Plants faults in the sheets of one dataset and writes each as a file.
    fn put(&mut self, mut sheets: Vec<Sheet>) -> Result<()> {
        let Some(first) = sheets.first() else { return Ok(()) };
        let contract = self.catalog.get(&first.dataset).ok_or_else(|| Error::contract(&first.dataset, "the contract is missing"))?;
        faults::plant(contract, &mut sheets, &self.inspections, self.seed)?;
        for sheet in &sheets {
            self.file(contract, sheet)?;
        }
        Ok(())
    }

    fn file(&mut self, contract: &crate::model::Contract, sheet: &Sheet) -> Result<()> {
        let style = style::of(sheet, self.seed);
        let encoded = encode::encode(contract, sheet, &style)?;
        let path = Path::new(&sheet.dataset.to_string()).join(&sheet.period).join(format!("{}.{}", sheet.sender, style.extension()));
        let full = self.dir.join(&path);
        if let Some(folder) = full.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&full, &encoded.bytes)?;
        for (row, line) in sheet.rows.iter().zip(&encoded.lines) {
            let Some(planted) = &row.fault else { continue };
            let value = planted.column.as_deref().and_then(|name| sheet.cell(row, name)).map(|cell| style.text(cell)).unwrap_or_default();
            self.manifest.faults.push(Fault { path: path.clone(), line: *line, column: planted.column.clone(), rule: planted.rule.clone(), value });
        }
        let rows = sheet.rows.len() as u64;
        self.manifest.files.push(File { path, dataset: sheet.dataset.clone(), sender: sheet.sender.clone(), period: sheet.period.clone(), rows });
        (self.progress)(Progress { dataset: sheet.dataset.clone(), files: self.manifest.files.len(), rows });
        Ok(())
    }

    fn aside(&self) -> Result<()> {
        let dir = aside(self.dir);
        fs::create_dir_all(&dir)?;
        fs::write(dir.join("manifest.json"), serde_json::to_vec_pretty(&self.manifest).map_err(Error::encode)?)?;
        let mut faults = csv::Writer::from_path(dir.join("faults.csv")).map_err(Error::encode)?;
        for fault in &self.manifest.faults {
            faults.serialize(fault).map_err(Error::encode)?;
        }
        Ok(faults.flush()?)
    }
}
