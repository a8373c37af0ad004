//! Test support: an object store that fails on purpose at one of its calls.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, RenameOptions, Result, UploadPart,
};

/// What happens at the chosen call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An error, and nothing was done.
    Before,
    /// An error, though it was done: the answer was lost.
    After,
    /// It is done, late.
    Slow,
    /// A listing stops with an error half-way; other calls fail as with `Before`.
    Partial,
    /// Every "write only if absent" overwrites instead, at any call: a store that is not fit for a lake.
    IgnoresCondition,
}

/// Passes calls on and injects one fault at the `at`-th of them, counted from 1; 0 never fails.
#[derive(Clone, Debug)]
pub struct Faulty {
    inner: Arc<dyn ObjectStore>,
    plan: Arc<Injection>,
}

#[derive(Debug)]
struct Injection {
    fault: Fault,
    at: AtomicUsize,
    calls: AtomicUsize,
}

impl Faulty {
    pub fn new(inner: Arc<dyn ObjectStore>, fault: Fault) -> Self {
        Self { inner, plan: Arc::new(Injection { fault, at: AtomicUsize::new(0), calls: AtomicUsize::new(0) }) }
    }

    /// Counts from zero again and fails at call `at`.
    pub fn arm(&self, at: usize) {
        self.plan.calls.store(0, Ordering::SeqCst);
        self.plan.at.store(at, Ordering::SeqCst);
    }

    /// Calls since the last `arm`.
    pub fn calls(&self) -> usize {
        self.plan.calls.load(Ordering::SeqCst)
    }
}

impl Injection {
    /// The fault of this call, if it is the one.
    fn next(&self) -> Option<Fault> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        (call == self.at.load(Ordering::SeqCst)).then_some(self.fault)
    }

    async fn around<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        match self.next() {
            Some(Fault::Before | Fault::Partial) => Err(injected()),
            Some(Fault::After) => call.await.and_then(|_| Err(injected())),
            Some(Fault::Slow) => {
                tokio::time::sleep(Duration::from_millis(20)).await;
                call.await
            }
            Some(Fault::IgnoresCondition) | None => call.await,
        }
    }
}

fn injected() -> Error {
    Error::Generic { store: "faulty", source: "injected fault".into() }
}

impl std::fmt::Display for Faulty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "faulty {}", self.inner)
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, location: &Path, payload: PutPayload, mut opts: PutOptions) -> Result<PutResult> {
        if self.plan.fault == Fault::IgnoresCondition {
            opts.mode = PutMode::Overwrite;
        }
        self.plan.around(self.inner.put_opts(location, payload, opts)).await
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        let inner = self.plan.around(self.inner.put_multipart_opts(location, opts)).await?;
        Ok(Box::new(FaultyUpload { inner, plan: self.plan.clone() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.plan.around(self.inner.get_opts(location, options)).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.plan.around(self.inner.get_ranges(location, ranges)).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let (inner, plan) = (self.inner.clone(), self.plan.clone());
        locations
            .then(move |location| {
                let (inner, plan) = (inner.clone(), plan.clone());
                async move {
                    let location = location?;
                    let one = futures::stream::iter([Ok(location)]).boxed();
                    let mut deleted = inner.delete_stream(one);
                    plan.around(async { deleted.next().await.unwrap_or_else(|| Err(injected())) }).await
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.listing(self.inner.list(prefix))
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.listing(self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.plan.around(self.inner.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.plan.around(self.inner.copy_opts(from, to, options)).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.plan.around(self.inner.rename_opts(from, to, options)).await
    }
}

impl Faulty {
    fn listing(&self, all: BoxStream<'static, Result<ObjectMeta>>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.plan.next() {
            Some(Fault::Before) => futures::stream::iter([Err(injected())]).boxed(),
            Some(Fault::After | Fault::Partial) => all.take(1).chain(futures::stream::iter([Err(injected())])).boxed(),
            Some(Fault::Slow | Fault::IgnoresCondition) | None => all,
        }
    }
}

#[derive(Debug)]
struct FaultyUpload {
    inner: Box<dyn MultipartUpload>,
    plan: Arc<Injection>,
}

#[async_trait]
impl MultipartUpload for FaultyUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (part, plan) = (self.inner.put_part(data), self.plan.clone());
        async move { plan.around(part).await }.boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.plan.around(self.inner.complete()).await
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}
