//! One moment for many questions: the tables of a page, each taken once, so that all of its figures are of the same snapshot.

use std::collections::BTreeMap;
use std::sync::Arc;

use datasets::model::DatasetName;
use futures::future::try_join_all;

use crate::Warehouse;
use crate::error::{Error, Result};
use crate::lake::Snapshot;
use crate::session::Session;

/// The newest version of some tables, all taken at one moment. Cloning is cheap. It holds no rights: a session reads it by its own.
#[derive(Clone, Debug, Default)]
pub struct Moment {
    snapshots: Arc<BTreeMap<DatasetName, Snapshot>>,
}

impl Moment {
    /// The moment of one table alone.
    pub(super) fn of(snapshot: Snapshot) -> Self {
        Self { snapshots: Arc::new([(snapshot.dataset.clone(), snapshot)].into()) }
    }

    /// The versions that were taken, by dataset.
    pub fn versions(&self) -> impl Iterator<Item = (&DatasetName, u64)> {
        self.snapshots.iter().map(|(name, snapshot)| (name, snapshot.version))
    }

    /// The snapshot of one dataset.
    /// Errors: `Internal` for one that was not taken: to read it later would mix two moments.
    pub(super) fn snapshot(&self, name: &DatasetName) -> Result<Snapshot> {
        self.snapshots.get(name).cloned().ok_or_else(|| Error::internal("session.moment", format!("{name} was not taken")))
    }
}

impl Warehouse {
    /// Takes the newest version of each of these tables, commits of other processes included.
    /// Errors: `NotFound` for a name without a contract.
    pub async fn moment(&self, names: impl IntoIterator<Item = DatasetName>) -> Result<Moment> {
        let names: Vec<DatasetName> = names.into_iter().collect();
        let taken = try_join_all(names.iter().map(|name| self.lake().refresh(name))).await?;
        Ok(Moment { snapshots: Arc::new(names.into_iter().zip(taken).collect()) })
    }
}

impl Session {
    /// The same rights over the tables of one moment, and over no other.
    pub fn at(mut self, moment: &Moment) -> Self {
        self.moment = Some(moment.clone());
        self
    }
}
