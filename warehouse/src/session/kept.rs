//! Rows that everybody may see, held in memory while pages of them are asked for again and again: as the gate gave them for one version of
//! their table, in the order of their key. A page of them is found without a plan. What may be seen was decided when they were taken; here are
//! only the reader's own filters, by the same expressions as in [`super::fixed`].

mod sorted;

use std::collections::HashMap;
use std::sync::Arc;

use datasets::model::DatasetName;
use futures::{StreamExt, TryStreamExt, stream};
use moka::sync::Cache;
use parking_lot::Mutex;

use self::sorted::Sorted;
use crate::error::{Error, Result};
use crate::lake::Snapshot;
use crate::session::Session;
use crate::session::moment::Moment;
use crate::session::rows::{Page, Sort};
use crate::statement::Rows;

/// Pages asked of one version before its rows are taken: a table that changes all the time, or is seldom read, is not worth it.
const ASKED: u32 = 3;
/// One table takes this part of all at most.
const PART: usize = 2;
/// Rows from which a table is not even tried: their places are counted in 32 bits, and none would fit.
const MOST: usize = 4 << 20;

/// What is held, of all tables, within a bound.
pub(crate) struct Kept {
    bytes: usize,
    tables: Cache<DatasetName, Arc<Sorted>>,
    asked: Mutex<HashMap<DatasetName, Asked>>,
}

/// Pages asked of a version whose rows are not held.
struct Asked {
    version: u64,
    times: u32,
}

impl Kept {
    /// `bytes`: of all tables together; 0 holds none.
    pub fn new(bytes: usize) -> Self {
        let weight = |_: &DatasetName, table: &Arc<Sorted>| u32::try_from(table.bytes() >> 10).unwrap_or(u32::MAX);
        let tables = Cache::builder().weigher(weight).max_capacity(bytes as u64 >> 10).build();
        Self { bytes, tables, asked: Mutex::default() }
    }

    /// Counts a page that was not there. True once for each version: its rows should be taken now.
    fn wanted(&self, snapshot: &Snapshot) -> bool {
        let mut asked = self.asked.lock();
        let one = asked.entry(snapshot.dataset.clone()).or_insert(Asked { version: snapshot.version, times: 0 });
        if one.version != snapshot.version {
            *one = Asked { version: snapshot.version, times: 0 };
        }
        one.times = one.times.saturating_add(1);
        one.times == ASKED && self.bytes > 0
    }
}

impl Session {
    /// A page of rows that are held; `None` when the engine must find it.
    pub(super) async fn kept_page(&self, name: &DatasetName, page: &Page) -> Result<Option<Rows>> {
        let right = self.rights.get(name);
        let open = right.is_some_and(|right| self.warehouse.rights().is_open(name, right));
        // Without a limit it is an export, in no order; other orders and versions are the engine's.
        if !open || page.limit.is_none() || page.history || page.at.is_some() {
            return Ok(None);
        }
        let kept = &self.warehouse.kept;
        let snapshot = self.newest(name).await?;
        if let Some(table) = kept.tables.get(name).filter(|table| table.version == snapshot.version) {
            let Some(batch) = table.page(page)? else { return Ok(None) };
            let versions = [(name.to_string(), snapshot.version)].into();
            let rows = Rows { schema: batch.schema(), batches: stream::iter([Ok(batch)]).boxed(), snapshot: versions };
            return Ok(Some(self.watched(rows)));
        }
        if kept.wanted(&snapshot) {
            let (session, name) = (self.clone().at(&Moment::of(snapshot)), name.clone());
            tokio::spawn(async move {
                if let Err(error) = session.take(&name).await {
                    tracing::warn!(%error, dataset = %name, "rows not held");
                }
            });
        }
        Ok(None)
    }

    /// Reads all rows of a dataset and holds them, if they fit.
    async fn take(&self, name: &DatasetName) -> Result<()> {
        let snapshot = self.newest(name).await?;
        let visible = self.dataset(name)?;
        let key: Vec<String> = visible.contract.key.iter().filter(|key| visible.columns.iter().any(|c| c.name == **key)).cloned().collect();
        if key.is_empty() || snapshot.rows()?.is_none_or(|rows| rows > MOST) {
            return Ok(());
        }
        let sort = key.iter().map(|column| Sort { column: column.clone(), descending: false }).collect();
        let mut rows = self.planned_rows(name, Page { sort, ..Page::default() }).await?;
        let (mut batches, mut bytes) = (Vec::new(), 0);
        while let Some(batch) = rows.batches.try_next().await? {
            bytes += batch.get_array_memory_size();
            if bytes > self.warehouse.kept.bytes / PART {
                return Ok(());
            }
            batches.push(batch);
        }
        let whole = arrow::compute::concat_batches(&rows.schema, &batches).map_err(|e| Error::internal("session.kept", e))?;
        self.warehouse.kept.tables.insert(name.clone(), Arc::new(Sorted::new(snapshot.version, key, whole)?));
        Ok(())
    }
}
