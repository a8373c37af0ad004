//! The lake: one Delta table per contract on an object store, changed by whole deliveries and read by snapshots.
//!
//! Under the root: `tables/<area>/<name>/` (Delta tables), `landing/…` (received bytes, untouched), `open/…` (releases).
//! Data files are on disk before the log entry that names them, and the entry before a commit is acknowledged.

mod candidates;
mod changes;
mod commit;
mod current;
mod durable;
mod erase;
mod evolve;
#[doc(hidden)]
pub mod faults;
mod files;
mod listing;
mod load;
mod maintain;
mod replace;
mod scan;
mod snapshot;
mod stage;
mod store;
mod table;
mod together;
mod values;
mod versions;
mod writer;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use datasets::catalog::Catalog;
use datasets::model::DatasetName;
use futures::{StreamExt, TryStreamExt};

pub use self::changes::{Changed, Origin};
pub use self::durable::Durable;
pub use self::load::{Commit, Computed, Load, RefusedLines};
pub use self::maintain::{MaintainOptions, Maintained};
pub use self::snapshot::{At, Snapshot};
pub use self::store::{Store, StoreOptions};
pub use self::writer::Writer;

use self::table::Table;
use crate::error::{Error, Kind, Result};

/// Tables opened at once at start.
const OPENING: usize = 8;

/// An open lake. Cloning is cheap; clones share snapshots.
#[derive(Clone)]
pub struct Lake {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    catalog: Arc<Catalog>,
    tables: BTreeMap<DatasetName, Arc<Table>>,
}

impl Lake {
    /// Opens the table of every contract, creating those that are not there.
    pub async fn open(store: Store, catalog: Arc<Catalog>) -> Result<Self> {
        let tables = futures::stream::iter(catalog.contracts.values())
            .map(|contract| {
                let store = &store;
                async move { Ok::<_, Error>((contract.name.clone(), Arc::new(Table::open(store, contract).await?))) }
            })
            .buffer_unordered(OPENING)
            .try_collect::<BTreeMap<_, _>>()
            .await?;
        Ok(Self { inner: Arc::new(Inner { store, catalog, tables }) })
    }

    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.inner.catalog
    }

    /// The newest version this process knows of; no input or output.
    /// Errors: `NotFound` for a name without a contract.
    pub fn snapshot(&self, name: &DatasetName) -> Result<Snapshot> {
        Ok(self.table(name)?.current())
    }

    /// An earlier version.
    /// Errors: `NotFound` when it is not kept any more or not there yet.
    pub async fn snapshot_at(&self, name: &DatasetName, at: At) -> Result<Snapshot> {
        self.table(name)?.at(at).await
    }

    /// Picks up commits of other processes; without any it costs one look-up.
    pub async fn refresh(&self, name: &DatasetName) -> Result<Snapshot> {
        self.table(name)?.refresh().await
    }

    /// When the newest version this process knows of was written.
    pub async fn written(&self, name: &DatasetName) -> Result<DateTime<Utc>> {
        self.table(name)?.written().await
    }

    pub async fn refresh_all(&self) -> Result<()> {
        let refreshed = self.inner.tables.values().map(|t| t.refresh());
        futures::future::try_join_all(refreshed).await.map(|_| ())
    }

    /// Begins a delivery into a table. One that was committed before is recognised: its rows are let go.
    pub async fn writer(&self, name: &DatasetName, load: Load) -> Result<Writer> {
        Writer::new(self.table(name)?.clone(), load, None).await
    }

    /// Begins a computation of a table in mode `versions`: rows of its districts that it does not give are closed.
    pub async fn compute(&self, name: &DatasetName, load: Load, computed: Computed) -> Result<Writer> {
        Writer::new(self.table(name)?.clone(), load, Some(computed)).await
    }

    /// Whose rows of a table changed after version `from` up to `to`.
    pub async fn changed(&self, name: &DatasetName, from: u64, to: u64) -> Result<Changed> {
        changes::changed(self.table(name)?, from, to).await
    }

    /// What the rows of a computed table came from; `None` before its first computation, or when the log is not kept so far back.
    pub async fn origin(&self, name: &DatasetName) -> Result<Option<Origin>> {
        changes::origin(self.table(name)?).await
    }

    /// Distinct values of a column in current rows, as text; kept until the table changes.
    pub async fn distinct(&self, name: &DatasetName, column: &str) -> Result<Arc<HashSet<String>>> {
        values::distinct(self.table(name)?, column).await
    }

    /// `column` by `key_column` in current rows, as text; kept until the table changes.
    pub async fn lookup(&self, name: &DatasetName, key_column: &str, column: &str) -> Result<Arc<HashMap<String, String>>> {
        values::lookup(self.table(name)?, key_column, column).await
    }

    /// Compacts every table, writes its checkpoint, and removes what no version within the retention needs.
    pub async fn maintain(&self, options: &MaintainOptions) -> Result<Vec<Maintained>> {
        let mut done = Vec::new();
        for table in self.inner.tables.values() {
            done.push(maintain::maintain(table, options).await?);
        }
        Ok(done)
    }

    /// Puts `to` in the place of `from` in a text column, in every stored row, earlier versions included. Gives the number of rows.
    /// What earlier versions of the table held stays readable until [`Self::forget_history`].
    pub async fn substitute(&self, name: &DatasetName, column: &str, from: &str, to: &str) -> Result<u64> {
        erase::substitute(self.table(name)?, column, from, to).await
    }

    /// Removes every earlier version of a table for good: log entries, checkpoints and files that the present version does not need.
    /// Nobody else may be at work on the lake. Gives the number of objects removed.
    pub async fn forget_history(&self, name: &DatasetName) -> Result<usize> {
        erase::forget_history(self.table(name)?).await
    }

    fn table(&self, name: &DatasetName) -> Result<&Arc<Table>> {
        let unknown = || Error::new(Kind::NotFound, "lake.dataset", format!("there is no dataset '{name}'"));
        self.inner.tables.get(name).ok_or_else(unknown)
    }
}
