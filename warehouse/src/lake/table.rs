//! One dataset's Delta table: its log, its current snapshot in memory, and the one way to commit to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use datafusion::arrow::datatypes::SchemaRef;
use datasets::derive::arrow::stored_schema;
use datasets::model::{Contract, DatasetName};
use deltalake::DeltaTable;
use deltalake::kernel::transaction::CommitProperties;
use deltalake::kernel::{StructType, engine::arrow_conversion::TryIntoKernel};
use deltalake::logstore::{LogStoreRef, StorageConfig, commit_uri_from_version, default_logstore};
use deltalake::operations::create::CreateBuilder;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{Error as StoreError, ObjectStore, ObjectStoreExt};
use parking_lot::{Mutex, RwLock};

use crate::error::{Error, Kind, Result};
use crate::lake::snapshot::{At, Snapshot};
use crate::lake::store::Store;
use crate::lake::values::Values;
use crate::lake::{evolve, files};

/// Commits between two checkpoints: what a fresh start has to replay.
pub const CHECKPOINT_EVERY: u64 = 50;

pub struct Table {
    pub contract: Contract,
    pub store: Store,
    /// From the lake's root, such as `tables/assa/strutture`.
    pub path: Path,
    pub log: LogStoreRef,
    current: RwLock<Snapshot>,
    /// Held by the one commit or refresh of this process that moves `current`.
    pub moving: tokio::sync::Mutex<()>,
    /// How many asked for a refresh, and how many of them have had one.
    asked: AtomicU64,
    answered: AtomicU64,
    pub values: Mutex<Values>,
}

impl Table {
    /// Opens the table of a contract, creating it when it is not there and following a new version of the contract.
    pub async fn open(store: &Store, contract: &Contract) -> Result<Self> {
        let path = Path::from_iter(["tables", &contract.name.area, &contract.name.name]);
        let url = store.table_url(&path)?;
        let prefixed = Arc::new(PrefixStore::new(store.objects(), path.clone()));
        let log = default_logstore(prefixed, store.objects(), &url, &StorageConfig::default());
        let table = load_or_create(&log, contract).await?;
        let current = RwLock::new(Snapshot::new(contract.name.clone(), table)?);
        let moving = tokio::sync::Mutex::new(());
        let table = Self {
            contract: contract.clone(),
            store: store.clone(),
            path,
            log,
            current,
            moving,
            asked: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            values: Mutex::default(),
        };
        evolve::follow(&table).await?;
        Ok(table)
    }

    pub fn name(&self) -> &DatasetName {
        &self.contract.name
    }

    /// Objects with paths from the table's root.
    pub fn objects(&self) -> Arc<dyn ObjectStore> {
        self.log.object_store(None)
    }

    /// What files of the contract's present version hold.
    pub fn schema(&self) -> SchemaRef {
        files::plain(&stored_schema(&self.contract))
    }

    pub fn current(&self) -> Snapshot {
        self.current.read().clone()
    }

    pub fn advance(&self, snapshot: Snapshot) {
        let mut current = self.current.write();
        if snapshot.version > current.version {
            *current = snapshot;
        }
    }

    /// Picks up commits of other processes. One look-up of an object when there is none; who comes while one is under way shares the next
    /// one with all that came meanwhile: it began after each of them asked.
    pub async fn refresh(&self) -> Result<Snapshot> {
        let current = self.current();
        let next = commit_uri_from_version(Some(current.version + 1));
        if self.store.is_absent(&self.path.parts().chain(next.parts()).collect()) {
            return Ok(current);
        }
        let mine = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let _moving = self.moving.lock().await;
        if self.answered.load(Ordering::SeqCst) >= mine {
            return Ok(self.current());
        }
        let all = self.asked.load(Ordering::SeqCst);
        let current = self.catch_up().await?;
        self.answered.store(all, Ordering::SeqCst);
        Ok(current)
    }

    /// As `refresh`, for who already holds `moving`.
    pub async fn catch_up(&self) -> Result<Snapshot> {
        let current = self.current();
        let next = commit_uri_from_version(Some(current.version + 1));
        match self.objects().head(&next).await {
            Err(StoreError::NotFound { .. }) => return Ok(current),
            Err(e) => return Err(Error::internal("lake.refresh", e)),
            Ok(_) => {}
        }
        let mut table = DeltaTable::clone(&current.table);
        table.update_incremental(None).await.map_err(|e| Error::internal("lake.refresh", e))?;
        self.advance(Snapshot::new(self.name().clone(), table)?);
        Ok(self.current())
    }

    /// An earlier version. Errors: `NotFound` when it is not kept any more or not there yet.
    pub async fn at(&self, at: At) -> Result<Snapshot> {
        let current = self.refresh().await?;
        if at == At::Version(current.version) {
            return Ok(current);
        }
        let mut table = DeltaTable::new(self.log.clone());
        let loaded = match at {
            At::Version(version) if version > current.version => return Err(self.not_kept()),
            At::Version(version) => table.load_version(version).await,
            At::Time(time) => table.load_with_datetime(time).await,
        };
        let entry = commit_uri_from_version(table.version().or(if let At::Version(v) = at { Some(v) } else { None }));
        let written = match self.objects().head(&entry).await {
            Ok(entry) => entry.last_modified,
            Err(StoreError::NotFound { .. }) => return Err(self.not_kept()),
            Err(e) => return Err(Error::internal("lake.travel", e)),
        };
        loaded.map_err(|e| Error::internal("lake.travel", e))?;
        if matches!(at, At::Time(time) if time < written) {
            return Err(self.not_kept());
        }
        Snapshot::new(self.name().clone(), table)
    }

    /// When the newest version this process knows of was written.
    pub async fn written(&self) -> Result<DateTime<Utc>> {
        let entry = commit_uri_from_version(Some(self.current().version));
        let entry = self.objects().head(&entry).await.map_err(|e| Error::internal("lake.written", e))?;
        Ok(entry.last_modified)
    }

    fn not_kept(&self) -> Error {
        Error::new(Kind::NotFound, "lake.version", format!("{} has no such version", self.name()))
    }
}

async fn load_or_create(log: &LogStoreRef, contract: &Contract) -> Result<DeltaTable> {
    let failed = |e| Error::internal("lake.open", e);
    let mut table = DeltaTable::new(log.clone());
    if !log.is_delta_table_location().await.map_err(failed)? {
        // Another process may create it at the same moment: whoever comes second reads what the first wrote.
        let created = CreateBuilder::new()
            .with_log_store(log.clone())
            .with_columns(delta_schema(contract)?.fields().cloned())
            .with_comment(&contract.title.it)
            .with_configuration(configuration(contract).map(|(k, v)| (k, Some(v))))
            .with_raise_if_key_not_exists(false)
            .with_commit_properties(CommitProperties::default().with_max_retries(0))
            .await;
        if let Err(e) = created {
            tracing::debug!(error = %e, dataset = %contract.name, "table not created here");
        }
    }
    table.load().await.map_err(failed)?;
    Ok(table)
}

/// The contract's stored schema in Delta's words, labels included.
pub fn delta_schema(contract: &Contract) -> Result<StructType> {
    let schema = stored_schema(contract);
    (&schema).try_into_kernel().map_err(|e| Error::internal("lake.schema", e))
}

/// Statistics on every column; nothing is cleaned up by a commit, and no data file before the log that names it.
pub fn configuration(contract: &Contract) -> impl Iterator<Item = (String, String)> {
    [
        ("delta.checkpointInterval", CHECKPOINT_EVERY.to_string()),
        ("delta.dataSkippingNumIndexedCols", "-1".to_owned()),
        ("delta.enableExpiredLogCleanup", "false".to_owned()),
        ("delta.logRetentionDuration", "interval 30 days".to_owned()),
        ("delta.deletedFileRetentionDuration", "interval 30 days".to_owned()),
        (CONTRACT_VERSION, contract.version.clone()),
    ]
    .into_iter()
    // A delivery's identifier is kept for ever. The service's own are new each time, one every few seconds.
    .chain((contract.name.area == SYSTEM).then(|| ("delta.setTransactionRetentionDuration", "interval 1 days".to_owned())))
    .map(|(key, value)| (key.to_owned(), value))
}

/// Area of the service's own tables.
const SYSTEM: &str = "sistema";

/// Table property that names the contract's version which the schema follows.
pub const CONTRACT_VERSION: &str = "siss.contractVersion";
