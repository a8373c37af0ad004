//! The tables that one query names, at one moment, as its principal may see them.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::catalog::{CatalogProvider, MemoryCatalogProvider, MemorySchemaProvider, SchemaProvider};
use datafusion::common::TableReference;
use datasets::model::DatasetName;
use futures::future::try_join_all;

use crate::error::{Error, Kind, Result};
use crate::policy::PolicyTable;
use crate::policy::rights::Closed;
use crate::session::Session;
use crate::session::template::CATALOG;

/// Suffix of the table that shows all recorded versions.
pub const HISTORY: &str = "_storia";

/// One table of a query: a dataset, as it is or with its history.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    pub dataset: DatasetName,
    pub history: bool,
}

/// Tables of a query with the versions they were taken at.
pub struct Pinned {
    pub tables: BTreeMap<Named, Arc<PolicyTable>>,
    pub versions: BTreeMap<String, u64>,
}

impl Session {
    /// The dataset that `reference` names; absent and hidden give the same error. `place` is where the query says so.
    pub(super) fn named(&self, reference: &TableReference, place: &str) -> Result<Named> {
        let found = match (reference.catalog().unwrap_or(CATALOG), reference.schema()) {
            (CATALOG, Some(area)) => self.find(area, reference.table()),
            _ => None,
        };
        found.ok_or_else(|| unknown(&reference.to_string(), place))
    }

    fn find(&self, area: &str, table: &str) -> Option<Named> {
        let dataset = |name: &str| DatasetName { area: area.to_owned(), name: name.to_owned() };
        let whole = dataset(table);
        if self.rights.contains_key(&whole) {
            return Some(Named { dataset: whole, history: false });
        }
        let current = dataset(table.strip_suffix(HISTORY)?);
        let history = self.rights.get(&current)?.has_history();
        history.then_some(Named { dataset: current, history: true })
    }

    /// Takes the newest version of each table, all at one moment, commits of other processes included.
    pub(super) async fn pin(&self, named: impl IntoIterator<Item = Named>) -> Result<Pinned> {
        let named: Vec<Named> = named.into_iter().collect();
        let refreshed = try_join_all(named.iter().map(|n| self.warehouse.lake().refresh(&n.dataset))).await?;
        let mut pinned = Pinned { tables: BTreeMap::new(), versions: BTreeMap::new() };
        for (name, snapshot) in named.into_iter().zip(refreshed) {
            let right = self.rights.get(&name.dataset).ok_or_else(|| unknown(&name.dataset.to_string(), ""))?;
            let closed = if name.history || !right.has_history() { Closed::Shown } else { Closed::Filtered };
            // Whole files of current rows need no filter.
            let current = if closed == Closed::Filtered { snapshot.current()? } else { None };
            let table = match current {
                Some(current) => right.table(current, &self.principal, Closed::Absent)?,
                None => right.table(snapshot.provider(), &self.principal, closed)?,
            };
            pinned.versions.insert(name.dataset.to_string(), snapshot.version);
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
            let suffix = if named.history { HISTORY } else { "" };
            area.register_table(format!("{}{suffix}", named.dataset.name), table.clone()).map_err(fault)?;
        }
        Ok(Arc::new(catalog))
    }
}

/// The one error for a table that is not there and for one that is not this principal's.
pub fn unknown(table: &str, place: &str) -> Error {
    Error::new(Kind::NotFound, "table.unknown", format!("table '{table}' not found{place}"))
}
