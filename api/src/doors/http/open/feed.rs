//! `GET /open/feed.atom`, `GET /open/{area}/{name}/feed.atom`: releases as Atom (RFC 4287).

use std::sync::Arc;

use axum::extract::{OriginalUri, Path, State};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::{HeaderMap, StatusCode, header};
use quick_xml::escape::escape;
use warehouse::release::manifest::Manifest;
use warehouse::release::words::word;

use crate::app::App;
use crate::doors::http::open::{BRIEFLY, address, matches, named, none, origin};
use crate::doors::http::problem::Result;
use crate::site::words::Language;

/// Releases in the feed of all datasets. That of one dataset has all of them.
pub const NEWEST: usize = 100;

pub async fn all(State(app): State<App>, OriginalUri(uri): OriginalUri, headers: HeaderMap) -> Result<Response> {
    let language = Language::of(uri.query(), &headers);
    let entries = newest(&app, NEWEST);
    let title = word("feed_all");
    let feed = Feed { id: "urn:siss:feed".into(), title: language.say(&title), path: "/open/feed.atom".into(), page: "/novita".into(), language };
    Ok(answered(&feed, &entries, &origin(&app, &uri, &headers), app.started, &headers))
}

pub async fn one(State(app): State<App>, Path((area, name)): Path<(String, String)>, OriginalUri(uri): OriginalUri, headers: HeaderMap) -> Result<Response> {
    let name = named(&area, &name)?;
    let language = Language::of(uri.query(), &headers);
    let entries = app.releases.list(&name);
    let Some(first) = entries.first() else { return Err(none(&name)) };
    let feed = Feed {
        id: format!("urn:siss:feed:{name}"),
        title: language.say(&first.title),
        path: format!("{}/feed.atom", address(&name)),
        page: format!("/dataset/{area}/{}/versioni", name.name),
        language,
    };
    Ok(answered(&feed, &entries, &origin(&app, &uri, &headers), app.started, &headers))
}

/// The newest releases of all datasets.
pub fn newest(app: &App, most: usize) -> Vec<Arc<Manifest>> {
    let mut all: Vec<Arc<Manifest>> = app.releases.datasets().iter().flat_map(|name| app.releases.list(name)).collect();
    all.sort_by(|a, b| (b.issued, &a.dataset).cmp(&(a.issued, &b.dataset)));
    all.truncate(most);
    all
}

struct Feed<'a> {
    id: String,
    title: &'a str,
    /// Of the feed itself.
    path: String,
    /// The same for people.
    page: String,
    language: Language,
}

fn answered(feed: &Feed, entries: &[Arc<Manifest>], origin: &str, started: DateTime<Utc>, headers: &HeaderMap) -> Response {
    let newest = entries.first().map_or("", |manifest| manifest.release.as_str());
    let tag = format!("\"{}.{newest}.{}\"", entries.len(), feed.language.code());
    let head = [
        (header::ETAG, tag.clone()),
        (header::CACHE_CONTROL, BRIEFLY.into()),
        (header::CONTENT_TYPE, "application/atom+xml; charset=utf-8".into()),
        (header::VARY, "accept-language".into()),
    ];
    if matches(headers, &tag) {
        return (StatusCode::NOT_MODIFIED, head).into_response();
    }
    (head, written(feed, entries, origin, started)).into_response()
}

fn written(feed: &Feed, entries: &[Arc<Manifest>], origin: &str, started: DateTime<Utc>) -> String {
    let updated = entries.first().map_or(started, |manifest| manifest.issued);
    let language = feed.language;
    let publisher = word("publisher");
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"{}\">\n<id>{}</id>\n<title>{}</title>\n\
         <updated>{}</updated>\n<author><name>{}</name></author>\n<link rel=\"self\" type=\"application/atom+xml\" href=\"{origin}{}\"/>\n\
         <link rel=\"alternate\" type=\"text/html\" href=\"{origin}{}\"/>\n",
        language.code(),
        escape(&feed.id),
        escape(feed.title),
        moment(updated),
        escape(language.say(&publisher)),
        escape(&feed.path),
        escape(&feed.page),
    );
    for manifest in entries {
        text.push_str(&entry(manifest, language, origin));
    }
    text.push_str("</feed>\n");
    text
}

fn entry(manifest: &Manifest, language: Language, origin: &str) -> String {
    let change = word(&format!("change_{}", manifest.change.as_str()));
    let title = format!("{}: {}", language.say(&manifest.title), language.say(&change));
    let summary = summary(manifest, language);
    let home = format!("{origin}{}/{}", address(&manifest.dataset), manifest.release);
    let page = format!("{origin}/dataset/{}/{}/versioni", manifest.dataset.area, manifest.dataset.name);
    let mut text = format!(
        "<entry>\n<id>urn:siss:release:{}:{}</id>\n<title>{}</title>\n<updated>{}</updated>\n<summary>{}</summary>\n<category term=\"{}\"/>\n\
         <link rel=\"alternate\" type=\"text/html\" href=\"{page}\"/>\n<link rel=\"related\" type=\"application/json\" href=\"{home}/manifest.json\"/>\n",
        manifest.dataset,
        manifest.release,
        escape(&title),
        moment(manifest.issued),
        escape(&summary),
        manifest.change.as_str(),
    );
    for file in &manifest.files {
        let (media, name) = (escape(&file.media_type), &file.name);
        text.push_str(&format!("<link rel=\"enclosure\" type=\"{media}\" length=\"{}\" href=\"{home}/{name}\"/>\n", file.bytes));
    }
    text.push_str("</entry>\n");
    text
}

/// What a release brings, in one sentence.
pub fn summary(manifest: &Manifest, language: Language) -> String {
    let rows = word("summary_rows").fill("rows", &plain(manifest.rows));
    let Some(d) = manifest.difference else { return language.say(&rows).to_owned() };
    let than = word("summary_difference").fill("added", &plain(d.added)).fill("removed", &plain(d.removed)).fill("corrected", &plain(d.corrected));
    format!("{} {}", language.say(&rows), language.say(&than))
}

fn plain(number: u64) -> datasets::model::Text {
    datasets::model::Text::new(number.to_string(), number.to_string())
}

fn moment(moment: DateTime<Utc>) -> String {
    moment.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}
