//! The warehouse: object store, Delta tables, and the one gate to them. Nothing reads a table except through
//! [`Warehouse::session`], and a session holds only what its principal may see. Only this crate knows DataFusion.

pub mod audit;
pub mod barrier;
pub mod config;
pub mod derived;
pub mod error;
pub mod evaluator;
pub mod gate;
pub mod inside;
pub mod lake;
pub mod pg_catalog;
pub mod policy;
pub mod principal;
pub mod release;
pub mod session;
mod spread;
pub mod statement;
pub mod system;
mod uniqueness;
pub mod worker;

use std::sync::Arc;
use std::time::Duration;

use datafusion::catalog::CatalogProvider;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::prelude::SessionContext;
use datasets::catalog::Catalog;

use crate::audit::Audit;
use crate::audit::reads::Reads;
use crate::config::{Config, Limits};
use crate::error::{Error, Kind, Result};
use crate::lake::{Lake, Store};
use crate::policy::rights::Rights;
use crate::principal::Principal;
use crate::session::Session;
use crate::session::kept::Kept;
use crate::session::template::Template;

/// How long a thread for blocking work (each read of a local file is one) waits for more. Waiting threads take turns, and the allocator
/// keeps memory for each: with thirty of them an export of ten million rows took 395 MiB, with a handful 290.
pub const IDLE_THREAD: Duration = Duration::from_millis(500);

/// An open lake with its contracts. Cloning is cheap; clones share caches and snapshots.
#[derive(Clone)]
pub struct Warehouse {
    lake: Lake,
    catalog: Arc<Catalog>,
    rights: Arc<Rights>,
    template: Arc<Template>,
    /// Rows that everybody may see.
    kept: Arc<Kept>,
    /// What sessions read of persons is recorded, where somebody answers for it.
    reads: Option<Reads>,
}

impl Warehouse {
    /// Reads the contracts and opens the lake. Every mistake of the contracts is in the message.
    pub async fn open(config: Config) -> Result<Self> {
        let catalog = Catalog::load(&config.contracts).map_err(|mistakes| {
            let list: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            Error::new(Kind::Invalid, "contracts.invalid", list.join("\n"))
        })?;
        let catalog = Arc::new(catalog);
        let rights = Arc::new(Rights::compile(&catalog)?);
        let store = Store::open(&config.data, &config.store).await?;
        let lake = Lake::open(store, catalog.clone(), config.rule_bytes).await?;
        let kept = Arc::new(Kept::new(config.kept_bytes));
        let template = Arc::new(Template::new(config.limits)?);
        Ok(Self { lake, catalog, rights, template, kept, reads: None })
    }

    pub fn lake(&self) -> &Lake {
        &self.lake
    }

    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    pub fn limits(&self) -> &Limits {
        &self.template.limits
    }

    /// What `principal` may see, and nothing else. An unknown role or a missing fact is an error, never an empty session.
    pub async fn session(&self, principal: &Principal) -> Result<Session> {
        Session::new(self.clone(), principal.clone())
    }

    /// The same lake under other limits.
    pub fn with_limits(mut self, limits: Limits) -> Result<Self> {
        self.template = Arc::new(Template::new(limits)?);
        Ok(self)
    }

    /// The same lake, whose sessions record what they read of persons.
    pub fn audited(mut self, audit: &Audit) -> Self {
        self.reads = Some(Reads::new(audit, &self.catalog));
        self
    }

    /// What records reads, for who asks workers.
    pub fn reads(&self) -> Option<Reads> {
        self.reads.clone()
    }

    fn rights(&self) -> &Rights {
        &self.rights
    }

    /// Caches, stores and the memory pool that all sessions share.
    fn runtime(&self) -> Arc<RuntimeEnv> {
        self.template.runtime.clone()
    }

    fn context(&self, catalog: Arc<dyn CatalogProvider>) -> SessionContext {
        self.template.context(catalog)
    }
}
