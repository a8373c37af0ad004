//! The pictures of an indicator: its way over the years beside the target, and its values on the map.

use std::collections::BTreeMap;

use dashboards::chart::{Category, Chart, Kind, Series, Unit};
use dashboards::map::{self, Choropleth};
use dashboards::number::Number;
use datasets::indicator::{Indicator, Level};
use datasets::language::Language;

use crate::doors::http::figures::Figure;
use crate::doors::http::places::Places;
use crate::doors::http::reading::IN_PAGE;

/// Digits of a value beside a mark, and of those on a map: as many as the table shows.
const DECIMALS: u8 = 1;
const SHOWN: u8 = 2;

fn words(language: Language, it: &str, en: &str) -> String {
    if language == Language::En { en } else { it }.to_owned()
}

/// The region's values by year as a line, and the targets as a second one: they change with the years.
pub fn trend(indicator: &Indicator, region: &[Figure], language: Language) -> Option<String> {
    let number = |value: Option<f64>| value.and_then(Number::from_double);
    let values: Vec<Option<Number>> = region.iter().map(|figure| number(figure.valore)).collect();
    if values.iter().flatten().count() < 2 {
        return None;
    }
    let targets: Vec<Option<Number>> = region.iter().map(|figure| number(figure.bersaglio)).collect();
    let mut series = vec![Series::new("Lazio", values)];
    if targets.iter().any(Option::is_some) {
        series.push(Series::new(words(language, "Obiettivo", "Target"), targets));
    }
    let chart = Chart {
        id: "andamento".into(),
        kind: Kind::Lines,
        language,
        title: format!("{}, {}", indicator.title.get(language), words(language, "andamento del Lazio", "trend of Lazio")),
        description: indicator.description.get(language).to_owned(),
        unit: unit(indicator, language),
        by: words(language, "Anno", "Year"),
        categories: region.iter().map(|figure| Category::new(figure.anno.to_string(), figure.anno.to_string())).collect(),
        series,
        target: None,
    };
    Some(dashboards::svg(&chart, &IN_PAGE))
}

/// `None` for levels that have no boundaries of their own, or where there is nothing.
pub fn map(places: &Places, indicator: &Indicator, level: Level, rows: &[Figure], language: Language) -> Option<Choropleth> {
    let level = match level {
        Level::Comune => map::Level::Comune,
        Level::Ambito => map::Level::Ambito,
        _ => return None,
    };
    let values: BTreeMap<String, Number> = rows.iter().filter_map(|row| Some((row.codice.clone(), Number::from_double(row.valore?)?.round(SHOWN)))).collect();
    let year = rows.first()?.anno;
    let comuni = places.comuni.values().map(|c| (c.codice_istat.clone(), (c.comune.clone(), c.ambito.clone().unwrap_or_default()))).collect();
    let ambiti = places.ambiti.keys().map(|code| (code.clone(), places.district(code))).collect();
    Some(Choropleth {
        id: "mappa".into(),
        language,
        title: format!("{}, {year}", indicator.title.get(language)),
        description: indicator.description.get(language).to_owned(),
        unit: unit(indicator, language),
        name: indicator.title.get(language).to_owned(),
        level,
        values,
        within: None,
        places: map::Places { comuni, ambiti },
    })
}

fn unit(indicator: &Indicator, language: Language) -> Unit {
    Unit { name: indicator.unit.get(language).to_owned(), decimals: DECIMALS }
}
