//! What is known of a place, by our own queries. Each reads the rows of one municipality or district.

use std::collections::BTreeMap;

use datasets::language::Language;
use datasets::model::DatasetName;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use warehouse::session::Session;

use crate::app::App;
use crate::doors::http::places::Place;
use crate::doors::http::problem::Result;
use crate::doors::http::reading::{ask, label};

/// What everybody sees.
pub const OPEN: [&str; 3] = ["territorio.popolazione", "assa.strutture", "sirse.servizi"];
/// What some see.
pub const MORE: [&str; 2] = ["piani_zona.residui", "sistema.obligations"];
/// Facilities and services listed by name; more are counted and said to be elsewhere.
const LISTED: usize = 100;

/// Residents of one age in one year.
#[derive(Clone, Debug, Deserialize)]
struct Age {
    anno: i64,
    eta: i64,
    femmine: i64,
    maschi: i64,
}

/// Residents of the newest year and of those before.
#[derive(Clone, Debug, Default, Serialize)]
pub struct People {
    pub year: Option<i64>,
    pub women: i64,
    pub men: i64,
    pub total: i64,
    /// Five years of age each: the first age, women, men. The last is open.
    pub bands: Vec<(i64, i64, i64)>,
    /// 0-2, 3-17, 18-64, 65-79, 80 and over.
    pub groups: [i64; 5],
    /// Residents by year.
    pub years: Vec<(i64, i64)>,
}

pub async fn people(session: &Session, place: Place<'_>) -> Result<People> {
    let sql = format!(
        "SELECT anno, eta, CAST(sum(femmine) AS BIGINT) AS femmine, CAST(sum(maschi) AS BIGINT) AS maschi FROM territorio.popolazione \
         WHERE {} = $1 GROUP BY anno, eta ORDER BY anno, eta",
        place.column()
    );
    let ages: Vec<Age> = ask(session, sql, &[place.code()]).await?;
    Ok(gather(&ages))
}

fn gather(ages: &[Age]) -> People {
    let mut years: BTreeMap<i64, i64> = BTreeMap::new();
    for age in ages {
        *years.entry(age.anno).or_default() += age.femmine + age.maschi;
    }
    let mut people = People { year: years.keys().next_back().copied(), years: years.into_iter().collect(), ..People::default() };
    let mut bands: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for age in ages.iter().filter(|age| Some(age.anno) == people.year) {
        let band = bands.entry((age.eta / 5 * 5).min(90)).or_default();
        (band.0, band.1) = (band.0 + age.femmine, band.1 + age.maschi);
        (people.women, people.men) = (people.women + age.femmine, people.men + age.maschi);
        let group = [3, 18, 65, 80].iter().filter(|from| age.eta >= **from).count();
        people.groups[group] += age.femmine + age.maschi;
    }
    people.total = people.women + people.men;
    people.bands = bands.into_iter().map(|(from, (women, men))| (from, women, men)).collect();
    people
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Offer {
    codice: String,
    nome: String,
    tipo: String,
    indirizzo: Option<String>,
    /// Ownership of a service, kind of operator of a facility.
    gestione: Option<String>,
    posti: Option<i64>,
    anno: Option<i64>,
}

/// Facilities that are open and whose address is no secret.
pub async fn facilities(app: &App, session: &Session, place: Place<'_>, language: Language) -> Result<Value> {
    let sql = format!(
        "SELECT codice_struttura AS codice, denominazione AS nome, tipo, indirizzo, natura_gestore AS gestione, posti, CAST(NULL AS BIGINT) AS anno \
         FROM assa.strutture WHERE {} = $1 ORDER BY posti DESC NULLS LAST, codice_struttura",
        place.column()
    );
    Ok(summed(app, ask(session, sql, &[place.code()]).await?, "tipi_struttura", "nature_gestore", language))
}

/// Services for early childhood in the newest year that each municipality sent.
pub async fn services(app: &App, session: &Session, place: Place<'_>, language: Language) -> Result<Value> {
    let sql = format!(
        "SELECT s.codice_servizio AS codice, s.denominazione AS nome, s.tipo, s.indirizzo, s.titolarita AS gestione, s.posti_autorizzati AS posti, s.anno \
         FROM sirse.servizi s JOIN (SELECT codice_istat, max(anno) AS anno FROM sirse.servizi WHERE {column} = $1 GROUP BY codice_istat) n \
         ON n.codice_istat = s.codice_istat AND n.anno = s.anno WHERE s.{column} = $1 ORDER BY s.posti_autorizzati DESC NULLS LAST, s.codice_servizio",
        column = place.column()
    );
    Ok(summed(app, ask(session, sql, &[place.code()]).await?, "tipi_servizio_educativo", "titolarita", language))
}

fn summed(app: &App, offers: Vec<Offer>, kinds: &str, runs: &str, language: Language) -> Value {
    let mut by: BTreeMap<&str, (usize, i64)> = BTreeMap::new();
    for offer in &offers {
        let sum = by.entry(&offer.tipo).or_default();
        (sum.0, sum.1) = (sum.0 + 1, sum.1 + offer.posti.unwrap_or_default());
    }
    let kinds_of = by.iter().map(|(kind, (count, places))| json!({ "kind": label(app, kinds, kind, language), "count": count, "places": places }));
    let list = offers.iter().take(LISTED).map(|offer| {
        json!({ "offer": offer, "kind": label(app, kinds, &offer.tipo, language), "run": offer.gestione.as_deref().map(|code| label(app, runs, code, language)) })
    });
    json!({
        "count": offers.len(), "places": offers.iter().filter_map(|offer| offer.posti).sum::<i64>(), "year": offers.iter().filter_map(|offer| offer.anno).max(),
        "kinds": kinds_of.collect::<Vec<_>>(), "list": list.collect::<Vec<_>>(), "listed": offers.len().min(LISTED),
    })
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Money {
    anno: i64,
    fondo: String,
    programmato: f64,
    impegnato: f64,
    rendicontato: f64,
    libero: f64,
}

/// The plan's money by year, and by fund in the newest year; `None` where the reader sees no row.
pub async fn money(app: &App, session: &Session, district: &str, language: Language) -> Result<Option<Value>> {
    if !sees(session, MORE[0]) {
        return Ok(None);
    }
    let sum = |column: &str| format!("CAST(coalesce(sum({column}), 0) AS DOUBLE) AS {column}");
    let columns = ["programmato", "impegnato", "rendicontato", "libero"].map(sum).join(", ");
    let sql = format!("SELECT anno, fondo, {columns} FROM piani_zona.residui WHERE ambito = $1 GROUP BY anno, fondo ORDER BY anno, fondo");
    let rows: Vec<Money> = ask(session, sql, &[district]).await?;
    let Some(newest) = rows.iter().map(|row| row.anno).max() else { return Ok(None) };
    let mut years: BTreeMap<i64, [f64; 4]> = BTreeMap::new();
    for row in &rows {
        let sums = years.entry(row.anno).or_default();
        for (sum, part) in sums.iter_mut().zip([row.programmato, row.impegnato, row.rendicontato, row.libero]) {
            *sum = cents(*sum + part);
        }
    }
    let funds = rows.iter().filter(|row| row.anno == newest).map(|row| json!({ "fund": label(app, "fondi", &row.fondo, language), "money": row }));
    Ok(Some(json!({ "year": newest, "years": years.into_iter().collect::<Vec<_>>(), "funds": funds.collect::<Vec<_>>() })))
}

/// Sums of whole cents stay whole cents.
fn cents(euro: f64) -> f64 {
    (euro * 100.0).round() / 100.0
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Debt {
    dataset: String,
    dovuti: i64,
    validi: i64,
    in_ritardo: i64,
}

/// Of each dataset how many deliveries of the place's bodies were owed, are valid, are late.
pub async fn debts(app: &App, session: &Session, place: Place<'_>, language: Language) -> Result<Option<Value>> {
    if !sees(session, MORE[1]) {
        return Ok(None);
    }
    let column = if matches!(place, Place::Comune(_)) { "ente" } else { "ambito" };
    let sql = format!(
        "SELECT dataset, count(*) AS dovuti, CAST(sum(CASE WHEN stato IN ('valid', 'certified') THEN 1 ELSE 0 END) AS BIGINT) AS validi, \
         CAST(sum(CASE WHEN in_ritardo THEN 1 ELSE 0 END) AS BIGINT) AS in_ritardo FROM sistema.obligations WHERE {column} = $1 GROUP BY dataset ORDER BY dataset"
    );
    let rows: Vec<Debt> = ask(session, sql, &[place.code()]).await?;
    if rows.is_empty() {
        return Ok(None);
    }
    let title = |name: &str| {
        let contract = name.parse::<DatasetName>().ok().and_then(|name| app.warehouse.catalog().get(&name));
        contract.map_or_else(|| name.to_owned(), |contract| contract.title.get(language).to_owned())
    };
    Ok(Some(rows.iter().map(|row| json!({ "title": title(&row.dataset), "debt": row })).collect()))
}

fn sees(session: &Session, name: &str) -> bool {
    name.parse::<DatasetName>().is_ok_and(|name| session.dataset(&name).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_become_bands_groups_and_years() {
        let age = |anno, eta, femmine, maschi| Age { anno, eta, femmine, maschi };
        let people = gather(&[
            age(2024, 0, 5, 5),
            age(2025, 0, 1, 2),
            age(2025, 2, 3, 0),
            age(2025, 3, 1, 0),
            age(2025, 64, 2, 2),
            age(2025, 79, 1, 0),
            age(2025, 97, 1, 0),
        ]);
        assert_eq!((people.year, people.women, people.men, people.total), (Some(2025), 9, 4, 13));
        assert_eq!(people.groups, [6, 1, 4, 1, 1]);
        assert_eq!(people.bands, [(0, 5, 2), (60, 2, 2), (75, 1, 0), (90, 1, 0)]);
        assert_eq!(people.years, [(2024, 10), (2025, 13)]);
    }
}
