//! `GET /indicatore/{name}?livello=ambito&anno=2025`: what an indicator is, by which law and formula, how it stands and where each number is
//! from. `GET /indicatore/{name}/mappa.svg`: the same values as a map.

mod draw;

use std::collections::BTreeMap;

use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use datasets::indicator::{AREA, Indicator, Level, REGION};
use datasets::language::Language;
use datasets::model::DatasetName;
use http::header;
use serde_json::{Value, json};
use url::form_urlencoded;
use warehouse::principal::Principal;
use warehouse::session::Session;
use warehouse::session::moment::Moment;

use crate::app::App;
use crate::doors::http::answers::Question;
use crate::doors::http::figures::{Figure, YEARS, of_level, of_place};
use crate::doors::http::format::Format;
use crate::doors::http::indicators::STATES;
use crate::doors::http::pages::Frame;
use crate::doors::http::places::{self, Places};
use crate::doors::http::problem::{Problem, Result};
use crate::doors::http::reading::{BESIDE, label, say, snapshot, versions};

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
    session: Session,
}

pub async fn page(State(app): State<App>, frame: Frame, Path(name): Path<String>, RawQuery(query): RawQuery, question: Question) -> Result<Response> {
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
        "indicator": indicator, "targets": indicator.targets, "name": indicator.name.name, "title": indicator.title.get(language), "description": indicator.description.get(language),
        "unit": indicator.unit.get(language), "completeness": indicator.completeness.get(language),
        "provisional": indicator.provisional.as_ref().map(|text| text.get(language)),
        "laws": indicator.legal_basis.iter().map(|text| text.get(language)).collect::<Vec<_>>(),
        "formulas": indicator.formulas.iter().map(|f| json!({ "version": f.version, "from": f.valid_from, "to": f.valid_to, "text": f.text.get(language), "sql": f.sql })).collect::<Vec<_>>(),
        "newest": newest, "newest_state": newest.map(|figure| state(&figure.stato)),
        "level": shown.level.code(), "levels": levels, "year": shown.year, "years": shown.years, "rows": rows,
        "trend": draw::trend(indicator, &shown.region, language), "map": map_address(&shown, frame.language.code()), "trend_rows": shown.region, "trend_states": shown.region.iter().map(|figure| state(&figure.stato)).collect::<Vec<_>>(),
        "files": files(indicator, shown.level, shown.year),
        "sources": sources(&app, &shown, language), "versions": versions(&shown.moment),
    });
    let page = app.site.render("indicator.html", &frame, values)?;
    Ok(question.answer(&app, &frame.who, &snapshot(&shown.moment), page).await)
}

/// `GET /indicatore/{name}/mappa.svg`
pub async fn map(State(app): State<App>, frame: Frame, Path(name): Path<String>, RawQuery(query): RawQuery, question: Question) -> Result<Response> {
    let shown = read(&app, &frame.who, &name, query.as_deref()).await?;
    let map = draw::map(&shown.places, shown.indicator, shown.level, &shown.rows, say(frame.language)).ok_or_else(Problem::not_found)?;
    let picture = ([(header::CONTENT_TYPE, "image/svg+xml; charset=utf-8")], dashboards::map::svg(&map, app.boards.boundaries(), &BESIDE)).into_response();
    Ok(question.answer(&app, &frame.who, &snapshot(&shown.moment), picture).await)
}

/// Where the map of the table is: a picture of its own, so that the page stays light. Other levels have no boundaries.
fn map_address(shown: &Shown<'_>, language: &str) -> Option<String> {
    let drawn = matches!(shown.level, Level::Comune | Level::Ambito) && shown.rows.iter().any(|figure| figure.valore.is_some());
    let (name, level, year) = (&shown.indicator.name.name, shown.level.code(), shown.year);
    drawn.then(|| format!("/indicatore/{name}/mappa.svg?livello={level}&anno={year}&lang={language}"))
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
    Ok(Shown { indicator, level, year, years, rows, region, places, moment, session })
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
                level = found.ok_or_else(|| Problem::none_of("livello", &there))?;
            }
            "anno" => {
                let found = value.parse().ok().filter(|year| YEARS.contains(year));
                year = Some(found.ok_or_else(|| wrong("anno", "è un anno, come 2025", "is a year such as 2025"))?);
            }
            _ => {}
        }
    }
    Ok((level, year))
}

/// From which datasets the numbers of the page come, and at which of their versions they were computed: least and greatest. What the
/// reader may not see is named, without an address.
fn sources(app: &App, shown: &Shown<'_>, language: Language) -> Vec<Value> {
    let mut found: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for figure in shown.rows.iter().chain(&shown.region) {
        let Ok(inputs) = serde_json::from_str::<BTreeMap<String, u64>>(&figure.ingressi) else { continue };
        for (dataset, version) in inputs {
            let (least, greatest) = found.entry(dataset).or_insert((version, version));
            (*least, *greatest) = ((*least).min(version), (*greatest).max(version));
        }
    }
    let source = |(dataset, (least, greatest)): (String, (u64, u64))| {
        let name = dataset.parse::<DatasetName>().ok();
        let contract = name.as_ref().and_then(|name| app.warehouse.catalog().get(name));
        let seen = name.as_ref().is_some_and(|name| shown.session.dataset(name).is_ok());
        json!({
            "title": contract.map_or(dataset.as_str(), |contract| contract.title.get(language)),
            "href": seen.then(|| format!("/dataset/{}", dataset.replace('.', "/"))),
            "dataset": dataset, "least": least, "greatest": greatest,
        })
    };
    found.into_iter().map(source).collect()
}

/// The table of the page, and all values, as files.
fn files(indicator: &Indicator, level: Level, year: i64) -> Vec<Value> {
    let base = format!("/api/v1/datasets/{AREA}/{}/rows", indicator.name.name);
    let file = |format: &Format| {
        let extension = format.extension();
        json!({ "format": extension, "shown": format!("{base}.{extension}?livello={}&anno={year}", level.code()), "all": format!("{base}.{extension}") })
    };
    Format::ALL.iter().map(file).collect()
}

fn wrong(name: &str, it: &str, en: &str) -> Problem {
    Problem::invalid("query.parameter", format!("parameter '{name}' {en}")).with("detail_it", format!("Il parametro '{name}' {it}."))
}
