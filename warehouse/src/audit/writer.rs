//! The one thread of a process that appends. What comes in while it waits for the disk goes in together: one wait for many.

use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::sync::oneshot;

use crate::audit::checkpoint::Checkpoint;
use crate::audit::event::Event;
use crate::audit::log::Log;
use crate::error::{Error, Result};

/// Records written together at most.
const TOGETHER: usize = 1_024;
/// Records, and time, after which what was written is signed.
const UNSEALED: u64 = 1_000;
const EVERY: Duration = Duration::from_secs(300);

pub enum Job {
    /// Nobody may wait for the answer: the number of the record.
    Record(Box<Event>, Option<oneshot::Sender<Result<u64>>>),
    Seal(oneshot::Sender<Result<Option<Checkpoint>>>),
    Retire(DateTime<Utc>, oneshot::Sender<Result<u64>>),
    Close(oneshot::Sender<()>),
}

/// Appends until it is closed or nobody can ask any more; then signs.
pub fn run(mut log: Log, jobs: &Receiver<Job>) {
    let mut unsealed = 0;
    let mut due = Instant::now() + EVERY;
    loop {
        let mut next = match jobs.recv_timeout(due.saturating_duration_since(Instant::now())) {
            Ok(job) => Some(job),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return seal(&mut log, &mut unsealed),
        };
        if matches!(next, Some(Job::Record(..))) {
            next = record(&mut log, jobs, next, &mut unsealed);
        }
        match next {
            Some(Job::Seal(answer)) => {
                unsealed = 0;
                let _ = answer.send(log.seal());
            }
            Some(Job::Retire(before, answer)) => drop(answer.send(log.retire(before))),
            Some(Job::Close(answer)) => {
                seal(&mut log, &mut unsealed);
                let _ = answer.send(());
                return;
            }
            Some(Job::Record(..)) | None => {}
        }
        if unsealed >= UNSEALED || Instant::now() >= due {
            seal(&mut log, &mut unsealed);
            due = Instant::now() + EVERY;
        }
    }
}

/// Writes what waits to be recorded; gives the first job that is something else.
fn record(log: &mut Log, jobs: &Receiver<Job>, first: Option<Job>, unsealed: &mut u64) -> Option<Job> {
    let (mut events, mut waiting, mut next) = (Vec::new(), Vec::new(), first);
    loop {
        match next {
            Some(Job::Record(event, answer)) => {
                events.push(*event);
                waiting.push(answer);
            }
            other => {
                next = other;
                break;
            }
        }
        next = None;
        if events.len() == TOGETHER {
            break;
        }
        match jobs.try_recv() {
            Ok(job) => next = Some(job),
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
        }
    }
    let done = log.append(&events);
    match &done {
        Ok(_) => *unsealed += events.len() as u64,
        Err(error) => tracing::error!(%error, records = events.len(), "acts could not be recorded"),
    }
    for (at, answer) in waiting.into_iter().enumerate() {
        let Some(answer) = answer else { continue };
        let seq = match &done {
            Ok(first) => Ok(first + at as u64),
            Err(error) => Err(Error { kind: error.kind, code: error.code, message: error.message.clone(), source: Some(error.to_string().into()) }),
        };
        let _ = answer.send(seq);
    }
    next
}

fn seal(log: &mut Log, unsealed: &mut u64) {
    if *unsealed == 0 {
        return;
    }
    match log.seal() {
        Ok(_) => *unsealed = 0,
        Err(error) => tracing::error!(%error, "the audit log could not be signed"),
    }
}
