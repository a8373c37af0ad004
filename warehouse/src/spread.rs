//! Independent work on all threads of the machine.

use std::future::Future;

use futures::{Stream, StreamExt, stream};
use tokio_util::task::AbortOnDropHandle;

use crate::error::{Error, Result};

/// Runs each of `work` as a task of its own, `at_once` of them at a time. Results come in the order of `work`; dropped, it ends what runs.
/// Errors: those of the work; `Internal` for one that panicked.
pub fn spread<F, T>(work: impl IntoIterator<Item = F>, at_once: usize) -> impl Stream<Item = Result<T>>
where
    F: Future<Output = Result<T>> + Send + 'static,
    T: Send + 'static,
{
    let begun = stream::iter(work).map(|one| AbortOnDropHandle::new(tokio::spawn(one)));
    begun.buffered(at_once).map(|done| done.map_err(|e| Error::internal("spread", e)).flatten())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use futures::TryStreamExt;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn so_many_run_at_a_time_and_answer_in_their_order() {
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let work = (0..12_u64).map(|n| {
            let (running, most) = (running.clone(), most.clone());
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(30 - 2 * n)).await;
                running.fetch_sub(1, Ordering::SeqCst);
                Ok(n)
            }
        });
        assert_eq!(spread(work, 3).try_collect::<Vec<_>>().await.unwrap(), (0..12).collect::<Vec<_>>());
        assert_eq!(most.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_what_is_dropped_ends() {
        let failed = spread([async { panic!("on purpose") as Result<()> }], 1).try_collect::<Vec<()>>().await.unwrap_err();
        assert_eq!(failed.code, "spread");
        let alive = Arc::new(());
        let held = alive.clone();
        let mut work = Box::pin(spread(
            [async move {
                let _held = held;
                std::future::pending::<Result<()>>().await
            }],
            1,
        ));
        assert!(tokio::time::timeout(Duration::from_millis(20), work.next()).await.is_err());
        drop(work);
        tokio::time::timeout(Duration::from_secs(5), async {
            while Arc::strong_count(&alive) > 1 {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("the task is gone");
    }
}
