//! What every request passes through, outermost first: identity and measure, safe headers, no cross-site writes, room.

pub mod open;
pub mod rate;

use std::any::Any;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, stream};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tracing::Instrument;
use warehouse::audit::{Door, Origin};

use crate::doors::http::format::Format;
use crate::doors::http::problem::Problem;

/// Requests handled at once; more are refused at once, so that waiting ones do not pile up.
const ROOM: usize = 256;
/// Time from the request's headers to the answer's: above every limit of a query. Uploads have their own, per part.
const PATIENCE: Duration = Duration::from_secs(180);
/// Time and bytes for the body of a request that is refused unread.
const HEARD_OUT: Duration = Duration::from_secs(1);
const SHORT: usize = 64 << 10;

/// Answers carry an id that also stands in the log; the log has no query string, account or address.
pub async fn observe(mut request: Request, next: Next) -> Response {
    let id = uuid::Uuid::now_v7().to_string();
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("unknown", |m| m.as_str()).to_owned();
    // A client's own id would let it write into our log.
    request.headers_mut().remove("x-request-id");
    let span = tracing::info_span!("http", id, %method, route);
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    let seconds = started.elapsed().as_secs_f64();
    span.in_scope(|| tracing::info!(status = status.as_u16(), millis = (seconds * 1e3) as u64, "answered"));
    let labels = [("method", method.to_string()), ("route", route), ("status", status.as_u16().to_string())];
    metrics::counter!("siss_http_requests_total", &labels).increment(1);
    metrics::histogram!("siss_http_seconds", &labels).record(seconds);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}

/// Whether a proxy stands in front, which says where requests come from.
#[derive(Clone, Copy)]
pub struct BehindProxy(pub bool);

/// What is recorded on the way knows door and address.
pub async fn came_from(State(proxy): State<BehindProxy>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|c| address(request.headers(), c.0.ip(), proxy.0));
    let file = request.uri().path().ends_with(".xlsx") || Format::of(request.uri().path(), request.headers()).is_ok_and(|format| format != Format::Json);
    Origin { export: file, ..Origin::new(Door::Http, peer) }.within(next.run(request)).await
}

/// Where a request comes from. What a client says of its own address is believed only of the proxy in front, which writes the last one.
fn address(headers: &HeaderMap, peer: IpAddr, behind_proxy: bool) -> IpAddr {
    let said = headers.get_all("x-forwarded-for").iter().next_back().and_then(|v| v.to_str().ok());
    let forwarded = said.and_then(|list| list.rsplit(',').next()).and_then(|last| last.trim().parse::<IpAddr>().ok());
    if behind_proxy { forwarded.unwrap_or(peer) } else { peer }.to_canonical()
}

/// Whether connections are TLS: only then may a browser be told to insist on it.
#[derive(Clone, Copy)]
pub struct Secure(pub bool);

static SAFE: [(HeaderName, &str); 8] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
];

/// Headers that hold for every answer, unless the handler said otherwise.
pub async fn safe_headers(State(secure): State<Secure>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    // A page made to stand within others says so in its policy; the older header knows no such page.
    let framed = headers.get(header::CONTENT_SECURITY_POLICY).is_some_and(|policy| policy.as_bytes().ends_with(b"frame-ancestors *"));
    for (name, value) in SAFE.iter().filter(|(name, _)| !framed || name != header::X_FRAME_OPTIONS) {
        headers.entry(name.clone()).or_insert(HeaderValue::from_static(value));
    }
    headers.append(header::VARY, HeaderValue::from_static("accept, accept-language, authorization, cookie"));
    if secure.0 {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000; includeSubDomains"));
    }
    response
}

/// A request that is refused unread is heard out, if it is short: a connection that closes under a client that still sends, or that has sent
/// what nobody read, loses this answer or the next with it.
pub async fn heard_out(request: Request, next: Next) -> Response {
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    // Who waits for our word before sending, or has much to send, is better off with an answer at once.
    if request.method().is_safe() || request.headers().contains_key(header::EXPECT) || length.is_some_and(|length| length > SHORT) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let whole = Arc::new(Mutex::new(Some(body.into_data_stream())));
    let reader = whole.clone();
    let read = stream::poll_fn(move |context| match reader.lock().as_mut() {
        Some(body) => body.poll_next_unpin(context),
        None => Poll::Ready(None),
    });
    let response = next.run(Request::from_parts(parts, Body::from_stream(read))).await;
    // Whoever still reads has lost interest in an answer that is there.
    let Some(rest) = whole.lock().take() else { return response };
    let _ = tokio::time::timeout(HEARD_OUT, to_bytes(Body::from_stream(rest), SHORT)).await;
    response
}

/// A browser sends its password or cookie along with another site's form: such requests are refused. Browsers say where a request comes
/// from (`Sec-Fetch-Site`, or `Origin` in older ones); programs say neither, and nobody can make them send what they did not mean to.
pub async fn same_site(request: Request, next: Next) -> Response {
    let unsafe_method = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if unsafe_method && !own(request.headers(), request.uri()) {
        return Problem::new(StatusCode::FORBIDDEN, "request.cross_site", "requests that change something are not taken from other sites")
            .with("detail_it", "Le richieste che modificano qualcosa non si accettano da altri siti.")
            .into_response();
    }
    next.run(request).await
}

/// Whether a request comes from a page of ours or from no page at all.
pub fn own(headers: &HeaderMap, uri: &Uri) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    // HTTP/2 says the host in the address, HTTP/1.1 in its header. A proxy that speaks TLS leaves the host as it is.
    let host = uri.authority().map(|authority| authority.as_str()).or_else(|| headers.get(header::HOST)?.to_str().ok());
    let named = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, rest)| rest);
    host.is_some() && named == host
}

/// Places for requests under way.
#[derive(Clone)]
pub struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ROOM)))
    }
}

/// Sheds load past [`ROOM`], and ends what takes longer than [`PATIENCE`] before its answer begins.
pub async fn bounded(State(room): State<Room>, request: Request, next: Next) -> Response {
    let Ok(_place) = room.0.try_acquire() else {
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "http.busy", "too many requests at once, try again").into_response();
    };
    let path = request.uri().path();
    let upload = (path.starts_with("/api/v1/deliveries") || path == "/consegne") && !request.method().is_safe();
    if upload {
        return next.run(request).await;
    }
    match tokio::time::timeout(PATIENCE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(StatusCode::GATEWAY_TIMEOUT, "http.timeout", "the answer took too long").into_response(),
    }
}

/// A bug of ours: recorded, answered without its text, and only this request is lost.
pub fn panicked(cause: Box<dyn Any + Send + 'static>) -> http::Response<Body> {
    let text = cause.downcast_ref::<String>().map(String::as_str).or(cause.downcast_ref::<&str>().copied()).unwrap_or("unknown");
    Problem::internal("http.panic", text).into_response()
}

/// Whether the client is on this machine and speaks for itself, not through a proxy.
pub fn local(request: &http::request::Parts) -> bool {
    let peer = request.extensions.get::<ConnectInfo<SocketAddr>>().map(|c| c.0.ip().to_canonical());
    let proxied = ["forwarded", "x-forwarded-for", "via"].iter().any(|h| request.headers.contains_key(*h));
    peer.is_some_and(|ip| ip.is_loopback()) && !proxied
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_site_sends_is_told_from_what_a_program_sends() {
        let from = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().unwrap());
            }
            own(&headers, &Uri::from_static("/sql"))
        };
        let host = ("host", "siss.example:8080");
        assert!(from(&[host]), "a program");
        assert!(from(&[host, ("sec-fetch-site", "same-origin")]) && from(&[host, ("sec-fetch-site", "none")]));
        assert!(!from(&[host, ("sec-fetch-site", "same-site")]) && !from(&[host, ("sec-fetch-site", "cross-site")]));
        assert!(from(&[host, ("origin", "https://siss.example:8080")]));
        for origin in ["https://other.example", "null", "https://siss.example:8081", "https://siss.example:8080.other.example"] {
            assert!(!from(&[host, ("origin", origin)]), "{origin}");
        }
    }
}
