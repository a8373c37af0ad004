//! What an examination reads: every file of its request, whole and bounded, before the process that takes them apart is shut off from all files.

use std::io::{Error, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::apart::Request;
use super::certificate::Certificate;
use super::report::{self, Report};
use super::revocation::Evidence;
use super::trust::Trust;
use super::{MAX_BYTES, Question};

/// Material beside a file: timestamps, certificates, revocation lists, whom to trust.
const MAX_BESIDE: u64 = 64 << 20;

/// A file's name, as messages say it, and its bytes.
type Named = (String, Vec<u8>);

/// The files of a request.
pub struct Material<'a> {
    request: &'a Request,
    file: Vec<u8>,
    content: Option<Vec<u8>>,
    timestamps: Vec<Named>,
    certificates: Vec<Named>,
    revocation: Vec<Named>,
    trust: Vec<Named>,
}

impl<'a> Material<'a> {
    /// Reads the files; none of their bytes is looked at. The report of a file that cannot be examined, if one cannot be read.
    pub fn read(request: &'a Request) -> Result<Material<'a>, Box<Report>> {
        let file = read(&request.file, MAX_BYTES).map_err(|fault| match fault {
            Unread::TooLarge => unexamined(request, "too_large", (&MAX_BYTES.to_string(), &MAX_BYTES.to_string())),
            Unread::Fault(error) => unread(request, &format!("{}: {error}", said(&request.file))),
        })?;
        let get =
            |path: &PathBuf, most| read(path, most).map(|bytes| (said(path), bytes)).map_err(|fault| unread(request, &format!("{}: {fault}", said(path))));
        let all = |paths: &[PathBuf]| paths.iter().map(|path| get(path, MAX_BESIDE)).collect::<Result<Vec<_>, _>>();
        Ok(Material {
            request,
            file,
            content: request.content.as_ref().map(|path| get(path, MAX_BYTES)).transpose()?.map(|(_, bytes)| bytes),
            timestamps: all(&request.timestamps)?,
            certificates: all(&request.certificates)?,
            revocation: all(&request.revocation)?,
            trust: all(&request.trust)?,
        })
    }

    /// Takes the files apart, in this very process.
    pub fn examine(self) -> Report {
        let (evidence, trust) = match self.beside() {
            Ok(beside) => beside,
            Err(fault) => return *unread(self.request, &fault),
        };
        super::verify(&Question {
            file: said(&self.request.file),
            bytes: &self.file,
            content: self.content.as_deref(),
            timestamps: self.timestamps.into_iter().map(|(_, bytes)| bytes).collect(),
            evidence,
            trust: &trust,
            at: self.request.at,
            signer: self.request.signer.clone(),
            intake: self.request.intake,
        })
    }

    fn beside(&self) -> Result<(Evidence, Trust), String> {
        let (mut evidence, mut trust) = (Evidence::default(), Trust::default());
        for (name, bytes) in &self.revocation {
            if !evidence.add_revocation(bytes) {
                return Err(format!("{name}: neither a CRL nor an OCSP answer"));
            }
        }
        for (name, bytes) in &self.certificates {
            let found = Certificate::bundle(bytes);
            if found.is_empty() {
                return Err(format!("{name}: no certificate in PEM or DER"));
            }
            evidence.certificates.extend(found);
        }
        for (name, bytes) in &self.trust {
            trust.add(name, bytes).map_err(|fault| format!("{name}: {fault}"))?;
        }
        Ok((evidence, trust))
    }
}

fn unread(request: &Request, why: &str) -> Box<Report> {
    unexamined(request, "unread", (why, why))
}

/// The report on a file that was not looked into, and why, in both languages.
pub fn unexamined(request: &Request, code: &'static str, why: (&str, &str)) -> Box<Report> {
    let (bytes, sha256) = fingerprint(&request.file).unwrap_or_default();
    Box::new(report::unexamined(said(&request.file), bytes, sha256, request.at, code, why))
}

enum Unread {
    TooLarge,
    Fault(Error),
}

impl std::fmt::Display for Unread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unread::TooLarge => f.write_str("too large"),
            Unread::Fault(error) => error.fmt(f),
        }
    }
}

/// A file of at most `most` bytes. Only plain files are read: a pipe or device may never end.
fn read(path: &Path, most: u64) -> Result<Vec<u8>, Unread> {
    let metadata = std::fs::metadata(path).map_err(Unread::Fault)?;
    if !metadata.is_file() {
        return Err(Unread::Fault(Error::other("not a file")));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes)).map_err(Unread::Fault)?;
    if bytes.len() as u64 > most { Err(Unread::TooLarge) } else { Ok(bytes) }
}

/// Size and SHA-256 of a plain file, whatever its size.
pub fn fingerprint(path: &Path) -> std::io::Result<(usize, String)> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(Error::other("not a file"));
    }
    let (mut file, mut hash) = (std::fs::File::open(path)?, Sha256::new());
    let bytes = std::io::copy(&mut file, &mut hash)?;
    Ok((bytes as usize, hex::encode(hash.finalize())))
}

fn said(path: &Path) -> String {
    path.display().to_string()
}
