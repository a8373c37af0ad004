//! Where what is being done comes from. A door says it once for a request or a connection, and everything recorded on the way knows it: a
//! handler that had to hand it on could forget to.

use std::net::IpAddr;
use std::sync::Arc;

use crate::audit::event::Door;

tokio::task_local! {
    static CURRENT: Origin;
}

/// Door and address of a request, or who gives a command.
#[derive(Clone, Debug)]
pub struct Origin {
    pub door: Door,
    pub from: Option<IpAddr>,
    /// The user of the operating system at the command line.
    pub operator: Option<Arc<str>>,
    /// The whole answer is taken away as a file.
    pub export: bool,
}

impl Origin {
    pub fn new(door: Door, from: Option<IpAddr>) -> Self {
        Self { door, from, operator: None, export: false }
    }

    /// A command that a user of the operating system gives.
    pub fn command(operator: &str) -> Self {
        Self { operator: Some(operator.into()), ..Self::new(Door::Command, None) }
    }

    /// That of the task under way; outside of any request it is the service itself.
    pub fn current() -> Self {
        CURRENT.try_with(Clone::clone).unwrap_or_else(|_| Self::new(Door::Service, None))
    }

    /// Runs `work` as coming from here. What it spawns is the service's own, unless it is put within again.
    pub async fn within<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }
}
