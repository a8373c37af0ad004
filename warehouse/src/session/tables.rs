//! The tables that one query names, at one moment, as its principal may see them: `assa.strutture`, all its recorded versions
//! (`assa.strutture_storia`), or either as it stood (`assa."strutture@v12"`, `assa."strutture@2026-10-01"`).

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::catalog::{CatalogProvider, MemoryCatalogProvider, MemorySchemaProvider, SchemaProvider};
use datafusion::common::TableReference;
use datasets::catalog::STRANGER;
use datasets::model::DatasetName;
use futures::future::try_join_all;

use crate::error::{Error, Kind, Result};
use crate::lake::{At, Snapshot};
use crate::policy::PolicyTable;
use crate::policy::rights::Closed;
use crate::session::Session;
use crate::session::template::CATALOG;

/// Suffix of the table that shows all recorded versions.
pub const HISTORY: &str = "_storia";

/// Stands between a table's name and the version that is asked for, as in Delta's own notation.
const AT: char = '@';

/// One table of a query: a dataset, as it is or with its history.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// As the query calls it, without its area.
    pub table: String,
    pub dataset: DatasetName,
    pub history: bool,
    /// `None`: the newest version.
    pub at: Option<At>,
}

/// Tables of a query with the versions they were taken at.
pub struct Pinned {
    pub tables: BTreeMap<Named, Arc<PolicyTable>>,
    pub versions: BTreeMap<String, u64>,
}

impl Session {
    /// The dataset that `reference` names; absent and hidden give the same error. `place` is where the query says so.
    pub(super) fn named(&self, reference: &TableReference, place: &str) -> Result<Named> {
        let (name, at) = match reference.table().split_once(AT) {
            Some((name, at)) => (name, Some(at)),
            None => (reference.table(), None),
        };
        let found = match (reference.catalog().unwrap_or(CATALOG), reference.schema()) {
            (CATALOG, Some(area)) => self.find(area, name),
            _ => None,
        };
        let (dataset, history) = found.ok_or_else(|| unknown(&reference.to_string(), place))?;
        let at = at.map(str::parse).transpose()?;
        Ok(Named { table: reference.table().to_owned(), dataset, history, at })
    }

    fn find(&self, area: &str, table: &str) -> Option<(DatasetName, bool)> {
        let dataset = |name: &str| DatasetName { area: area.to_owned(), name: name.to_owned() };
        let whole = dataset(table);
        if self.rights.contains_key(&whole) {
            return Some((whole, false));
        }
        let current = dataset(table.strip_suffix(HISTORY)?);
        let history = self.rights.get(&current)?.has_history();
        history.then_some((current, true))
    }

    /// The snapshot that a table of a query means.
    /// Errors: `Forbidden` for a stranger who asks for an earlier one: what was open once may have been closed since.
    async fn snapshot(&self, named: &Named) -> Result<Snapshot> {
        let Some(at) = named.at else { return self.newest(&named.dataset).await };
        if self.principal.role == STRANGER {
            return Err(Error::new(Kind::Forbidden, "table.version", "sign in to see earlier versions"));
        }
        self.warehouse.lake().snapshot_at(&named.dataset, at).await
    }

    /// The newest snapshot of a dataset, or that of the session's moment.
    pub(super) async fn newest(&self, name: &DatasetName) -> Result<Snapshot> {
        match &self.moment {
            Some(moment) => moment.snapshot(name),
            None => self.warehouse.lake().refresh(name).await,
        }
    }

    /// Takes the version of each table that is asked for, the newest ones all at one moment, commits of other processes included.
    pub(super) async fn pin(&self, named: impl IntoIterator<Item = Named>) -> Result<Pinned> {
        let named: Vec<Named> = named.into_iter().collect();
        let refreshed = try_join_all(named.iter().map(|n| self.snapshot(n))).await?;
        let mut pinned = Pinned { tables: BTreeMap::new(), versions: BTreeMap::new() };
        for (name, snapshot) in named.into_iter().zip(refreshed) {
            let right = self.rights.get(&name.dataset).ok_or_else(|| unknown(&name.dataset.to_string(), ""))?;
            let closed = if name.history || !right.is_versioned() { Closed::Shown } else { Closed::Filtered };
            // Whole files of current rows need no filter.
            let current = if closed == Closed::Filtered { snapshot.current()? } else { None };
            let (stored, closed) = match current {
                Some(current) => (current, Closed::Absent),
                None => (snapshot.provider(), closed),
            };
            let stored = if name.at.is_some() { right.as_of_today(stored)? } else { stored };
            let table = right.table(stored, &self.principal, closed)?;
            // A query may compare a table with itself.
            let read = if name.at.is_some() { format!("{}{AT}v{}", name.dataset, snapshot.version) } else { name.dataset.to_string() };
            pinned.versions.insert(read, snapshot.version);
            pinned.tables.insert(name, Arc::new(table));
        }
        Ok(pinned)
    }
}

impl Pinned {
    /// A catalog that holds these tables and no other.
    pub fn catalog(&self) -> Result<Arc<dyn CatalogProvider>> {
        let catalog = MemoryCatalogProvider::new();
        let fault = |e| Error::internal("session.catalog", e);
        for (named, table) in &self.tables {
            let area = match catalog.schema(&named.dataset.area) {
                Some(area) => area,
                None => {
                    let area: Arc<dyn SchemaProvider> = Arc::new(MemorySchemaProvider::new());
                    catalog.register_schema(&named.dataset.area, area.clone()).map_err(fault)?;
                    area
                }
            };
            area.register_table(named.table.clone(), table.clone()).map_err(fault)?;
        }
        Ok(Arc::new(catalog))
    }
}

/// The one error for a table that is not there and for one that is not this principal's.
pub fn unknown(table: &str, place: &str) -> Error {
    Error::new(Kind::NotFound, "table.unknown", format!("table '{table}' not found{place}"))
}
