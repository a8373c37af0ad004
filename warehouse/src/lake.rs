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
mod expire;
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
use futures::TryStreamExt;
use tokio::sync::OnceCell;

pub use self::changes::{Changed, Origin};
pub use self::durable::Durable;
pub use self::load::{Commit, Computed, Load, RefusedLines};
pub use self::maintain::{MaintainOptions, Maintained};
pub use self::snapshot::{At, Snapshot};
pub use self::store::{Store, StoreOptions};
pub use self::writer::Writer;

use self::table::Table;
use crate::error::{Error, Kind, Result};
use crate::spread::spread;

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
    /// Memory of one of the service's own questions.
    rule_bytes: usize,
    /// A lake that is only read opens a table when it is first asked for: a worker answers after one table, not after all of them.
    tables: BTreeMap<DatasetName, OnceCell<Arc<Table>>>,
}

impl Lake {
    /// Opens the table of every contract, creating those that are not there; over a store that only reads, nothing yet.
    pub async fn open(store: Store, catalog: Arc<Catalog>, rule_bytes: usize) -> Result<Self> {
        let tables = catalog.contracts.keys().map(|name| (name.clone(), OnceCell::new())).collect();
        let lake = Self { inner: Arc::new(Inner { store, catalog, rule_bytes, tables }) };
        if !lake.inner.store.reads_only() {
            let names: Vec<DatasetName> = lake.inner.tables.keys().cloned().collect();
            let opened = names.into_iter().map(|name| {
                let lake = lake.clone();
                async move { lake.table(&name).await.map(|_| ()) }
            });
            spread(opened, OPENING).try_collect::<()>().await?;
        }
        Ok(lake)
    }

    /// Memory of one of the service's own questions.
    pub fn rule_bytes(&self) -> usize {
        self.inner.rule_bytes
    }

    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.inner.catalog
    }

    /// The newest version this process knows of; no input or output.
    /// Errors: `NotFound` for a name without a contract, and for a table that a lake which is only read was not asked for yet.
    pub fn snapshot(&self, name: &DatasetName) -> Result<Snapshot> {
        let table = self.inner.tables.get(name).and_then(OnceCell::get);
        table.map(|table| table.current()).ok_or_else(|| unknown(name))
    }

    /// An earlier version.
    /// Errors: `NotFound` when it is not kept any more or not there yet.
    pub async fn snapshot_at(&self, name: &DatasetName, at: At) -> Result<Snapshot> {
        self.table(name).await?.at(at).await
    }

    /// Picks up commits of other processes; without any it costs one look-up.
    pub async fn refresh(&self, name: &DatasetName) -> Result<Snapshot> {
        self.table(name).await?.refresh().await
    }

    /// When the newest version this process knows of was written.
    pub async fn written(&self, name: &DatasetName) -> Result<DateTime<Utc>> {
        self.table(name).await?.written().await
    }

    pub async fn refresh_all(&self) -> Result<()> {
        let refreshed = self.inner.tables.values().filter_map(OnceCell::get).map(|t| t.refresh());
        futures::future::try_join_all(refreshed).await.map(|_| ())
    }

    /// Begins a delivery into a table. One that was committed before is recognised: its rows are let go.
    pub async fn writer(&self, name: &DatasetName, load: Load) -> Result<Writer> {
        Writer::new(self.table(name).await?.clone(), load, None).await
    }

    /// Begins a computation of a table in mode `versions`: rows of its districts that it does not give are closed.
    pub async fn compute(&self, name: &DatasetName, load: Load, computed: Computed) -> Result<Writer> {
        Writer::new(self.table(name).await?.clone(), load, Some(computed)).await
    }

    /// Whose rows of a table changed after version `from` up to `to`.
    pub async fn changed(&self, name: &DatasetName, from: u64, to: u64) -> Result<Changed> {
        changes::changed(self.table(name).await?, from, to).await
    }

    /// What the rows of a computed table came from; `None` before its first computation, or when the log is not kept so far back.
    pub async fn origin(&self, name: &DatasetName) -> Result<Option<Origin>> {
        changes::origin(self.table(name).await?).await
    }

    /// Distinct values of a column in current rows, as text; kept until the table changes.
    pub async fn distinct(&self, name: &DatasetName, column: &str) -> Result<Arc<HashSet<String>>> {
        values::distinct(self.table(name).await?, column).await
    }

    /// `column` by `key_column` in current rows, as text; kept until the table changes.
    pub async fn lookup(&self, name: &DatasetName, key_column: &str, column: &str) -> Result<Arc<HashMap<String, String>>> {
        values::lookup(self.table(name).await?, key_column, column).await
    }

    /// Compacts every table, writes its checkpoint, and removes what no version within the retention needs.
    pub async fn maintain(&self, options: &MaintainOptions) -> Result<Vec<Maintained>> {
        let mut done = Vec::new();
        for name in self.inner.tables.keys() {
            done.push(maintain::maintain(self.table(name).await?, options).await?);
        }
        Ok(done)
    }

    /// Puts `to` in the place of `from` in a text column, in every stored row, earlier versions included. Gives the number of rows.
    /// What earlier versions of the table held stays readable until [`Self::forget_history`].
    pub async fn substitute(&self, name: &DatasetName, column: &str, from: &str, to: &str) -> Result<u64> {
        erase::substitute(self.table(name).await?, column, from, to).await
    }

    /// Takes the rows whose `column` is before a moment out of a table of the service's own. Gives their number.
    pub async fn expire(&self, name: &DatasetName, column: &str, before: DateTime<Utc>) -> Result<u64> {
        expire::expire(self.table(name).await?, column, before).await
    }

    /// Removes every earlier version of a table for good: log entries, checkpoints and files that the present version does not need.
    /// Nobody else may be at work on the lake. Gives the number of objects removed.
    pub async fn forget_history(&self, name: &DatasetName) -> Result<usize> {
        erase::forget_history(self.table(name).await?).await
    }

    async fn table(&self, name: &DatasetName) -> Result<&Arc<Table>> {
        let Inner { store, catalog, tables, rule_bytes: _ } = &*self.inner;
        let (Some(table), Some(contract)) = (tables.get(name), catalog.get(name)) else { return Err(unknown(name)) };
        table.get_or_try_init(|| async { Table::open(store, contract).await.map(Arc::new) }).await
    }
}

fn unknown(name: &DatasetName) -> Error {
    Error::new(Kind::NotFound, "lake.dataset", format!("there is no dataset '{name}'"))
}
