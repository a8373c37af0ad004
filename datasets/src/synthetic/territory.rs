//! The real territory, as much of it as the synthetic region needs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use flate2::read::GzDecoder;

use crate::catalog::Catalog;

use super::error::{Error, Result};

/// Year of the population the region's size follows.
const YEAR: &str = "2023";

#[derive(Clone, Debug)]
pub struct Comune {
    pub codice_istat: String,
    pub nome: String,
    pub ambito: String,
    pub residenti: u32,
}

#[derive(Clone, Debug)]
pub struct Territory {
    pub comuni: Vec<Comune>,
}

impl Territory {
    /// Reads `territorio/data/`. Errors: a file or column is missing.
    pub fn read(catalog: &Catalog) -> Result<Self> {
        let mut residents: BTreeMap<String, u32> = BTreeMap::new();
        for row in rows(&catalog.dir, "popolazione.csv.gz")? {
            if row["anno"] == YEAR {
                *residents.entry(row["codice_istat"].clone()).or_default() += row["totale"].parse::<u32>().map_err(|e| Error::Reference(e.to_string()))?;
            }
        }
        let comuni = rows(&catalog.dir, "comuni.csv")?.into_iter().map(|mut row| {
            let mut take = |name: &str| row.remove(name).ok_or_else(|| Error::Reference(format!("comuni.csv has no column {name}")));
            let codice_istat = take("codice_istat")?;
            Ok(Comune { residenti: residents.get(&codice_istat).copied().unwrap_or(0), codice_istat, nome: take("comune")?, ambito: take("ambito")? })
        });
        Ok(Self { comuni: comuni.collect::<Result<_>>()? })
    }

    /// The comuni of each district, by its code.
    pub fn districts(&self) -> BTreeMap<&str, Vec<&Comune>> {
        let mut districts: BTreeMap<&str, Vec<&Comune>> = BTreeMap::new();
        for comune in &self.comuni {
            districts.entry(&comune.ambito).or_default().push(comune);
        }
        districts
    }
}

/// The rows of a file of `territorio/data/`, each by column name.
pub fn rows(contracts: &Path, name: &str) -> Result<Vec<BTreeMap<String, String>>> {
    let path = contracts.join("territorio").join("data").join(name);
    let bytes = fs::File::open(&path).map_err(|e| Error::Reference(format!("{}: {e}", path.display())))?;
    let fault = |e: csv::Error| Error::Reference(format!("{name}: {e}"));
    if name.ends_with(".gz") {
        csv::Reader::from_reader(GzDecoder::new(bytes)).deserialize().collect::<std::result::Result<_, _>>().map_err(fault)
    } else {
        csv::Reader::from_reader(bytes).deserialize().collect::<std::result::Result<_, _>>().map_err(fault)
    }
}
