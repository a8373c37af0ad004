//! What the server remembers for a client between calls, under handles that nobody can guess: bounded per account and in
//! all, gone after a while, and useless to any other account.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Characters of a handle.
pub(super) const HANDLE: usize = 64;

/// Things kept under random handles. Past a bound the account's oldest goes; past the whole bound nothing more is taken.
pub(super) struct Handles<T> {
    entries: Mutex<HashMap<String, Entry<T>>>,
    per_account: usize,
    all: usize,
    life: Duration,
}

struct Entry<T> {
    account: String,
    since: Instant,
    thing: T,
}

impl<T: Clone> Handles<T> {
    pub fn new(per_account: usize, all: usize, life: Duration) -> Self {
        Self { entries: Mutex::default(), per_account, all, life }
    }

    /// Keeps a thing for `account`; `None` when there is no room.
    pub fn put(&self, account: &str, thing: T) -> Option<String> {
        let handle = hex::encode(rand::random::<[u8; HANDLE / 2]>());
        let mut entries = self.entries.lock();
        entries.retain(|_, entry| entry.since.elapsed() < self.life);
        let mut own: Vec<(Instant, String)> = entries.iter().filter(|(_, e)| e.account == account).map(|(h, e)| (e.since, h.clone())).collect();
        if own.len() >= self.per_account {
            own.sort();
            entries.remove(&own[0].1);
        }
        if entries.len() >= self.all {
            return None;
        }
        entries.insert(handle.clone(), Entry { account: account.into(), since: Instant::now(), thing });
        Some(handle)
    }

    /// The thing, if it is this account's and not too old.
    pub fn get(&self, handle: &[u8], account: &str) -> Option<T> {
        let handle = std::str::from_utf8(handle).ok()?;
        let entries = self.entries.lock();
        let entry = entries.get(handle).filter(|e| e.account == account && e.since.elapsed() < self.life)?;
        Some(entry.thing.clone())
    }

    /// As [`Self::get`], once.
    pub fn take(&self, handle: &[u8], account: &str) -> Option<T> {
        let thing = self.get(handle, account)?;
        self.remove(handle, account);
        Some(thing)
    }

    /// Puts a changed thing in the place of the old and starts its life anew; false if there is none.
    pub fn replace(&self, handle: &[u8], account: &str, thing: T) -> bool {
        let Ok(handle) = std::str::from_utf8(handle) else { return false };
        let mut entries = self.entries.lock();
        let Some(entry) = entries.get_mut(handle).filter(|e| e.account == account) else { return false };
        (entry.thing, entry.since) = (thing, Instant::now());
        true
    }

    pub fn remove(&self, handle: &[u8], account: &str) {
        let Ok(handle) = std::str::from_utf8(handle) else { return };
        let mut entries = self.entries.lock();
        if entries.get(handle).is_some_and(|e| e.account == account) {
            entries.remove(handle);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_serves_its_account_once() {
        let handles = Handles::new(2, 10, Duration::from_secs(60));
        let handle = handles.put("a", 1).unwrap();
        assert_eq!(handles.take(handle.as_bytes(), "b"), None);
        assert_eq!(handles.take(handle.as_bytes(), "a"), Some(1));
        assert_eq!(handles.take(handle.as_bytes(), "a"), None);
    }

    #[test]
    fn bounds_hold_and_age_ends() {
        let handles = Handles::new(2, 3, Duration::from_secs(60));
        let first = handles.put("a", 1).unwrap();
        handles.put("a", 2).unwrap();
        handles.put("a", 3).unwrap();
        assert_eq!(handles.get(first.as_bytes(), "a"), None);
        handles.put("b", 4).unwrap();
        assert_eq!(handles.put("c", 5), None);
        let short = Handles::new(2, 3, Duration::ZERO);
        let handle = short.put("a", 1).unwrap();
        assert_eq!(short.get(handle.as_bytes(), "a"), None);
    }
}
