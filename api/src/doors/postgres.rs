//! The PostgreSQL door: psql, DBeaver, Metabase, Grafana, psycopg and whatever else speaks the protocol (version 3).
//! pgwire gives the messages; start-up, sign-in and the loop are ours, for the library's own start-up asks nobody's name.
//! One connection, one principal; every question goes to a worker through the one gate.

mod arrays;
mod cancel;
mod connection;
mod cursor;
mod encode;
mod errors;
mod extended;
mod numeric;
mod parameters;
mod scram;
mod script;
mod settings;
mod spool;
mod startup;
mod token;
mod utility;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use warehouse::audit::{Door, Origin};
use warehouse::error::{Error, Result};

use crate::app::App;
use crate::doors::postgres::cancel::Registry;
use crate::doors::postgres::startup::{Gate, Start};

/// Connections open at once; one more is told so and closed.
const CONNECTIONS: usize = 200;
/// Connections that are told so at once; past it a connection is closed without a word.
const REFUSALS: usize = 50;
/// From the first byte to the end of sign-in.
const START_UP: Duration = Duration::from_secs(30);
/// What running answers get to finish when the server stops.
const GRACE: Duration = Duration::from_secs(10);

/// Serves until `shutdown`. Plaintext is accepted from this machine only; from elsewhere TLS comes first.
pub async fn serve(app: App, listener: TcpListener, shutdown: CancellationToken) -> Result<()> {
    let gate = Arc::new(Gate::new(app, Registry::default()).map_err(|e| Error::internal("postgres.tls", e))?);
    let (slots, refusals) = (Arc::new(Semaphore::new(CONNECTIONS)), Arc::new(Semaphore::new(REFUSALS)));
    let tasks = TaskTracker::new();
    loop {
        let stream = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let (gate, end) = (gate.clone(), shutdown.clone());
        if let Ok(slot) = slots.clone().try_acquire_owned() {
            let origin = Origin::new(Door::Postgres, stream.peer_addr().ok().map(|peer| peer.ip()));
            tasks.spawn(async move {
                origin.within(serve_one(&gate, stream, end)).await;
                drop(slot);
            });
        } else if let Ok(turn) = refusals.clone().try_acquire_owned() {
            tasks.spawn(async move {
                let _ = tokio::time::timeout(START_UP, gate.refuse(stream)).await;
                drop(turn);
            });
        }
    }
    drop(listener);
    tasks.close();
    if tokio::time::timeout(GRACE, tasks.wait()).await.is_err() {
        tracing::warn!("answers still running at the end of the grace period were cut");
    }
    Ok(())
}

/// One client, from its first byte to its last. A fault ends this connection only.
async fn serve_one(gate: &Gate, stream: TcpStream, shutdown: CancellationToken) {
    match tokio::time::timeout(START_UP, gate.admit(stream)).await {
        Ok(Ok(Start::Session(connection))) => {
            if let Err(error) = connection.run(shutdown).await {
                tracing::debug!(%error, "connection ended");
            }
        }
        Ok(Ok(Start::Nothing)) => {}
        Ok(Err(error)) => tracing::debug!(%error, "start-up failed"),
        Err(_) => tracing::debug!("start-up timed out"),
    }
}
