//! The accept loop of the HTTP and Flight doors. `axum::serve` sets no timer, so that a client which never ends its
//! headers would hold its connection for ever: this loop does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Connections open at once; more wait in the listen queue.
const CONNECTIONS: usize = 2_000;
/// Time for a client to finish the TLS handshake, to ask its first question, and to send all headers of each.
const HEADERS: Duration = Duration::from_secs(10);
/// Bytes of all headers together.
const HEADER_BYTES: u32 = 32 * 1024;
/// Requests at once on one HTTP/2 connection.
const STREAMS: u32 = 64;

/// Serves `router` until `shutdown`, then lets running answers finish for `grace`. With `tls`, every connection is TLS.
pub async fn serve(router: Router, listener: TcpListener, tls: Option<Arc<rustls::ServerConfig>>, shutdown: CancellationToken, grace: Duration) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let tls = tls.map(with_alpn);
    loop {
        let slot = tokio::select! {
            slot = slots.clone().acquire_owned() => slot.ok(),
            () = shutdown.cancelled() => break,
        };
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = shutdown.cancelled() => break,
        };
        let (router, tls, watcher) = (router.clone(), tls.clone(), graceful.watcher());
        tokio::spawn(async move {
            connection(router, stream, peer, tls, watcher).await;
            drop(slot);
        });
    }
    drop(listener);
    if tokio::time::timeout(grace, graceful.shutdown()).await.is_err() {
        tracing::warn!("answers still running at the end of the grace period were cut");
    }
}

async fn connection(router: Router, stream: TcpStream, peer: SocketAddr, tls: Option<TlsAcceptor>, watcher: Watcher) {
    let _ = stream.set_nodelay(true);
    match tls {
        None => speak(router, stream, peer, watcher).await,
        Some(acceptor) => match tokio::time::timeout(HEADERS, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => speak(router, stream, peer, watcher).await,
            Ok(Err(error)) => tracing::debug!(%error, "tls handshake failed"),
            Err(_) => tracing::debug!("tls handshake timed out"),
        },
    }
}

async fn speak(router: Router, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, peer: SocketAddr, watcher: Watcher) {
    let asked = Arc::new(AtomicBool::new(false));
    let first = asked.clone();
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        first.store(true, Ordering::Relaxed);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS).max_buf_size(64 * 1024);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADER_BYTES)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20));
    let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
    let mut connection = std::pin::pin!(watcher.watch(connection));
    // Hyper's own timer begins with the first byte, and which protocol it is may take a client for ever to say.
    let ended = match tokio::time::timeout(HEADERS, &mut connection).await {
        Ok(ended) => ended,
        Err(_) if asked.load(Ordering::Relaxed) => connection.await,
        Err(_) => return tracing::debug!("nothing was asked in time"),
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}

/// Both protocols are offered: gRPC needs h2, and browsers take what they prefer.
fn with_alpn(config: Arc<rustls::ServerConfig>) -> TlsAcceptor {
    let mut config = (*config).clone();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}
