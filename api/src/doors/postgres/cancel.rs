//! Cancel requests. They come on a connection of their own, without sign-in, and prove themselves by a key that only the
//! connection to be cancelled was told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{BufMut, Bytes, BytesMut};
use pgwire::messages::ProtocolVersion;
use pgwire::messages::startup::SecretKey;
use subtle::ConstantTimeEq;
use tokio_util::sync::CancellationToken;

/// Connections that may be cancelled, by process id.
#[derive(Clone, Default)]
pub struct Registry {
    entries: Arc<Mutex<HashMap<i32, Entry>>>,
}

struct Entry {
    secret: Bytes,
    running: Running,
}

/// The query that a connection runs at this moment.
#[derive(Clone, Default)]
pub struct Running {
    token: Arc<Mutex<Option<CancellationToken>>>,
}

impl Running {
    /// A query begins or goes on: cancel requests mean it until [`Self::end`].
    pub fn begin(&self) -> CancellationToken {
        self.lock().get_or_insert_with(CancellationToken::new).clone()
    }

    pub fn end(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<CancellationToken>> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's place in the registry; dropping it takes it out.
pub struct Place {
    registry: Registry,
    pub process: i32,
    pub key: SecretKey,
    pub running: Running,
}

impl Registry {
    /// Process id and key are both random: 63 bits in protocol 3.0, 256 and more in 3.2.
    pub fn enter(&self, version: ProtocolVersion) -> Place {
        let key = match version {
            ProtocolVersion::PROTOCOL3_0 => SecretKey::I32(rand::random()),
            _ => SecretKey::Bytes(Bytes::copy_from_slice(&rand::random::<[u8; 32]>())),
        };
        let running = Running::default();
        let mut entries = self.lock();
        let process = loop {
            let process = rand::random::<i32>() & i32::MAX;
            if process > 0 && !entries.contains_key(&process) {
                break process;
            }
        };
        entries.insert(process, Entry { secret: bytes(&key), running: running.clone() });
        Place { registry: self.clone(), process, key, running }
    }

    /// Cancels what the connection runs, if the key is its own. The asker is never told.
    pub fn cancel(&self, process: i32, key: &SecretKey) {
        let entries = self.lock();
        let Some(entry) = entries.get(&process) else { return };
        if entry.secret.ct_eq(&bytes(key)).into()
            && let Some(token) = entry.running.lock().as_ref()
        {
            token.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<i32, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bytes(key: &SecretKey) -> Bytes {
    match key {
        SecretKey::I32(number) => {
            let mut out = BytesMut::with_capacity(4);
            out.put_i32(*number);
            out.freeze()
        }
        SecretKey::Bytes(bytes) => bytes.clone(),
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.registry.lock().remove(&self.process);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_key_cancels_and_only_what_runs() {
        let registry = Registry::default();
        let place = registry.enter(ProtocolVersion::PROTOCOL3_0);
        registry.cancel(place.process, &place.key);
        let token = place.running.begin();
        assert!(!token.is_cancelled());
        registry.cancel(place.process, &SecretKey::I32(1));
        registry.cancel(place.process.wrapping_add(1), &place.key);
        assert!(!token.is_cancelled() || place.key == SecretKey::I32(1));
        registry.cancel(place.process, &place.key);
        assert!(token.is_cancelled());
        place.running.end();
        let (process, key) = (place.process, place.key.clone());
        drop(place);
        registry.cancel(process, &key);
        assert!(registry.lock().is_empty());
    }
}
