//! The datasets of the catalogue: those that contracts call open and that everybody may read, with what can be downloaded of each.

use std::collections::BTreeMap;

use chrono::Utc;
use datasets::derive::dcat::{File, Published};
use datasets::model::{Class, DatasetName};
use warehouse::session::Visible;

use crate::accounts::stranger;
use crate::app::App;
use crate::doors::http::format::Format;
use crate::doors::http::problem::{Problem, Result};

/// Ways in which the rows as they are now can be downloaded.
const LIVE: [Format; 4] = [Format::Csv, Format::Json, Format::Ndjson, Format::Parquet];
/// Single cases of persons: never in the catalogue, whatever a contract says.
const PERSONS: &str = "sigess";

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
        let name = visible.name;
        let contract = catalog.get(name)?;
        let of_persons = name.area == PERSONS
            || catalog.indicators.get(name).is_some_and(|indicator| indicator.persons)
            || visible.columns.iter().any(|column| match column.class {
                // A mask is the contract's word on whose it is: the address of a facility, not of a shelter.
                Class::Personal => !visible.masked.contains(&column.name.as_str()),
                class => class == Class::Special,
            });
        (contract.publication.as_ref()?.open && !of_persons).then_some(&contract.name)
    };
    Ok(session.datasets().iter().filter_map(open).collect())
}

async fn describe<'a>(app: &'a App, name: &'a DatasetName) -> Result<(Published<'a>, u64)> {
    let contract = app.warehouse.catalog().get(name).ok_or_else(Problem::not_found)?;
    let lake = app.warehouse.lake();
    let version = lake.refresh(name).await?.version;
    let written = lake.written(name).await.unwrap_or_else(|_| Utc::now());
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
    let published = Published { contract, release: version.to_string(), first: None, issued: written.date_naive(), notes: None, files: files.into() };
    Ok((published, version))
}
