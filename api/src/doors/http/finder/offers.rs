//! What the public finder finds: services for early childhood and social facilities, as strangers see them, whoever asks. A home nursery
//! and a facility whose address is protected are nowhere more exactly than in their municipality.

use datasets::language::Language;
use serde::{Deserialize, Serialize};
use warehouse::session::Session;

use crate::app::App;
use crate::doors::http::places::Places;
use crate::doors::http::problem::Result;
use crate::doors::http::reading::{ask, label};

pub const TABLES: [&str; 2] = ["sirse.servizi", "assa.strutture"];

/// Of each municipality the newest year it sent.
const SERVICES: &str = "SELECT s.codice_servizio AS code, s.denominazione AS name, s.tipo AS kind, s.codice_istat AS comune, s.indirizzo AS address, \
    s.titolarita = 'pubblica' AS public, s.posti_autorizzati AS places, CAST(NULL AS DOUBLE) AS latitude, CAST(NULL AS DOUBLE) AS longitude, \
    s.anno AS year, CAST(s.ore_giornaliere AS DOUBLE) AS hours, s.mesi_apertura AS months, s.accreditato AS accredited, CAST(NULL AS VARCHAR) AS users \
    FROM sirse.servizi s JOIN (SELECT codice_istat, max(anno) AS anno FROM sirse.servizi GROUP BY codice_istat) n \
    ON n.codice_istat = s.codice_istat AND n.anno = s.anno";
const FACILITIES: &str = "SELECT codice_struttura AS code, denominazione AS name, tipo AS kind, codice_istat AS comune, indirizzo AS address, \
    natura_gestore = 'pubblico' AS public, posti AS places, latitudine AS latitude, longitudine AS longitude, CAST(NULL AS BIGINT) AS year, \
    CAST(NULL AS DOUBLE) AS hours, CAST(NULL AS BIGINT) AS months, CAST(NULL AS BOOLEAN) AS accredited, utenza AS users FROM assa.strutture";

/// The two kinds of offer, by the subsystem they come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sort {
    /// SIRSE.
    Nidi,
    /// ASSA.
    Strutture,
}

impl Sort {
    /// The code list of its kinds.
    pub fn kinds(self) -> &'static str {
        match self {
            Self::Nidi => "tipi_servizio_educativo",
            Self::Strutture => "tipi_struttura",
        }
    }

    fn query(self) -> &'static str {
        match self {
            Self::Nidi => SERVICES,
            Self::Strutture => FACILITIES,
        }
    }
}

/// One service or facility.
#[derive(Clone, Debug, Serialize)]
pub struct Offer {
    pub code: String,
    pub name: String,
    pub kind: String,
    /// The kind in words.
    pub what: String,
    pub comune: String,
    pub town: String,
    pub address: Option<String>,
    pub public: Option<bool>,
    pub places: Option<i64>,
    pub year: Option<i64>,
    pub hours: Option<f64>,
    pub months: Option<i64>,
    pub accredited: Option<bool>,
    pub users: Option<String>,
    /// Of the facility itself if `exact`, else of the centre of its municipality. Absent where not even that is known.
    pub point: Option<Point>,
    pub exact: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    pub latitude: f64,
    pub longitude: f64,
}

#[derive(Debug, Deserialize)]
struct Row {
    code: String,
    name: String,
    kind: String,
    comune: String,
    address: Option<String>,
    public: Option<bool>,
    places: Option<i64>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    year: Option<i64>,
    hours: Option<f64>,
    months: Option<i64>,
    accredited: Option<bool>,
    users: Option<String>,
}

/// Every offer of one sort. `session` is that of a stranger.
pub async fn read(app: &App, session: &Session, places: &Places, sort: Sort, language: Language) -> Result<Vec<Offer>> {
    let rows: Vec<Row> = ask(session, sort.query(), &[]).await?;
    Ok(rows.into_iter().map(|row| offer(app, places, row, sort, language)).collect())
}

fn offer(app: &App, places: &Places, row: Row, sort: Sort, language: Language) -> Offer {
    let comune = places.comuni.get(&row.comune);
    let point = |latitude: Option<f64>, longitude: Option<f64>| Some(Point { latitude: latitude?, longitude: longitude? });
    let own = point(row.latitude, row.longitude);
    Offer {
        what: label(app, sort.kinds(), &row.kind, language),
        town: comune.map_or_else(|| row.comune.clone(), |c| c.comune.clone()),
        point: own.or_else(|| point(comune?.latitudine, comune?.longitudine)),
        exact: own.is_some(),
        users: row.users.map(|users| label(app, "fasce_utenza", &users, language)),
        code: row.code,
        name: row.name,
        kind: row.kind,
        comune: row.comune,
        address: row.address,
        public: row.public,
        places: row.places,
        year: row.year,
        hours: row.hours,
        months: row.months,
        accredited: row.accredited,
    }
}

impl Point {
    /// Kilometres along the sphere (haversine, mean radius of the Earth 6371.0088 km).
    pub fn distance(self, other: Self) -> f64 {
        let (a, b) = (self.latitude.to_radians(), other.latitude.to_radians());
        let (dlat, dlon) = (b - a, (other.longitude - self.longitude).to_radians());
        let h = (dlat / 2.0).sin().powi(2) + a.cos() * b.cos() * (dlon / 2.0).sin().powi(2);
        2.0 * 6371.0088 * h.sqrt().min(1.0).asin()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_sphere() {
        let rome = Point { latitude: 41.8933, longitude: 12.4829 };
        let viterbo = Point { latitude: 42.4168, longitude: 12.1051 };
        assert!((rome.distance(viterbo) - 66.1).abs() < 0.5, "{}", rome.distance(viterbo));
        assert_eq!(rome.distance(rome), 0.0);
        // A degree of latitude.
        let north = Point { latitude: 42.8933, ..rome };
        assert!((rome.distance(north) - 111.195).abs() < 0.01);
    }
}
