//! The task that turns rows into chunks of a response body.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ::arrow::array::{RecordBatch, RecordBatchOptions};
use ::arrow::datatypes::SchemaRef;
use axum::body::Body;
use bytes::Bytes;
use futures::{StreamExt, stream};
use tokio::sync::mpsc::{Sender, channel};

use super::{Batches, CHUNK_ROWS, Encoder, End};
use crate::doors::http::problem::Problem;

/// Chunks made ahead of the client.
const AHEAD: usize = 2;

pub(super) struct Job {
    /// Bytes before the first row.
    pub first: Vec<u8>,
    pub batches: Batches,
    /// The rows' schema under unique names.
    pub schema: SchemaRef,
    pub encoder: Box<dyn Encoder>,
    pub page: Option<(usize, String)>,
    pub patience: Duration,
    pub health: Health,
}

/// Whether a body's rows broke midway. Goes with its response, so that an answer that is not whole is kept by nobody.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<AtomicBool>);

impl Health {
    pub fn broken(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    fn breaks(&self) {
        self.0.store(true, Ordering::Release);
    }
}

enum Piece {
    Bytes(Bytes),
    End,
}

/// Why a job stopped before its end.
enum Stop {
    /// Nobody reads any more.
    Gone,
    Broken(Problem),
}

/// The whole body of few rows that are all there: no task, no chunks, and its length is known.
pub(super) async fn whole(mut job: Job) -> Result<Bytes, Problem> {
    let mut to = To::Memory(Vec::new());
    match (write(&mut job, &mut to, &mut 0).await, to) {
        (Ok(()), To::Memory(bytes)) => Ok(bytes.into()),
        (Err(Stop::Broken(problem)), _) => Err(problem),
        _ => Err(Problem::internal("http.encode", "nobody to write to")),
    }
}

/// A body that is fed by its own task: the next chunk is made while the client takes the last one, a client that leaves
/// cancels the query at once, and only an explicit end is a clean end.
pub(super) fn stream(job: Job) -> Body {
    let (to, from) = channel(AHEAD);
    tokio::spawn(async move {
        let gone = to.clone();
        tokio::select! {
            () = run(job, to) => {}
            () = gone.closed() => {}
        }
    });
    let pieces = stream::unfold(Some(from), |from| async move {
        let mut from = from?;
        match from.recv().await {
            Some(Piece::Bytes(bytes)) => Some((Ok(bytes), Some(from))),
            Some(Piece::End) => None,
            None => Some((Err(std::io::Error::other("the answer broke")), None)),
        }
    });
    // Compression asks once more after the end.
    Body::from_stream(pieces.fuse())
}

async fn run(mut job: Job, to: Sender<Piece>) {
    let mut count = 0;
    let mut client = To::Client(to.clone(), job.patience);
    match write(&mut job, &mut client, &mut count).await {
        Ok(()) => {}
        Err(Stop::Gone) => return,
        Err(Stop::Broken(problem)) => {
            job.health.breaks();
            tracing::warn!(code = problem.code, rows = count, "answer broke");
            let Some(bytes) = job.encoder.broken(&problem, count) else { return };
            if client.send(bytes).await.is_err() {
                return;
            }
        }
    }
    let _ = to.send(Piece::End).await;
}

async fn write(job: &mut Job, to: &mut To, count: &mut u64) -> Result<(), Stop> {
    to.send(std::mem::take(&mut job.first)).await?;
    let mut left = job.page.as_ref().map_or(usize::MAX, |(size, _)| *size);
    let mut more = false;
    while !more && let Some(batch) = job.batches.next().await {
        let batch = batch.map_err(|error| Stop::Broken(error.into()))?;
        let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let batch = RecordBatch::try_new_with_options(job.schema.clone(), batch.columns().to_vec(), &rows).map_err(encoding)?;
        more = batch.num_rows() > left;
        let batch = batch.slice(0, batch.num_rows().min(left));
        for start in (0..batch.num_rows()).step_by(CHUNK_ROWS) {
            let part = batch.slice(start, CHUNK_ROWS.min(batch.num_rows() - start));
            let bytes = job.encoder.batch(&part).map_err(encoding)?;
            *count += part.num_rows() as u64;
            to.send(bytes).await?;
        }
        left -= batch.num_rows();
    }
    let next = job.page.take().filter(|_| more).map(|(_, next)| next);
    let bytes = job.encoder.end(&End { count: *count, next }).map_err(encoding)?;
    to.send(bytes).await
}

/// Where the bytes go.
enum To {
    /// To a client that may leave each chunk lying for so long.
    Client(Sender<Piece>, Duration),
    Memory(Vec<u8>),
}

impl To {
    async fn send(&mut self, bytes: Vec<u8>) -> Result<(), Stop> {
        match self {
            Self::Memory(all) if all.is_empty() => *all = bytes,
            Self::Memory(all) => all.extend_from_slice(&bytes),
            Self::Client(..) if bytes.is_empty() => {}
            Self::Client(to, patience) => to.send_timeout(Piece::Bytes(bytes.into()), *patience).await.map_err(|_| Stop::Gone)?,
        }
        Ok(())
    }
}

fn encoding(error: arrow::error::ArrowError) -> Stop {
    Stop::Broken(Problem::internal("http.encode", error))
}
