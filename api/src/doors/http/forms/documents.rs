//! Documents that come with a form: bounded, kept sealed, and examined in a process that may die of them.

use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use chrono::Utc;
use ingest::signature::apart::{self, Request};

use crate::app::App;
use crate::commands::examine;
use crate::doors::http::deliveries::problem;
use crate::doors::http::problem::{Problem, Result};
use crate::intake::Document;

/// Bytes of one document.
pub const MOST: usize = 20 << 20;
/// Characters of a file's name.
const NAME: usize = 200;

/// Keeps a document and says what its signatures are worth. Nothing of it is refused here: the form's own rules do.
pub async fn keep(app: &App, name: &str, file: &str, bytes: Vec<u8>) -> Result<Document> {
    if bytes.len() > MOST {
        return Err(too_large());
    }
    let size = bytes.len() as u64;
    let hash = app.deliveries.keep(&bytes).await.map_err(problem)?;
    let verdict = examine(app, bytes).await?;
    let file: String = file.rsplit(['/', '\\']).next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(NAME).collect();
    Ok(Document { name: name.to_owned(), file, bytes: size, hash, verdict })
}

pub fn too_large() -> Problem {
    Problem::new(http::StatusCode::PAYLOAD_TOO_LARGE, "document.size", format!("a document has {} MB at most", MOST >> 20))
}

/// The report of `siss verify --intake` on a document.
async fn examine(app: &App, bytes: Vec<u8>) -> Result<serde_json::Value> {
    let command = examine::command().map_err(|e| Problem::internal("document.examine", e))?;
    let (trust, spool) = (app.listen.trust.clone(), app.home.join("spool"));
    let work = move || -> std::io::Result<serde_json::Value> {
        // A file without a name: what a document tells of persons stands in clear nowhere, however this process ends.
        let mut file = tempfile::tempfile_in(spool)?;
        file.write_all(&bytes)?;
        let request = Request {
            file: PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd())),
            content: None,
            timestamps: Vec::new(),
            certificates: Vec::new(),
            revocation: Vec::new(),
            trust,
            at: Utc::now(),
            signer: None,
            intake: true,
        };
        let mut report = apart::examine(&command, &request);
        // The name of a temporary file says nothing.
        if let Some(report) = report.as_object_mut() {
            report.remove("file");
            report.remove("trust");
        }
        Ok(report)
    };
    tokio::task::spawn_blocking(work).await.map_err(|e| Problem::internal("document.examine", e))?.map_err(|e| Problem::internal("document.examine", e))
}
