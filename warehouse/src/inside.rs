//! The service's own SQL: that of contracts and of this program, never a user's. It reads the current rows of any dataset, without rights
//! and without the gate; whoever asks answers for what comes out.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::catalog::{CatalogProvider, MemoryCatalogProvider, MemorySchemaProvider, TableProvider};
use datafusion::common::TableReference;
use datafusion::common::config::Dialect;
use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::DiskManagerBuilder;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::resolve::resolve_table_references;
use datasets::model::DatasetName;
use datasets::system::RECORDED_TO;
use futures::future::try_join_all;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};

use crate::error::{Error, Kind, Result};
use crate::lake::{Lake, Snapshot};
use crate::session::plain;
use crate::uniqueness;

const CATALOG: &str = "siss";
/// Where tables without an area are.
const OWN: &str = "public";
/// Suffix of the table with every stored row of a dataset: earlier versions and the system columns included.
pub const HISTORY: &str = "_storia";
/// Memory of one question, unless an installation says otherwise, before it uses the disk, or fails where the engine cannot: rules over a delivery hold
/// its rows by key, and those of Roma for a year are a million. In bytes.
pub const RULE_BYTES: usize = 2 << 30;
/// Code of the error of a question that needs more.
pub const OVER_MEMORY: &str = "limit.memory";

/// Tables taken at one moment, and the questions asked of them.
pub struct Inside {
    lake: Lake,
    context: SessionContext,
    catalog: Arc<MemoryCatalogProvider>,
    taken: BTreeMap<DatasetName, u64>,
}

impl Inside {
    pub fn new(lake: &Lake) -> Result<Self> {
        let disk = DiskManagerBuilder::default();
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(lake.rule_bytes())))
            .with_disk_manager_builder(disk)
            .build_arc()
            .map_err(fault)?;
        let mut config = SessionConfig::new().with_default_catalog_and_schema(CATALOG, OWN).with_create_default_catalog_and_schema(false);
        let options = config.options_mut();
        options.sql_parser.dialect = Dialect::PostgreSQL;
        options.sql_parser.map_string_types_to_utf8view = false;
        options.sql_parser.parse_float_as_decimal = true;
        // As in sessions: see there.
        options.execution.parquet.pushdown_filters = false;
        options.execution.skip_physical_aggregate_schema_check = true;
        let catalog = Arc::new(MemoryCatalogProvider::new());
        catalog.register_schema(OWN, Arc::new(MemorySchemaProvider::new())).map_err(fault)?;
        let context = uniqueness::context(config, runtime);
        context.register_catalog(CATALOG, catalog.clone());
        Ok(Self { lake: lake.clone(), context, catalog, taken: BTreeMap::new() })
    }

    /// Adds a table under a name without an area.
    pub fn add(&self, name: &str, table: Arc<dyn TableProvider>) -> Result<()> {
        self.context.register_table(TableReference::bare(name), table).map_err(fault)?;
        Ok(())
    }

    /// Adds the rows of a query over tables that are there.
    pub async fn add_view(&self, name: &str, sql: &str) -> Result<()> {
        let view = self.context.sql(sql).await.map_err(fault)?.into_view();
        self.add(name, view)
    }

    /// Takes the datasets that the queries name, all at one moment, and keeps them for every later question.
    pub async fn take(&mut self, queries: &[&str]) -> Result<()> {
        let mut wanted = BTreeMap::new();
        for sql in queries {
            let parsed = self.context.state().sql_to_statement(sql, &Dialect::PostgreSQL).map_err(|e| wrong(sql, &e))?;
            for table in resolve_table_references(&parsed, true).map_err(|e| wrong(sql, &e))?.0 {
                let Some(area) = table.schema().filter(|area| *area != OWN) else { continue };
                let name = dataset(&self.lake, area, table.table());
                if !self.taken.contains_key(&name) {
                    wanted.insert(name, ());
                }
            }
        }
        let names: Vec<DatasetName> = wanted.into_keys().collect();
        let snapshots = try_join_all(names.iter().map(|name| self.lake.refresh(name))).await?;
        for (name, snapshot) in names.into_iter().zip(snapshots) {
            self.taken.insert(name, snapshot.version);
            self.register(&snapshot).await?;
        }
        Ok(())
    }

    /// The rows of one query, as they come. Datasets that nobody took yet are taken now.
    pub async fn ask(&mut self, sql: &str) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        self.take(&[sql]).await?;
        let rows = self.context.sql(sql).await.map_err(|e| wrong(sql, &e))?;
        let rows: SendableRecordBatchStream = rows.execute_stream().await.map_err(fault)?;
        let schema = plain::schema(&rows.schema());
        let plain = move |batch| plain::batch(batch, &schema).map_err(|e| Error::internal("inside.layout", e));
        Ok(rows.map_err(fault).and_then(move |batch| futures::future::ready(plain(batch))).boxed())
    }

    /// The version each dataset was taken at.
    pub fn versions(&self) -> &BTreeMap<DatasetName, u64> {
        &self.taken
    }

    async fn register(&self, snapshot: &Snapshot) -> Result<()> {
        let DatasetName { area, name } = &snapshot.dataset;
        if self.catalog.schema(area).is_none() {
            self.catalog.register_schema(area, Arc::new(MemorySchemaProvider::new())).map_err(fault)?;
        }
        let history = TableReference::partial(area.as_str(), format!("{name}{HISTORY}"));
        self.context.register_table(history.clone(), snapshot.provider()).map_err(fault)?;
        let current = match snapshot.current()? {
            Some(current) => current,
            None => self.context.sql(&format!("SELECT * FROM {area}.{name}{HISTORY} WHERE {RECORDED_TO} IS NULL")).await.map_err(fault)?.into_view(),
        };
        self.context.register_table(TableReference::partial(area.as_str(), name.as_str()), current).map_err(fault)?;
        Ok(())
    }
}

/// The dataset that a table's name means.
fn dataset(lake: &Lake, area: &str, table: &str) -> DatasetName {
    let named = |name: &str| DatasetName { area: area.to_owned(), name: name.to_owned() };
    let whole = named(table);
    match table.strip_suffix(HISTORY) {
        Some(current) if lake.catalog().get(&whole).is_none() => named(current),
        _ => whole,
    }
}

fn wrong(sql: &str, e: &DataFusionError) -> Error {
    Error::new(Kind::Invalid, "contract.sql", format!("'{}': {}", sql.trim(), e.strip_backtrace()))
}

fn fault(e: DataFusionError) -> Error {
    match e.find_root() {
        DataFusionError::ResourcesExhausted(_) => {
            Error { source: Some(e.into()), ..Error::new(Kind::Limit, OVER_MEMORY, "more memory is needed than one computation may take") }
        }
        _ => Error::internal("inside.query", e),
    }
}
