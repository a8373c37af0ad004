//! Received bytes and what became of them, as objects: `landing/<area>/<name>/<id>/{raw,report.json,violations.csv,refused.csv}`,
//! and `landing/_open/<id>.json`, the receipt, while a delivery still awaits its report.

use std::path::{Path as FilePath, PathBuf};

use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{GetResultPayload, ObjectStoreExt, PutPayload, WriteMultipart};
use tokio::io::AsyncReadExt;
use warehouse::lake::Store;

use crate::error::{Error, Kind, Result};
use crate::incoming::Receipt;
use crate::report::Report;

/// Uploads above this size go in parts of it, in bytes.
const PART: usize = 8 << 20;

#[derive(Clone)]
pub struct Landing {
    store: Store,
}

/// A received file on the local disk; a copy from a bucket is removed on drop.
pub struct Raw {
    pub path: PathBuf,
    _copy: Option<tempfile::TempPath>,
}

impl Landing {
    pub fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    fn folder(receipt: &Receipt) -> String {
        format!("landing/{}/{}", receipt.dataset.replace('.', "/"), receipt.id)
    }

    fn open(id: &str) -> Path {
        Path::from(format!("landing/_open/{id}.json"))
    }

    /// Makes the arrival durable: bytes first, then the receipt. The file is taken from where it lies if it can be.
    pub async fn receive(&self, receipt: &Receipt, file: &FilePath) -> Result<()> {
        let raw = format!("{}/raw", Self::folder(receipt));
        if !self.store.adopt(file, &Path::from(raw.as_str())).await? {
            self.put_file(&raw, file).await?;
        }
        self.put_json(&Self::open(&receipt.id), receipt).await
    }

    pub async fn raw(&self, receipt: &Receipt) -> Result<Raw> {
        self.raw_of(&receipt.dataset, &receipt.id).await
    }

    /// The received bytes of a delivery, as they lie.
    pub async fn raw_of(&self, dataset: &str, id: &str) -> Result<Raw> {
        let found = self.store.objects().get(&Path::from(format!("landing/{}/{id}/raw", dataset.replace('.', "/")))).await?;
        match found.payload {
            GetResultPayload::File(_, path) => Ok(Raw { path, _copy: None }),
            GetResultPayload::Stream(mut stream) => {
                let (file, copy) = tempfile::NamedTempFile::new()?.into_parts();
                let mut file = tokio::fs::File::from_std(file);
                while let Some(bytes) = stream.next().await {
                    tokio::io::AsyncWriteExt::write_all(&mut file, &bytes?).await?;
                }
                tokio::io::AsyncWriteExt::flush(&mut file).await?;
                Ok(Raw { path: copy.to_path_buf(), _copy: Some(copy) })
            }
        }
    }

    /// Keeps the outcome: the two lists first, then the report, which makes them count.
    pub async fn finish(&self, receipt: &Receipt, report: &Report, violations: &FilePath, refused: &FilePath) -> Result<()> {
        let folder = Self::folder(receipt);
        if report.violations_total > 0 {
            self.put_file(&format!("{folder}/violations.csv"), violations).await?;
        }
        if report.refused > 0 {
            self.put_file(&format!("{folder}/refused.csv"), refused).await?;
        }
        self.put_json(&Path::from(format!("{folder}/report.json")), report).await?;
        self.put_json(&Path::from(format!("landing/_reports/{}.json", receipt.id)), &folder).await
    }

    /// The delivery no longer needs to be looked at when the service starts.
    pub async fn close(&self, id: &str) -> Result<()> {
        match self.store.objects().delete(&Self::open(id)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    /// Receipts that still await their report, oldest first.
    pub async fn unfinished(&self) -> Result<Vec<Receipt>> {
        let found: Vec<_> = self.store.objects().list(Some(&Path::from("landing/_open"))).try_collect().await?;
        let mut receipts = Vec::new();
        for object in found {
            if let Some(receipt) = self.get_json::<Receipt>(&object.location).await? {
                receipts.push(receipt);
            }
        }
        receipts.sort_by_key(|r| r.received);
        Ok(receipts)
    }

    /// The receipt of a delivery that is not finished.
    pub async fn receipt(&self, id: &str) -> Result<Option<Receipt>> {
        if plain(id) { self.get_json(&Self::open(id)).await } else { Ok(None) }
    }

    pub async fn report(&self, id: &str) -> Result<Option<Report>> {
        if !plain(id) {
            return Ok(None);
        }
        match self.get_json::<String>(&Path::from(format!("landing/_reports/{id}.json"))).await? {
            Some(folder) => self.get_json(&Path::from(format!("{folder}/report.json"))).await,
            None => Ok(None),
        }
    }

    /// One of the lists of a finished delivery (`violations.csv`, `refused.csv`) as bytes; empty when it had none.
    pub async fn list(&self, report: &Report, name: &str) -> Result<bytes::Bytes> {
        match self.store.objects().get(&Path::from(format!("landing/{}/{}/{name}", report.dataset.replace('.', "/"), report.id))).await {
            Ok(found) => Ok(found.bytes().await?),
            Err(object_store::Error::NotFound { .. }) => Ok(bytes::Bytes::new()),
            Err(e) => Err(e.into()),
        }
    }

    /// Keeps a document under the hash of its clear text.
    pub async fn put_attachment(&self, hash: &str, sealed: Vec<u8>) -> Result<()> {
        self.store.objects().put(&attached(hash), PutPayload::from(sealed)).await?;
        Ok(())
    }

    /// A kept document as it lies, as a file in `folder`.
    pub async fn attachment(&self, hash: &str, folder: &FilePath) -> Result<tempfile::NamedTempFile> {
        let bytes = match self.store.objects().get(&attached(hash)).await {
            Ok(found) => found.bytes().await?,
            Err(object_store::Error::NotFound { .. }) => return Err(Error::new(Kind::NotFound, "form.attachment", hash)),
            Err(e) => return Err(e.into()),
        };
        let file = tempfile::NamedTempFile::new_in(folder)?;
        std::fs::write(file.path(), &bytes)?;
        Ok(file)
    }

    async fn put_file(&self, to: &str, file: &FilePath) -> Result<()> {
        let mut file = tokio::fs::File::open(file).await?;
        let to = Path::from(to);
        if file.metadata().await?.len() as usize <= PART {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).await?;
            self.store.objects().put(&to, PutPayload::from(bytes)).await?;
            return Ok(());
        }
        let mut upload = WriteMultipart::new_with_chunk_size(self.store.objects().put_multipart(&to).await?, PART);
        let mut buffer = vec![0; 1 << 20];
        loop {
            let read = file.read(&mut buffer).await?;
            if read == 0 {
                break;
            }
            upload.wait_for_capacity(2).await?;
            upload.write(&buffer[..read]);
        }
        upload.finish().await?;
        Ok(())
    }

    async fn put_json<T: serde::Serialize>(&self, to: &Path, value: &T) -> Result<()> {
        let bytes = serde_json::to_vec(value).map_err(|e| Error::internal("landing.json", e))?;
        self.store.objects().put(to, PutPayload::from(bytes)).await?;
        Ok(())
    }

    async fn get_json<T: serde::de::DeserializeOwned>(&self, from: &Path) -> Result<Option<T>> {
        match self.store.objects().get(from).await {
            Ok(found) => serde_json::from_slice(&found.bytes().await?).map(Some).map_err(|e| Error::internal("landing.json", e)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }
}

fn attached(hash: &str) -> Path {
    Path::from(format!("landing/_attachments/{hash}"))
}

/// An id is ours only if it looks like one; anything else is never made part of a path.
fn plain(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit())
}
