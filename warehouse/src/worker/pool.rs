//! The pool of worker processes in the server.

use std::sync::{Arc, Weak};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use futures::stream::{self, BoxStream, StreamExt};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::audit::reads::Reads;
use crate::config::Limits;
use crate::error::{Error, Kind, Result};
use crate::principal::Principal;
use crate::session::outline::Step;
use crate::statement::{Description, Door, Rows, Statement};
use crate::worker::admission::Admission;
use crate::worker::conduct::{Begun, Piece, Reader, Seen, Stop, conduct, settle};
use crate::worker::process::{Keeper, Process};
use crate::worker::record::{QueryLog, QueryRecord};
use crate::worker::wire::{Ask, What};

/// How workers are started and what they may use.
#[derive(Clone)]
pub struct PoolConfig {
    /// Program and arguments of a worker, such as `[current_exe, "worker", "--data", …]`; it must call [`super::serve`].
    pub command: Vec<String>,
    pub limits: Limits,
    pub log: QueryLog,
    /// Records what is read of persons.
    pub reads: Option<Reads>,
}

/// The worker processes of a server. Cloning is cheap; the last clone's end kills them.
#[derive(Clone)]
pub struct Pool {
    inner: Arc<Inner>,
}

struct Inner {
    config: PoolConfig,
    keeper: Keeper,
    admission: Arc<Admission>,
    closing: CancellationToken,
}

/// How busy a pool is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Load {
    pub running: usize,
    pub waiting: usize,
}

/// Batches read ahead of the reader.
const AHEAD: usize = 1;

/// Pauses between attempts to start a worker that does not come up.
const RETRY: [Duration; 4] = [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(30)];

impl Pool {
    /// Starts the workers; returns before they are ready. Queries wait for the first one in the queue.
    pub async fn start(config: PoolConfig) -> Result<Self> {
        let keeper = Keeper::start()?;
        let runtime = Handle::current();
        let limits = config.limits.clone();
        let inner = Arc::new_cyclic(|weak: &Weak<Inner>| {
            let pool = weak.clone();
            let lost = move || {
                if let Some(inner) = pool.upgrade() {
                    runtime.spawn(replace(inner.config.clone(), inner.keeper.clone(), inner.closing.clone(), pool.clone()));
                }
            };
            Inner { config, keeper, admission: Admission::new(limits, Box::new(lost)), closing: CancellationToken::new() }
        });
        for _ in 0..inner.config.limits.workers {
            tokio::spawn(replace(inner.config.clone(), inner.keeper.clone(), inner.closing.clone(), Arc::downgrade(&inner)));
        }
        Ok(Self { inner })
    }

    /// Runs a user's SQL in a worker. Returns when the columns are known; dropping the rows cancels the query.
    /// Errors: the gate's and the engine's, `Busy`, and `Limit` for a query that cost its worker.
    pub async fn query(&self, who: &Principal, statement: Statement, door: Door) -> Result<Rows> {
        let record = QueryRecord::begin(who, &statement, door);
        let ask = Ask { principal: who.clone(), statement, what: What::Rows };
        let (begun, batches) = self.ask(ask, Some(record));
        let begun = begun.await.map_err(|_| lost())??;
        let rows = Rows { schema: begun.schema, batches: whole(batches), snapshot: begun.head.snapshot };
        Ok(match &self.inner.config.reads {
            Some(reads) => reads.watched(who, Some(door), rows),
            None => rows,
        })
    }

    /// Columns and parameters of a user's SQL, planned in a worker.
    /// Not a query: it is not recorded, whichever the door.
    pub async fn describe(&self, who: &Principal, statement: Statement, _door: Door) -> Result<Description> {
        let ask = Ask { principal: who.clone(), statement, what: What::Description };
        let (begun, mut end) = self.ask(ask, None);
        let begun = begun.await.map_err(|_| lost())??;
        // Who leaves before the end cancels, and that costs the worker.
        end.recv().await.transpose()?;
        let schema = begun.schema;
        let split = schema.fields().len().checked_sub(begun.head.parameters).ok_or_else(lost)?;
        let fields: Vec<_> = schema.fields()[..split].to_vec();
        let parameters = schema.fields()[split..].iter().map(|f| f.data_type().clone()).collect();
        Ok(Description { schema: Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())), parameters })
    }

    /// What a user's SQL does, step by step, told by a worker. Not recorded either.
    pub async fn outline(&self, who: &Principal, statement: Statement) -> Result<Vec<Step>> {
        let ask = Ask { principal: who.clone(), statement, what: What::Outline };
        let (begun, mut end) = self.ask(ask, None);
        let begun = begun.await.map_err(|_| lost())??;
        end.recv().await.transpose()?;
        if let Some(reads) = &self.inner.config.reads {
            reads.counted(who, &begun.head.outline).await?;
        }
        Ok(begun.head.outline)
    }

    /// Queries that run and that wait at this moment.
    pub fn load(&self) -> Load {
        let (running, waiting) = self.inner.admission.load();
        Load { running, waiting }
    }

    /// Ends all workers; queries that run or wait get an error.
    pub async fn close(&self) {
        self.inner.closing.cancel();
        self.inner.admission.close();
    }

    /// The whole life of a question is a task of its own, so that a caller that goes away leaves nothing behind.
    fn ask(&self, ask: Ask, record: Option<QueryRecord>) -> (oneshot::Receiver<Result<Begun>>, mpsc::Receiver<Piece>) {
        let (begun, begins) = oneshot::channel();
        let (batches, rows) = mpsc::channel(AHEAD);
        let reader = Reader { begun: Some(begun), batches };
        tokio::spawn(run(self.inner.admission.clone(), self.inner.config.clone(), self.inner.closing.clone(), ask, reader, record));
        (begins, rows)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.closing.cancel();
        self.admission.close();
    }
}

/// From arrival to the worker's next "ready".
async fn run(admission: Arc<Admission>, config: PoolConfig, closing: CancellationToken, ask: Ask, mut reader: Reader, record: Option<QueryRecord>) {
    let limits = &config.limits;
    let log = |outcome: &str, seen: Seen| {
        if let Some(record) = record {
            (config.log)(record.end(outcome, seen));
        }
    };
    let mut lease = loop {
        let leased = tokio::select! {
            leased = admission.lease(&ask.principal.account) => leased,
            () = reader.gone() => return log("cancelled", Seen::default()),
        };
        match leased {
            Ok(mut lease) => {
                if !lease.process().is_some_and(Process::has_ended) {
                    break lease;
                }
                // It ended while nobody used it: that is not this question's fault.
                lease.kill();
            }
            Err(error) => {
                log(error.code, Seen::default());
                return reader.end(Err(error), limits).await;
            }
        }
    };
    let Some(process) = lease.process() else { return };
    let mut seen = Seen::default();
    let outcome = tokio::select! {
        outcome = conduct(process, &ask, limits, &mut reader, &mut seen) => outcome,
        () = closing.cancelled() => Err(Stop::Lost(closing_error())),
    };
    let (name, end) = match &outcome {
        Ok(()) => ("ok", Ok(())),
        Err(Stop::Cancelled) => ("cancelled", Ok(())),
        Err(Stop::Stalled) => ("limit.reader", Err(Error::new(Kind::Limit, "limit.reader", "the answer was not read in time"))),
        Err(Stop::Failed(error) | Stop::Lost(error)) => {
            if error.kind == Kind::Internal {
                tracing::error!(%error, "query failed in its worker");
            }
            (error.code, Err(Error::new(error.kind, error.code, error.message.clone())))
        }
    };
    log(name, seen);
    // The reader has its end at once; the worker's own end may take longer.
    let limits = config.limits.clone();
    tokio::spawn(async move { reader.end(end, &limits).await });
    if !settle(process, &outcome).await {
        lease.kill();
    }
}

/// Starts one worker, again and again until it comes up or the pool is gone.
async fn replace(config: PoolConfig, keeper: Keeper, closing: CancellationToken, pool: Weak<Inner>) {
    for attempt in 0.. {
        let started = tokio::select! {
            started = Process::start(&keeper, &config.command, &config.limits) => started,
            () = closing.cancelled() => return,
        };
        match started {
            Ok(process) => {
                if let Some(inner) = pool.upgrade() {
                    tracing::debug!(pid = process.id(), "worker ready");
                    inner.admission.add(process);
                }
                return;
            }
            Err(error) => {
                tracing::error!(%error, "worker did not start");
                tokio::time::sleep(RETRY[RETRY.len().min(attempt + 1) - 1]).await;
            }
        }
    }
}

fn lost() -> Error {
    Error::internal("worker.lost", "the worker is gone")
}

fn closing_error() -> Error {
    Error::new(Kind::Busy, "busy.closing", "the service is closing")
}

/// A stream that ends well only after the worker's word that the answer is whole.
fn whole(batches: mpsc::Receiver<Piece>) -> BoxStream<'static, Result<RecordBatch>> {
    let pieces = stream::unfold(Some(batches), |batches| async move {
        let mut batches = batches?;
        match batches.recv().await {
            Some(Ok(Some(batch))) => Some((Ok(batch), Some(batches))),
            Some(Ok(None)) => None,
            Some(Err(error)) => Some((Err(error), None)),
            None => Some((Err(lost()), None)),
        }
    });
    pieces.boxed()
}
