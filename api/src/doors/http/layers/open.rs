//! What holds for reads of the open portal: other sites' scripts may read them, they are compressed, and each answer says whether it is whole.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{And, Predicate, SizeAbove};

/// Bytes from which compression is worth its time.
const WORTH: u16 = 512;
/// Where other sites' scripts may read. Pages, sign-in and metrics are not there.
const READABLE: [&str; 8] = ["/api/", "/open/", "/catalog", "/dataset/", "/cruscotti/", "/mappa/", "/status", "/sitemap.xml"];
const EXPOSED: &str = "content-digest, content-disposition, etag, link, ratelimit, ratelimit-policy, retry-after, siss-complete, siss-count, siss-snapshot, \
                       x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, x-request-id";

/// Scripts of any site may read what everybody may read, and nothing that needs credentials: neither `Authorization` nor a cookie is ever
/// allowed across sites.
pub async fn cross_origin(request: Request, next: Next) -> Response {
    let readable = READABLE.iter().any(|start| request.uri().path().starts_with(start));
    let anonymous = !request.headers().contains_key(header::AUTHORIZATION) && !request.headers().contains_key(header::COOKIE);
    let asked = request.headers().get(header::ACCESS_CONTROL_REQUEST_METHOD).cloned();
    if let Some(asked) = asked.filter(|_| request.method() == Method::OPTIONS && readable) {
        return preflight(&asked);
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let mut response = next.run(request).await;
    if readable && anonymous && reads {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        headers.insert(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("cross-origin"));
    }
    response
}

fn preflight(asked: &HeaderValue) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if matches!(asked.as_bytes(), b"GET" | b"HEAD") {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("accept, accept-language, if-none-match, if-range, range"));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    }
    response
}

/// Where a program that begins with us looks first: these answers lead to the OpenAPI document (RFC 8631).
const BEGINNINGS: [&str; 4] = ["/", "/status", "/catalog", "/api/v1/datasets"];

const COMPLETE: HeaderName = HeaderName::from_static("siss-complete");

/// `Siss-Complete` on each answer that did not say it itself: `true`, or `range` for a part of a file that was asked for.
pub async fn complete(request: Request, next: Next) -> Response {
    let beginning = BEGINNINGS.contains(&request.uri().path());
    let mut response = next.run(request).await;
    let status = response.status();
    if beginning {
        response.headers_mut().append(header::LINK, HeaderValue::from_static("</api/openapi.json>; rel=\"service-desc\""));
    }
    let headers = response.headers_mut();
    match status {
        // Whatever is said of the file: this is a part of it.
        StatusCode::PARTIAL_CONTENT => {
            headers.insert(COMPLETE, HeaderValue::from_static("range"));
        }
        status if status.is_success() => {
            headers.entry(COMPLETE).or_insert(HeaderValue::from_static("true"));
        }
        _ => {}
    }
    response
}

/// Whether an answer is worth its compression, by its head.
type Worth = fn(StatusCode, Version, &HeaderMap, &Extensions) -> bool;

/// Gzip for text. Never for what is served by range or has a digest of its bytes, nor for formats that are compressed already.
pub fn compression() -> CompressionLayer<And<SizeAbove, Worth>> {
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(SizeAbove::new(WORTH).and(compressible as Worth))
}

fn compressible(status: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let fixed = [header::ACCEPT_RANGES, header::CONTENT_RANGE, HeaderName::from_static("content-digest")];
    if status == StatusCode::PARTIAL_CONTENT || fixed.iter().any(|name| headers.contains_key(name)) {
        return false;
    }
    let media = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim();
    media.starts_with("text/") && media != "text/event-stream"
        || ["json", "xml", "yaml", "javascript"].iter().any(|end| media.ends_with(end))
        || media.ends_with("ndjson")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_numbered_stay_as_they_are() {
        let compressed = |pairs: &[(&'static str, &str)]| {
            let headers = pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect();
            compressible(StatusCode::OK, Version::HTTP_11, &headers, &Extensions::new())
        };
        assert!(compressed(&[("content-type", "text/csv; charset=utf-8")]));
        assert!(compressed(&[("content-type", "application/problem+json")]));
        assert!(!compressed(&[("content-type", "text/csv"), ("accept-ranges", "bytes")]));
        assert!(!compressed(&[("content-type", "text/csv"), ("content-digest", "sha-256=:AA==:")]));
        assert!(!compressed(&[("content-type", "application/vnd.apache.parquet")]));
        assert!(!compressed(&[("content-type", "image/png")]));
    }
}
