//! PostgreSQL's system catalog as psql, DBeaver, Metabase and Grafana ask for it, holding what one principal may see.
//! A question about the catalog is planned in a session of its own ([`context`]): it holds these tables and no data,
//! so the wide set of functions such questions need opens nothing. Oids are hashes of names: they agree across workers.

pub mod compatibility;
pub mod functions;
pub mod information_schema;
pub mod keys;
pub mod provider;
pub mod relation;
pub mod tables;

use std::borrow::Cow;
use std::sync::Arc;

use datafusion::catalog::{CatalogProvider, MemoryCatalogProvider};
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_pg_catalog::pg_catalog::oid_type_planner::PgOidTypePlanner;

use crate::error::{Error, Result};
use crate::pg_catalog::provider::{InformationSchema, PgSchema};
use crate::pg_catalog::relation::Relation;
use crate::principal::Principal;
use crate::uniqueness;

/// The one database that clients connect to.
pub const DATABASE: &str = "siss";

/// Version that clients are told: they choose their catalog queries by it.
pub const SERVER_VERSION: &str = "16.0";

/// Words that only a question about the catalog holds; no dataset, column or Italian word does.
const CATALOG_WORDS: [&str; 13] = [
    "pg_",
    "information_schema",
    "regclass",
    "regtype",
    "regnamespace",
    "regproc",
    "regrole",
    "current_schemas",
    "obj_description",
    "col_description",
    "current_setting",
    "set_config",
    "parse_ident",
];

/// Words of PostgreSQL's own that a question about data may hold too.
const COMPATIBLE_WORDS: [&str; 9] =
    ["current_user", "session_user", "current_role", "current_schema", "current_database", "current_catalog", "version", "any", "collate"];

/// True when `sql` asks about the catalog and so belongs in [`context`]. Looks at words only: a literal that holds one
/// of them also counts, which costs such a query its data tables.
pub fn asks(sql: &str) -> bool {
    let text = sql.to_ascii_lowercase();
    CATALOG_WORDS.iter().any(|word| text.contains(word))
}

/// Rewrites what PostgreSQL's clients write into what the planner reads. `sql` has passed the gate's limits on text.
/// Text without any of PostgreSQL's own words comes back untouched, so that places in errors stay true.
pub fn rewrite<'a>(sql: &'a str, relations: &[Relation]) -> Result<Cow<'a, str>> {
    if asks(sql) {
        return compatibility::catalog(sql, relations).map(Cow::Owned);
    }
    let mut words = sql.split(|c: char| !c.is_alphanumeric() && c != '_');
    let all = || ["all(", "all ("].iter().any(|list| sql.to_ascii_lowercase().contains(list));
    if words.any(|word| COMPATIBLE_WORDS.iter().any(|known| word.eq_ignore_ascii_case(known))) || all() {
        return compatibility::data(sql).map(Cow::Owned);
    }
    Ok(Cow::Borrowed(sql))
}

/// Adds PostgreSQL's functions (`version()`, `current_user`, `obj_description()`, …) to a session. Tables are not touched.
pub fn install(context: &SessionContext, principal: &Principal, relations: &Arc<[Relation]>) {
    for function in functions::all(principal, relations) {
        context.register_udf(function);
    }
}

/// A session that holds the catalog of `relations` and no data. Tables are built when a query names them.
pub fn context(principal: &Principal, relations: Arc<[Relation]>, runtime: Arc<RuntimeEnv>) -> Result<SessionContext> {
    let mut config = SessionConfig::new()
        .with_default_catalog_and_schema(DATABASE, "public")
        .with_information_schema(false)
        .with_create_default_catalog_and_schema(false)
        .with_target_partitions(1);
    let sql = &mut config.options_mut().sql_parser;
    sql.dialect = datafusion::common::config::Dialect::PostgreSQL;
    sql.map_string_types_to_utf8view = false;
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_default_features()
        .with_type_planner(Arc::new(PgOidTypePlanner))
        .with_physical_optimizer_rules(uniqueness::rules())
        .build();
    let context = SessionContext::new_with_state(state);

    let catalog = Arc::new(MemoryCatalogProvider::new());
    let fault = |error| Error::internal("pg_catalog.context", error);
    catalog.register_schema("pg_catalog", Arc::new(PgSchema::new(principal, relations.clone()).map_err(fault)?)).map_err(fault)?;
    catalog.register_schema("information_schema", Arc::new(InformationSchema::new(relations.clone()))).map_err(fault)?;
    context.register_catalog(DATABASE, catalog);

    install(&context, principal, &relations);
    provider::register_table_functions(&context).map_err(fault)?;
    Ok(context)
}
