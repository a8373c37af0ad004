//! Who may use a worker next: accounts take turns, each runs only so many queries at once, and nobody waits for ever.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::config::Limits;
use crate::error::{Error, Kind, Result};
use crate::worker::process::Process;

/// The workers that are free and the queries that wait for one.
pub struct Admission {
    limits: Limits,
    state: Mutex<State>,
    /// Called when a worker was lost: another must be started.
    lost: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct State {
    idle: Vec<Process>,
    /// Accounts with waiting queries, the next one first.
    turns: VecDeque<String>,
    waiting: BTreeMap<String, VecDeque<oneshot::Sender<Lease>>>,
    running: HashMap<String, usize>,
    closed: bool,
}

/// The right to use a worker. Dropping it gives the worker back.
pub struct Lease {
    process: Option<Process>,
    account: String,
    admission: Weak<Admission>,
}

impl Admission {
    pub fn new(limits: Limits, lost: Box<dyn Fn() + Send + Sync>) -> Arc<Self> {
        Arc::new(Self { limits, state: Mutex::new(State::default()), lost })
    }

    /// Waits for a worker, at most `queue_time`.
    /// Errors: `Busy` when the queue is full or the wait too long.
    pub async fn lease(self: &Arc<Self>, account: &str) -> Result<Lease> {
        let turn = self.enqueue(account)?;
        match tokio::time::timeout(self.limits.queue_time, turn).await {
            Ok(Ok(lease)) => Ok(lease),
            Ok(Err(_)) => Err(Error::new(Kind::Busy, "busy.closing", "the service is closing")),
            Err(_) => Err(Error::new(Kind::Busy, "busy.wait", "too many queries are running: try again in a moment")),
        }
    }

    fn enqueue(self: &Arc<Self>, account: &str) -> Result<oneshot::Receiver<Lease>> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(Error::new(Kind::Busy, "busy.closing", "the service is closing"));
        }
        for queue in state.waiting.values_mut() {
            queue.retain(|waiter| !waiter.is_closed());
        }
        // One account never fills the whole queue.
        let own = state.waiting.get(account).map_or(0, VecDeque::len);
        let all: usize = state.waiting.values().map(VecDeque::len).sum();
        if all >= self.limits.queue || own >= self.limits.queue.div_ceil(2) {
            return Err(Error::new(Kind::Busy, "busy.queue", "too many queries are waiting: try again in a moment"));
        }
        let (send, receive) = oneshot::channel();
        state.waiting.entry(account.to_owned()).or_default().push_back(send);
        if !state.turns.iter().any(|a| a == account) {
            state.turns.push_back(account.to_owned());
        }
        self.dispatch(&mut state);
        Ok(receive)
    }

    /// A worker is ready, new or done with its query.
    pub fn add(self: &Arc<Self>, process: Process) {
        let mut state = self.state.lock();
        if !state.closed {
            state.idle.push(process);
            self.dispatch(&mut state);
        }
    }

    /// Running and waiting queries.
    pub fn load(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.running.values().sum(), state.waiting.values().map(VecDeque::len).sum())
    }

    /// Ends all idle workers and turns waiting queries away.
    pub fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        state.waiting.clear();
        state.turns.clear();
        state.idle.clear();
    }

    /// Queries of one account at once: with several workers, one is always left to the others.
    fn share(&self) -> usize {
        self.limits.per_principal.min(self.limits.workers.saturating_sub(1)).max(1)
    }

    fn dispatch(self: &Arc<Self>, state: &mut State) {
        while !state.idle.is_empty() {
            let next = state.turns.iter().position(|a| state.running.get(a).copied().unwrap_or(0) < self.share());
            let Some(account) = next.and_then(|at| state.turns.remove(at)) else { return };
            let Some(queue) = state.waiting.get_mut(&account) else { continue };
            let waiter = queue.pop_front();
            if queue.is_empty() {
                state.waiting.remove(&account);
            } else {
                state.turns.push_back(account.clone());
            }
            let (Some(waiter), Some(process)) = (waiter.filter(|w| !w.is_closed()), state.idle.pop()) else { continue };
            let lease = Lease { process: Some(process), account: account.clone(), admission: Arc::downgrade(self) };
            match waiter.send(lease) {
                Ok(()) => *state.running.entry(account).or_default() += 1,
                // Gone in this very moment: the lease must not come back through its drop, which takes the lock.
                Err(mut lease) => state.idle.extend(lease.process.take()),
            }
        }
    }

    fn give_back(self: &Arc<Self>, account: &str, process: Option<Process>) {
        let is_lost = process.is_none();
        {
            let mut state = self.state.lock();
            if let Some(count) = state.running.get_mut(account) {
                *count -= 1;
                if *count == 0 {
                    state.running.remove(account);
                }
            }
            if !state.closed {
                state.idle.extend(process);
                self.dispatch(&mut state);
            }
        }
        if is_lost {
            (self.lost)();
        }
    }
}

impl Lease {
    /// The worker, until [`Lease::kill`].
    pub fn process(&mut self) -> Option<&mut Process> {
        self.process.as_mut()
    }

    /// Ends the worker: it cannot be used again.
    pub fn kill(mut self) {
        if let (Some(process), Some(admission)) = (self.process.take(), self.admission.upgrade()) {
            drop(process);
            admission.give_back(&self.account, None);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let (Some(process), Some(admission)) = (self.process.take(), self.admission.upgrade()) {
            admission.give_back(&self.account, Some(process));
        }
    }
}
