//! Where the lake's bytes are: a local folder or a bucket, by URL.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use object_store::aws::{AmazonS3Builder, S3ConditionalPut};
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{Error as StoreError, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;

use crate::error::{Error, Kind, Result};
use crate::lake::durable::Durable;

/// How to reach an S3-compatible store. What is not given stays at the provider's default.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StoreOptions {
    /// Such as `https://s3.example.org`; none for Amazon's own.
    pub endpoint: Option<String>,
    pub region: Option<String>,
    pub access_key: Option<String>,
    pub secret_key: Option<String>,
    /// Allows an endpoint without TLS (a test server on loopback).
    pub allow_http: bool,
    /// This process only reads (a worker): whether the store is safe to write was found by the one that started it.
    pub reads_only: bool,
}

impl std::fmt::Debug for StoreOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreOptions").field("endpoint", &self.endpoint).field("region", &self.region).finish_non_exhaustive()
    }
}

/// The objects of one lake, rooted at its prefix. Cloning is cheap.
#[derive(Clone)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    durable: Option<Durable>,
    url: String,
    reads_only: bool,
}

impl Store {
    /// Opens `file:///folder`, a plain path (made if missing) or `s3://bucket/prefix`.
    /// Refuses a store that cannot write an object only if it is absent: two writers could overwrite each other's commits.
    pub async fn open(url: &str, options: &StoreOptions) -> Result<Self> {
        if url.starts_with("s3://") {
            let url = Url::parse(url).map_err(|e| invalid(format!("'{url}' is not a storage URL: {e}")))?;
            let store = Self { objects: bucket(&url, options)?, durable: None, url: url.to_string(), reads_only: options.reads_only };
            return store.checked().await;
        }
        let folder = folder(url)?;
        let durable = Durable::open(&folder).map_err(|e| Error::internal("store.open", e))?;
        let url = format!("file://{}", durable.root().display());
        if let Some(kind) = volatile(durable.root()).filter(|_| !options.reads_only) {
            tracing::warn!(folder = %durable.root().display(), "the data folder is on {kind}: what is acknowledged may be lost with the power");
        }
        Self { objects: Arc::new(durable.clone()), durable: Some(durable), url, reads_only: options.reads_only }.checked().await
    }

    async fn checked(self) -> Result<Self> {
        if !self.reads_only {
            probe(self.objects.as_ref()).await?;
        }
        Ok(self)
    }

    /// A store over given objects; `url` only names it. The same probe is made.
    pub async fn over(objects: Arc<dyn ObjectStore>, url: &str) -> Result<Self> {
        probe(objects.as_ref()).await?;
        Ok(Self { objects, durable: None, url: url.to_owned(), reads_only: false })
    }

    /// All objects, with paths from the lake's root (`landing/…`, `tables/…`, `open/…`).
    pub fn objects(&self) -> Arc<dyn ObjectStore> {
        self.objects.clone()
    }

    pub fn reads_only(&self) -> bool {
        self.reads_only
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether an object is certainly not there, if that can be told at once.
    pub(super) fn is_absent(&self, location: &Path) -> bool {
        self.durable.as_ref().is_some_and(|durable| durable.is_absent(location))
    }

    /// Makes sure that an object which was seen will still be there after a power loss, whoever wrote it.
    pub(super) async fn confirm(&self, location: &Path) -> Result<()> {
        match &self.durable {
            Some(durable) => durable.confirm(location).await.map_err(|e| Error::internal("store.sync", e)),
            None => Ok(()),
        }
    }

    /// Makes a file of this machine an object by giving it its place: its bytes are written once. False when it has to be copied.
    pub async fn adopt(&self, file: &FilePath, location: &Path) -> Result<bool> {
        match &self.durable {
            Some(durable) => durable.adopt(file, location).await.map_err(|e| Error::internal("store.adopt", e)),
            None => Ok(false),
        }
    }

    /// A URL of our own scheme under which tables are known to the engine: it never resolves to another session's store.
    pub(super) fn table_url(&self, path: &Path) -> Result<Url> {
        let host = hex::encode(&Sha256::digest(self.url.as_bytes())[..8]);
        Url::parse(&format!("siss://{host}/{path}/")).map_err(|e| Error::internal("store.url", e))
    }
}

fn folder(url: &str) -> Result<PathBuf> {
    let path = match url.split_once("://") {
        Some(("file", _)) => Url::parse(url)
            .ok()
            .and_then(|u| u.to_file_path().ok())
            .ok_or_else(|| invalid(format!("'{url}' is not a folder: write file:///folder or a plain path")))?,
        Some((scheme, _)) => return Err(invalid(format!("storage '{scheme}' is not supported: use a folder, file:// or s3://"))),
        None => FilePath::new(url).to_path_buf(),
    };
    std::path::absolute(path).map_err(|e| Error::internal("store.open", e))
}

/// What kind of file system a folder is on, if it is one that does not keep what was synced, or not for sure.
fn volatile(folder: &FilePath) -> Option<&'static str> {
    let path = CString::new(folder.as_os_str().as_bytes()).ok()?;
    let mut found = std::mem::MaybeUninit::<libc::statfs>::zeroed();
    // SAFETY: the path ends with a null byte and both pointers live through the call; a zeroed statfs is valid.
    let found = unsafe { (libc::statfs(path.as_ptr(), found.as_mut_ptr()) == 0).then(|| found.assume_init()) }?;
    // Numbers of statfs(2).
    match found.f_type {
        0x0102_1994 => Some("tmpfs, in memory"),
        0x8584_58f6 => Some("ramfs, in memory"),
        0x6969 => Some("NFS"),
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => Some("a Windows share"),
        _ => None,
    }
}

fn bucket(url: &Url, options: &StoreOptions) -> Result<Arc<dyn ObjectStore>> {
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(url.host_str().unwrap_or_default())
        .with_allow_http(options.allow_http)
        .with_conditional_put(S3ConditionalPut::ETagMatch);
    if let Some(endpoint) = &options.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    if let Some(region) = &options.region {
        builder = builder.with_region(region);
    }
    if let Some(key) = &options.access_key {
        builder = builder.with_access_key_id(key);
    }
    if let Some(secret) = &options.secret_key {
        builder = builder.with_secret_access_key(secret);
    }
    let store = builder.build().map_err(|e| Error::internal("store.open", e))?;
    let prefix = Path::from_url_path(url.path()).map_err(|e| invalid(format!("'{url}' is not a storage URL: {e}")))?;
    Ok(Arc::new(PrefixStore::new(store, prefix)))
}

/// Writes an object twice "only if absent": the second attempt must be refused.
async fn probe(objects: &dyn ObjectStore) -> Result<()> {
    let location = Path::from(format!("probe/{}", uuid::Uuid::new_v4()));
    let put = || objects.put_opts(&location, PutPayload::from_static(b"siss"), PutOptions::from(PutMode::Create));
    put().await.map_err(|e| Error::internal("store.probe", e))?;
    let second = put().await;
    if let Err(e) = objects.delete(&location).await {
        tracing::warn!(error = %e, object = %location, "probe object could not be removed");
    }
    match second {
        Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. }) => Ok(()),
        Ok(_) => Err(unsafe_store("it overwrote an object that was to be written only if absent")),
        Err(StoreError::NotImplemented { .. }) => Err(unsafe_store("it cannot write an object only if absent")),
        Err(e) => Err(Error::internal("store.probe", e)),
    }
}

fn unsafe_store(what: &str) -> Error {
    let message = format!("the object store is not safe for a lake: {what} (If-None-Match on PUT); commits of two writers would be lost");
    Error::new(Kind::Conflict, "store.unsafe", message)
}

fn invalid(message: String) -> Error {
    Error::new(Kind::Invalid, "store.url", message)
}
