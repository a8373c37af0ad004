//! A local folder as an object store whose writes are on disk before they are acknowledged.
//!
//! `object_store` never syncs local files: after a power loss an acknowledged object can be empty or gone. Here the bytes
//! are synced before their name appears, and the folder that holds the name before the call returns.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, RenameOptions, Result, UploadPart,
};

const STORE: &str = "durable folder";

/// A folder whose `put`, `copy`, `rename`, finished multipart uploads and deletions survive a power loss once they returned.
/// After a failed sync nothing more is written: what the disk holds is unknown until the next start.
#[derive(Clone, Debug)]
pub struct Durable {
    inner: Arc<LocalFileSystem>,
    root: PathBuf,
    broken: Arc<AtomicBool>,
}

impl Durable {
    /// Opens `root`, making it and its missing parents.
    pub fn open(root: &FilePath) -> Result<Self> {
        make_folders(root).map_err(generic)?;
        let root = root.canonicalize().map_err(generic)?;
        let inner = Arc::new(LocalFileSystem::new_with_prefix(&root)?);
        Ok(Self { inner, root, broken: Arc::default() })
    }

    pub fn root(&self) -> &FilePath {
        &self.root
    }

    /// Whether an object is certainly not there. Without leaving the thread: to hand so short a call to another takes longer than the call.
    pub fn is_absent(&self, location: &Path) -> bool {
        let found = self.inner.path_to_filesystem(location).map(fs::symlink_metadata);
        matches!(found, Ok(Err(e)) if e.kind() == io::ErrorKind::NotFound)
    }

    /// Syncs an object that another process may have written, and its name.
    pub async fn confirm(&self, location: &Path) -> Result<()> {
        let path = self.inner.path_to_filesystem(location)?;
        self.blocking(move || {
            File::open(&path)?.sync_all()?;
            sync_parent(&path)
        })
        .await
    }

    /// Gives a file of this machine its place as an object, without copying it. False when it lies on another file system.
    pub async fn adopt(&self, file: &FilePath, location: &Path) -> Result<bool> {
        let (from, to) = (file.to_owned(), self.prepare(location).await?);
        self.blocking(move || {
            File::open(&from)?.sync_all()?;
            match fs::rename(&from, &to) {
                Err(e) if e.kind() == io::ErrorKind::CrossesDevices => return Ok(false),
                renamed => renamed?,
            }
            sync_parent(&to)?;
            Ok(true)
        })
        .await
    }

    /// Runs file work off the async threads. A failure other than "there" or "not there" stops all later writes.
    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T> {
        if self.broken.load(Ordering::Acquire) {
            return Err(generic("an earlier write could not be made durable; restart after checking the disk"));
        }
        match tokio::task::spawn_blocking(work).await.map_err(generic)? {
            Ok(done) => Ok(done),
            Err(e) => {
                if !matches!(e.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound | io::ErrorKind::InvalidInput) {
                    self.broken.store(!is_full(&e), Ordering::Release);
                }
                Err(generic(e))
            }
        }
    }

    async fn prepare(&self, location: &Path) -> Result<PathBuf> {
        let path = self.inner.path_to_filesystem(location)?;
        let folder = path.parent().map(FilePath::to_path_buf);
        if let Some(folder) = folder {
            self.blocking(move || make_folders(&folder)).await?;
        }
        Ok(path)
    }
}

impl std::fmt::Display for Durable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(STORE)
    }
}

#[async_trait]
impl ObjectStore for Durable {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let create = match opts.mode {
            PutMode::Create => true,
            PutMode::Overwrite => false,
            PutMode::Update(_) => {
                return Err(Error::NotImplemented { operation: "conditional update".into(), implementer: STORE.into() });
            }
        };
        let path = self.prepare(location).await?;
        let written = self.blocking(move || write_file(&path, &payload, create)).await;
        match written {
            Err(e) if create && is_taken(&e) => Err(Error::AlreadyExists { path: location.to_string(), source: Box::new(e) }),
            Err(e) => Err(e),
            Ok(()) => Ok(PutResult { e_tag: None, version: None }),
        }
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        let path = self.prepare(location).await?;
        let inner = self.inner.put_multipart_opts(location, opts).await?;
        Ok(Box::new(Upload { inner, path, store: self.clone() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[std::ops::Range<u64>]) -> Result<Vec<bytes::Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        self.inner
            .delete_stream(locations)
            .then(move |deleted| {
                let store = store.clone();
                async move {
                    let location = deleted?;
                    let path = store.inner.path_to_filesystem(&location)?;
                    store.blocking(move || sync_parent(&path)).await?;
                    Ok(location)
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        sorted(self.inner.list(prefix))
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        sorted(self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let target = self.prepare(to).await?;
        self.inner.copy_opts(from, to, options).await?;
        self.blocking(move || {
            File::open(&target)?.sync_all()?;
            sync_parent(&target)
        })
        .await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        let target = self.prepare(to).await?;
        let source = self.inner.path_to_filesystem(from)?;
        self.inner.rename_opts(from, to, options).await?;
        self.blocking(move || {
            File::open(&target)?.sync_all()?;
            sync_parent(&target)?;
            sync_parent(&source)
        })
        .await
    }
}

/// In the order of names, as buckets list: the Delta log is read in that order.
fn sorted(all: BoxStream<'static, Result<ObjectMeta>>) -> BoxStream<'static, Result<ObjectMeta>> {
    let list = async move {
        let mut entries: Vec<ObjectMeta> = all.try_collect().await?;
        entries.sort_unstable_by(|a, b| a.location.cmp(&b.location));
        Ok::<_, Error>(futures::stream::iter(entries.into_iter().map(Ok)))
    };
    futures::stream::once(list).try_flatten().boxed()
}

/// An upload in parts: its name appears when it is complete, and `complete` returns when it is on disk.
#[derive(Debug)]
struct Upload {
    inner: Box<dyn MultipartUpload>,
    path: PathBuf,
    store: Durable,
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.inner.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let done = self.inner.complete().await?;
        let path = self.path.clone();
        self.store
            .blocking(move || {
                File::open(&path)?.sync_all()?;
                sync_parent(&path)
            })
            .await?;
        Ok(done)
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}

/// Writes beside the target under a name that listings leave out (`#` and digits), syncs, then gives it its name.
fn write_file(path: &FilePath, payload: &PutPayload, create: bool) -> io::Result<()> {
    if create && path.exists() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let mut staged = path.as_os_str().to_owned();
    staged.push(format!("#{}", uuid::Uuid::new_v4().as_u128()));
    let staged = PathBuf::from(staged);
    let named = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).open(&staged)?;
        for part in payload {
            file.write_all(part)?;
        }
        file.sync_all()?;
        if create { fs::hard_link(&staged, path) } else { fs::rename(&staged, path) }
    })();
    if create || named.is_err() {
        // A leftover is not listed and holds nothing of its own; its removal may fail.
        let _ = fs::remove_file(&staged);
    }
    named?;
    sync_parent(path)
}

/// Makes a folder and its missing parents, each synced into its own parent.
fn make_folders(folder: &FilePath) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        make_folders(parent)?;
    }
    match fs::create_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
        other => other?,
    }
    sync_parent(folder)
}

fn sync_parent(path: &FilePath) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

/// A full disk loses nothing that was acknowledged: writing may go on once there is room.
fn is_full(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn is_taken(e: &Error) -> bool {
    matches!(e, Error::Generic { source, .. }
        if source.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::AlreadyExists))
}

fn generic(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Generic { store: STORE, source: source.into() }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;

    use super::*;

    #[tokio::test]
    async fn a_file_of_this_disk_moves_in_and_another_stays_where_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let store = Durable::open(&dir.path().join("lake")).unwrap();
        let near = dir.path().join("near");
        fs::write(&near, "vicino").unwrap();
        assert!(store.adopt(&near, &Path::from("a/b/raw")).await.unwrap() && !near.exists());
        assert_eq!(store.get(&Path::from("a/b/raw")).await.unwrap().bytes().await.unwrap(), "vicino");

        let device = |path: &FilePath| std::os::unix::fs::MetadataExt::dev(&fs::metadata(path).unwrap());
        let other = FilePath::new("/dev/shm");
        if !other.is_dir() || device(other) == device(dir.path()) {
            eprintln!("skipped: /dev/shm is no other file system here");
            return;
        }
        let far = tempfile::NamedTempFile::new_in(other).unwrap();
        fs::write(far.path(), "lontano").unwrap();
        assert!(!store.adopt(far.path(), &Path::from("a/c/raw")).await.unwrap() && far.path().exists());
        store.put(&Path::from("a/c/raw"), "lontano".into()).await.expect("the store goes on writing");
    }
}
