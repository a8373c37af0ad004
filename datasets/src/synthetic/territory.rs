//! The real territory, as much of it as the synthetic region needs.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;

use crate::catalog::Catalog;

use super::error::{Error, Result};

/// Year of the population the region's size follows.
const YEAR: &str = "2023";
/// A comune of so few residents has no facility or service of its own.
const SMALLEST: u32 = 1_500;
/// A comune this large always has one.
const LARGE: u32 = 45_000;
/// Least part of the region's things that a comune takes.
const LEAST: f64 = 0.25;

#[derive(Clone, Debug)]
pub struct Comune {
    pub codice_istat: String,
    pub nome: String,
    pub ambito: String,
    pub residenti: u32,
    /// Degrees north and east of the comune's centre.
    pub place: (f64, f64),
    /// Cadastral code, which stands for it in fiscal codes.
    pub belfiore: String,
}

impl Comune {
    /// Its part in the services of the region: they gather in larger places, and the smallest comuni have none.
    pub fn weight(&self) -> f64 {
        f64::from(self.residenti.saturating_sub(SMALLEST))
    }
}

#[derive(Clone, Debug)]
pub struct Territory {
    pub comuni: Vec<Comune>,
}

impl Territory {
    /// Reads `territorio/data/`. Errors: a file or column is missing.
    pub fn read(catalog: &Catalog) -> Result<Self> {
        let people = Data::read(&catalog.dir, "territorio/data/popolazione.csv.gz")?;
        let (place, year, total) = (people.position("codice_istat")?, people.position("anno")?, people.position("totale")?);
        let mut residents: BTreeMap<&str, u32> = BTreeMap::new();
        for row in people.rows.iter().filter(|row| &row[year] == YEAR) {
            *residents.entry(&row[place]).or_default() += row[total].parse::<u32>().map_err(|e| Error::Reference(e.to_string()))?;
        }
        let places = Data::read(&catalog.dir, "territorio/data/comuni.csv")?;
        let (code, name, district) = (places.position("codice_istat")?, places.position("comune")?, places.position("ambito")?);
        let (north, east, belfiore) = (places.position("latitudine")?, places.position("longitudine")?, places.position("codice_catastale")?);
        let degrees = |text: &str| text.parse::<f64>().map_err(|e| Error::Reference(e.to_string()));
        let comune = |row: &csv::StringRecord| {
            Ok(Comune {
                codice_istat: row[code].to_owned(),
                nome: row[name].to_owned(),
                ambito: row[district].to_owned(),
                residenti: residents.get(&row[code]).copied().unwrap_or(0),
                place: (degrees(&row[north])?, degrees(&row[east])?),
                belfiore: row[belfiore].to_owned(),
            })
        };
        Ok(Self { comuni: places.rows.iter().map(comune).collect::<Result<_>>()? })
    }

    /// How many of `total` things of the region stand in each comune, before chance rounds them; a large comune has one at least.
    /// A small region has fewer comuni, not thinner ones: a part below [`LEAST`] is none, and goes to the others.
    pub fn shares(&self, total: f64) -> impl Iterator<Item = (&Comune, f64)> {
        let all: f64 = self.comuni.iter().map(Comune::weight).sum();
        let kept = move |c: &&Comune| c.residenti >= LARGE || total * c.weight() / all >= LEAST;
        let weights: f64 = self.comuni.iter().filter(kept).map(Comune::weight).sum();
        self.comuni.iter().filter(kept).map(move |c| (c, (total * c.weight() / weights).max(if c.residenti >= LARGE { 1.0 } else { 0.0 })))
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

/// A file of reference data: its header and its rows.
pub struct Data {
    pub header: csv::StringRecord,
    pub rows: Vec<csv::StringRecord>,
    name: &'static str,
}

impl Data {
    /// Reads a file of the folder of contracts, gzipped where its name says so. Errors: it is absent or damaged.
    pub fn read(contracts: &Path, name: &'static str) -> Result<Self> {
        let path = contracts.join(name);
        let file = fs::File::open(&path).map_err(|e| Error::Reference(format!("{}: {e}", path.display())))?;
        let plain: Box<dyn Read> = if name.ends_with(".gz") { Box::new(GzDecoder::new(file)) } else { Box::new(file) };
        let mut reader = csv::Reader::from_reader(plain);
        let fault = |e: csv::Error| Error::Reference(format!("{name}: {e}"));
        let header = reader.headers().map_err(fault)?.clone();
        Ok(Self { header, rows: reader.into_records().collect::<std::result::Result<_, _>>().map_err(fault)?, name })
    }

    /// Where a column stands. Errors: it is not there.
    pub fn position(&self, column: &str) -> Result<usize> {
        self.header.iter().position(|h| h == column).ok_or_else(|| Error::Reference(format!("{} has no column {column}", self.name)))
    }
}
