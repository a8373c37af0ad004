//! What all sessions share: limits, caches, the memory pool, and a state without catalog from which each is made.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::catalog::{CatalogProvider, MemoryCatalogProviderList};
use datafusion::common::config::Dialect;
use datafusion::error::{DataFusionError, Result as EngineResult};
use datafusion::execution::disk_manager::DiskManagerBuilder;
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::object_store::ObjectStoreRegistry;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SessionState, SessionStateBuilder, SessionStateDefaults};
use datafusion::prelude::{SessionConfig, SessionContext};
use object_store::ObjectStore;
use parking_lot::RwLock;
use url::Url;

use crate::config::Limits;
use crate::error::{Error, Result};
use crate::gate::functions;
use crate::session::counted_first::CountedFirst;
use crate::session::join_rows;
use crate::session::planner::Planner;
use crate::session::read_once::NestedLoopsInMemory;
use crate::uniqueness;

/// Catalog of every session.
pub const CATALOG: &str = "siss";

/// Consumers named in the log when memory runs out.
const NAMED_CONSUMERS: std::num::NonZeroUsize = std::num::NonZeroUsize::MIN.saturating_add(4);

/// The immutable start of every session.
pub struct Template {
    pub limits: Limits,
    pub runtime: Arc<RuntimeEnv>,
    state: SessionState,
}

impl Template {
    pub fn new(limits: Limits) -> Result<Self> {
        let disk = DiskManagerBuilder::default().with_max_temp_directory_size(limits.spill_bytes);
        let pool = TrackConsumersPool::new(FairSpillPool::new(limits.memory_bytes), NAMED_CONSUMERS);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(pool))
            .with_disk_manager_builder(disk)
            .with_object_store_registry(Arc::new(OwnStores::default()))
            .build_arc()
            .map_err(|e| Error::internal("session.runtime", e))?;
        let state = SessionStateBuilder::new()
            .with_config(config(&limits))
            .with_runtime_env(runtime.clone())
            .with_catalog_list(Arc::new(MemoryCatalogProviderList::new()))
            .with_expr_planners(SessionStateDefaults::default_expr_planners())
            .with_scalar_functions(functions::scalars())
            .with_aggregate_functions(functions::aggregates())
            .with_window_functions(functions::windows())
            .with_optimizer_rule(Arc::new(CountedFirst))
            .with_query_planner(Arc::new(Planner))
            .with_statistics_registry(join_rows::registry())
            .with_physical_optimizer_rules(uniqueness::rules())
            .with_physical_optimizer_rule(Arc::new(NestedLoopsInMemory))
            .build();
        Ok(Self { limits, runtime, state })
    }

    /// A fresh context that holds `catalog` and nothing else.
    pub fn context(&self, catalog: Arc<dyn CatalogProvider>) -> SessionContext {
        let list = Arc::new(MemoryCatalogProviderList::new());
        let state = SessionStateBuilder::new_from_existing(self.state.clone()).with_catalog_list(list).build();
        let context = SessionContext::new_with_state(state);
        context.register_catalog(CATALOG, catalog);
        context
    }
}

/// How large the smaller side of a join may be to be read whole.
const SMALLER_SIDE_BYTES: usize = 64 << 20;
const SMALLER_SIDE_ROWS: usize = 1 << 20;

fn config(limits: &Limits) -> SessionConfig {
    // Nothing is in `public`: a table is always named with its area.
    let mut config = SessionConfig::new()
        .with_default_catalog_and_schema(CATALOG, "public")
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(false)
        .with_target_partitions(limits.threads);
    let options = config.options_mut();
    options.sql_parser.dialect = Dialect::PostgreSQL;
    options.sql_parser.collect_spans = true;
    // Casts give plain text, as the contract's columns are described.
    options.sql_parser.map_string_types_to_utf8view = false;
    // `12.50` is money, not a binary fraction.
    options.sql_parser.parse_float_as_decimal = true;
    // Wrong rows have come out of filters inside the Parquet reader (security.md A3.1): it prunes by them only.
    options.execution.parquet.pushdown_filters = false;
    // The smaller side of a join is read whole, by one thread, sooner than both are dealt out among all: to deal out eighteen million
    // deliveries costs more than the join. What is held is the same.
    options.optimizer.hash_join_single_partition_threshold = SMALLER_SIDE_BYTES;
    options.optimizer.hash_join_single_partition_threshold_rows = SMALLER_SIDE_ROWS;
    // Asks `join_rows`.
    options.optimizer.use_statistics_registry = true;
    // Columns carry their titles as metadata, and UNION keeps those of one branch: the check takes that for a fault.
    options.execution.skip_physical_aggregate_schema_check = true;
    config
}

/// Holds the stores that the lake registers; knows no scheme by itself, so that no query reaches a file or a host.
#[derive(Debug, Default)]
struct OwnStores {
    stores: RwLock<HashMap<String, Arc<dyn ObjectStore>>>,
}

fn key(url: &Url) -> String {
    url[..url::Position::BeforePath].to_owned()
}

impl ObjectStoreRegistry for OwnStores {
    fn register_store(&self, url: &Url, store: Arc<dyn ObjectStore>) -> Option<Arc<dyn ObjectStore>> {
        self.stores.write().insert(key(url), store)
    }

    fn get_store(&self, url: &Url) -> EngineResult<Arc<dyn ObjectStore>> {
        let found = self.stores.read().get(&key(url)).cloned();
        found.ok_or_else(|| DataFusionError::Configuration("no such object store".into()))
    }
}
