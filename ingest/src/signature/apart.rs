//! A file examined in a process of its own, which may die of it: uploaded files are hostile.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use warehouse::worker::limits;
use warehouse::worker::walls::{self, Reach};

use super::certificate::Certificate;
use super::moment::Moment;
use super::report::{self, Report};
use super::revocation::Evidence;
use super::trust::Trust;
use super::{MAX_BYTES, Question};

/// Memory beside what the process holds at its start: the file, its unpacked parts, two states of a PDF.
const MEMORY: u64 = 1 << 30;
const PROCESSOR: Duration = Duration::from_secs(60);
const CLOCK: Duration = Duration::from_secs(120);
/// A report beyond this is no report.
const MAX_ANSWER: u64 = 64 << 20;
/// Material beside a file: timestamps, certificates, revocation lists.
const MAX_BESIDE: u64 = 64 << 20;

/// What is asked of the process: a file, what came beside it, and whom to trust.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    pub file: PathBuf,
    /// What a detached signature signs.
    pub content: Option<PathBuf>,
    pub timestamps: Vec<PathBuf>,
    pub certificates: Vec<PathBuf>,
    /// Revocation lists and OCSP answers.
    pub revocation: Vec<PathBuf>,
    pub trust: Vec<PathBuf>,
    pub at: Moment,
    pub signer: Option<String>,
    /// Active content does not pass.
    pub intake: bool,
}

/// Examines a file with `command`, which must end in `child`. Whatever happens to the process, the answer is a report.
pub fn examine(command: &[String], request: &Request) -> Value {
    let report = match ask(command, request) {
        Ok(report) => return report,
        Err((it, en)) => {
            let (bytes, sha256) = fingerprint(&request.file).unwrap_or_default();
            report::unexamined(said(&request.file), bytes, sha256, request.at, "unexamined", (&it, &en))
        }
    };
    serde_json::to_value(report).unwrap_or_default()
}

/// The process's own part: a request on standard input, a report on standard output.
pub fn child() -> std::io::Result<()> {
    limits::die_with_parent();
    let request: Request = serde_json::from_reader(std::io::stdin().lock())?;
    limits::confine(MEMORY, PROCESSOR)?;
    walls::raise(&Reach { reads: request.files(), ..Reach::default() }).map_err(std::io::Error::other)?;
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, &request.examine())?;
    out.flush()
}

impl Request {
    /// Every file that it names.
    fn files(&self) -> Vec<PathBuf> {
        let one = [&self.file].into_iter().chain(&self.content);
        one.chain(&self.timestamps).chain(&self.revocation).chain(&self.certificates).chain(&self.trust).cloned().collect()
    }

    /// Examines the file in this very process.
    pub fn examine(&self) -> Report {
        let file = said(&self.file);
        let unexamined = |code, it: &str, en: &str| {
            let (bytes, sha256) = fingerprint(&self.file).unwrap_or_default();
            report::unexamined(file.clone(), bytes, sha256, self.at, code, (it, en))
        };
        let bytes = match read(&self.file, MAX_BYTES) {
            Ok(bytes) => bytes,
            Err(Unread::TooLarge) => return unexamined("too_large", &MAX_BYTES.to_string(), &MAX_BYTES.to_string()),
            Err(Unread::Fault(error)) => return unexamined("unread", &format!("{file}: {error}"), &format!("{file}: {error}")),
        };
        match self.beside() {
            Ok((content, timestamps, evidence, trust)) => super::verify(&Question {
                file,
                bytes: &bytes,
                content: content.as_deref(),
                timestamps,
                evidence,
                trust: &trust,
                at: self.at,
                signer: self.signer.clone(),
                intake: self.intake,
            }),
            Err(fault) => unexamined("unread", &fault, &fault),
        }
    }

    fn beside(&self) -> Result<(Option<Vec<u8>>, Vec<Vec<u8>>, Evidence, Trust), String> {
        let get = |path: &PathBuf, limit| read(path, limit).map_err(|fault| format!("{}: {fault}", path.display()));
        let all = |paths: &[PathBuf]| paths.iter().map(|path| get(path, MAX_BESIDE)).collect::<Result<Vec<_>, _>>();
        let mut evidence = Evidence::default();
        for (path, bytes) in self.revocation.iter().zip(all(&self.revocation)?) {
            if !evidence.add_revocation(&bytes) {
                return Err(format!("{}: neither a CRL nor an OCSP answer", path.display()));
            }
        }
        for (path, bytes) in self.certificates.iter().zip(all(&self.certificates)?) {
            let found = Certificate::bundle(&bytes);
            if found.is_empty() {
                return Err(format!("{}: no certificate in PEM or DER", path.display()));
            }
            evidence.certificates.extend(found);
        }
        let content = self.content.as_ref().map(|path| get(path, MAX_BYTES)).transpose()?;
        Ok((content, all(&self.timestamps)?, evidence, Trust::read(&self.trust)?))
    }
}

/// Starts the process, hands it the request and waits for its report; else why there is none, in both languages.
fn ask(command: &[String], request: &Request) -> Result<Value, (String, String)> {
    let fault = |error: std::io::Error| (error.to_string(), error.to_string());
    let (program, arguments) = command.split_first().ok_or_else(|| fault(std::io::Error::other("no program")))?;
    let mut start = Command::new(program);
    start.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    // mimalloc would reserve a gigabyte at once, which counts against the process's memory.
    start.env("MIMALLOC_ARENA_EAGER_COMMIT", "0");
    let mut child = start.spawn().map_err(fault)?;
    let answer = converse(&mut child, request);
    if answer.is_none() {
        let _ = child.kill();
    }
    let status = child.wait().map_err(fault)?;
    match answer.filter(|_| status.success()).and_then(|answer| serde_json::from_slice(&answer).ok()) {
        Some(report) => Ok(report),
        None => Err(cause(status)),
    }
}

/// The bytes of the answer; none if it did not come in time.
fn converse(child: &mut Child, request: &Request) -> Option<Vec<u8>> {
    let asked = serde_json::to_vec(request).ok()?;
    let mut stdin = child.stdin.take()?;
    let stdout = child.stdout.take()?;
    let (heard, answers) = mpsc::channel();
    std::thread::spawn(move || {
        let mut answer = Vec::new();
        let read = stdin.write_all(&asked).map(|()| drop(stdin)).and_then(|()| stdout.take(MAX_ANSWER).read_to_end(&mut answer));
        let _ = heard.send(read.is_ok().then_some(answer));
    });
    answers.recv_timeout(CLOCK).ok().flatten()
}

fn cause(status: ExitStatus) -> (String, String) {
    let (it, en) = match status.signal() {
        Some(XCPU | KILL) => ("richiede troppo tempo", "it takes too much time"),
        Some(ABORT) => ("richiede troppa memoria", "it takes too much memory"),
        _ => ("l'esame si è interrotto", "the examination broke off"),
    };
    (it.to_string(), en.to_string())
}

/// Signals that end the process (signal(7)).
const ABORT: i32 = 6;
const KILL: i32 = 9;
const XCPU: i32 = 24;

pub enum Unread {
    TooLarge,
    Fault(std::io::Error),
}

impl std::fmt::Display for Unread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unread::TooLarge => f.write_str("too large"),
            Unread::Fault(error) => error.fmt(f),
        }
    }
}

/// A file of at most `limit` bytes. Only plain files are read: a pipe or device may never end.
fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Unread> {
    let metadata = std::fs::metadata(path).map_err(Unread::Fault)?;
    if !metadata.is_file() {
        return Err(Unread::Fault(std::io::Error::other("not a file")));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes)).map_err(Unread::Fault)?;
    if bytes.len() as u64 > limit { Err(Unread::TooLarge) } else { Ok(bytes) }
}

/// Size and SHA-256 of a plain file, whatever its size.
pub fn fingerprint(path: &Path) -> std::io::Result<(usize, String)> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("not a file"));
    }
    let (mut file, mut hash) = (std::fs::File::open(path)?, Sha256::new());
    let bytes = std::io::copy(&mut file, &mut hash)?;
    Ok((bytes as usize, hex::encode(hash.finalize())))
}

fn said(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The report on a file whose process runs `script` after it has heard the request.
    fn after(script: &str) -> Value {
        let file = tempfile::NamedTempFile::new().expect("file");
        let request = Request {
            file: file.path().into(),
            content: None,
            timestamps: Vec::new(),
            certificates: Vec::new(),
            revocation: Vec::new(),
            trust: Vec::new(),
            at: chrono::Utc::now(),
            signer: None,
            intake: true,
        };
        examine(&["sh".into(), "-c".into(), format!("cat > /dev/null; {script}")], &request)
    }

    #[test]
    fn a_process_that_dies_leaves_a_report() {
        for (script, said) in [
            ("kill -ABRT $$", "too much memory"),
            ("ulimit -t 1; while :; do :; done", "too much time"),
            ("exit 3", "broke off"),
            ("echo '{'", "broke off"),
            ("kill -SEGV $$", "broke off"),
        ] {
            let report = after(script);
            assert_eq!((report["result"].as_str(), report["intact"].as_bool()), (Some("INDETERMINATE"), Some(false)), "{script}: {report}");
            assert!(report.to_string().contains(said), "{script}: {report}");
        }
    }
}
