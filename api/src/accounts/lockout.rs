//! After a few failures a name is locked for a while, doubling. Kept in memory for every name that is tried, known or not, so that
//! a lock tells nothing and failing costs no write.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Failures that cost nothing: people mistype.
const FREE: u32 = 5;
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
    pub fn locked(&self, name: &str, now: Instant) -> bool {
        self.names().get(name).is_some_and(|entry| now < entry.until)
    }

    pub fn succeeded(&self, name: &str) {
        self.names().remove(name);
    }

    pub fn failed(&self, name: &str, now: Instant) {
        let mut names = self.names();
        if names.len() >= NAMES && !names.contains_key(name) {
            names.retain(|_, entry| now < entry.until);
            if names.len() >= NAMES
                && let Some(oldest) = names.iter().min_by_key(|(_, entry)| entry.until).map(|(name, _)| name.clone())
            {
                names.remove(&oldest);
            }
        }
        let entry = names.entry(name.to_string()).or_insert(Entry { failures: 0, until: now, last: now });
        // Failures long past do not add up to a lock.
        if now.saturating_duration_since(entry.last) > LONGEST {
            entry.failures = 0;
        }
        entry.failures = entry.failures.saturating_add(1);
        entry.last = now;
        if entry.failures > FREE {
            entry.until = now + FIRST.saturating_mul(1 << (entry.failures - FREE - 1).min(20)).min(LONGEST);
        }
    }

    fn names(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_longer_and_longer_and_forgets_on_success() {
        let (lockout, start) = (Lockout::default(), Instant::now());
        for _ in 0..FREE {
            lockout.failed("roma", start);
        }
        assert!(!lockout.locked("roma", start));
        lockout.failed("roma", start);
        assert!(lockout.locked("roma", start));
        assert!(!lockout.locked("roma", start + FIRST));
        lockout.failed("roma", start + FIRST);
        assert!(lockout.locked("roma", start + FIRST + FIRST));
        for _ in 0..40 {
            lockout.failed("roma", start);
        }
        assert!(lockout.locked("roma", start + LONGEST - FIRST));
        assert!(!lockout.locked("roma", start + LONGEST));
        assert!(!lockout.locked("viterbo", start));
        lockout.succeeded("roma");
        assert!(!lockout.locked("roma", start));
    }

    #[test]
    fn memory_is_bounded() {
        let (lockout, start) = (Lockout::default(), Instant::now());
        for i in 0..NAMES + 50 {
            lockout.failed(&i.to_string(), start);
        }
        assert!(lockout.names().len() <= NAMES);
    }
}
