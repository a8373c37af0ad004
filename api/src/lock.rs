//! Who may work on a home folder: lock files that the system frees when their holder ends, however it ends.
//! `lock` is the one server's. `deliver.lock` is shared by commands that deliver and held alone by whoever recovers deliveries,
//! so that one still under way is never taken for one left over. `release.lock` is held by whoever makes releases.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

/// Held until dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// The server's lock, at once; `None` if another server holds it.
    pub fn server(home: &Path) -> std::io::Result<Option<Self>> {
        take(home, "lock", File::try_lock, Duration::ZERO)
    }

    /// A share of the lock of deliveries; `None` if it could not be had for `longest`. Blocks the thread.
    pub fn share_deliveries(home: &Path, longest: Duration) -> std::io::Result<Option<Self>> {
        take(home, "deliver.lock", File::try_lock_shared, longest)
    }

    /// The whole lock of deliveries; `None` if it could not be had for `longest`. Blocks the thread.
    pub fn own_deliveries(home: &Path, longest: Duration) -> std::io::Result<Option<Self>> {
        take(home, "deliver.lock", File::try_lock, longest)
    }

    /// The lock of whoever makes releases; `None` if it could not be had for `longest`. Blocks the thread.
    pub fn own_releases(home: &Path, longest: Duration) -> std::io::Result<Option<Self>> {
        take(home, "release.lock", File::try_lock, longest)
    }
}

fn take(home: &Path, name: &str, try_lock: fn(&File) -> Result<(), TryLockError>, longest: Duration) -> std::io::Result<Option<Lock>> {
    std::fs::create_dir_all(home)?;
    let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(home.join(name))?;
    let end = Instant::now() + longest;
    loop {
        match try_lock(&file) {
            Ok(()) => return Ok(Some(Lock { _file: file })),
            Err(TryLockError::Error(e)) => return Err(e),
            Err(TryLockError::WouldBlock) if Instant::now() >= end => return Ok(None),
            // flock has no wait with a deadline.
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_server_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let held = Lock::server(dir.path()).unwrap().unwrap();
        assert!(Lock::server(dir.path()).unwrap().is_none());
        drop(held);
        assert!(Lock::server(dir.path()).unwrap().is_some());
    }

    #[test]
    fn deliveries_go_together_and_recovery_alone() {
        let (dir, short) = (tempfile::tempdir().unwrap(), Duration::from_millis(60));
        let first = Lock::share_deliveries(dir.path(), short).unwrap().unwrap();
        let second = Lock::share_deliveries(dir.path(), short).unwrap().unwrap();
        assert!(Lock::own_deliveries(dir.path(), short).unwrap().is_none());
        drop((first, second));
        let alone = Lock::own_deliveries(dir.path(), short).unwrap().unwrap();
        assert!(Lock::share_deliveries(dir.path(), short).unwrap().is_none());
        drop(alone);
    }
}
