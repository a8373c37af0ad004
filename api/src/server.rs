//! The doors of one app, started and stopped together.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::doors;

/// A server whose doors listen.
pub struct Server {
    pub addresses: Addresses,
    doors: JoinSet<anyhow::Result<()>>,
    shutdown: CancellationToken,
    app: App,
}

/// Where the doors are, as the `ready` line says it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Addresses {
    pub http: String,
    pub postgres: String,
    pub flight: String,
}

impl Server {
    /// Opens all doors; `shutdown` closes them. An address that is taken is an error and opens none.
    pub async fn start(app: App, shutdown: CancellationToken) -> anyhow::Result<Self> {
        let http = bind(app.listen.http).await?;
        let postgres = bind(app.listen.postgres).await?;
        let flight = bind(app.listen.flight).await?;
        let (http_at, postgres_at, flight_at) = (http.local_addr()?, postgres.local_addr()?, flight.local_addr()?);
        let secure = |tls: bool, plain: &str, over_tls: &str| if tls { over_tls.to_string() } else { plain.to_string() };
        let addresses = Addresses {
            http: format!("{}://{http_at}", secure(app.http_tls(http_at).is_some(), "http", "https")),
            postgres: postgres_at.to_string(),
            flight: format!("{}://{flight_at}", secure(app.flight_tls(flight_at).is_some(), "grpc", "grpc+tls")),
        };
        let _ = app.addresses.set(addresses.clone());
        let _ = app.addresses.set(addresses.clone());
        let mut doors = JoinSet::new();
        let (http_app, postgres_app, flight_app) = (app.clone(), app.clone(), app.clone());
        let (http_end, postgres_end, flight_end) = (shutdown.clone(), shutdown.clone(), shutdown.clone());
        doors.spawn(async move { Ok(doors::http::serve(http_app, http, http_end).await?) });
        doors.spawn(async move { Ok(doors::postgres::serve(postgres_app, postgres, postgres_end).await?) });
        doors.spawn(async move { Ok(doors::flight::serve(flight_app, flight, flight_end).await?) });
        Ok(Self { addresses, doors, shutdown, app })
    }

    /// Waits until the doors are closed and what ran has ended, or the grace period is over. A door that fails closes the others.
    /// `work` is ended before the app is closed.
    pub async fn finished(mut self, mut work: JoinSet<()>) -> anyhow::Result<()> {
        let mut outcome = Ok(());
        // Until shutdown, for as long as it takes; after it, for the grace period and a little for closing.
        let end = async {
            self.shutdown.cancelled().await;
            tokio::time::sleep(Duration::from_secs(self.app.listen.grace + 2)).await;
        };
        tokio::pin!(end);
        loop {
            tokio::select! {
                door = self.doors.join_next() => match door {
                    None => break,
                    Some(result) => {
                        let result = result.map_err(anyhow::Error::from).flatten();
                        if let Err(error) = result && outcome.is_ok() {
                            outcome = Err(error.context("a door failed"));
                        }
                        self.shutdown.cancel();
                    }
                },
                () = &mut end => {
                    tracing::warn!("doors still open at the end of the grace period were closed");
                    break;
                }
            }
        }
        self.doors.abort_all();
        let ended = async { while work.join_next().await.is_some() {} };
        if tokio::time::timeout(Duration::from_secs(self.app.listen.grace), ended).await.is_err() {
            work.abort_all();
        }
        self.app.close().await;
        outcome
    }
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

/// A token that SIGINT and SIGTERM cancel; a second signal ends the process at once.
pub fn on_signal() -> anyhow::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let token = CancellationToken::new();
    let stop = token.clone();
    tokio::spawn(async move {
        for first in [true, false] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if first {
                tracing::info!("stopping; a second signal stops at once");
                stop.cancel();
            } else {
                std::process::exit(130);
            }
        }
    });
    Ok(token)
}
