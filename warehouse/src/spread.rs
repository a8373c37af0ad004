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
