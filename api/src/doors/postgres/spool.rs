//! An answer whose reader pauses (a cursor, a portal with a row limit) is drained aside, so that it does not hold a worker
//! while its reader thinks: into memory first, then into a nameless file.

use std::collections::VecDeque;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use warehouse::error::{Error, Kind, Result};

/// Bytes of one answer kept in memory.
const MEMORY: usize = 8 << 20;
/// Bytes of one answer kept on disk, and of all together.
const DISK: u64 = 1 << 30;
const ALL_DISK: u64 = 8 << 30;

/// Bytes on disk at this moment.
static STORED: AtomicU64 = AtomicU64::new(0);

/// An answer being drained. Dropping it ends the query.
pub struct Spool {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Default)]
struct Inner {
    memory: VecDeque<RecordBatch>,
    bytes: usize,
    file: Option<Arc<File>>,
    /// Place and length of the batches in the file, oldest first.
    stored: VecDeque<(u64, usize)>,
    end: u64,
    failure: Option<Error>,
    done: bool,
}

impl Spool {
    pub fn new(mut batches: BoxStream<'static, Result<RecordBatch>>) -> Self {
        let shared = Arc::new(Shared::default());
        let kept = shared.clone();
        let task = tokio::spawn(async move {
            while let Some(batch) = batches.next().await {
                let stored = match batch {
                    Ok(batch) => kept.clone().keep(batch).await,
                    Err(error) => Err(error),
                };
                if let Err(error) = stored {
                    kept.lock().failure = Some(error);
                    break;
                }
                kept.changed.notify_one();
            }
            kept.lock().done = true;
            kept.changed.notify_one();
        });
        Self { shared, task }
    }

    /// The next batch, in order; waits for it if it has not come yet.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = self.shared.clone().take().await? {
                return Ok(Some(batch));
            }
            {
                let mut inner = self.shared.lock();
                if inner.memory.is_empty() && inner.stored.is_empty() {
                    if let Some(error) = inner.failure.take() {
                        return Err(error);
                    }
                    if inner.done {
                        return Ok(None);
                    }
                }
            }
            self.shared.changed.notified().await;
        }
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        STORED.fetch_sub(self.end, Ordering::Relaxed);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Memory is used as long as nothing is in the file, so that order is kept.
    async fn keep(self: Arc<Self>, batch: RecordBatch) -> Result<()> {
        let size = batch.get_array_memory_size();
        {
            let mut inner = self.lock();
            if inner.stored.is_empty() && inner.bytes + size <= MEMORY {
                inner.bytes += size;
                inner.memory.push_back(batch);
                return Ok(());
            }
        }
        blocking(move || {
            let mut encoded = Vec::new();
            let mut writer = StreamWriter::try_new(&mut encoded, batch.schema_ref()).map_err(fault)?;
            writer.write(&batch).and_then(|()| writer.finish()).map_err(fault)?;
            drop(writer);
            let (file, at) = {
                let mut inner = self.lock();
                let file = match &inner.file {
                    Some(file) => file.clone(),
                    None => Arc::new(tempfile::tempfile().map_err(fault)?),
                };
                inner.file = Some(file.clone());
                (file, inner.end)
            };
            let size = encoded.len() as u64;
            if at + size > DISK || STORED.load(Ordering::Relaxed) + size > ALL_DISK {
                return Err(Error::new(Kind::Limit, "limit.cursor", "the cursor's answer is too large: read it without a cursor, or ask for less"));
            }
            file.write_all_at(&encoded, at).map_err(fault)?;
            let mut inner = self.lock();
            inner.end = at + size;
            STORED.fetch_add(size, Ordering::Relaxed);
            inner.stored.push_back((at, encoded.len()));
            Ok(())
        })
        .await
    }

    async fn take(self: Arc<Self>) -> Result<Option<RecordBatch>> {
        let (file, at, length) = {
            let mut inner = self.lock();
            if let Some(batch) = inner.memory.pop_front() {
                inner.bytes -= batch.get_array_memory_size();
                return Ok(Some(batch));
            }
            match (inner.stored.pop_front(), inner.file.clone()) {
                (Some((at, length)), Some(file)) => (file, at, length),
                _ => return Ok(None),
            }
        };
        blocking(move || {
            let mut encoded = vec![0; length];
            file.read_exact_at(&mut encoded, at).map_err(fault)?;
            StreamReader::try_new(encoded.as_slice(), None).map_err(fault)?.next().transpose().map_err(fault)
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::internal("postgres.spool", e))?
}

fn fault(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::internal("postgres.spool", error)
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array};
    use futures::stream;

    use super::*;

    fn batch(from: i64, rows: i64) -> RecordBatch {
        let column: ArrayRef = Arc::new(Int64Array::from_iter_values(from..from + rows));
        RecordBatch::try_from_iter([("n", column)]).unwrap()
    }

    #[tokio::test]
    async fn batches_come_back_in_order_from_memory_and_disk() {
        // 40 batches of 800 kB: ten fit in memory.
        let rows = 100_000;
        let batches: Vec<Result<RecordBatch>> = (0..40).map(|n| Ok(batch(n * rows, rows))).collect();
        let mut spool = Spool::new(stream::iter(batches).boxed());
        for n in 0..40 {
            assert_eq!(spool.next().await.unwrap(), Some(batch(n * rows, rows)));
        }
        assert_eq!(spool.next().await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_came_before_an_error_is_still_read() {
        let error = || Err(Error::new(Kind::Data, "data.division", "division by zero"));
        let mut spool = Spool::new(stream::iter([Ok(batch(0, 1)), error()]).boxed());
        assert!(spool.next().await.unwrap().is_some());
        assert_eq!(spool.next().await.unwrap_err().code, "data.division");
        assert!(spool.next().await.unwrap().is_none());
    }
}
