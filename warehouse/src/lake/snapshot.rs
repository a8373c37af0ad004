//! One version of one table, held in memory.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datasets::model::DatasetName;
use deltalake::DeltaTable;
use deltalake::table::state::DeltaTableState;
use tokio::sync::OnceCell;

use crate::error::{Error, Result};
use crate::lake::guarded::Guarded;

/// Which version of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    Version(u64),
    /// The version that was current then.
    Time(DateTime<Utc>),
}

/// A table as it stood after one commit. Cloning is cheap; later commits do not change it.
#[derive(Clone)]
pub struct Snapshot {
    pub dataset: DatasetName,
    pub version: u64,
    pub(super) table: Arc<DeltaTable>,
    provider: Arc<dyn TableProvider>,
    /// Found when first asked for, see `current`.
    pub(super) current: Arc<OnceCell<Option<Arc<dyn TableProvider>>>>,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} version {}", self.dataset, self.version)
    }
}

impl Snapshot {
    pub(super) async fn new(dataset: DatasetName, table: DeltaTable) -> Result<Self> {
        let version = table.version().ok_or_else(|| Error::internal("lake.snapshot", "the table is not loaded"))?;
        let inner = table.table_provider().await.map_err(|e| Error::internal("lake.snapshot", e))?;
        Ok(Self { dataset, version, table: Arc::new(table), provider: Arc::new(Guarded(inner)), current: Arc::default() })
    }

    /// All stored rows with the system columns: closed versions of a row and rows of every sender included.
    /// It scans in any session; every filter that is pushed down is also kept in the plan.
    pub fn provider(&self) -> Arc<dyn TableProvider> {
        self.provider.clone()
    }

    /// The stored schema of this version.
    pub fn schema(&self) -> SchemaRef {
        self.provider.schema()
    }

    /// Data files of this version.
    pub fn files(&self) -> usize {
        self.state().map_or(0, |s| s.log_data().num_files())
    }

    pub(super) fn state(&self) -> Result<&DeltaTableState> {
        self.table.snapshot().map_err(|e| Error::internal("lake.snapshot", e))
    }
}
