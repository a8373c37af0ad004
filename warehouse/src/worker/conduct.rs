//! One question on one worker, from asking to the last row: time limits, cancelling, and the worker's end.

use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::StreamDecoder;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use crate::config::Limits;
use crate::error::{Error, Kind, Result};
use crate::worker::process::Process;
use crate::worker::wire::{self, Ask, Failed, Frame, Head, Tag};

/// A worker keeps its own time limits; past this much more it is killed.
const GRACE: Duration = Duration::from_secs(2);

/// What a caller gets before the first row.
pub struct Begun {
    pub head: Head,
    pub schema: SchemaRef,
}

/// A batch; or `None` after the last one, without which an answer is not whole.
pub type Piece = Result<Option<RecordBatch>>;

/// Where an answer goes.
pub struct Reader {
    pub begun: Option<oneshot::Sender<Result<Begun>>>,
    pub batches: mpsc::Sender<Piece>,
}

/// Why an answer is not whole.
pub enum Stop {
    /// The reader went away.
    Cancelled,
    /// The reader let the answer lie for too long.
    Stalled,
    /// The worker said so and goes on.
    Failed(Error),
    /// The worker is gone, or must go.
    Lost(Error),
}

/// What was seen of an answer.
#[derive(Default)]
pub struct Seen {
    pub rows: u64,
    pub tables: Vec<String>,
}

impl Reader {
    /// Hands the end to whoever waits: the caller before the first row, the stream after. A reader that has gone, or
    /// does not take it in time, does without.
    pub async fn end(mut self, end: Result<()>, limits: &Limits) {
        match (self.begun.take(), end) {
            (Some(begun), Err(error)) => drop(begun.send(Err(error))),
            (_, end) => drop(timeout(limits.reader, self.batches.send(end.map(|()| None))).await),
        }
    }

    /// Resolves when nobody reads any more.
    pub async fn gone(&mut self) {
        match &mut self.begun {
            Some(begun) => begun.closed().await,
            None => self.batches.closed().await,
        }
    }

    async fn hand_on(&self, batch: RecordBatch, limits: &Limits) -> Result<(), Stop> {
        match timeout(limits.reader, self.batches.send(Ok(Some(batch)))).await {
            Ok(sent) => sent.map_err(|_| Stop::Cancelled),
            Err(_) => Err(Stop::Stalled),
        }
    }
}

/// Asks and hands the rows on, up to the worker's last word.
pub async fn conduct(process: &mut Process, ask: &Ask, limits: &Limits, reader: &mut Reader, seen: &mut Seen) -> Result<(), Stop> {
    if wire::write_json(&mut process.writer, Tag::Ask, ask).await.is_err() {
        return Err(Stop::Lost(process.cause_of_death().await));
    }
    let mut decoder = StreamDecoder::new();
    let mut head = Head::default();
    let mut left = limits.planning + GRACE;
    loop {
        let began = Instant::now();
        let frame = next(process, reader, began + left).await?;
        left = left.saturating_sub(began.elapsed());
        match frame.tag {
            Tag::Head => {
                head = serde_json::from_slice(&frame.payload).map_err(garbled)?;
                seen.tables = head.snapshot.keys().cloned().collect();
                // It is planned: from here on the query's own time counts.
                left = limits.time + GRACE;
            }
            Tag::Data => {
                let mut buffer = Buffer::from_vec(frame.payload);
                while !buffer.is_empty() {
                    let batch = decoder.decode(&mut buffer).map_err(garbled)?;
                    if let Some(schema) = decoder.schema()
                        && let Some(begun) = reader.begun.take()
                    {
                        begun.send(Ok(Begun { head: std::mem::take(&mut head), schema })).map_err(|_| Stop::Cancelled)?;
                    }
                    if let Some(batch) = batch.filter(|b| b.num_rows() > 0) {
                        seen.rows += batch.num_rows() as u64;
                        reader.hand_on(batch, limits).await?;
                    }
                }
            }
            Tag::Done => return Ok(()),
            Tag::Failed => {
                let failed: Failed = serde_json::from_slice(&frame.payload).map_err(garbled)?;
                return Err(Stop::Failed(failed.into()));
            }
            Tag::Start | Tag::Ask | Tag::Ready => return Err(garbled("frame out of turn")),
        }
    }
}

/// After an answer: whether the worker can take another question.
pub async fn settle(process: &mut Process, outcome: &Result<(), Stop>) -> bool {
    match outcome {
        Ok(()) | Err(Stop::Failed(_)) => ready(process, GRACE).await,
        // What was let go may hold a thread far beyond the cancel, and the next question would wait for it.
        Err(Stop::Cancelled | Stop::Stalled | Stop::Lost(_)) => false,
    }
}

/// The next frame, unless the reader goes away or the time is over.
async fn next(process: &mut Process, reader: &mut Reader, deadline: Instant) -> Result<Frame, Stop> {
    let read = tokio::select! {
        frame = process.reader.next() => frame,
        () = reader.gone() => return Err(Stop::Cancelled),
        () = sleep_until(deadline) => return Err(Stop::Lost(Error::new(Kind::Limit, "limit.time", "the query ran longer than a query may"))),
    };
    match read {
        Ok(Some(frame)) => Ok(frame),
        Ok(None) | Err(_) => Err(Stop::Lost(process.cause_of_death().await)),
    }
}

fn garbled(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Stop {
    Stop::Lost(Error::internal("worker.garbled", error))
}

/// Reads on until the worker is ready for the next question; false when it is not in time or ends.
async fn ready(process: &mut Process, within: Duration) -> bool {
    let wait = async {
        loop {
            match process.reader.next().await {
                Ok(Some(frame)) if frame.tag == Tag::Ready => return true,
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => return false,
            }
        }
    };
    timeout(within, wait).await.unwrap_or(false)
}
