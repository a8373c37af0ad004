//! Parsing and planning recurse as deep as the query is: they get a stack of their own, and a time limit.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::error::{Error, Kind, Result};

const STACK: usize = 128 << 20;

/// Runs `work` on a thread with a big stack. Past `limit` the answer is an error and the thread is left behind: it
/// cannot be stopped, so a worker process ends itself after it.
pub async fn run<T, W>(limit: Duration, work: W) -> Result<T>
where
    T: Send + 'static,
    W: FnOnce(&Handle) -> Result<T> + Send + 'static,
{
    let handle = Handle::current();
    let (send, receive) = oneshot::channel();
    let body = move || {
        let result = catch_unwind(AssertUnwindSafe(|| work(&handle)));
        // The receiver is gone when the limit has passed: nobody waits for this answer.
        let _ = send.send(result.unwrap_or_else(|_| Err(Error::internal("plan.panic", "planning panicked"))));
    };
    std::thread::Builder::new().name("plan".into()).stack_size(STACK).spawn(body).map_err(|e| Error::internal("plan.thread", e))?;
    match tokio::time::timeout(limit, receive).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(Error::internal("plan.thread", "the planning thread is gone")),
        Err(_) => Err(Error::new(Kind::Limit, "limit.planning", format!("the query takes more than {} s to plan", limit.as_secs()))),
    }
}
