//! Releases: what the public sees of a dataset, frozen into files that never change. A release is the folder
//! `open/<area>/<name>/<release>/` of the store; its manifest is written last, and without one nothing of it is there.

mod bundle;
pub mod diff;
pub mod judge;
pub mod make;
pub mod manifest;
mod put;
pub mod read;
mod shelf;
mod spool;
mod view;
pub mod words;
pub mod write;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use datasets::model::DatasetName;
use parking_lot::RwLock;

use crate::Warehouse;
use crate::error::{Error, Kind, Result};
use crate::release::diff::Counts;
use crate::release::manifest::Manifest;

/// Differences asked for at once: each reads two releases whole.
const DIFFERENCES: usize = 2;

/// All releases. Cloning is cheap; clones share what is known of them.
#[derive(Clone)]
pub struct Releases {
    inner: Arc<Inner>,
}

struct Inner {
    warehouse: Warehouse,
    /// Local folder for files on their way.
    scratch: PathBuf,
    /// Newest first.
    known: RwLock<BTreeMap<DatasetName, Vec<Arc<Manifest>>>>,
    /// When releases were last made, here or elsewhere, as it was last seen.
    made: RwLock<Option<DateTime<Utc>>>,
    making: tokio::sync::Mutex<()>,
    differing: Arc<tokio::sync::Semaphore>,
    counts: RwLock<BTreeMap<(DatasetName, String, String), Counts>>,
}

impl Releases {
    /// Reads the manifests that are there. `scratch` is a local folder of ours alone, made when it is needed.
    pub async fn load(warehouse: Warehouse, scratch: PathBuf) -> Result<Self> {
        let inner = Inner {
            warehouse,
            scratch,
            known: RwLock::default(),
            made: RwLock::default(),
            making: tokio::sync::Mutex::default(),
            differing: Arc::new(tokio::sync::Semaphore::new(DIFFERENCES)),
            counts: RwLock::default(),
        };
        let releases = Self { inner: Arc::new(inner) };
        releases.refresh().await?;
        Ok(releases)
    }

    /// Datasets with at least one release, by name.
    pub fn datasets(&self) -> Vec<DatasetName> {
        self.inner.known.read().keys().cloned().collect()
    }

    /// Every release of a dataset, newest first.
    pub fn list(&self, name: &DatasetName) -> Vec<Arc<Manifest>> {
        self.inner.known.read().get(name).cloned().unwrap_or_default()
    }

    /// The newest release of a dataset.
    pub fn latest(&self, name: &DatasetName) -> Option<Arc<Manifest>> {
        self.inner.known.read().get(name)?.first().cloned()
    }

    /// One release; `latest` is the newest.
    /// Errors: `NotFound`.
    pub fn find(&self, name: &DatasetName, release: &str) -> Result<Arc<Manifest>> {
        let known = self.inner.known.read();
        let all = known.get(name).map(Vec::as_slice).unwrap_or_default();
        let found = if release == LATEST { all.first() } else { all.iter().find(|m| m.release == release) };
        found.cloned().ok_or_else(|| Error::new(Kind::NotFound, "release.unknown", format!("{name} has no release '{release}'")))
    }

    /// When releases were last made, whether or not anything changed.
    pub fn made(&self) -> Option<DateTime<Utc>> {
        *self.inner.made.read()
    }
}

/// Stands for the newest release in an address.
pub const LATEST: &str = "latest";
