//! A synthetic Lazio: the files that comuni, districts and the region would send, on the real territory and population, in their
//! several formats, with planted faults whose list is kept aside. No real person is in it. The same seed gives the same bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::catalog::Catalog;
use crate::model::{Contract, DatasetName};

mod assa;
mod cell;
mod childcare;
mod encode;
mod error;
mod faults;
mod names;
mod plans;
mod random;
mod reference;
mod sheet;
mod social;
mod stream;
mod style;
mod territory;
#[cfg(test)]
mod tests;

pub use error::{Error, Result};

use sheet::Sheet;
use style::Style;
use territory::Territory;

/// How large a region, and which one.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// 1 is the size of Lazio: about 2,500 facilities, 1,500 education services, half a million persons known to social services and
    /// 20 million delivery lines, in one file for each district, dataset and year. Below it persons shrink faster than facilities
    /// (by the power 1.7 of the scale); below 0.5 a district sends one file for all years and lines cover a quarter, below 0.1 a year,
    /// and only some districts send more than persons, accesses, plans and amounts.
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
    let mut out =
        Output { catalog, dir, seed: options.seed, manifest: Manifest::default(), known: faults::Known::default(), series: BTreeMap::new(), progress };
    for sheets in reference::sheets(catalog)? {
        out.put(sheets)?;
    }
    let facilities = out.facilities(&territory, options)?;
    out.childcare(&territory, options)?;
    social::write(&mut out, &territory, &facilities, options)?;
    out.finish()?;
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
    /// What the datasets so far hold, for the faults of the next.
    known: faults::Known,
    /// Faults of the datasets that are written file by file.
    series: BTreeMap<DatasetName, faults::Series>,
    progress: &'a mut dyn FnMut(Progress),
}

impl<'a> Output<'a> {
    /// The datasets of ASSA.
    fn facilities(&mut self, territory: &Territory, options: Options) -> Result<Vec<assa::Facility>> {
        let facilities = assa::facilities(territory, options);
        let histories = assa::history::histories(&facilities, options.seed);
        self.known.facilities(&facilities, &histories);
        self.put(assa::registry::sheets(self.catalog, &facilities, options.seed)?)?;
        self.put(assa::places::sheets(self.catalog, &facilities, options.seed)?)?;
        self.put(assa::acts::inspections(self.catalog, &histories)?)?;
        self.put(assa::acts::acts(self.catalog, &histories)?)?;
        Ok(facilities)
    }

    /// The datasets of SIRSE.
    fn childcare(&mut self, territory: &Territory, options: Options) -> Result<()> {
        let services = childcare::services(territory, options);
        self.known.services(&services);
        self.put(childcare::services::sheets(self.catalog, &services)?)?;
        self.put(childcare::places::places(self.catalog, &services)?)?;
        self.put(childcare::places::enrolments(self.catalog, &services, options.seed)?)?;
        self.put(childcare::accreditation::sheets(self.catalog, &services, options.seed)?)?;
        self.put(childcare::contributions::sheets(self.catalog, territory, &services, options)?)
    }

    /// Plants faults in the sheets of one dataset and writes each as a file.
    fn put(&mut self, mut sheets: Vec<Sheet>) -> Result<()> {
        let Some(first) = sheets.first() else { return Ok(()) };
        let contract = self.contract(&first.dataset)?;
        faults::plant(contract, &mut sheets, &self.known, self.seed)?;
        for sheet in &sheets {
            self.file(contract, sheet)?;
        }
        Ok(())
    }

    fn contract(&self, dataset: &DatasetName) -> Result<&'a Contract> {
        self.catalog.get(dataset).ok_or_else(|| Error::contract(dataset, "the contract is missing"))
    }

    /// Plants the faults of one sheet of several that are written one after another.
    fn plant(&mut self, contract: &Contract, sheet: &mut Sheet) -> Result<()> {
        self.series.entry(contract.name.clone()).or_insert_with(|| faults::Series::new(contract)).plant(contract, sheet, &self.known, self.seed)
    }

    fn path(&self, sheet: &Sheet, style: &Style) -> PathBuf {
        Path::new(&sheet.dataset.to_string()).join(&sheet.period).join(format!("{}.{}", sheet.sender, style.extension()))
    }

    fn file(&mut self, contract: &Contract, sheet: &Sheet) -> Result<()> {
        let style = style::of(sheet, self.seed);
        let encoded = encode::encode(contract, sheet, &style)?;
        let path = self.path(sheet, &style);
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

    /// Every check was broken, and the files stand in the order of delivery.
    fn finish(&mut self) -> Result<()> {
        for (dataset, series) in &self.series {
            series.finish(self.contract(dataset)?)?;
        }
        let order: BTreeMap<&DatasetName, usize> = self.catalog.load_order().into_iter().enumerate().map(|(n, contract)| (&contract.name, n)).collect();
        self.manifest.files.sort_by_key(|file| order.get(&file.dataset).copied());
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
