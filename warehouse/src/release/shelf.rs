//! The releases that are there, told by their manifests. What has none is not there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use datasets::model::DatasetName;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStore, ObjectStoreExt, PutPayload};

use crate::error::{Error, Result};
use crate::release::Releases;
use crate::release::manifest::{FILE, Manifest};

const ROOT: &str = "open";
/// Written at the end of each making: who sees it moved looks for new manifests.
const MADE: &str = "open/made.json";
/// Requests at once.
const READING: usize = 16;
/// Files without a manifest older than this are of a making that did not end.
const LEFT: Duration = Duration::from_secs(24 * 3600);

pub fn folder(name: &DatasetName, release: &str) -> Path {
    Path::from_iter([ROOT, &name.area, &name.name, release])
}

impl Releases {
    /// Looks for releases that others made. Costs one request when there are none.
    pub async fn refresh(&self) -> Result<()> {
        let objects = self.objects();
        let made = match objects.head(&Path::from(MADE)).await {
            Ok(meta) => Some(meta.last_modified),
            Err(StoreError::NotFound { .. }) => None,
            Err(e) => return Err(failed(e)),
        };
        if made.is_some() && made == self.made() {
            return Ok(());
        }
        self.look().await?;
        *self.inner.made.write() = made;
        Ok(())
    }

    /// Reads every manifest that is not known.
    async fn look(&self) -> Result<()> {
        let objects = self.objects();
        let mut folders = vec![Path::from(ROOT)];
        // Area, dataset, release.
        for _ in 0..3 {
            let deeper = stream::iter(folders).map(|folder| children(objects.clone(), folder)).buffered(READING);
            folders = deeper.try_collect::<Vec<_>>().await?.concat();
        }
        let known = self.inner.known.read().clone();
        let is_known = |folder: &Path| known.values().flatten().any(|m| self::folder(&m.dataset, &m.release) == *folder);
        let unknown: Vec<Path> = folders.into_iter().filter(|folder| !is_known(folder)).collect();
        let read = stream::iter(unknown).map(|folder| manifest(objects.clone(), folder)).buffered(READING);
        for found in read.try_collect::<Vec<_>>().await?.into_iter().flatten() {
            self.add(Arc::new(found));
        }
        Ok(())
    }

    pub(super) fn add(&self, manifest: Arc<Manifest>) {
        let mut known = self.inner.known.write();
        let all: &mut Vec<Arc<Manifest>> = known.entry(manifest.dataset.clone()).or_default();
        if all.iter().all(|m| m.release != manifest.release) {
            all.push(manifest);
            all.sort_by(|a, b| (b.issued, &b.release).cmp(&(a.issued, &a.release)));
        }
    }

    /// Says that releases were made, for other processes and the schedule.
    pub(super) async fn mark(&self, when: DateTime<Utc>) -> Result<()> {
        let text = serde_json::json!({ "made": when }).to_string();
        self.objects().put(&Path::from(MADE), PutPayload::from(text)).await.map_err(failed)?;
        let meta = self.objects().head(&Path::from(MADE)).await.map_err(failed)?;
        *self.inner.made.write() = Some(meta.last_modified);
        Ok(())
    }

    /// Removes what makings of this dataset left that did not end.
    pub(super) async fn sweep(&self, name: &DatasetName) -> Result<()> {
        let objects = self.objects();
        let mut old: BTreeMap<Path, Vec<Path>> = BTreeMap::new();
        for folder in children(objects.clone(), Path::from_iter([ROOT, &name.area, &name.name])).await? {
            if self.list(name).iter().any(|m| self::folder(name, &m.release) == folder) {
                continue;
            }
            let files: Vec<_> = objects.list(Some(&folder)).try_collect().await.map_err(failed)?;
            let left = |f: &object_store::ObjectMeta| (Utc::now() - f.last_modified).to_std().is_ok_and(|age| age > LEFT);
            if files.iter().all(left) && files.iter().all(|f| f.location.filename() != Some(FILE)) {
                old.insert(folder, files.into_iter().map(|f| f.location).collect());
            }
        }
        for (folder, files) in old {
            tracing::info!(%folder, "files of a release that was never finished are removed");
            for file in files {
                objects.delete(&file).await.map_err(failed)?;
            }
        }
        Ok(())
    }

    pub(super) fn objects(&self) -> Arc<dyn ObjectStore> {
        self.inner.warehouse.lake().store().objects()
    }
}

async fn children(objects: Arc<dyn ObjectStore>, folder: Path) -> Result<Vec<Path>> {
    Ok(objects.list_with_delimiter(Some(&folder)).await.map_err(failed)?.common_prefixes)
}

async fn manifest(objects: Arc<dyn ObjectStore>, folder: Path) -> Result<Option<Manifest>> {
    let bytes = match objects.get(&folder.clone().join(FILE)).await {
        Ok(found) => found.bytes().await.map_err(failed)?,
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(e) => return Err(failed(e)),
    };
    // A manifest of a later program is not a reason to have no releases at all.
    match serde_json::from_slice(&bytes) {
        Ok(manifest) => Ok(Some(manifest)),
        Err(error) => {
            tracing::error!(%folder, %error, "a manifest cannot be read: its release is left out");
            Ok(None)
        }
    }
}

pub fn failed(e: StoreError) -> Error {
    Error::internal("release.store", e)
}
