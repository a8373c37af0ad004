//! `/open/…`: releases, files that never change. They are everybody's: nobody is asked who they are.

pub mod changes;
pub mod feed;
mod range;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use datasets::model::{Announced, DatasetName};
use futures::TryStreamExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use serde_json::{Value, json};
use warehouse::release::LATEST;
use warehouse::release::manifest::{File, Manifest};

use crate::app::App;
use crate::doors::http::problem::{Problem, Result};

/// For addresses that name a release: what is there never changes.
pub const FOREVER: &str = "public, max-age=31536000, immutable";
/// For addresses whose answer is another after the next release.
pub const BRIEFLY: &str = "public, max-age=60";
const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");

/// `GET /open/{area}/{name}`: every release of a dataset, newest first, and the changes that are announced.
pub async fn index(State(app): State<App>, Path((area, name)): Path<(String, String)>, headers: HeaderMap) -> Result<Response> {
    let name = named(&area, &name)?;
    let all = app.releases.list(&name);
    let Some(newest) = all.first() else { return Err(none(&name)) };
    let tag = format!("\"{}\"", newest.release);
    if matches(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag), (header::CACHE_CONTROL, BRIEFLY.into())]).into_response());
    }
    let body = json!({
        "dataset": name,
        "title": newest.title,
        "latest": newest.release,
        "releases": all.iter().map(|manifest| listed(manifest)).collect::<Vec<_>>(),
        "announced": announced(&app, &name, Utc::now()),
        "feed": format!("{}/feed.atom", address(&name)),
        "complete": true,
    });
    Ok(([(header::ETAG, tag), (header::CACHE_CONTROL, BRIEFLY.into())], Json(body)).into_response())
}

/// `GET /open/{area}/{name}/{release}/{file}`, whole or a range; `latest` leads to the newest release.
pub async fn file(
    State(app): State<App>,
    Path((area, name, release, file)): Path<(String, String, String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response> {
    let name = named(&area, &name)?;
    let manifest = app.releases.find(&name, &release)?;
    let found = app.releases.file(&name, &manifest.release, &file).await?;
    if release == LATEST {
        let to = format!("{}/{}/{}", address(&name), manifest.release, found.name);
        return Ok((StatusCode::FOUND, [(header::LOCATION, to), (header::CACHE_CONTROL, BRIEFLY.into())]).into_response());
    }
    let mut head = head(&found, &manifest)?;
    let (tag, modified) = (text(&head, &header::ETAG), text(&head, &header::LAST_MODIFIED));
    if matches(&headers, &tag) {
        head.remove(header::CONTENT_TYPE);
        head.remove(header::CONTENT_DISPOSITION);
        return Ok((StatusCode::NOT_MODIFIED, head).into_response());
    }
    if method == Method::HEAD {
        head.insert(header::CONTENT_LENGTH, found.bytes.into());
        return Ok((head, Body::empty()).into_response());
    }
    let asked = range::asked(&headers, found.bytes, &tag, &modified);
    let (status, part) = match asked {
        range::Asked::Whole => {
            head.insert(CONTENT_DIGEST, head[&REPR_DIGEST].clone());
            (StatusCode::OK, None)
        }
        range::Asked::Part(part) => {
            head.insert(header::CONTENT_RANGE, value(&format!("bytes {}-{}/{}", part.start, part.end - 1, found.bytes))?);
            (StatusCode::PARTIAL_CONTENT, Some(part))
        }
        range::Asked::Beyond => {
            let problem = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "range.beyond", format!("the file ends at byte {}", found.bytes));
            return Ok(([(header::CONTENT_RANGE, format!("bytes */{}", found.bytes))], problem).into_response());
        }
    };
    let opened = app.releases.open(&name, &manifest.release, &file, part).await?;
    head.insert(header::CONTENT_LENGTH, (opened.range.end - opened.range.start).into());
    let bytes = opened.bytes.inspect_err(|error| tracing::error!(%error, "a file of a release could not be read to its end"));
    Ok((status, head, Body::from_stream(bytes)).into_response())
}

/// What is said of a file whatever part of it is asked for.
fn head(file: &File, manifest: &Manifest) -> Result<HeaderMap> {
    let digest = hex::decode(&file.sha256).map_err(|e| Problem::internal("open.digest", e))?;
    let mut head = HeaderMap::new();
    head.insert(header::ETAG, value(&format!("\"{}\"", file.sha256))?);
    head.insert(REPR_DIGEST, value(&format!("sha-256=:{}:", STANDARD.encode(digest)))?);
    head.insert(header::CONTENT_TYPE, value(&file.media_type)?);
    head.insert(header::LAST_MODIFIED, value(&manifest.issued.format("%a, %d %b %Y %H:%M:%S GMT").to_string())?);
    head.insert(header::CACHE_CONTROL, HeaderValue::from_static(FOREVER));
    head.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    head.insert("siss-complete", HeaderValue::from_static("true"));
    head.insert("siss-count", file.rows.into());
    if file.format != "json" && file.format != "geojson" {
        // Saved files of several releases can be told apart.
        let stem = file.name.strip_prefix(&manifest.dataset.to_string()).unwrap_or(&file.name);
        let separator = if stem.starts_with('.') { "" } else { "." };
        let saved = format!("{}.{}{separator}{stem}", manifest.dataset, manifest.release);
        head.insert(header::CONTENT_DISPOSITION, value(&format!("attachment; filename=\"{saved}\""))?);
    }
    Ok(head)
}

/// A manifest with the addresses of its files.
pub fn listed(manifest: &Manifest) -> Value {
    let mut listed = json!(manifest);
    let home = format!("{}/{}", address(&manifest.dataset), manifest.release);
    for file in listed["files"].as_array_mut().into_iter().flatten() {
        file["href"] = format!("{home}/{}", file["name"].as_str().unwrap_or_default()).into();
    }
    listed["href"] = format!("{home}/manifest.json").into();
    listed
}

/// Changes of a contract that releases do not have yet.
pub fn announced<'a>(app: &'a App, name: &DatasetName, now: DateTime<Utc>) -> Vec<&'a Announced> {
    let publication = app.warehouse.catalog().get(name).and_then(|contract| contract.publication.as_ref());
    let ahead = |change: &&Announced| change.first_day().is_some_and(|day| day > now.date_naive());
    publication.map(|publication| publication.changes.iter().filter(ahead).collect()).unwrap_or_default()
}

pub fn address(name: &DatasetName) -> String {
    format!("/open/{}/{}", name.area, name.name)
}

pub fn named(area: &str, name: &str) -> Result<DatasetName> {
    format!("{area}.{name}").parse().map_err(|_| Problem::not_found())
}

pub fn none(name: &DatasetName) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "release.none", format!("there is no release of '{name}'"))
        .with("detail_it", format!("non c'è nessuna pubblicazione di «{name}»"))
}

/// Where the asker reached us: `https://dati.example.org`.
pub fn origin(app: &App, uri: &Uri, headers: &HeaderMap) -> String {
    let reached = app.addresses.get().map_or("http://localhost", |addresses| addresses.http.as_str());
    let (scheme, bound) = reached.split_once("://").unwrap_or(("http", reached));
    let scheme = if app.listen.behind_proxy { "https" } else { scheme };
    let said = uri.authority().map(ToString::to_string).or_else(|| headers.get(header::HOST)?.to_str().ok().map(str::to_owned));
    let authority = said.filter(|said| said.parse::<http::uri::Authority>().is_ok()).unwrap_or_else(|| bound.to_owned());
    format!("{scheme}://{authority}")
}

/// Whether the asker has what `tag` names (RFC 9110 §13.1.2).
pub fn matches(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    known.flat_map(|list| list.split(',')).map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}

fn value(text: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(text).map_err(|e| Problem::internal("open.header", e))
}

fn text(head: &HeaderMap, name: &HeaderName) -> String {
    head.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}
