//! After a few failures a name is locked for a while, doubling, for the address they came from; after many, from wherever, for all. So nobody
//! keeps another out from afar with a handful of tries, and many addresses together guess no faster. Kept in memory for every name that is
//! tried, known or not, so that a lock tells nothing and failing costs no write.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::config::network;

/// Failures from one address that cost nothing: people mistype.
const FREE: u32 = 5;
/// The same from all addresses together.
const FREE_IN_ALL: u32 = 50;
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// Names remembered; past it the ones locked least long are forgotten.
const NAMES: usize = 10_000;

#[derive(Default)]
pub struct Lockout {
    names: Mutex<HashMap<String, Entry>>,
}

struct Entry {
    failures: u32,
    until: Instant,
    last: Instant,
}

impl Lockout {
    pub fn locked(&self, name: &str, from: Option<IpAddr>, now: Instant) -> bool {
        let names = self.names();
        [near(name, from), name.to_owned()].iter().any(|key| names.get(key).is_some_and(|entry| now < entry.until))
    }

    /// What this address did is forgotten; what others tried is not.
    pub fn succeeded(&self, name: &str, from: Option<IpAddr>) {
        self.names().remove(&near(name, from));
    }

    pub fn failed(&self, name: &str, from: Option<IpAddr>, now: Instant) {
        self.count(near(name, from), FREE, now);
        self.count(name.to_owned(), FREE_IN_ALL, now);
    }

    fn count(&self, key: String, free: u32, now: Instant) {
        let mut names = self.names();
        if names.len() >= NAMES && !names.contains_key(&key) {
            names.retain(|_, entry| now < entry.until);
            if names.len() >= NAMES
                && let Some(oldest) = names.iter().min_by_key(|(_, entry)| entry.until).map(|(name, _)| name.clone())
            {
                names.remove(&oldest);
            }
        }
        let entry = names.entry(key).or_insert(Entry { failures: 0, until: now, last: now });
        // Failures long past do not add up to a lock.
        if now.saturating_duration_since(entry.last) > LONGEST {
            entry.failures = 0;
        }
        entry.failures = entry.failures.saturating_add(1);
        entry.last = now;
        if entry.failures > free {
            entry.until = now + FIRST.saturating_mul(1 << (entry.failures - free - 1).min(20)).min(LONGEST);
        }
    }

    fn names(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name with where it is tried from.
fn near(name: &str, from: Option<IpAddr>) -> String {
    format!("{name}\0{:?}", from.map(network))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_longer_and_longer_and_forgets_on_success() {
        let (lockout, start) = (Lockout::default(), Instant::now());
        let fail = |at| lockout.failed("roma", None, at);
        let locked = |at| lockout.locked("roma", None, at);
        (0..FREE).for_each(|_| fail(start));
        assert!(!locked(start));
        fail(start);
        assert!(locked(start) && !locked(start + FIRST));
        fail(start + FIRST);
        assert!(locked(start + FIRST + FIRST));
        (0..40).for_each(|_| fail(start));
        assert!(locked(start + LONGEST - FIRST) && !locked(start + LONGEST));
        assert!(!lockout.locked("viterbo", None, start));
        lockout.succeeded("roma", None);
        assert!(!locked(start));
    }

    #[test]
    fn nobody_is_kept_out_by_another_and_many_together_guess_no_faster() {
        let (lockout, start) = (Lockout::default(), Instant::now());
        let from = |n: u8| Some(IpAddr::from([192, 0, 2, n]));
        (0..10).for_each(|_| lockout.failed("roma", from(1), start));
        assert!(lockout.locked("roma", from(1), start) && !lockout.locked("roma", from(2), start));
        // A success elsewhere clears nothing of what was tried here.
        lockout.succeeded("roma", from(2));
        assert!(lockout.locked("roma", from(1), start));
        (2..50).for_each(|n| lockout.failed("roma", from(n), start));
        assert!(lockout.locked("roma", from(200), start));
        lockout.succeeded("roma", from(200));
        assert!(lockout.locked("roma", from(200), start));
        let network = |last: u16| Some(IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, last]));
        (0..=FREE).for_each(|n| lockout.failed("rieti", network(n as u16), start));
        assert!(lockout.locked("rieti", network(99), start));
    }

    #[test]
    fn memory_is_bounded() {
        let (lockout, start) = (Lockout::default(), Instant::now());
        for i in 0..NAMES + 50 {
            lockout.failed(&i.to_string(), None, start);
        }
        assert!(lockout.names().len() <= NAMES);
    }
}
