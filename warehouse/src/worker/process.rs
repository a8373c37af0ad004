//! The server's side of one worker process: starting it, its socket, and its end.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::oneshot;

use crate::config::Limits;
use crate::error::{Error, Kind, Result};
use crate::worker::scratch;
use crate::worker::wire::{self, Frames, Start, Tag};

/// How long a worker may take from start to its first "ready".
const START: Duration = Duration::from_secs(60);

/// A thread that starts and buries workers. They die with it, since the system ties them to the thread that started
/// them; threads of the async runtime come and go.
#[derive(Clone)]
pub struct Keeper {
    jobs: mpsc::Sender<Job>,
}

enum Job {
    Start(Vec<String>, StdStream, oneshot::Sender<std::io::Result<Running>>),
    Bury(Running),
}

impl Keeper {
    pub fn start() -> Result<Self> {
        scratch::sweep();
        let (jobs, todo) = mpsc::channel();
        let work = move || {
            for job in todo {
                match job {
                    Job::Start(command, socket, answer) => {
                        // Whoever asked is gone: nobody else would end it.
                        if let Err(Ok(mut running)) = answer.send(spawn(&command, socket)) {
                            drop(running.child.kill().and_then(|()| running.child.wait()));
                        }
                    }
                    // Its folder goes after it has ended.
                    Job::Bury(mut running) => drop(running.child.wait()),
                }
            }
        };
        std::thread::Builder::new().name("workers".into()).spawn(work).map_err(|e| Error::internal("worker.keeper", e))?;
        Ok(Self { jobs })
    }
}

/// A process and the folder it may spill to.
struct Running {
    child: Child,
    _folder: TempDir,
}

fn spawn(command: &[String], socket: StdStream) -> std::io::Result<Running> {
    let (program, arguments) = command.split_first().ok_or_else(|| std::io::Error::other("the worker's command is empty"))?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::from(OwnedFd::from(socket))).stdout(Stdio::null());
    // mimalloc would reserve a gigabyte at once, which counts against the worker's memory limit.
    command.env("MIMALLOC_ARENA_EAGER_COMMIT", "0");
    // And give memory back after ten milliseconds, to take and clear it again for the next batch of rows.
    command.env("MIMALLOC_PURGE_DELAY", "1000");
    let folder = scratch::folder()?;
    command.env("TMPDIR", folder.path());
    Ok(Running { child: command.spawn()?, _folder: folder })
}

/// A running worker. Dropping it kills it.
pub struct Process {
    running: Option<Running>,
    keeper: Keeper,
    pub reader: Frames<OwnedReadHalf>,
    pub writer: OwnedWriteHalf,
}

impl Process {
    /// Starts `command` and waits for its "ready".
    pub async fn start(keeper: &Keeper, command: &[String], limits: &Limits) -> Result<Self> {
        let fault = |e: std::io::Error| Error::internal("worker.start", e);
        let (ours, theirs) = StdStream::pair().map_err(fault)?;
        ours.set_nonblocking(true).map_err(fault)?;
        let (answer, running) = oneshot::channel();
        let gone = || Error::internal("worker.start", "the keeper is gone");
        keeper.jobs.send(Job::Start(command.to_vec(), theirs, answer)).map_err(|_| gone())?;
        let running = running.await.map_err(|_| gone())?.map_err(fault)?;
        let (reader, writer) = UnixStream::from_std(ours).map_err(fault)?.into_split();
        let mut process = Self { running: Some(running), keeper: keeper.clone(), reader: Frames::new(reader), writer };
        let start = Start { limits: limits.clone() };
        wire::write_json(&mut process.writer, Tag::Start, &start).await.map_err(fault)?;
        match tokio::time::timeout(START, process.reader.next()).await {
            Ok(Ok(Some(frame))) if frame.tag == Tag::Ready => Ok(process),
            Ok(Ok(None)) => Err(Error::internal("worker.start", "the worker ended before it was ready")),
            Ok(Err(e)) => Err(fault(e)),
            Ok(Ok(Some(_))) | Err(_) => Err(Error::internal("worker.start", "the worker did not become ready")),
        }
    }

    pub fn id(&self) -> Option<u32> {
        self.running.as_ref().map(|r| r.child.id())
    }

    pub fn has_ended(&mut self) -> bool {
        self.running.as_mut().is_none_or(|r| !matches!(r.child.try_wait(), Ok(None)))
    }

    /// Why the process closed its socket in the middle of an answer.
    pub async fn cause_of_death(&mut self) -> Error {
        for _ in 0..50 {
            match self.running.as_mut().map(|r| r.child.try_wait()) {
                Some(Ok(None)) => tokio::time::sleep(Duration::from_millis(10)).await,
                Some(Ok(Some(status))) => return cause(status),
                _ => break,
            }
        }
        Error::internal("worker.lost", "the worker closed its socket")
    }
}

fn cause(status: ExitStatus) -> Error {
    match status.signal() {
        Some(libc::SIGXCPU) => Error::new(Kind::Limit, "limit.time", "the query used more processor time than one query may"),
        Some(libc::SIGABRT | libc::SIGKILL) => Error::new(Kind::Limit, "limit.memory", "the query needs more memory than one query may use"),
        Some(libc::SIGSEGV | libc::SIGBUS) => Error::new(Kind::Limit, "limit.stack", "the query is too deep to run"),
        _ => Error::internal("worker.lost", format!("the worker ended: {status}")),
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            // It may be gone already; the keeper collects it either way.
            let _ = running.child.kill();
            let _ = self.keeper.jobs.send(Job::Bury(running));
        }
    }
}
