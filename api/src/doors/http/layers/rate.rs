//! How often one client may ask. Strangers are counted by their address, accounts by their name, this machine by itself; every answer says
//! what is left (`X-RateLimit-*` as ModI asks, `RateLimit` as the IETF drafts it), and 429 says when to come back.

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use parking_lot::Mutex;

use crate::config::{Public, network};
use crate::doors::http::problem::{Problem, Result};

/// Charges between two clearings of clients that have not asked for long.
const CLEARING: u32 = 4_096;
/// A request that brings credentials counts against its address too, this many times more generously than one account: a wrong password
/// costs us more than a page, and behind one address there may be an office.
const OFFICE: u32 = 10;

type Limiter<K> = RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock, StateInformationMiddleware>;

/// One kind of client with its limit; `None` is without.
struct Bucket<K: Hash + Eq + Clone> {
    limiter: Option<(u32, Limiter<K>)>,
    charges: AtomicU32,
}

impl<K: Hash + Eq + Clone> Bucket<K> {
    fn new(a_minute: u32) -> Self {
        let limiter = NonZeroU32::new(a_minute).map(|n| (a_minute, RateLimiter::keyed(Quota::per_minute(n)).with_middleware()));
        Self { limiter, charges: AtomicU32::new(0) }
    }

    /// One request of `key`: what is left afterwards.
    fn charge(&self, key: &K) -> std::result::Result<Option<Left>, Left> {
        let Some((limit, limiter)) = &self.limiter else { return Ok(None) };
        if self.charges.fetch_add(1, Ordering::Relaxed) % CLEARING == CLEARING - 1 {
            limiter.retain_recent();
        }
        match limiter.check_key(key) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity().min(*limit);
                let reset = (u64::from(limit - remaining) * 60).div_ceil(u64::from(*limit));
                Ok(Some(Left { limit: *limit, remaining, reset, wait: Duration::ZERO }))
            }
            Err(not_yet) => Err(Left { limit: *limit, remaining: 0, reset: 60, wait: not_yet.wait_time_from(limiter.clock().now()) }),
        }
    }
}

/// What is left to a client.
#[derive(Clone, Copy, Debug)]
pub struct Left {
    limit: u32,
    remaining: u32,
    /// Seconds until nothing counts any more.
    reset: u64,
    wait: Duration,
}

/// The limits of one server.
#[derive(Clone)]
pub struct Rates {
    inner: Arc<Inner>,
    behind_proxy: bool,
}

struct Inner {
    strangers: Bucket<IpAddr>,
    offices: Bucket<IpAddr>,
    accounts: Bucket<String>,
    local: Bucket<()>,
}

impl Rates {
    pub fn new(public: &Public, behind_proxy: bool) -> Self {
        let inner = Inner {
            strangers: Bucket::new(public.rate_stranger),
            offices: Bucket::new(public.rate_account.saturating_mul(OFFICE)),
            accounts: Bucket::new(public.rate_account),
            local: Bucket::new(public.rate_local),
        };
        Self { inner: Arc::new(inner), behind_proxy }
    }
}

/// Put into each request, so that whoever finds out the account counts it there.
#[derive(Clone)]
pub struct Meter {
    rates: Rates,
    local: bool,
    left: Arc<Mutex<Option<Left>>>,
    /// A handler may look twice at who asks; that is one request.
    counted: Arc<AtomicBool>,
}

impl Meter {
    /// One request of an account that has signed in. Errors: 429.
    pub fn account(&self, name: &str) -> Result<()> {
        if self.local || self.counted.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let charged = self.rates.inner.accounts.charge(&name.to_owned());
        let left = match &charged {
            Ok(left) => *left,
            Err(left) => Some(*left),
        };
        if let Some(left) = left {
            *self.left.lock() = Some(left);
        }
        charged.map(drop).map_err(|left| too_many(&left))
    }
}

/// Counts a request before anything is done for it.
pub async fn limited(State(rates): State<Rates>, mut request: Request, next: Next) -> Response {
    if request.uri().path().starts_with("/static/") {
        return next.run(request).await;
    }
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|c| c.0.ip().to_canonical());
    let (client, local) = client(request.headers(), peer, rates.behind_proxy);
    let signed = request.headers().contains_key(header::AUTHORIZATION) || request.headers().contains_key(header::COOKIE);
    let charged = match (local, signed) {
        (true, _) => rates.inner.local.charge(&()),
        (false, true) => rates.inner.offices.charge(&client),
        (false, false) => rates.inner.strangers.charge(&client),
    };
    let left = match charged {
        Ok(left) => left,
        Err(left) => {
            let mut response = too_many(&left).into_response();
            say(response.headers_mut(), &left);
            return response;
        }
    };
    let meter = Meter { rates: rates.clone(), local, left: Arc::new(Mutex::new(left)), counted: Arc::default() };
    let (found, counted) = (meter.left.clone(), meter.counted.clone());
    request.extensions_mut().insert(meter);
    let mut response = next.run(request).await;
    // Credentials that were nobody's make nobody more than a stranger.
    if signed && !local && !counted.load(Ordering::Relaxed) {
        match rates.inner.strangers.charge(&client) {
            Ok(left) => *found.lock() = left,
            Err(left) => {
                response = too_many(&left).into_response();
                *found.lock() = Some(left);
            }
        }
    }
    let left = *found.lock();
    if let Some(left) = left {
        say(response.headers_mut(), &left);
    }
    response
}

/// Whose request it is, and whether it comes from this machine itself. What a client says of its own address is believed only of the proxy
/// in front, which writes the last one; of an IPv6 address the network counts, because a client has all addresses of its network.
fn client(headers: &HeaderMap, peer: Option<IpAddr>, behind_proxy: bool) -> (IpAddr, bool) {
    let proxied = ["forwarded", "x-forwarded-for", "via"].iter().any(|h| headers.contains_key(*h));
    let peer = peer.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED));
    let address = super::address(headers, peer, behind_proxy);
    let local = peer.is_loopback() && !proxied && !behind_proxy;
    (network(address), local)
}

fn too_many(left: &Left) -> Problem {
    let seconds = left.wait.as_secs() + 1;
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate.limit", format!("too many requests: at most {} a minute; ask again in {seconds} s", left.limit))
        .with("detail_it", format!("troppe richieste: al più {} al minuto; riprovare fra {seconds} s", left.limit))
        .with("retry_after", seconds)
}

fn say(headers: &mut HeaderMap, left: &Left) {
    let mut put = |name: &'static str, text: &str| {
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    let mut digits = itoa::Buffer::new();
    put("x-ratelimit-limit", digits.format(left.limit));
    put("x-ratelimit-remaining", digits.format(left.remaining));
    put("x-ratelimit-reset", digits.format(left.reset));
    put("ratelimit-policy", &format!("\"minute\";q={};w=60", left.limit));
    put("ratelimit", &format!("\"minute\";r={};t={}", left.remaining, left.reset));
    if left.wait > Duration::ZERO {
        put("retry-after", digits.format(left.wait.as_secs() + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(forwarded: &str) -> HeaderMap {
        HeaderMap::from_iter([(HeaderName::from_static("x-forwarded-for"), forwarded.parse().unwrap())])
    }

    #[test]
    fn a_client_cannot_choose_its_own_address() {
        let address: IpAddr = "192.0.2.7".parse().unwrap();
        let peer = Some(address);
        assert_eq!(client(&headers("203.0.113.1"), peer, false).0, address);
        // Behind a proxy: what the proxy added last, not what the client had written before.
        assert_eq!(client(&headers("203.0.113.1, 198.51.100.9"), peer, true).0.to_string(), "198.51.100.9");
        assert!(client(&HeaderMap::new(), Some("127.0.0.1".parse().unwrap()), false).1);
        assert!(!client(&headers("127.0.0.1"), Some("127.0.0.1".parse().unwrap()), false).1);
        assert!(!client(&HeaderMap::new(), Some("127.0.0.1".parse().unwrap()), true).1);
    }

    #[test]
    fn addresses_of_one_network_are_one_client() {
        let of = |text: &str| client(&HeaderMap::new(), Some(text.parse().unwrap()), false).0;
        assert_eq!(of("2001:db8:0:1::7"), of("2001:db8:0:1:ffff::1"));
        assert_ne!(of("2001:db8:0:1::7"), of("2001:db8:0:2::7"));
    }

    #[test]
    fn what_is_left_goes_down_to_a_refusal() {
        let bucket = Bucket::new(3);
        let left: Vec<u32> = (0..3).map(|_| bucket.charge(&1).unwrap().unwrap().remaining).collect();
        assert_eq!(left, [2, 1, 0]);
        assert!(bucket.charge(&1).unwrap_err().wait > Duration::ZERO);
        assert!(bucket.charge(&2).is_ok());
        assert!(Bucket::new(0).charge(&1).unwrap().is_none());
    }
}
