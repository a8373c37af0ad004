//! `GET /cerca?q=&area=&tema=&formato=`: the catalogue as a list, searched and narrowed. All of it stands in the address.

use std::collections::BTreeMap;

use axum::extract::{Query, State};
use axum::response::Response;
use datasets::indicator::AREA;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use warehouse::session::Visible;

use crate::accounts::stranger;
use crate::app::App;
use crate::doors::http::format::Format;
use crate::doors::http::pages::Frame;
use crate::doors::http::places::Places;
use crate::doors::http::problem::Result;
use crate::site::words::{Language, Words};

#[derive(Deserialize, Default)]
pub struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    area: String,
    #[serde(default)]
    tema: String,
    #[serde(default)]
    formato: String,
}

/// A dataset as a list shows it.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    pub name: String,
    pub href: String,
    /// The page of an indicator.
    pub indicator: Option<String>,
    pub area: String,
    pub area_title: String,
    pub theme: Option<String>,
    pub title: String,
    pub description: String,
    pub formats: Vec<&'static str>,
    /// Columns that the question was found in, by their titles.
    pub columns: Vec<String>,
}

/// One value that narrows the list, and how many datasets would be left.
#[derive(Serialize)]
pub struct Choice {
    value: String,
    title: String,
    count: usize,
}

pub async fn page(State(app): State<App>, frame: Frame, Query(asked): Query<Asked>) -> Result<Response> {
    let session = app.warehouse.session(&frame.who).await?;
    let visible = session.datasets();
    let words = app.site.words(frame.language);
    let question = asked.q.trim();
    let mut entries =
        if question.is_empty() { visible.iter().map(|one| entry(one, &[], frame.language, words)).collect() } else { found(&app, &visible, question, &frame) };
    let places = if question.is_empty() { Vec::new() } else { places(&app, question).await? };
    let whole = entries.clone();
    let kept = |entry: &Entry, area: &str, theme: &str, format: &str| {
        (area.is_empty() || entry.area == area)
            && (theme.is_empty() || entry.theme.as_deref() == Some(theme))
            && (format.is_empty() || entry.formats.contains(&format))
    };
    entries.retain(|one| kept(one, &asked.area, &asked.tema, &asked.formato));
    let but = |area: &str, theme: &str, format: &str| whole.iter().filter(|one| kept(one, area, theme, format)).cloned().collect::<Vec<_>>();
    let values = json!({
        "q": question, "area": asked.area, "tema": asked.tema, "formato": asked.formato,
        "areas": areas(&but("", &asked.tema, &asked.formato)),
        "themes": themes(&but(&asked.area, "", &asked.formato), words),
        "formats": formats(&but(&asked.area, &asked.tema, "")),
        "entries": entries, "places": places,
    });
    app.site.render("search.html", &frame, values)
}

/// Pages of municipalities and districts that the question names.
async fn places(app: &App, question: &str) -> Result<Vec<Value>> {
    let places = Places::read(&app.warehouse.session(&stranger()).await?).await?;
    let page = |(level, code, name): (&str, &str, String)| Some(json!({ "href": Places::href(level, code)?, "name": name }));
    Ok(places.meant(question).into_iter().filter_map(page).collect())
}

fn found(app: &App, visible: &[Visible], question: &str, frame: &Frame) -> Vec<Entry> {
    let seen: BTreeMap<_, _> = visible.iter().map(|one| (one.name, one)).collect();
    let sees = |name: &datasets::model::DatasetName, column: Option<&str>| {
        seen.get(name).is_some_and(|one| column.is_none_or(|column| one.columns.iter().any(|c| c.name == column)))
    };
    let hits = app.search.find(question, sees);
    let words = app.site.words(frame.language);
    hits.iter().filter_map(|hit| Some(entry(seen.get(&hit.dataset)?, &hit.columns, frame.language, words))).collect()
}

pub fn entry(dataset: &Visible, columns: &[String], language: Language, words: &Words) -> Entry {
    let contract = dataset.contract;
    let named = |name: &String| dataset.columns.iter().find(|column| column.name == *name).map(|column| language.say(&column.title).to_owned());
    Entry {
        name: dataset.name.to_string(),
        href: format!("/dataset/{}/{}", dataset.name.area, dataset.name.name),
        indicator: (dataset.name.area == AREA).then(|| format!("/indicatore/{}", dataset.name.name)),
        area: dataset.name.area.clone(),
        area_title: area_title(&dataset.name.area, words),
        theme: contract.publication.as_ref().map(|publication| publication.theme.clone()),
        title: language.say(&contract.title).to_owned(),
        description: language.say(&contract.description).to_owned(),
        formats: Format::ALL.iter().map(|format| format.extension()).collect(),
        columns: columns.iter().filter_map(named).take(4).collect(),
    }
}

/// What people call an area; a new one is shown by its own name until a word for it is written.
pub fn area_title(area: &str, words: &Words) -> String {
    words.get(&format!("area_{area}")).cloned().unwrap_or_else(|| area.to_owned())
}

pub fn areas(entries: &[Entry]) -> Vec<Choice> {
    counted(entries.iter().map(|entry| (entry.area.clone(), entry.area_title.clone())))
}

pub fn themes(entries: &[Entry], words: &Words) -> Vec<Choice> {
    let title = |theme: &String| words.get(&format!("theme_{}", theme.to_lowercase())).unwrap_or(theme).clone();
    counted(entries.iter().filter_map(|entry| entry.theme.as_ref().map(|theme| (theme.clone(), title(theme)))))
}

fn formats(entries: &[Entry]) -> Vec<Choice> {
    counted(entries.iter().flat_map(|entry| entry.formats.iter().map(|format| ((*format).to_owned(), format.to_uppercase()))))
}

fn counted(values: impl Iterator<Item = (String, String)>) -> Vec<Choice> {
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    counts.into_iter().map(|((value, title), count)| Choice { value, title, count }).collect()
}
