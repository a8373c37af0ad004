//! Answers that need not be made again. A validator (`ETag`) follows from what was asked, by whom, and from the version of every table the
//! answer came from: who has it already is told so without a query. Answers to strangers are kept too, in bounded memory, and given again
//! for as long as none of those tables has changed: an answer that is kept is never stale, and never another's.

mod turns;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use datasets::catalog::Catalog;
use datasets::model::DatasetName;
use futures::{StreamExt, stream};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use moka::sync::Cache;
use sha2::{Digest, Sha256};
use warehouse::lake::Lake;
use warehouse::principal::Principal;

use self::turns::{Turn, Turns};
use crate::accounts::stranger;
use crate::app::App;
use crate::config::Public;
use crate::doors::http::encode::Health;
use crate::doors::http::problem::Result;
use crate::site::Site;

/// The largest body that is kept.
const LARGEST: usize = 1 << 20;
/// The longest question that an answer is kept for.
const LONGEST: usize = 2_048;
/// How long one waits for an answer that another asked for.
const WAIT: Duration = Duration::from_secs(5);
/// What each kept answer takes beside its body and question.
const OVERHEAD: usize = 1_024;

/// Tables an answer came from, at their versions.
pub type Versions = BTreeMap<DatasetName, u64>;

/// The answers kept by one server, and what its validators start from.
#[derive(Clone)]
pub struct Answers {
    kept: Option<Cache<Arc<str>, Arc<Kept>>>,
    turns: Turns,
    /// Of program and contracts: other ones give other answers from the same rows.
    fingerprint: Arc<[u8]>,
}

struct Kept {
    versions: Versions,
    tag: HeaderValue,
    headers: HeaderMap,
    body: Bytes,
}

impl Answers {
    pub fn new(public: &Public, catalog: &Catalog, site: &Site) -> Self {
        let mebibytes = public.answers;
        let weight = |question: &Arc<str>, kept: &Arc<Kept>| u32::try_from(question.len() + kept.body.len() + OVERHEAD).unwrap_or(u32::MAX);
        let kept = (mebibytes > 0).then(|| Cache::builder().weigher(weight).max_capacity(mebibytes << 20).build());
        let mut digest = Sha256::new_with_prefix(env!("CARGO_PKG_VERSION"));
        digest.update(built().to_le_bytes());
        digest.update(site.fingerprint());
        digest.update(format!("{:?}{}", public.public_url, public.contact));
        for contract in catalog.contracts.values() {
            digest.update(contract.name.to_string());
            digest.update(serde_json::to_vec(contract).unwrap_or_default());
        }
        digest.update(format!("{:?}{:?}{:?}", catalog.roles, catalog.code_lists, catalog.indicators));
        Self { kept, turns: Turns::default(), fingerprint: digest.finalize().as_slice().into() }
    }

    fn tag(&self, question: &str, who: &Principal, versions: &Versions) -> HeaderValue {
        let mut digest = Sha256::new_with_prefix(&self.fingerprint);
        let mut add = |text: &str| {
            digest.update((text.len() as u64).to_le_bytes());
            digest.update(text);
        };
        add(question);
        add(&who.account);
        add(&who.role);
        for (name, value) in &who.facts {
            add(name);
            add(value);
        }
        for (name, version) in versions {
            add(&format!("{name}={version}"));
        }
        // Weak: the same rows, but a compressed answer has other bytes.
        let text = format!("W/\"{}\"", hex::encode(&digest.finalize()[..12]));
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("W/\"\""))
    }
}

/// Where answers name releases too. A release is no version of a table: a new one is another question.
const RELEASED: [&str; 5] = ["/catalog", "/dataset/", "/sitemap.xml", "/api/3/", "/api/action/"];

fn released(app: &App) -> String {
    let mut digest = Sha256::new();
    for manifest in app.releases.datasets().iter().filter_map(|name| app.releases.latest(name)) {
        digest.update(format!("{} {}\n", manifest.dataset, manifest.release));
    }
    hex::encode(&digest.finalize()[..8])
}

/// When this program was made, as far as its file tells: another build may write the same rows otherwise.
fn built() -> u128 {
    let file = std::env::current_exe().and_then(std::fs::metadata).and_then(|file| file.modified());
    file.ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok()).map_or(0, |at| at.as_nanos())
}

/// What a request asks for, as far as the answer follows from it.
#[derive(Clone)]
pub struct Question {
    text: Arc<str>,
    /// A GET of somebody without credentials.
    keep: bool,
    known: Option<String>,
}

impl Question {
    fn of(app: &App, method: &Method, uri: &http::Uri, headers: &HeaderMap) -> Self {
        let all = |name: &HeaderName| headers.get_all(name).iter().filter_map(|v| v.to_str().ok()).collect::<Vec<_>>().join(",");
        let mut pairs: Vec<&str> = uri.query().unwrap_or_default().split('&').collect();
        // The order among equal names says something, the order of names does not.
        pairs.sort_by_key(|pair| pair.split('=').next());
        // Answers hold absolute addresses: those of the public address, or of the host that was asked.
        let host = match &app.listen.public.public_url {
            Some(base) => base.clone(),
            None => format!("{},{},{}", uri.authority().map_or("", |a| a.as_str()), all(&header::HOST), all(&HeaderName::from_static("x-forwarded-proto"))),
        };
        // Pages say what day it is, rows do not.
        let day = if uri.path().starts_with("/api/") { String::new() } else { Utc::now().date_naive().to_string() };
        let released = if RELEASED.iter().any(|start| uri.path().starts_with(start)) { released(app) } else { String::new() };
        let text = format!("{host}\n{}?{}\n{}\n{}\n{day}{released}", uri.path(), pairs.join("&"), all(&header::ACCEPT), all(&header::ACCEPT_LANGUAGE));
        let anonymous = !headers.contains_key(header::AUTHORIZATION) && !headers.contains_key(header::COOKIE);
        let known = headers.contains_key(header::IF_NONE_MATCH).then(|| all(&header::IF_NONE_MATCH));
        Self { keep: anonymous && method == Method::GET && text.len() <= LONGEST, text: text.into(), known }
    }

    /// 304 when the asker has the answer that the newest versions of these tables give: nothing is read. Ask only after the session has
    /// shown that the principal may know these datasets.
    pub async fn unchanged(&self, app: &App, who: &Principal, tables: &[&DatasetName]) -> Result<Option<Response>> {
        if self.known.is_none() {
            return Ok(None);
        }
        let mut versions = Versions::new();
        for name in tables {
            versions.insert((*name).clone(), app.warehouse.lake().refresh(name).await?.version);
        }
        let tag = app.answers.tag(&self.text, who, &versions);
        Ok(self.has(&tag).then(|| not_modified(&tag, who == &stranger())))
    }

    /// Gives a finished answer its validator and keeps it, if it is a stranger's and small. `snapshot` names the tables as
    /// [`warehouse::statement::Rows`] does; an answer from an earlier version of a table has no validator.
    pub async fn answer(&self, app: &App, who: &Principal, snapshot: &BTreeMap<String, u64>, response: Response) -> Response {
        let versions: Option<Versions> = snapshot.iter().map(|(name, version)| Some((name.parse().ok()?, *version))).collect();
        match versions {
            Some(versions) if response.status() == StatusCode::OK => self.stamp(app, who, versions, response).await,
            _ => response,
        }
    }

    async fn stamp(&self, app: &App, who: &Principal, versions: Versions, mut response: Response) -> Response {
        let tag = app.answers.tag(&self.text, who, &versions);
        let open = who == &stranger();
        if self.has(&tag) {
            return not_modified(&tag, open);
        }
        response.headers_mut().insert(header::ETAG, tag.clone());
        if !open {
            return response;
        }
        response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("public, no-cache"));
        let Some(kept) = app.answers.kept.as_ref().filter(|_| self.keep && !response.headers().contains_key(header::SET_COOKIE)) else { return response };
        let (mut parts, body) = response.into_parts();
        match gather(body).await {
            // Well formed, but it says itself that it is not whole: nobody may take it for the answer later.
            Gathered::Whole(body) if parts.extensions.get::<Health>().is_some_and(Health::broken) => {
                parts.headers.remove(header::ETAG);
                parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
                Response::from_parts(parts, Body::from(body))
            }
            Gathered::Whole(body) => {
                let headers = parts.headers.clone();
                kept.insert(self.text.clone(), Arc::new(Kept { versions, tag, headers, body: body.clone() }));
                Response::from_parts(parts, Body::from(body))
            }
            Gathered::Large(body) => Response::from_parts(parts, body),
        }
    }

    fn has(&self, tag: &HeaderValue) -> bool {
        let Some(known) = &self.known else { return false };
        let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        let tag = opaque(tag.to_str().unwrap_or_default());
        known.split(',').any(|one| one.trim() == "*" || opaque(one) == tag)
    }
}

impl FromRequestParts<App> for Question {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        if let Some(question) = parts.extensions.get::<Self>() {
            return Ok(question.clone());
        }
        Ok(Self::of(app, &parts.method, &parts.uri, &parts.headers))
    }
}

/// The layer: gives an answer that is kept, while every table it came from is as it was.
pub async fn kept(State(app): State<App>, mut request: Request, next: Next) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    let question = Question::of(&app, request.method(), request.uri(), request.headers());
    let mut making = None;
    if question.keep && app.answers.kept.is_some() {
        if let Some(response) = again(&app, &question).await {
            return response;
        }
        match app.answers.turns.take(&question.text) {
            Turn::Make(one) => making = Some(one),
            Turn::Wait(done) => {
                // It may be one that is not kept, or takes long: then each makes its own.
                let _ = tokio::time::timeout(WAIT, done.cancelled()).await;
                if let Some(response) = again(&app, &question).await {
                    return response;
                }
            }
        }
    }
    request.extensions_mut().insert(question);
    let response = next.run(request).await;
    drop(making);
    response
}

/// The answer that is kept, if it still holds.
async fn again(app: &App, question: &Question) -> Option<Response> {
    let kept = app.answers.kept.as_ref()?.get(&question.text)?;
    if !current(app.warehouse.lake(), &kept.versions).await {
        return None;
    }
    metrics::counter!("siss_answers_kept_total").increment(1);
    if question.has(&kept.tag) {
        return Some(not_modified(&kept.tag, true));
    }
    let mut response = Response::new(Body::from(kept.body.clone()));
    *response.headers_mut() = kept.headers.clone();
    Some(response)
}

async fn current(lake: &Lake, versions: &Versions) -> bool {
    for (name, version) in versions {
        if !lake.refresh(name).await.is_ok_and(|snapshot| snapshot.version == *version) {
            return false;
        }
    }
    true
}

fn not_modified(tag: &HeaderValue, open: bool) -> Response {
    let mut response = StatusCode::NOT_MODIFIED.into_response();
    response.headers_mut().insert(header::ETAG, tag.clone());
    if open {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, no-cache"));
    }
    response
}

enum Gathered {
    Whole(Bytes),
    /// Past the bound, or broken: what was read and what is left, as one body.
    Large(Body),
}

async fn gather(body: Body) -> Gathered {
    if body.size_hint().lower() > LARGEST as u64 {
        return Gathered::Large(body);
    }
    let mut chunks = body.into_data_stream();
    let mut all: Vec<Bytes> = Vec::new();
    let mut size = 0;
    loop {
        match chunks.next().await {
            None => break,
            Some(Ok(chunk)) => {
                size += chunk.len();
                all.push(chunk);
                if size > LARGEST {
                    let read = stream::iter(all.into_iter().map(Ok));
                    return Gathered::Large(Body::from_stream(read.chain(chunks)));
                }
            }
            Some(Err(error)) => {
                let read = stream::iter(all.into_iter().map(Ok));
                return Gathered::Large(Body::from_stream(read.chain(stream::once(async { Err(error) }))));
            }
        }
    }
    match all.len() {
        1 => Gathered::Whole(all.remove(0)),
        _ => Gathered::Whole(all.concat().into()),
    }
}
