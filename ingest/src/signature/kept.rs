//! Evidence of a verification, kept so that it can be repeated: what was trusted, what was known of revocation, and when.

use std::fs;
use std::io::{Error, Result, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::apart::Request;
use super::material::fingerprint;
use super::moment::Moment;

const RECORD: &str = "verification.json";

/// What was asked, with names of files in the folder of the evidence, and what was answered.
#[derive(Serialize, Deserialize)]
struct Record {
    sha256: String,
    at: Moment,
    signer: Option<String>,
    intake: bool,
    /// Digest of what a detached signature signs; the document itself is not copied.
    content: Option<String>,
    timestamps: Vec<String>,
    certificates: Vec<String>,
    revocation: Vec<String>,
    trust: Vec<String>,
    report: Value,
}

/// Keeps the evidence of a verification in `DIR/<sha256 of the file>`. What the file carries itself stays in the file.
pub fn keep(folder: &Path, request: &Request, report: &Value) -> Result<PathBuf> {
    let (_, sha256) = fingerprint(&request.file)?;
    let folder = folder.join(&sha256);
    let copies = |files: &[PathBuf], kind: &str| files.iter().map(|file| copy(&folder, kind, file)).collect::<Result<Vec<_>>>();
    for der in chains(report) {
        let name = super::sha256(&der);
        write(&folder.join("chain").join(format!("{name}.cer")), &der)?;
    }
    let record = Record {
        at: request.at,
        signer: request.signer.clone(),
        intake: request.intake,
        content: request.content.as_deref().map(fingerprint).transpose()?.map(|(_, sha256)| sha256),
        timestamps: copies(&request.timestamps, "timestamps")?,
        certificates: copies(&request.certificates, "certificates")?,
        revocation: copies(&request.revocation, "revocation")?,
        trust: copies(&request.trust, "trust")?,
        report: report.clone(),
        sha256,
    };
    write(&folder.join(RECORD), &serde_json::to_vec_pretty(&record)?)?;
    Ok(folder)
}

/// The request that was kept for this very file, to be asked again.
pub fn recall(folder: &Path, file: &Path, content: Option<&Path>) -> Result<Request> {
    let (_, sha256) = fingerprint(file)?;
    let folder = folder.join(&sha256);
    let record =
        fs::read(folder.join(RECORD)).map_err(|error| Error::new(error.kind(), format!("no evidence of this file in {}: {error}", folder.display())))?;
    let record: Record = serde_json::from_slice(&record)?;
    let of_content = content.map(fingerprint).transpose()?.map(|(_, sha256)| sha256);
    if of_content != record.content {
        return Err(Error::other("the evidence is of a detached signature over other content: give the same --content as then"));
    }
    let paths = |names: &[String]| names.iter().map(|name| unchanged(&folder, name)).collect::<Result<Vec<_>>>();
    Ok(Request {
        file: file.to_path_buf(),
        content: content.map(Path::to_path_buf),
        timestamps: paths(&record.timestamps)?,
        certificates: paths(&record.certificates)?,
        revocation: paths(&record.revocation)?,
        trust: paths(&record.trust)?,
        at: record.at,
        signer: record.signer,
        intake: record.intake,
    })
}

/// Copies a file into the folder under its digest; the name within the folder.
fn copy(folder: &Path, kind: &str, file: &Path) -> Result<String> {
    let bytes = fs::read(file)?;
    let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or("bin");
    let name = format!("{kind}/{}.{extension}", super::sha256(&bytes));
    write(&folder.join(&name), &bytes)?;
    Ok(name)
}

/// A kept file, if it is still what its name says.
fn unchanged(folder: &Path, name: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    let (_, sha256) = fingerprint(&path).map_err(|error| Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    if path.file_stem().and_then(|stem| stem.to_str()) != Some(&sha256) {
        return Err(Error::other(format!("{}: altered since it was kept", path.display())));
    }
    Ok(path)
}

/// Whole and on the disk, or not there.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let parent = path.parent().ok_or_else(|| Error::other("no folder"))?;
    fs::create_dir_all(parent)?;
    let mut file = tempfile::NamedTempFile::new_in(parent)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// The certificates of all chains that a report names.
fn chains(report: &Value) -> Vec<Vec<u8>> {
    let (mut found, mut todo) = (Vec::new(), vec![report]);
    while let Some(value) = todo.pop() {
        match value {
            Value::Array(items) => todo.extend(items),
            Value::Object(fields) => {
                let der = fields.get("der").and_then(Value::as_str).and_then(|der| base64::engine::general_purpose::STANDARD.decode(der).ok());
                found.extend(der);
                todo.extend(fields.values());
            }
            _ => {}
        }
    }
    found
}
