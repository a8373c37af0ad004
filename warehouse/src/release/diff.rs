//! Two releases compared by key: rows that came, rows that went, rows with other values. Read from their Parquet files, merged in order,
//! so that memory stays bounded.

use std::sync::Arc;

use datafusion::execution::disk_manager::DiskManagerBuilder;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use datasets::model::DatasetName;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use url::Url;

use crate::error::{Error, Kind, Result};
use crate::release::Releases;
use crate::release::manifest::{Difference, Manifest};
use crate::release::shelf::folder;
use crate::release::write::cells_of;
use crate::uniqueness;

/// Memory of one comparison before it uses the disk, in bytes.
const MEMORY: usize = 256 << 20;
/// Counts of pairs that are kept.
const KEPT: usize = 4096;
/// Where releases are, for the engine.
const STORE: &str = "siss-open://releases";

pub type Counts = Difference;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RowChange {
    Added,
    Removed,
    Corrected,
}

impl RowChange {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Corrected => "corrected",
        }
    }
}

/// A cell that came, went or was corrected, as the exact CSV writes it; `None` is null, or no such cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CellChange {
    pub column: String,
    pub old: Option<String>,
    pub new: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    pub change: RowChange,
    /// Values of the key's columns, in its order.
    pub key: Vec<Option<String>>,
    /// Of a row that stayed only what is another.
    pub cells: Vec<CellChange>,
}

/// What lies between two releases.
pub struct Diff {
    pub from: Arc<Manifest>,
    pub to: Arc<Manifest>,
    /// Columns that rows are matched by; without a public key all that both have.
    pub key: Vec<String>,
    pub columns_added: Vec<String>,
    pub columns_removed: Vec<String>,
    pub counts: Counts,
    /// In the order of the key.
    pub rows: BoxStream<'static, Result<Row>>,
}

impl Releases {
    /// Errors: `NotFound` for a release, `Busy` when others are being compared.
    pub async fn diff(&self, name: &DatasetName, from: &str, to: &str) -> Result<Diff> {
        let (from, to) = (self.find(name, from)?, self.find(name, to)?);
        let busy = || Error::new(Kind::Busy, "release.busy", "other releases are being compared: try again in a moment");
        let turn = self.inner.differing.clone().try_acquire_owned().map_err(|_| busy())?;
        let pair = (name.clone(), from.release.clone(), to.release.clone());
        let known = self.inner.counts.read().get(&pair).copied();
        let counts = match known {
            Some(counts) => counts,
            None => self.count(&from, &to).await?,
        };
        self.keep(pair, counts);
        let both = Both::new(&from, &to);
        let only = |a: &Manifest, b: &Manifest| a.columns.iter().filter(|c| b.columns.iter().all(|o| o.name != c.name)).map(|c| c.name.clone()).collect();
        let (columns_added, columns_removed) = (only(&to, &from), only(&from, &to));
        // The turn ends with the rows.
        let rows = self.changed(&from, &to).await?.map(move |row| {
            let _held = &turn;
            row
        });
        Ok(Diff { rows: rows.boxed(), key: both.key, columns_added, columns_removed, counts, from, to })
    }

    fn keep(&self, pair: (DatasetName, String, String), counts: Counts) {
        let mut kept = self.inner.counts.write();
        if kept.len() < KEPT {
            kept.insert(pair, counts);
        }
    }

    /// How many rows came, went, have other values, are the same.
    pub(super) async fn count(&self, from: &Manifest, to: &Manifest) -> Result<Counts> {
        let both = Both::new(from, to);
        let context = self.pair(from, to).await?;
        let sql = format!(
            "SELECT count(*) FILTER (WHERE a_there IS NULL), count(*) FILTER (WHERE b_there IS NULL), \
             count(*) FILTER (WHERE a_there AND b_there AND ({differs})), count(*) FILTER (WHERE a_there AND b_there AND NOT ({differs})) FROM {joined}",
            differs = both.differs(),
            joined = both.joined()
        );
        let batches = context.sql(&sql).await.map_err(fault)?.collect().await.map_err(fault)?;
        let number = |i: usize| {
            let cells =
                batches.first().and_then(|b| arrow::array::AsArray::as_primitive_opt::<arrow::datatypes::Int64Type>(b.column(i).as_ref()).map(|c| c.value(0)));
            cells.unwrap_or_default().unsigned_abs()
        };
        Ok(Counts { added: number(0), removed: number(1), corrected: number(2), unchanged: number(3) })
    }

    async fn changed(&self, from: &Manifest, to: &Manifest) -> Result<BoxStream<'static, Result<Row>>> {
        let both = Both::new(from, to);
        let columns: Vec<String> = {
            let new = to.columns.iter().filter(|c| from.columns.iter().all(|o| o.name != c.name));
            from.columns.iter().chain(new).map(|c| c.name.clone()).collect()
        };
        let side = |side: &str, manifest: &Manifest, name: &str| match manifest.columns.iter().any(|c| c.name == name) {
            true => format!("{side}.\"{name}\" AS \"{side}.{name}\""),
            false => format!("NULL AS \"{side}.{name}\""),
        };
        let shown: Vec<String> = columns.iter().flat_map(|name| [side("a", from, name), side("b", to, name)]).collect();
        let order: Vec<String> = both.key.iter().map(|k| format!("coalesce(a.{0}, b.{0})", quoted(k))).collect();
        let order = if order.is_empty() { String::new() } else { format!(" ORDER BY {}", order.join(", ")) };
        let sql = format!(
            "SELECT a_there, b_there, {} FROM {} WHERE a_there IS NULL OR b_there IS NULL OR ({}){order}",
            shown.join(", "),
            both.joined(),
            both.differs()
        );
        let context = self.pair(from, to).await?;
        let batches = context.sql(&sql).await.map_err(fault)?.execute_stream().await.map_err(fault)?;
        let rows = move |batch| rows(&batch, &columns, &both.key).map(|rows| stream::iter(rows.into_iter().map(Ok)));
        Ok(batches.map_err(fault).and_then(move |batch| futures::future::ready(rows(batch))).try_flatten().boxed())
    }

    /// An engine with the two releases as tables `before` and `after`.
    async fn pair(&self, from: &Manifest, to: &Manifest) -> Result<SessionContext> {
        let disk = DiskManagerBuilder::default();
        let runtime =
            RuntimeEnvBuilder::new().with_memory_pool(Arc::new(FairSpillPool::new(MEMORY))).with_disk_manager_builder(disk).build_arc().map_err(fault)?;
        // A merge of two sorted sides uses the disk; a hash of one side must fit in memory. With one partition there is only the hash.
        let mut config = SessionConfig::new().with_target_partitions(2);
        config.options_mut().optimizer.prefer_hash_join = false;
        config.options_mut().execution.parquet.schema_force_view_types = false;
        let context = uniqueness::context(config, runtime);
        let store = Url::parse(STORE).map_err(|e| Error::internal("release.diff", e))?;
        context.register_object_store(&store, self.objects());
        for (table, manifest) in [("before", from), ("after", to)] {
            let gone = || Error::new(Kind::NotFound, "release.file", format!("release {} of {} has no Parquet file", manifest.release, manifest.dataset));
            let file = manifest.format("parquet").ok_or_else(gone)?;
            let path = folder(&manifest.dataset, &manifest.release).join(file.name.as_str());
            context.register_parquet(table, format!("{STORE}/{path}"), ParquetReadOptions::default()).await.map_err(fault)?;
        }
        Ok(context)
    }
}

/// What two releases have in common.
struct Both {
    key: Vec<String>,
    /// Columns of both that are not of the key, and whether their types are equal.
    others: Vec<(String, bool)>,
    /// Whether the key is one: then its values are never null.
    keyed: bool,
}

impl Both {
    fn new(from: &Manifest, to: &Manifest) -> Self {
        let same = |name: &str| {
            let (a, b) = (from.columns.iter().find(|c| c.name == name)?, to.columns.iter().find(|c| c.name == name)?);
            Some(a.r#type == b.r#type)
        };
        let common: Vec<(String, bool)> = from.columns.iter().filter_map(|c| Some((c.name.clone(), same(&c.name)?))).collect();
        let keyed = !from.key.is_empty() && from.key == to.key && from.key.iter().all(|k| same(k) == Some(true));
        let key = if keyed { from.key.clone() } else { common.iter().filter(|(_, same)| *same).map(|(name, _)| name.clone()).collect() };
        let others = if keyed { common.into_iter().filter(|(name, _)| !key.contains(name)).collect() } else { Vec::new() };
        Self { key, others, keyed }
    }

    fn joined(&self) -> String {
        let equal = if self.keyed { "=" } else { "IS NOT DISTINCT FROM" };
        let on: Vec<String> = self.key.iter().map(|k| format!("(a.{0} {equal} b.{0})", quoted(k))).collect();
        let on = if on.is_empty() { "false".to_owned() } else { on.join(" AND ") };
        if self.keyed || self.key.is_empty() {
            return format!("(SELECT *, true AS a_there FROM before) AS a FULL JOIN (SELECT *, true AS b_there FROM after) AS b ON {on}");
        }
        // Equal rows are told apart by their number: two that became three are one more, not six.
        let all: Vec<String> = self.key.iter().map(|k| quoted(k)).collect();
        let side = |mark: &str, table: &str| {
            format!("(SELECT *, true AS {mark}_there, row_number() OVER (PARTITION BY {}) AS {mark}_nth FROM {table}) AS {mark}", all.join(", "))
        };
        format!("{} FULL JOIN {} ON {on} AND (a_nth IS NOT DISTINCT FROM b_nth)", side("a", "before"), side("b", "after"))
    }

    fn differs(&self) -> String {
        let differ = |(name, same): &(String, bool)| match same {
            true => format!("(a.{0} IS DISTINCT FROM b.{0})", quoted(name)),
            false => format!("(CAST(a.{0} AS VARCHAR) IS DISTINCT FROM CAST(b.{0} AS VARCHAR))", quoted(name)),
        };
        let differ: Vec<String> = self.others.iter().map(differ).collect();
        if differ.is_empty() { "false".to_owned() } else { differ.join(" OR ") }
    }
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

/// The rows of a batch of `a_there`, `b_there`, then each column of both sides.
fn rows(batch: &arrow::array::RecordBatch, columns: &[String], key: &[String]) -> Result<Vec<Row>> {
    let cells = cells_of(batch).map_err(|e| Error::internal("release.diff", e))?;
    let row = |cells: Vec<Option<String>>| {
        let change = match (&cells[0], &cells[1]) {
            (None, _) => RowChange::Added,
            (_, None) => RowChange::Removed,
            _ => RowChange::Corrected,
        };
        let pairs =
            columns.iter().enumerate().map(|(i, name)| CellChange { column: name.clone(), old: cells[2 + 2 * i].clone(), new: cells[3 + 2 * i].clone() });
        let pairs: Vec<CellChange> = pairs.collect();
        let of_key = |k: &String| pairs.iter().find(|c| c.column == *k).and_then(|c| c.new.clone().or(c.old.clone()));
        let key_values = key.iter().map(of_key).collect();
        let cells = pairs.into_iter().filter(|c| change != RowChange::Corrected || c.old != c.new).collect();
        Row { change, key: key_values, cells }
    };
    Ok(cells.into_iter().map(row).collect())
}

fn fault(e: datafusion::error::DataFusionError) -> Error {
    Error::internal("release.diff", e)
}
