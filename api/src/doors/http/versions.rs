//! Releases for people: `GET /dataset/{area}/{name}/versioni`, their comparison `…/confronto?da=&a=`, and `GET /novita`.

use axum::extract::{Path, Query, State};
use axum::response::Response;
use chrono::Utc;
use datasets::model::DatasetName;
use futures::{StreamExt, TryStreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use warehouse::release::judge;
use warehouse::release::manifest::Manifest;
use warehouse::release::words::word;

use crate::app::App;
use crate::doors::http::found;
use crate::doors::http::open::{self, address, announced, changes, feed, listed, named};
use crate::doors::http::pages::Frame;
use crate::doors::http::problem::Result;
use crate::site::words::Language;

/// Rows of a comparison on its page. The file beside it holds all.
const ROWS: usize = 100;
/// Releases on the page of news. The feed has more, each dataset's page has all of its own.
const NEWS: usize = 40;

pub async fn versions(State(app): State<App>, frame: Frame, Path((area, name)): Path<(String, String)>) -> Result<Response> {
    let name = named(&area, &name)?;
    let all = app.releases.list(&name);
    let mut about = about(&app, &frame, &name).await?;
    about["releases"] = all.iter().map(|manifest| shown(manifest, frame.language)).collect();
    about["announced"] = announced(&app, &name, Utc::now()).iter().map(|one| ahead(one, frame.language)).collect();
    if all.is_empty() {
        let catalog = app.warehouse.catalog();
        let refused = catalog.get(&name).and_then(|contract| judge::refusal(catalog, contract));
        about["why"] = refused.map(|refusal| frame.language.say(&refusal.reason).to_owned()).into();
    }
    app.site.render("versions.html", &frame, about)
}

/// The releases that the address names, as its form writes them.
#[derive(Deserialize, Default)]
pub struct Asked {
    #[serde(default)]
    da: String,
    #[serde(default)]
    a: String,
}

pub async fn comparison(State(app): State<App>, frame: Frame, Path((area, name)): Path<(String, String)>, Query(asked): Query<Asked>) -> Result<Response> {
    let name = named(&area, &name)?;
    let all = app.releases.list(&name);
    if all.is_empty() {
        return Err(open::none(&name));
    }
    // A field of the form that is left empty says nothing.
    let said = |value: String| Some(value).filter(|value| !value.is_empty());
    let (from, to) = changes::pair(&app, &name, said(asked.da).as_deref(), said(asked.a).as_deref())?;
    let found = app.releases.diff(&name, &from.release, &to.release).await?;
    let change = changes::change(&found);
    let rows: Vec<_> = found.rows.take(ROWS + 1).try_collect().await?;
    let more = rows.len() > ROWS;
    let title = |column: &str| {
        let known = to.columns.iter().chain(&from.columns).find(|c| c.name == column);
        known.map_or(column, |c| frame.language.say(&c.title)).to_owned()
    };
    let lines: Vec<Value> = rows
        .iter()
        .take(ROWS)
        .map(|row| {
            let cells = row.cells.iter().filter(|cell| !found.key.contains(&cell.column));
            let cells: Vec<Value> = cells.map(|cell| json!({ "column": title(&cell.column), "old": cell.old, "new": cell.new })).collect();
            json!({ "change": row.change, "key": row.key, "cells": cells })
        })
        .collect();
    let text = app.warehouse.catalog().get(&name).and_then(|contract| contract.publication.as_ref());
    let text = text.and_then(|publication| publication.changes.iter().find(|one| one.version == to.contract_version));
    let mut values = about(&app, &frame, &name).await?;
    values["releases"] = all.iter().map(|manifest| shown(manifest, frame.language)).collect();
    values["from"] = shown(&from, frame.language);
    values["to"] = shown(&to, frame.language);
    values["change"] = change.as_str().into();
    values["change_text"] = frame.language.say(&word(&format!("change_{}", change.as_str()))).into();
    values["told"] = text.filter(|_| from.contract_version != to.contract_version).map(|one| frame.language.say(&one.text)).into();
    values["counts"] = json!(found.counts);
    values["key"] = found.key.iter().map(|column| title(column)).collect();
    values["added"] = found.columns_added.iter().map(|column| title(column)).collect();
    values["removed"] = found.columns_removed.iter().map(|column| title(column)).collect();
    values["rows"] = lines.into();
    values["more"] = more.into();
    values["file"] = format!("{}/diff?from={}&to={}", address(&name), from.release, to.release).into();
    app.site.render("comparison.html", &frame, values)
}

pub async fn news(State(app): State<App>, frame: Frame) -> Result<Response> {
    let language = frame.language;
    let releases: Vec<Value> = feed::newest(&app, NEWS).iter().map(|manifest| shown(manifest, language)).collect();
    let now = Utc::now();
    let ahead: Vec<Value> = app
        .releases
        .datasets()
        .iter()
        .flat_map(|name| {
            let title = app.releases.latest(name).map(|manifest| language.say(&manifest.title).to_owned());
            let all = announced(&app, name, now).into_iter();
            all.map(move |one| json!({ "dataset": name, "title": title, "href": page(name), "change": ahead(one, language) })).collect::<Vec<_>>()
        })
        .collect();
    let values = json!({ "releases": releases, "ahead": ahead, "datasets": app.releases.datasets().len() });
    app.site.render("news.html", &frame, values)
}

/// What every page of a dataset's releases says. A dataset without releases is shown to who may see it.
async fn about(app: &App, frame: &Frame, name: &DatasetName) -> Result<Value> {
    let title = match app.releases.latest(name) {
        Some(manifest) => frame.language.say(&manifest.title).to_owned(),
        None => frame.language.say(&app.warehouse.session(&frame.who).await?.dataset(name)?.contract.title).to_owned(),
    };
    Ok(json!({
        "name": name, "title": title, "area": name.area, "area_title": found::area_title(&name.area, app.site.words(frame.language)),
        "dataset": page(name), "open": address(name),
    }))
}

fn ahead(change: &datasets::model::Announced, language: Language) -> Value {
    json!({ "version": change.version, "from": change.from, "announced": change.announced, "text": language.say(&change.text) })
}

pub fn page(name: &DatasetName) -> String {
    format!("/dataset/{}/{}", name.area, name.name)
}

/// A release as pages show it: its files with their addresses, and its change in words.
pub fn shown(manifest: &Manifest, language: Language) -> Value {
    let mut shown = listed(manifest);
    shown["title"] = language.say(&manifest.title).into();
    // The first release has none, which a template must be told.
    shown["difference"] = json!(manifest.difference);
    shown["change_text"] = language.say(&word(&format!("change_{}", manifest.change.as_str()))).into();
    shown["summary"] = feed::summary(manifest, language).into();
    shown["page"] = page(&manifest.dataset).into();
    shown
}
