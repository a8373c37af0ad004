//! The Flight SQL door: the same questions and the same gate as everywhere, answered as Arrow. Read only; plans from
//! clients (Substrait), updates and ingestion are refused.

mod catalog;
mod handles;
mod info;
mod parameters;
mod service;
mod sign_in;
mod whole;

use std::any::Any;
use std::net::SocketAddr;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::{Code, Status};
use tower_http::catch_panic::CatchPanicLayer;
use warehouse::audit::{Door, Origin};
use warehouse::error::{Error, Kind};

use crate::app::App;
use crate::doors::accept;
use crate::doors::flight::service::Service;
use crate::doors::flight::sign_in::SignIn;
use crate::doors::flight::whole::Whole;

/// Bytes of one message from a client: SQL, parameters, tickets.
const MESSAGE: usize = 4 << 20;

/// Serves until `shutdown`. Plaintext is spoken on loopback only.
pub async fn serve(app: App, listener: TcpListener, shutdown: CancellationToken) -> std::io::Result<()> {
    let tls = app.flight_tls(listener.local_addr()?);
    let grace = Duration::from_secs(app.listen.grace);
    let sign_in = SignIn::new(app.sign_ins.clone());
    let service = FlightServiceServer::new(Whole(Service::new(app, sign_in.clone()))).max_decoding_message_size(MESSAGE);
    let router = Routes::new(service)
        .into_axum_router()
        .layer(from_fn_with_state(sign_in, sign_in::authenticate))
        .layer(from_fn(came_from))
        .layer(CatchPanicLayer::custom(panicked));
    accept::serve(router, listener, tls, shutdown, grace).await;
    Ok(())
}

/// An error as a gRPC status: its code and sentence; of our own faults only that they happened.
fn status(error: Error) -> Status {
    let code = match error.kind {
        Kind::Invalid => Code::InvalidArgument,
        Kind::NotFound => Code::NotFound,
        Kind::Forbidden => Code::PermissionDenied,
        Kind::Limit => Code::ResourceExhausted,
        Kind::Busy => Code::Unavailable,
        Kind::Data => Code::OutOfRange,
        Kind::Conflict => Code::Aborted,
        Kind::Internal => return internal(error.code, &error),
    };
    Status::new(code, format!("{}: {}", error.code, error.message))
}

fn internal(what: &str, cause: impl std::fmt::Display) -> Status {
    tracing::error!(what, %cause, "internal error");
    Status::internal("internal error")
}

/// The layer: what is recorded on the way knows door and address.
async fn came_from(request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|c| c.0.ip());
    Origin::new(Door::Flight, peer).within(next.run(request)).await
}

fn panicked(cause: Box<dyn Any + Send + 'static>) -> http::Response<Body> {
    let text = cause.downcast_ref::<String>().map(String::as_str).or(cause.downcast_ref::<&str>().copied()).unwrap_or("unknown");
    internal("flight.panic", text).into_http()
}
