//! A file examined in a process of its own, which may die of it: uploaded files are hostile.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use warehouse::worker::limits;
use warehouse::worker::walls::{self, Reach};

use super::material::{Material, unexamined};
use super::moment::Moment;

/// Memory beside what the process holds at its start: the file, its unpacked parts, two states of a PDF.
const MEMORY: u64 = 1 << 30;
const PROCESSOR: Duration = Duration::from_secs(60);
const CLOCK: Duration = Duration::from_secs(120);
/// A report beyond this is no report.
const MAX_ANSWER: u64 = 64 << 20;

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
        Err((it, en)) => unexamined(request, "unexamined", (&it, &en)),
    };
    serde_json::to_value(report).unwrap_or_default()
}

/// The process's own part: a request on standard input, a report on standard output.
pub fn child() -> std::io::Result<()> {
    limits::die_with_parent();
    let request: Request = serde_json::from_reader(std::io::stdin().lock())?;
    limits::confine(MEMORY, PROCESSOR)?;
    let material = Material::read(&request);
    // The files are read and nothing of them was looked at: from here on none is reached any more.
    walls::raise(&Reach::default()).map_err(std::io::Error::other)?;
    let report = material.map_or_else(|unread| *unread, Material::examine);
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, &report)?;
    out.flush()
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
