//! Bytes of a release's file, whole or a range, as a stream: memory stays flat whatever its size.

use std::ops::Range;

use bytes::Bytes;
use datasets::model::DatasetName;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{GetOptions, GetRange, GetResultPayload, ObjectStore, ObjectStoreExt};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use crate::error::{Error, Kind, Result};
use crate::release::Releases;
use crate::release::manifest::{FILE, File};
use crate::release::shelf::{failed, folder};

/// Bytes read from a disk at once.
const CHUNK: usize = 512 << 10;

/// A file with the bytes that were asked for.
pub struct Opened {
    pub file: File,
    pub range: Range<u64>,
    pub bytes: BoxStream<'static, Result<Bytes>>,
}

impl Releases {
    /// What a file of a release is; `manifest.json` is one too.
    /// Errors: `NotFound`.
    pub async fn file(&self, name: &DatasetName, release: &str, file: &str) -> Result<File> {
        let manifest = self.find(name, release)?;
        if let Some(found) = manifest.file(file) {
            return Ok(found.clone());
        }
        if file != FILE {
            return Err(Error::new(Kind::NotFound, "release.file", format!("release {release} of {name} has no file '{file}'")));
        }
        let bytes = self.objects().get(&folder(name, &manifest.release).join(FILE)).await.map_err(failed)?.bytes().await.map_err(failed)?;
        let sha256 = hex::encode(Sha256::digest(&bytes));
        Ok(File { name: FILE.into(), format: "json".into(), media_type: "application/json".into(), bytes: bytes.len() as u64, sha256, rows: manifest.rows })
    }

    /// The bytes of a file, `range` of them when given: it must lie within the file.
    /// Errors: `NotFound`.
    pub async fn open(&self, name: &DatasetName, release: &str, file: &str, range: Option<Range<u64>>) -> Result<Opened> {
        let manifest = self.find(name, release)?;
        let file = self.file(name, release, file).await?;
        let range = range.unwrap_or(0..file.bytes);
        if range.is_empty() {
            return Ok(Opened { file, range, bytes: stream::empty().boxed() });
        }
        let options = GetOptions { range: Some(GetRange::Bounded(range.clone())), ..GetOptions::default() };
        let found = self.objects().get_opts(&folder(name, &manifest.release).join(file.name.as_str()), options).await.map_err(failed)?;
        let bytes = match found.payload {
            // The store's own stream goes to a thread for every 8 KiB.
            GetResultPayload::File(local, _) => {
                let mut local = tokio::fs::File::from_std(local);
                local.set_max_buf_size(CHUNK);
                let fault = |e: std::io::Error| Error::internal("release.read", e);
                local.seek(std::io::SeekFrom::Start(range.start)).await.map_err(fault)?;
                ReaderStream::with_capacity(local.take(range.end - range.start), CHUNK).map_err(fault).boxed()
            }
            GetResultPayload::Stream(bytes) => bytes.map_err(failed).boxed(),
        };
        Ok(Opened { file, range, bytes })
    }
}
