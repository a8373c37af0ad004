//! The worker's side: one question at a time on file descriptor 0, answered by a runtime of its own, so that a
//! query that never yields does not stop the loop that hears "cancel" and the parent's end.

use std::os::fd::FromRawFd;
use std::os::unix::net::UnixStream as StdStream;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::{Field, Schema};
use arrow::ipc::writer::StreamEncoder;
use futures::StreamExt;
use tokio::io::{AsyncWriteExt, BufWriter};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

use crate::Warehouse;
use crate::error::{Error, Kind, Result};
use crate::statement::Statement;
use crate::worker::limits;
use crate::worker::wire::{self, Ask, Failed, Frame, Frames, Head, Start, Tag, What};

/// Stack of the threads that run queries: expressions as deep as the gate allows are evaluated on them.
const STACK: usize = 16 << 20;

/// Batches between the query and the socket.
const AHEAD: usize = 2;

/// Bytes of one frame; a larger batch is cut by rows.
const FRAME: usize = 8 << 20;

/// How long a query that ended may keep the processor busy before the process is given up.
const QUIET: Duration = Duration::from_millis(400);

/// A query that runs longer than this yields to shorter ones.
const LONG: Duration = Duration::from_secs(1);

/// A piece of an answer on its way to the socket.
enum Out {
    Head(Head),
    Data(Vec<Buffer>),
    Done,
    Failed(Error),
}

/// The worker's loop. Returns when the parent closes the socket between two questions.
pub async fn serve(warehouse: Warehouse) -> Result<()> {
    limits::die_with_parent();
    let fault = |e: std::io::Error| Error::internal("worker.serve", e);
    // SAFETY: a worker is started with its socket as descriptor 0 and nothing else in the process uses it.
    let socket = unsafe { StdStream::from_raw_fd(0) };
    socket.set_nonblocking(true).map_err(fault)?;
    let (reader, writer) = UnixStream::from_std(socket).map_err(fault)?.into_split();
    let mut reader = Frames::new(reader);
    let Some(frame) = reader.next().await.map_err(fault)? else { return Ok(()) };
    let start: Start = parse(&frame.payload)?;
    let warehouse = warehouse.with_limits(start.limits)?;
    limits::apply(warehouse.limits()).map_err(fault)?;
    let threads = Builder::new_multi_thread()
        .worker_threads(warehouse.limits().threads)
        .thread_keep_alive(crate::IDLE_THREAD)
        .thread_stack_size(STACK)
        .thread_name(limits::QUERY_THREAD)
        .enable_all()
        .build();

    let (send, receive) = mpsc::channel(1);
    tokio::spawn(async move {
        // The end of the stream is the end of the parent: whatever runs, nobody waits for it.
        while let Ok(Some(frame)) = reader.next().await {
            if send.send(frame).await.is_err() {
                return;
            }
        }
        std::process::exit(0);
    });
    let fresh = limits::data_bytes().map_err(fault)?;
    let mut worker = Worker { warehouse, threads: threads.map_err(fault)?, frames: receive, socket: BufWriter::new(writer), fresh, is_demoted: false };
    let end = worker.serve().await.map_err(fault);
    // A runtime must not be dropped where tasks run.
    worker.threads.shutdown_background();
    end
}

/// How a question ended, as far as this process is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Answered,
    /// A thread of it goes on that cannot be stopped.
    Lost,
}

struct Worker {
    warehouse: Warehouse,
    threads: Runtime,
    frames: mpsc::Receiver<Frame>,
    socket: BufWriter<OwnedWriteHalf>,
    /// Bytes of memory before the first query.
    fresh: u64,
    /// The query of this moment runs for long, at a lower priority.
    is_demoted: bool,
}

impl Worker {
    async fn serve(&mut self) -> std::io::Result<()> {
        loop {
            wire::write(&mut self.socket, Tag::Ready, &[]).await?;
            self.socket.flush().await?;
            let Some(ask) = self.frames.recv().await.filter(|f| f.tag == Tag::Ask) else { return Ok(()) };
            limits::allow_cpu(self.warehouse.limits())?;
            let end = self.answer(ask).await?;
            let is_demoted = std::mem::take(&mut self.is_demoted) && !limits::set_query_priority(false);
            if is_demoted || end == End::Lost || !self.is_quiet().await || limits::is_bloated(self.warehouse.limits(), self.fresh) {
                std::process::exit(0);
            }
        }
    }

    async fn answer(&mut self, ask: Frame) -> std::io::Result<End> {
        let (send, mut receive) = mpsc::channel(AHEAD);
        let task = self.threads.spawn(run(self.warehouse.clone(), ask.payload, send.clone()));
        self.threads.spawn(async move {
            if task.await.is_err_and(|e| e.is_panic()) {
                let _ = send.send(Out::Failed(Error::internal("query.panic", "the query panicked"))).await;
            }
        });
        let long = tokio::time::sleep(LONG);
        tokio::pin!(long);
        loop {
            tokio::select! {
                () = &mut long, if !self.is_demoted => {
                    self.is_demoted = true;
                    limits::set_query_priority(true);
                }
                out = receive.recv() => match out {
                    Some(Out::Head(head)) => wire::write_json(&mut self.socket, Tag::Head, &head).await?,
                    Some(Out::Data(buffers)) => wire::write_buffers(&mut self.socket, &buffers).await?,
                    Some(Out::Done) => {
                        wire::write(&mut self.socket, Tag::Done, &[]).await?;
                        self.socket.flush().await?;
                        return Ok(End::Answered);
                    }
                    Some(Out::Failed(error)) => {
                        if error.kind == Kind::Internal {
                            tracing::error!(error = %error, "query failed");
                        }
                        wire::write_json(&mut self.socket, Tag::Failed, &Failed::from(&error)).await?;
                        self.socket.flush().await?;
                        return Ok(if error.code == "limit.planning" { End::Lost } else { End::Answered });
                    }
                    None => return Ok(End::Lost),
                },
            }
        }
    }

    /// Waits until nothing of the last query runs any more. A join or a kernel may go on after its stream was dropped.
    async fn is_quiet(&self) -> bool {
        const LOOK: Duration = Duration::from_millis(20);
        for _ in 0..QUIET.as_millis() / LOOK.as_millis() {
            if self.threads.metrics().num_alive_tasks() == 0 {
                return true;
            }
            let before = limits::used_cpu();
            tokio::time::sleep(LOOK).await;
            // Connections of the object store stay alive as tasks and use no processor time.
            if limits::used_cpu() - before < LOOK / 10 {
                return true;
            }
        }
        false
    }
}

async fn run(warehouse: Warehouse, payload: Vec<u8>, out: mpsc::Sender<Out>) {
    let end = match answer(&warehouse, &payload, &out).await {
        Ok(()) => Out::Done,
        Err(error) => Out::Failed(error),
    };
    // Fails only when a task of this query panicked.
    let _ = out.send(end).await;
}

async fn answer(warehouse: &Warehouse, payload: &[u8], out: &mpsc::Sender<Out>) -> Result<()> {
    let ask: Ask = parse(payload)?;
    let session = warehouse.session(&ask.principal).await?;
    match ask.what {
        What::Rows => {}
        What::Description => return describe(&session, &ask.statement, out).await,
        What::Outline => return outline(&session, &ask.statement, out).await,
    }
    let mut rows = session.query(ask.statement).await?;
    send(out, Out::Head(Head { snapshot: std::mem::take(&mut rows.snapshot), ..Head::default() })).await?;
    let fault = |e| Error::internal("worker.encode", e);
    let mut encoder = StreamEncoder::try_new(&rows.schema).map_err(fault)?;
    // The schema goes ahead of the first row, which may take long.
    let empty = RecordBatch::new_empty(rows.schema.clone());
    send(out, Out::Data(encoder.encode(&empty).map_err(fault)?)).await?;
    while let Some(batch) = rows.batches.next().await {
        for part in parts(batch?)? {
            send(out, Out::Data(encoder.encode(&part).map_err(fault)?)).await?;
        }
    }
    Ok(())
}

async fn describe(session: &crate::session::Session, statement: &Statement, out: &mpsc::Sender<Out>) -> Result<()> {
    let described = session.describe(statement).await?;
    let fault = |e| Error::internal("worker.encode", e);
    // One schema holds both: first the columns, then a field for each parameter.
    let parameters = described.parameters.iter().enumerate().map(|(i, t)| Arc::new(Field::new(format!("${}", i + 1), t.clone(), true)));
    let fields: Vec<_> = described.schema.fields().iter().cloned().chain(parameters).collect();
    let both = Schema::new_with_metadata(fields, described.schema.metadata().clone());
    send(out, Out::Head(Head { parameters: described.parameters.len(), ..Head::default() })).await?;
    send(out, Out::Data(StreamEncoder::try_new(&both).and_then(StreamEncoder::finish).map_err(fault)?)).await
}

async fn outline(session: &crate::session::Session, statement: &Statement, out: &mpsc::Sender<Out>) -> Result<()> {
    // Rows are counted on the query's time, not on that of planning, which ends with the first head.
    send(out, Out::Head(Head::default())).await?;
    let outline = session.outline(statement).await?;
    send(out, Out::Head(Head { outline, ..Head::default() })).await?;
    let nothing = StreamEncoder::try_new(&Schema::empty()).and_then(StreamEncoder::finish);
    send(out, Out::Data(nothing.map_err(|e| Error::internal("worker.encode", e))?)).await
}

async fn send(out: &mpsc::Sender<Out>, piece: Out) -> Result<()> {
    out.send(piece).await.map_err(|_| Error::new(Kind::Limit, "query.cancelled", "cancelled"))
}

/// Cuts a batch so that each part fits a frame.
fn parts(batch: RecordBatch) -> Result<Vec<RecordBatch>> {
    let rows = batch.num_rows();
    let bytes = batch.get_array_memory_size();
    let count = bytes.div_ceil(FRAME).clamp(1, rows.max(1));
    if rows == 1 && bytes > wire::LARGEST / 2 {
        return Err(Error::new(Kind::Limit, "limit.row", "a row of the answer is too large"));
    }
    let each = rows.div_ceil(count).max(1);
    Ok((0..rows).step_by(each).map(|start| batch.slice(start, each.min(rows - start))).collect())
}

fn parse<'a, T: serde::Deserialize<'a>>(payload: &'a [u8]) -> Result<T> {
    serde_json::from_slice(payload).map_err(|e| Error::internal("worker.frame", e))
}
