//! Reads `dashboards/*.toml`: every mistake of every file, with its place, as for contracts.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use datasets::catalog::Catalog;
use datasets::indicator::{AREA, Level as Territory};
use datasets::mistake::Mistake;
use datasets::read::{Findings, read};
use datasets::shape::{Kind, STRING, Shape, may, must, value};
use datasets::source::Source;

use crate::board::{Dashboard, Filter, Form, Panel, holes};
use crate::map::Level;

static DASHBOARD: Shape = Shape {
    fields: &[
        must("order", value::<i64>("0")),
        must("title", Kind::Text),
        must("description", Kind::Text),
        must("years", STRING),
        may("own", value::<bool>("true")),
        must("panel", Kind::Tables(&PANEL)),
    ],
};

static PANEL: Shape = Shape {
    fields: &[
        must("name", STRING),
        must("title", Kind::Text),
        must("description", Kind::Text),
        must("chart", value::<Form>("'bars'")),
        may("sql", STRING),
        may("indicator", STRING),
        may("level", value::<Level>("'ambito'")),
        may("category", STRING),
        must("by", Kind::Text),
        may("labels", STRING),
        may("split", STRING),
        may("split_labels", STRING),
        may("target", STRING),
        may("unit", STRING),
        may("decimals", value::<u8>("0")),
        may("series", Kind::Tables(&SERIES)),
    ],
};

static SERIES: Shape = Shape { fields: &[must("column", STRING), must("title", Kind::Text), may("low", STRING), may("high", STRING)] };

/// What codes may be called by beside a code list.
const PLACES: [&str; 4] = ["comuni", "ambiti", "indicatori", "mesi"];

/// The folder of dashboards that belongs to a folder of contracts: its neighbour.
pub fn beside(datasets: &Path) -> PathBuf {
    datasets.parent().unwrap_or(Path::new(".")).join("dashboards")
}

/// Every dashboard of a folder, in their order. Errors: all mistakes.
pub fn load(dir: &Path, catalog: &Catalog) -> Result<Vec<Dashboard>, Vec<Mistake>> {
    let (mut all, mut mistakes): (Vec<Dashboard>, Vec<Mistake>) = (Vec::new(), Vec::new());
    let entries = fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| name.ends_with(".toml") && name != "Cargo.toml").collect();
    names.sort();
    for name in names {
        let file = format!("dashboards/{name}");
        let source = match Source::open(&dir.join(&name), &file) {
            Ok(source) => source,
            Err(more) => {
                mistakes.extend(more);
                continue;
            }
        };
        let mut findings = Findings::default();
        if let Some(mut board) = read::<Dashboard>(&source, "", &DASHBOARD, &mut findings) {
            board.name = name.trim_end_matches(".toml").to_owned();
            verify(&mut board, catalog, &source, &mut findings);
            all.push(board);
        }
        mistakes.extend(findings.mistakes);
    }
    all.sort_by(|a, b| (a.order, &a.name).cmp(&(b.order, &b.name)));
    if mistakes.is_empty() { Ok(all) } else { Err(mistakes) }
}

fn verify(board: &mut Dashboard, catalog: &Catalog, source: &Source, findings: &mut Findings) {
    tables(&board.years, "years", catalog, source, findings);
    let mut seen = BTreeSet::new();
    for (i, panel) in board.panels.iter_mut().enumerate() {
        let at = |field: &str| format!("panel.{i}.{field}");
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if panel.name.is_empty() || !panel.name.chars().all(plain) {
            findings.add(source, &at("name"), "a panel's name has small letters, digits and _ only: it is an address");
        }
        if !seen.insert(panel.name.clone()) {
            findings.add(source, &at("name"), format!("two panels are named '{}'", panel.name));
        }
        if panel.decimals > 6 {
            findings.add(source, &at("decimals"), "at most 6 digits after the mark");
        }
        match (panel.indicator.clone(), panel.sql.is_empty()) {
            (Some(name), true) => indicator(panel, &name, catalog, source, findings, &at("indicator")),
            (None, false) => {}
            _ => findings.add(source, &at("name"), "a panel has a query ('sql') or an 'indicator', one of them"),
        }
        tables(&panel.sql, &at("sql"), catalog, source, findings);
        if panel.category.is_empty() {
            findings.add(source, &at("name"), "field 'category' is missing: the column that names the rows");
        }
        if panel.series.is_empty() || (panel.split.is_some() && panel.series.len() != 1) {
            findings.add(source, &at("series"), "at least one [[panel.series]], and exactly one where 'split' names the series");
        }
        if panel.chart == Form::Map && panel.level.is_none() {
            findings.add(source, &at("chart"), "a map needs its 'level': comune or ambito");
        }
        if panel.chart == Form::Pyramid && panel.split.is_none() && panel.series.len() != 2 {
            findings.add(source, &at("chart"), "a pyramid has two series");
        }
        for (field, list) in [("labels", &panel.labels), ("split_labels", &panel.split_labels)] {
            let unknown = list.as_ref().filter(|list| !PLACES.contains(&list.as_str()) && !catalog.code_lists.contains_key(*list));
            if let Some(list) = unknown {
                findings.add(source, &at(field), format!("'{list}' is no code list, nor comuni, ambiti, indicatori or mesi"));
            }
        }
    }
}

/// A query's shape as far as it can be seen without the engine: known datasets and known filters.
fn tables(sql: &str, path: &str, catalog: &Catalog, source: &Source, findings: &mut Findings) {
    for hole in holes(sql).filter(|hole| Filter::ALL.iter().all(|filter| filter.name() != *hole)) {
        findings.add(source, path, format!("'${hole}' is no filter: they are $anno, $ambito, $comune and $utenza"));
    }
    let known = |table: &str| catalog.contracts.keys().any(|name| name.to_string() == table);
    for table in datasets::contract::tables(sql).into_iter().filter(|table| table.contains('.') && !known(table)) {
        findings.add(source, path, format!("'{table}' is no dataset"));
    }
}

/// The query, unit and columns that follow from an indicator.
fn indicator(panel: &mut Panel, name: &str, catalog: &Catalog, source: &Source, findings: &mut Findings, at: &str) {
    let dataset = catalog.indicators.iter().find(|(dataset, _)| dataset.area == AREA && dataset.name == name);
    let Some((_, indicator)) = dataset else {
        findings.add(source, at, format!("there is no indicator '{name}'"));
        return;
    };
    let level = match panel.level {
        Some(Level::Comune) => Territory::Comune,
        Some(Level::Ambito) => Territory::Ambito,
        None => Territory::Regione,
    };
    if !indicator.levels.contains(&level) {
        findings.add(source, at, format!("the indicator has no values for level '{}'", level.code()));
    }
    let (shown, level_code) = (if level == Territory::Regione { "anno" } else { "codice" }, level.code());
    let year = if level == Territory::Regione { "" } else { " AND anno = $anno" };
    let place = match level {
        Territory::Comune => " AND ($ambito IS NULL OR ambito = $ambito) AND ($comune IS NULL OR codice = $comune)",
        Territory::Ambito => " AND ($ambito IS NULL OR codice = $ambito)",
        _ => "",
    };
    let order = if level == Territory::Regione { "anno" } else { "valore DESC NULLS LAST, codice" };
    panel.sql = format!("SELECT {shown}, valore, bersaglio FROM {AREA}.{name} WHERE livello = '{level_code}'{year}{place} ORDER BY {order}");
    panel.category = shown.to_owned();
    panel.unit = indicator.unit.it.clone();
    panel.unit_en = Some(indicator.unit.en.clone());
    if panel.decimals == 0 {
        panel.decimals = 1;
    }
    panel.target = Some("bersaglio".to_owned());
    panel.labels = match level {
        Territory::Comune => Some("comuni".to_owned()),
        Territory::Ambito => Some("ambiti".to_owned()),
        _ => None,
    };
    panel.series = vec![crate::board::Column { column: "valore".into(), title: indicator.title.clone(), low: None, high: None }];
}
