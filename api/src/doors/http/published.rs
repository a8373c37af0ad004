//! The datasets of the catalogue: those that may be released and that everybody may read, with what can be downloaded of each: the files
//! of the newest release.

use std::collections::BTreeMap;

use chrono::{NaiveDate, Utc};
use datasets::derive::dcat::{File, Published};
use datasets::model::{Contract, DatasetName};
use warehouse::release::LATEST;
use warehouse::release::judge;
use warehouse::release::manifest::Manifest;
use warehouse::release::words::word;
use warehouse::session::Visible;

use crate::accounts::stranger;
use crate::app::App;
use crate::doors::http::format::Format;
use crate::doors::http::problem::{Problem, Result};

/// Ways in which the rows as they are now can be downloaded.
const LIVE: [Format; 4] = [Format::Csv, Format::Json, Format::Ndjson, Format::Parquet];

/// All of them by name, and the versions of their tables.
pub async fn all(app: &App) -> Result<(Vec<Published<'_>>, BTreeMap<String, u64>)> {
    let mut found = Vec::new();
    let mut versions = BTreeMap::new();
    for name in names(app).await? {
        let one = describe(app, name).await?;
        versions.insert(name.to_string(), one.1);
        found.push(one.0);
    }
    Ok((found, versions))
}

/// One of them. Errors: 404 for what is not in the catalogue.
pub async fn one<'a>(app: &'a App, name: &DatasetName) -> Result<(Published<'a>, BTreeMap<String, u64>)> {
    let names = names(app).await?;
    let name = names.into_iter().find(|known| *known == name).ok_or_else(Problem::not_found)?;
    let (found, version) = describe(app, name).await?;
    Ok((found, BTreeMap::from([(name.to_string(), version)])))
}

/// Names of the datasets of the catalogue.
pub async fn names(app: &App) -> Result<Vec<&DatasetName>> {
    let session = app.warehouse.session(&stranger()).await?;
    let catalog = app.warehouse.catalog();
    let open = |visible: &Visible<'_>| {
        let contract = catalog.get(visible.name)?;
        judge::refusal(catalog, contract).is_none().then_some(&contract.name)
    };
    Ok(session.datasets().iter().filter_map(open).collect())
}

async fn describe<'a>(app: &'a App, name: &'a DatasetName) -> Result<(Published<'a>, u64)> {
    let contract = app.warehouse.catalog().get(name).ok_or_else(Problem::not_found)?;
    let lake = app.warehouse.lake();
    let version = lake.refresh(name).await?.version;
    let releases = app.releases.list(name);
    let published = match (releases.first(), releases.last()) {
        (Some(newest), Some(first)) => released(contract, newest, first),
        _ => live(contract, version, lake.written(name).await.unwrap_or_else(|_| Utc::now()).date_naive()),
    };
    Ok((published, version))
}

/// The files of the newest release.
fn released<'a>(contract: &'a Contract, newest: &Manifest, first: &Manifest) -> Published<'a> {
    let at = |release: &str, file: &str| format!("/open/{}/{}/{release}/{file}", contract.name.area, contract.name.name);
    let files = newest.files.iter().map(|file| File {
        // In the words of the catalogue an exact CSV is a CSV; its name tells.
        format: file.format.trim_start_matches("raw.").to_owned(),
        media_type: file.media_type.clone(),
        latest: at(LATEST, &file.name),
        path: at(&newest.release, &file.name),
        bytes: Some(file.bytes),
        sha256: Some(file.sha256.clone()),
        name: file.name.clone(),
    });
    Published {
        contract,
        release: newest.release.clone(),
        first: Some(first.issued.date_naive()),
        issued: newest.issued.date_naive(),
        notes: Some(word(&format!("change_{}", newest.change.as_str()))),
        files: files.collect(),
    }
}

/// Before its first release: the rows as they are at this moment.
fn live(contract: &Contract, version: u64, written: NaiveDate) -> Published<'_> {
    let name = &contract.name;
    let files = LIVE.map(|format| {
        let path = format!("/api/v1/datasets/{}/{}/rows.{}", name.area, name.name, format.extension());
        File {
            name: format!("{name}.{}", format.extension()),
            format: format.extension().into(),
            media_type: format.media_type().into(),
            latest: path.clone(),
            path,
            bytes: None,
            sha256: None,
        }
    });
    Published { contract, release: version.to_string(), first: None, issued: written, notes: None, files: files.into() }
}
