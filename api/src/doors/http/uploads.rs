//! Deliveries in parts, for lines that break, and deliveries sent again under the same `Idempotency-Key`.
//!
//! `POST /api/v1/deliveries?…` with `Upload-Length` opens an upload and names its address; `PATCH` there with `Upload-Offset`
//! adds a part, `HEAD` says how far it is, and the part that reaches the length delivers the file.

use std::path::{Path as FilePath, PathBuf};
use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, patch};
use http::{HeaderMap, StatusCode, header};
use ingest::incoming::{self, Incoming, Receipt};
use ingest::read::Bounds;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use warehouse::principal::Principal;

use crate::app::App;
use crate::doors::http::deliveries::{self, About, Broken};
use crate::doors::http::problem::{Problem, Result};

pub const LENGTH: &str = "upload-length";
const OFFSET: &str = "upload-offset";
/// Uploads that one account may have open.
const OPEN: usize = 16;
/// An upload that nobody has touched for this long is given up.
const STALE: Duration = Duration::from_secs(24 * 3600);

pub fn routes() -> MethodRouter<App> {
    patch(append).head(offset).delete(give_up).layer(axum::extract::DefaultBodyLimit::disable())
}

/// What stands beside the bytes of an upload.
#[derive(Serialize, Deserialize)]
struct Upload {
    about: About,
    account: String,
    length: u64,
}

/// Opens an upload: 201 with its address.
pub async fn begin(app: &App, who: &Principal, about: About, headers: &HeaderMap) -> Result<Response> {
    let length = number(headers, LENGTH)?;
    let most = Bounds::default().bytes;
    if length == 0 || length > most {
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "upload.length", format!("Upload-Length must be from 1 to {most}")));
    }
    incoming::check(app.warehouse.catalog(), app.warehouse.lake(), &about.incoming(&who.account)).await.map_err(deliveries::problem)?;
    let folder = folder(app)?;
    if tidy(&folder, &who.account)? >= OPEN {
        return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "upload.many", "too many open uploads: finish or delete some"));
    }
    let id = uuid::Uuid::new_v4().simple().to_string();
    let upload = Upload { about, account: who.account.clone(), length };
    let note = serde_json::to_vec(&upload).map_err(|e| Problem::internal("uploads.note", e))?;
    std::fs::File::create_new(folder.join(format!("{id}.part"))).map_err(fault)?;
    std::fs::write(folder.join(format!("{id}.json")), note).map_err(fault)?;
    let location = format!("/api/v1/deliveries/{id}/upload");
    let body = axum::Json(serde_json::json!({ "id": id, "state": "upload" }));
    Ok((StatusCode::CREATED, [(header::LOCATION.as_str(), location.as_str()), (OFFSET, "0")], body).into_response())
}

/// `PATCH …/upload`: adds a part at `Upload-Offset`. The last part is answered like a delivery.
async fn append(State(app): State<App>, who: Principal, Path(id): Path<String>, headers: HeaderMap, body: Body) -> Result<Response> {
    let (upload, part) = find(&app, &who, &id)?;
    let offset = number(&headers, OFFSET)?;
    let file = std::fs::OpenOptions::new().append(true).open(&part).map_err(fault)?;
    if file.try_lock().is_err() {
        return Err(Problem::new(StatusCode::LOCKED, "upload.busy", "another request is writing to this upload"));
    }
    let at = file.metadata().map_err(fault)?.len();
    if at != offset {
        let detail = format!("this upload stands at {at}, not at {offset}");
        return Err(Problem::new(StatusCode::CONFLICT, "upload.offset", detail).with("offset", at));
    }
    let mut file = tokio::fs::File::from_std(file);
    let broken = Broken::default();
    let taken = tokio::io::copy(&mut deliveries::reader(body, &broken).take(upload.length - at + 1), &mut file).await;
    // What arrived before a line broke is kept: the client asks where it stands and goes on.
    file.flush().await.map_err(fault)?;
    let at = file.metadata().await.map_err(fault)?.len();
    if at > upload.length {
        file.set_len(offset).await.map_err(fault)?;
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "upload.length", "the part goes past Upload-Length; nothing of it was kept"));
    }
    file.sync_data().await.map_err(fault)?;
    if let Err(error) = taken {
        return Err(broken.problem().unwrap_or_else(|| fault(error)));
    }
    if at < upload.length {
        return Ok((StatusCode::NO_CONTENT, [(OFFSET, at.to_string())]).into_response());
    }
    let receipt = app.deliveries.receive_file(upload.about.incoming(&who.account), &part).await.map_err(deliveries::problem)?;
    remove(&part);
    deliveries::answer(&app, receipt, &headers).await
}

/// `HEAD …/upload`: how far it is.
async fn offset(State(app): State<App>, who: Principal, Path(id): Path<String>) -> Result<Response> {
    let (upload, part) = find(&app, &who, &id)?;
    let at = std::fs::metadata(&part).map_err(fault)?.len();
    Ok((StatusCode::OK, [(OFFSET, at.to_string()), (LENGTH, upload.length.to_string())]).into_response())
}

/// `DELETE …/upload`
async fn give_up(State(app): State<App>, who: Principal, Path(id): Path<String>) -> Result<StatusCode> {
    let (_, part) = find(&app, &who, &id)?;
    remove(&part);
    Ok(StatusCode::NO_CONTENT)
}

/// The `Idempotency-Key`, without the quotes that its draft standard puts around it.
pub fn key(headers: &HeaderMap) -> Result<Option<String>> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim_matches('"');
    if text.is_empty() || text.len() > 200 {
        return Err(Problem::invalid("idempotency.key", "Idempotency-Key must be 1 to 200 visible ASCII characters"));
    }
    Ok(Some(text.into()))
}

/// Receives a body under a key: sent again it has the same receipt; another body or another target under the same key is refused
/// before it is received.
pub async fn receive_once(app: &App, incoming: Incoming, key: &str, mut body: impl AsyncRead + Unpin, broken: &Broken) -> Result<Receipt> {
    incoming::check(app.warehouse.catalog(), app.warehouse.lake(), &incoming).await.map_err(deliveries::problem)?;
    let folder = folder(app)?;
    let most = Bounds::default().bytes;
    let (file, spooled) = tempfile::NamedTempFile::new_in(&folder).map_err(fault)?.into_parts();
    let mut file = tokio::fs::File::from_std(file);
    let copied = tokio::io::copy(&mut (&mut body).take(most + 1), &mut file).await;
    let bytes = copied.map_err(|error| broken.problem().unwrap_or_else(|| fault(error)))?;
    file.flush().await.map_err(fault)?;
    if bytes > most {
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "upload.length", format!("a delivery has at most {most} bytes")));
    }
    // What it is, and on a second line the delivery it became.
    let what = incoming::id(&incoming, &deliveries::hash(&spooled).await?, 0);
    let note = folder.join(format!("{}.key", hex::encode(Sha256::digest(format!("{}\0{key}", incoming.account)))));
    match std::fs::read_to_string(&note) {
        Ok(before) if before.lines().next() != Some(what.as_str()) => {
            return Err(Problem::new(StatusCode::CONFLICT, "idempotency.reused", "this Idempotency-Key was used for another delivery"));
        }
        Ok(before) => {
            if let Some(id) = before.lines().nth(1)
                && let Some(receipt) = app.deliveries.receipt(id).await.map_err(deliveries::problem)?
            {
                return Ok(receipt);
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => std::fs::write(&note, &what).map_err(fault)?,
        Err(error) => return Err(fault(error)),
    }
    let receipt = app.deliveries.receive_file(incoming, &spooled).await.map_err(deliveries::problem)?;
    std::fs::write(&note, format!("{what}\n{}", receipt.id)).map_err(fault)?;
    Ok(receipt)
}

/// An upload of this account; others' are not found.
fn find(app: &App, who: &Principal, id: &str) -> Result<(Upload, PathBuf)> {
    deliveries::known(who)?;
    if id.len() != 32 || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(Problem::not_found());
    }
    let folder = folder(app)?;
    let note = std::fs::read(folder.join(format!("{id}.json"))).map_err(|_| Problem::not_found())?;
    let upload: Upload = serde_json::from_slice(&note).map_err(|e| Problem::internal("uploads.note", e))?;
    if upload.account != who.account {
        return Err(Problem::not_found());
    }
    deliveries::authorize(app, who, &upload.about.sender)?;
    Ok((upload, folder.join(format!("{id}.part"))))
}

/// Removes what is stale; gives how many uploads the account has open.
fn tidy(folder: &FilePath, account: &str) -> Result<usize> {
    let mut open = 0;
    for entry in std::fs::read_dir(folder).map_err(fault)?.flatten() {
        let path = entry.path();
        let age = entry.metadata().and_then(|m| m.modified()).ok().and_then(|t| SystemTime::now().duration_since(t).ok()).unwrap_or_default();
        let is_note = path.extension().is_some_and(|e| e == "json");
        // A note is as old as its upload's beginning; the bytes beside it tell whether anybody still sends.
        let sending = path.with_extension("part").metadata().and_then(|m| m.modified()).ok().and_then(|t| SystemTime::now().duration_since(t).ok());
        if age > STALE && sending.is_none_or(|idle| idle > STALE) {
            let _ = std::fs::remove_file(&path);
        } else if is_note && std::fs::read(&path).ok().and_then(|n| serde_json::from_slice::<Upload>(&n).ok()).is_some_and(|u| u.account == account) {
            open += 1;
        }
    }
    Ok(open)
}

fn remove(part: &FilePath) {
    let _ = std::fs::remove_file(part);
    let _ = std::fs::remove_file(part.with_extension("json"));
}

fn folder(app: &App) -> Result<PathBuf> {
    let folder = app.home.join("uploads");
    crate::config::private_folder(&folder).map_err(fault)?;
    Ok(folder)
}

fn number(headers: &HeaderMap, name: &'static str) -> Result<u64> {
    let value = headers.get(name).and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
    value.ok_or_else(|| Problem::invalid("upload.header", format!("the header {name} must be a whole number of bytes")))
}

fn fault(error: std::io::Error) -> Problem {
    Problem::internal("uploads.io", error)
}
