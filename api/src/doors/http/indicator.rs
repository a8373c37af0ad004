//! `GET /indicatore/{name}?livello=ambito&anno=2025`: what an indicator is, by which law and formula, how it stands and where each number is
//! from. `GET /indicatore/{name}/mappa.svg`: the same values as a map.

mod draw;

use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use dashboards::boundaries::Boundaries;
use dashboards::theme::Theme;
use datasets::indicator::{AREA, Indicator, Level, REGION};
use datasets::language::Language;
use datasets::model::DatasetName;
use http::header;
use serde_json::{Value, json};
use url::form_urlencoded;
use warehouse::principal::Principal;
use warehouse::session::moment::Moment;

use crate::app::App;
use crate::doors::http::figures::{Figure, of_level, of_place};
use crate::doors::http::indicators::STATES;
use crate::doors::http::pages::Frame;
use crate::doors::http::places::{self, Places};
use crate::doors::http::problem::{Problem, Result};
use crate::doors::http::reading::{label, say, versions};

const LEVELS: [Level; 5] = [Level::Comune, Level::Ambito, Level::Asl, Level::Provincia, Level::Regione];

/// An indicator as it is shown: at one level in one year.
struct Shown<'a> {
    indicator: &'a Indicator,
    level: Level,
    year: i64,
    /// Years that have a row, newest first.
    years: Vec<i64>,
    /// Rows of the level and year.
    rows: Vec<Figure>,
    /// The region's rows, by year.
    region: Vec<Figure>,
    places: Places,
    moment: Moment,
}

pub async fn page(State(app): State<App>, frame: Frame, Path(name): Path<String>, RawQuery(query): RawQuery) -> Result<Response> {
    let language = say(frame.language);
    let shown = read(&app, &frame.who, &name, query.as_deref()).await?;
    let indicator = shown.indicator;
    let newest = shown.region.iter().rev().find(|figure| figure.valore.is_some());
    let state = |code: &str| label(&app, STATES, code, language);
    let row = |figure: &Figure| {
        let level = figure.livello.as_str();
        json!({ "name": shown.places.name(&app, level, &figure.codice, language), "href": Places::href(level, &figure.codice), "state": state(&figure.stato), "figure": figure })
    };
    let mut rows: Vec<Value> = shown.rows.iter().map(row).collect();
    rows.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
    let levels: Vec<(&str, String)> =
        LEVELS.iter().filter(|level| indicator.levels.contains(level)).map(|l| (l.code(), label(&app, "livelli_territoriali", l.code(), language))).collect();
    let values = json!({
        "indicator": indicator, "name": indicator.name.name, "title": indicator.title.get(language), "description": indicator.description.get(language),
        "unit": indicator.unit.get(language), "completeness": indicator.completeness.get(language),
        "provisional": indicator.provisional.as_ref().map(|text| text.get(language)),
        "laws": indicator.legal_basis.iter().map(|text| text.get(language)).collect::<Vec<_>>(),
        "formulas": indicator.formulas.iter().map(|f| json!({ "version": f.version, "from": f.valid_from, "to": f.valid_to, "text": f.text.get(language), "sql": f.sql })).collect::<Vec<_>>(),
        "newest": newest, "newest_state": newest.map(|figure| state(&figure.stato)),
        "level": shown.level.code(), "levels": levels, "year": shown.year, "years": shown.years, "rows": rows,
        "trend": draw::trend(indicator, &shown.region, language), "trend_rows": shown.region,
        "map": (matches!(shown.level, Level::Comune | Level::Ambito) && !shown.rows.is_empty())
            .then(|| format!("/indicatore/{}/mappa.svg?livello={}&anno={}&lang={}", indicator.name.name, shown.level.code(), shown.year, frame.language.code())),
        "sources": sources(&shown), "versions": versions(&shown.moment),
    });
    app.site.render("indicator.html", &frame, values)
}

/// `GET /indicatore/{name}/mappa.svg`
pub async fn map(State(app): State<App>, frame: Frame, Path(name): Path<String>, RawQuery(query): RawQuery) -> Result<Response> {
    let shown = read(&app, &frame.who, &name, query.as_deref()).await?;
    let map = draw::map(&shown.places, shown.indicator, shown.level, &shown.rows, say(frame.language)).ok_or_else(Problem::not_found)?;
    let boundaries = Boundaries::load(&app.warehouse.catalog().dir).map_err(|e| Problem::internal("indicator.boundaries", e))?;
    let svg = dashboards::map::svg(&map, &boundaries, &Theme::file());
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], svg).into_response())
}

/// Absent and hidden indicators are the same nothing.
async fn read<'a>(app: &'a App, who: &Principal, name: &str, query: Option<&str>) -> Result<Shown<'a>> {
    let name: DatasetName = format!("{AREA}.{name}").parse().map_err(|_| Problem::not_found())?;
    let indicator = app.warehouse.catalog().indicators.get(&name).ok_or_else(Problem::not_found)?;
    let session = app.warehouse.session(who).await?;
    session.dataset(&name).map_err(|_| Problem::not_found())?;
    let (level, year) = asked(indicator, query.unwrap_or_default())?;
    let mut tables = places::tables(&places::TABLES)?;
    tables.push(name);
    let moment = app.warehouse.moment(tables).await?;
    let session = session.at(&moment);
    let mut region = of_place(&session, &[indicator], Level::Regione, REGION).await?;
    region.sort_by_key(|figure| figure.anno);
    let mut years: Vec<i64> = region.iter().map(|figure| figure.anno).collect();
    years.reverse();
    years.dedup();
    let newest = region.iter().rev().find(|figure| figure.valore.is_some()).or(region.last()).map(|figure| figure.anno);
    let year = year.or(newest).unwrap_or_default();
    let (rows, places) = futures::try_join!(of_level(&session, indicator, level, year), Places::read(&session))?;
    Ok(Shown { indicator, level, year, years, rows, region, places, moment })
}

fn asked(indicator: &Indicator, query: &str) -> Result<(Level, Option<i64>)> {
    // Districts are few enough to read and many enough to compare.
    let mut level = if indicator.levels.contains(&Level::Ambito) { Level::Ambito } else { indicator.base };
    let mut year = None;
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match name.as_ref() {
            "livello" => {
                let found = LEVELS.into_iter().find(|level| level.code() == value && indicator.levels.contains(level));
                let there: Vec<&str> = indicator.levels.iter().map(|level| level.code()).collect();
                level = found.ok_or_else(|| wrong("livello", &format!("vale {}", there.join(", ")), &format!("is {}", there.join(", "))))?;
            }
            "anno" => {
                let found = value.parse().ok().filter(|year| (1900..=2200).contains(year));
                year = Some(found.ok_or_else(|| wrong("anno", "è un anno, come 2025", "is a year such as 2025"))?);
            }
            _ => {}
        }
    }
    Ok((level, year))
}

/// From which datasets the numbers of the page come, and at which of their versions they were computed: least and greatest.
fn sources(shown: &Shown<'_>) -> Vec<Value> {
    let mut found: std::collections::BTreeMap<String, (u64, u64)> = std::collections::BTreeMap::new();
    for figure in shown.rows.iter().chain(&shown.region) {
        let Ok(inputs) = serde_json::from_str::<std::collections::BTreeMap<String, u64>>(&figure.ingressi) else { continue };
        for (dataset, version) in inputs {
            let (least, greatest) = found.entry(dataset).or_insert((version, version));
            (*least, *greatest) = ((*least).min(version), (*greatest).max(version));
        }
    }
    let source = |(dataset, (least, greatest)): (String, (u64, u64))| json!({ "href": format!("/dataset/{}", dataset.replace('.', "/")), "dataset": dataset, "least": least, "greatest": greatest });
    found.into_iter().map(source).collect()
}

fn wrong(name: &str, it: &str, en: &str) -> Problem {
    Problem::invalid("query.parameter", format!("parameter '{name}' {en}")).with("detail_it", format!("Il parametro '{name}' {it}."))
}
