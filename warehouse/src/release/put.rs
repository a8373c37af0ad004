//! From local files to the store.

use std::fs::File as Local;
use std::io::Read;
use std::path::Path as FilePath;

use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, WriteMultipart};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::release::shelf::failed;

/// Bytes of a part: S3 takes ten thousand of them.
const PART: usize = 16 << 20;
/// Bytes read at once to be hashed.
const READ: usize = 1 << 20;

/// Size and hash of a local file.
pub fn digest(path: &FilePath) -> std::io::Result<(u64, String)> {
    let (mut file, mut digest, mut buffer, mut bytes) = (Local::open(path)?, Sha256::new(), vec![0; READ], 0);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((bytes, hex::encode(digest.finalize())));
        }
        digest.update(&buffer[..read]);
        bytes += read as u64;
    }
}

/// Writes a local file to the store, part by part. Nobody reads it before its manifest is there.
pub async fn put(objects: &dyn ObjectStore, local: &FilePath, to: &Path) -> Result<()> {
    use tokio::io::AsyncReadExt;
    let fault = |e: std::io::Error| Error::internal("release.spool", e);
    let mut file = tokio::fs::File::open(local).await.map_err(fault)?;
    if file.metadata().await.map_err(fault)?.len() < PART as u64 {
        let bytes = tokio::fs::read(local).await.map_err(fault)?;
        objects.put(to, bytes.into()).await.map_err(failed)?;
        return Ok(());
    }
    let mut upload = WriteMultipart::new_with_chunk_size(objects.put_multipart(to).await.map_err(failed)?, PART);
    let mut buffer = vec![0; READ];
    loop {
        let read = file.read(&mut buffer).await.map_err(fault)?;
        if read == 0 {
            break;
        }
        upload.wait_for_capacity(2).await.map_err(failed)?;
        upload.write(&buffer[..read]);
    }
    upload.finish().await.map_err(failed)?;
    Ok(())
}
