//! The places of the region, municipalities and districts: their names, addresses of their pages, and finding them by what people write.

pub mod find;

use std::collections::BTreeMap;

use datasets::indicator::{Level, REGION};
use datasets::language::Language;
use datasets::model::DatasetName;
use serde::{Deserialize, Serialize};
use warehouse::session::Session;

use crate::app::App;
use crate::doors::http::problem::{Problem, Result};
use crate::doors::http::reading::{ask, label};

/// The datasets that places are read from.
pub const TABLES: [&str; 2] = ["territorio.comuni", "territorio.ambiti"];

const COMUNI: &str = "SELECT codice_istat, comune, ambito, asl, sigla_provincia, provincia, latitudine, longitudine, \
    CAST(superficie_kmq AS DOUBLE) AS superficie_kmq, zona_altimetrica, grado_urbanizzazione FROM territorio.comuni";
const AMBITI: &str = "SELECT ambito, denominazione, provincia, asl, ente_capofila, forma_gestione, nota FROM territorio.ambiti";

#[derive(Default, Clone, Debug, Deserialize, Serialize)]
pub struct Comune {
    pub codice_istat: String,
    pub comune: String,
    pub ambito: Option<String>,
    pub asl: Option<String>,
    pub sigla_provincia: Option<String>,
    pub provincia: Option<String>,
    /// Of the centre of the municipality.
    pub latitudine: Option<f64>,
    pub longitudine: Option<f64>,
    pub superficie_kmq: Option<f64>,
    pub zona_altimetrica: Option<String>,
    pub grado_urbanizzazione: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Ambito {
    pub ambito: String,
    pub denominazione: Option<String>,
    pub provincia: Option<String>,
    pub asl: Option<String>,
    pub ente_capofila: Option<String>,
    pub forma_gestione: Option<String>,
    pub nota: Option<String>,
}

/// All of them, by code.
#[derive(Clone, Debug, Default)]
pub struct Places {
    pub comuni: BTreeMap<String, Comune>,
    pub ambiti: BTreeMap<String, Ambito>,
}

/// One place that has a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    Comune(&'a str),
    Ambito(&'a str),
}

impl Place<'_> {
    pub fn level(self) -> Level {
        match self {
            Self::Comune(_) => Level::Comune,
            Self::Ambito(_) => Level::Ambito,
        }
    }

    pub fn code(&self) -> &str {
        match self {
            Self::Comune(code) | Self::Ambito(code) => code,
        }
    }

    /// The column by which datasets tell this place.
    pub fn column(self) -> &'static str {
        match self {
            Self::Comune(_) => "codice_istat",
            Self::Ambito(_) => "ambito",
        }
    }
}

impl Places {
    pub async fn read(session: &Session) -> Result<Self> {
        let (comuni, ambiti) = futures::try_join!(ask::<Comune>(session, COMUNI, &[]), ask::<Ambito>(session, AMBITI, &[]))?;
        let comuni = comuni.into_iter().map(|one| (one.codice_istat.clone(), one)).collect();
        let ambiti = ambiti.into_iter().map(|one| (one.ambito.clone(), one)).collect();
        Ok(Self { comuni, ambiti })
    }

    /// The place of an address: the code of a municipality, or a district as [`slug`] writes it.
    pub fn of(&self, address: &str) -> Option<Place<'_>> {
        if let Some((code, _)) = self.comuni.get_key_value(address) {
            return Some(Place::Comune(code));
        }
        self.ambiti.keys().find(|ambito| slug(ambito) == address).map(|ambito| Place::Ambito(ambito))
    }

    /// What a territorial code is called.
    pub fn name(&self, app: &App, level: &str, code: &str, language: Language) -> String {
        match level {
            "comune" => self.comuni.get(code).map_or_else(|| code.to_owned(), |one| one.comune.clone()),
            "ambito" => self.district(code),
            "asl" => format!("ASL {code}"),
            "provincia" => label(app, "province", code, language),
            _ if code == REGION => "Lazio".to_owned(),
            _ => code.to_owned(),
        }
    }

    /// A district with its seat: codes alone say little to those who do not live there.
    pub fn district(&self, code: &str) -> String {
        match self.ambiti.get(code).and_then(|one| one.ente_capofila.as_deref()) {
            Some(seat) if !seat.eq_ignore_ascii_case("roma capitale") => format!("{code} ({seat})"),
            _ => code.to_owned(),
        }
    }

    /// The address of a place's page, if it has one.
    pub fn href(level: &str, code: &str) -> Option<String> {
        match level {
            "comune" => Some(format!("/territorio/{code}")),
            "ambito" => Some(format!("/territorio/{}", slug(code))),
            _ => None,
        }
    }
}

/// A district in an address: `RM 5.1` is `rm-5.1`.
pub fn slug(ambito: &str) -> String {
    ambito.to_lowercase().replace(' ', "-")
}

/// Names of datasets that stand in the program: ours, so a wrong one is a fault of ours.
pub fn tables(names: &[&str]) -> Result<Vec<DatasetName>> {
    let parse = |name: &&str| name.parse().map_err(|e: String| Problem::internal("places.table", e));
    names.iter().map(parse).collect()
}
