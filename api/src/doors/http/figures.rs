//! Values of the indicators as pages show them: one small query for each that the asker may see, all at one moment.

use datasets::indicator::{Indicator, Level, REGION};
use datasets::language::Language;
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};
use warehouse::session::Session;

use crate::app::App;
use crate::doors::http::problem::Result;
use crate::doors::http::reading::ask;

/// Characters of the code of a place, and years that there may be, as they are asked for.
pub const CODE: usize = 60;
pub const YEARS: std::ops::RangeInclusive<i64> = 1900..=2200;

/// One row of an indicator.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Figure {
    pub indicatore: String,
    pub livello: String,
    pub codice: String,
    pub anno: i64,
    pub riferimento: String,
    pub numeratore: Option<f64>,
    pub denominatore: Option<f64>,
    pub valore: Option<f64>,
    pub bersaglio: Option<f64>,
    pub stato: String,
    pub completezza: f64,
    pub provvisorio: bool,
    pub formula: String,
    pub ingressi: String,
}

/// Columns of a [`Figure`] after its indicator. Decimals become binary fractions: 22 digits are more than any page shows.
const COLUMNS: &str = "livello, codice, anno, CAST(riferimento AS VARCHAR) AS riferimento, CAST(numeratore AS DOUBLE) AS numeratore, \
    CAST(denominatore AS DOUBLE) AS denominatore, CAST(valore AS DOUBLE) AS valore, CAST(bersaglio AS DOUBLE) AS bersaglio, stato, \
    CAST(completezza AS DOUBLE) AS completezza, provvisorio, formula, ingressi";

/// An indicator's newest value of a place beside that of the region in the same year.
#[derive(Clone, Debug, Serialize)]
pub struct Standing {
    pub name: String,
    pub id: String,
    pub title: String,
    pub unit: String,
    pub persons: bool,
    /// Its definition is not certain yet.
    pub provisional: bool,
    /// `None`: the place has no value in any year.
    pub here: Option<Figure>,
    pub region: Option<Figure>,
    /// Share of the target that is reached, 0 to 100; none without a target or where less is better.
    pub reached: Option<u8>,
}

/// The indicators that a session sees, in the order of their ids.
pub fn visible<'a>(app: &'a App, session: &Session) -> Vec<&'a Indicator> {
    let indicators = app.warehouse.catalog().indicators.values();
    let mut seen: Vec<&Indicator> = indicators.filter(|indicator| session.dataset(&indicator.name).is_ok()).collect();
    seen.sort_by(|a, b| a.id.cmp(&b.id));
    seen
}

/// Rows of `indicators` of one place, and of the region, in every year.
pub async fn of_place(session: &Session, indicators: &[&Indicator], level: Level, code: &str) -> Result<Vec<Figure>> {
    let mut each = Vec::with_capacity(indicators.len());
    for indicator in indicators {
        // Names are the catalog's own.
        let name = &indicator.name;
        let sql = format!("SELECT '{}' AS indicatore, {COLUMNS} FROM {name} WHERE livello = 'regione' OR (livello = $1 AND codice = $2)", name.name);
        each.push(figures(session, sql, level, code));
    }
    Ok(try_join_all(each).await?.into_iter().flatten().collect())
}

async fn figures(session: &Session, sql: String, level: Level, code: &str) -> Result<Vec<Figure>> {
    ask(session, sql, &[level.code(), code]).await
}

/// Rows of one indicator at one level in one year.
pub async fn of_level(session: &Session, indicator: &Indicator, level: Level, year: i64) -> Result<Vec<Figure>> {
    let name = &indicator.name;
    let sql = format!("SELECT '{}' AS indicatore, {COLUMNS} FROM {name} WHERE livello = $1 AND anno = CAST($2 AS BIGINT)", name.name);
    ask(session, sql, &[level.code(), &year.to_string()]).await
}

/// For each indicator the newest year in which the place has a value.
pub fn standings(indicators: &[&Indicator], figures: &[Figure], level: Level, code: &str, language: Language) -> Vec<Standing> {
    let of = |indicator: &&Indicator| {
        let rows = || figures.iter().filter(|figure| figure.indicatore == indicator.name.name);
        let own = |figure: &&Figure| figure.livello == level.code() && figure.codice == code;
        let here = rows().filter(own).filter(|figure| figure.valore.is_some()).max_by_key(|figure| figure.anno);
        let newest = || rows().filter(|figure| figure.codice == REGION && figure.valore.is_some()).max_by_key(|figure| figure.anno);
        let region = match here {
            Some(here) => rows().find(|figure| figure.codice == REGION && figure.anno == here.anno),
            None => newest(),
        };
        Standing {
            name: indicator.name.name.clone(),
            id: indicator.id.clone(),
            title: indicator.title.get(language).to_owned(),
            unit: indicator.unit.get(language).to_owned(),
            persons: indicator.persons,
            provisional: indicator.provisional.is_some(),
            reached: here.and_then(|here| reached(indicator, here)),
            here: here.cloned(),
            region: region.cloned(),
        }
    };
    indicators.iter().map(of).collect()
}

fn reached(indicator: &Indicator, figure: &Figure) -> Option<u8> {
    let (value, target) = (figure.valore?, figure.bersaglio?);
    if indicator.direction != datasets::indicator::Direction::Up || target <= 0.0 {
        return None;
    }
    Some((value / target * 100.0).clamp(0.0, 100.0) as u8)
}
