//! Several questions of ours at one moment: each reads the same versions, so that a page's figures agree with each other.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Result;
use crate::gate::{big_stack, errors, plan, syntax, text};
use crate::session::Session;
use crate::session::ask::{Ready, references};
use crate::session::tables::Pinned;
use crate::statement::Rows;

/// The tables of some queries, as they stood when it was made. Holds only what the session may see.
pub struct Moment {
    session: Session,
    pinned: Pinned,
}

impl Session {
    /// Takes the tables that the queries name, all at once. A table that is not there for this principal is left out: the query that
    /// names it then says so when it is asked. The queries are ours (a dashboard's file): a user's SQL runs in a worker instead.
    pub async fn moment(&self, queries: &[String]) -> Result<Moment> {
        let mut named = BTreeSet::new();
        for sql in queries {
            let parsed = syntax::parse(sql, self.limits(), false)?;
            named.extend(references(&parsed)?.iter().filter_map(|reference| self.named(reference, "").ok()));
        }
        Ok(Moment { session: self.clone(), pinned: self.pin(named).await? })
    }
}

impl Moment {
    /// The version each dataset was taken at.
    pub fn versions(&self) -> &BTreeMap<String, u64> {
        &self.pinned.versions
    }

    /// The rows of one query through gate and policy, as any other of this principal.
    /// Errors: `NotFound` for a table that is not there, or not for this principal.
    pub async fn ask(&self, sql: &str) -> Result<Rows> {
        let session = self.session.clone();
        text::check(sql, session.limits())?;
        let parsed = syntax::parse(sql, session.limits(), false)?;
        let mut versions = BTreeMap::new();
        for reference in references(&parsed)? {
            let named = session.named(&reference, &syntax::place(&parsed, &reference.to_string()))?;
            let name = named.dataset.to_string();
            if let Some(version) = self.pinned.versions.get(&name) {
                versions.insert(name, *version);
            }
        }
        let catalog = self.pinned.catalog()?;
        let ready = big_stack::run(session.limits().planning, move |handle| {
            let state = session.warehouse.context(catalog).state();
            let logical = handle.block_on(state.statement_to_plan(parsed)).map_err(errors::planning)?;
            let registered = |name: &str| state.scalar_functions().contains_key(name);
            plan::check(&logical, session.limits(), plan::Scope::Data, &registered)?;
            let physical = handle.block_on(state.create_physical_plan(&logical)).map_err(errors::finishing)?;
            Ok(Ready { plan: physical, state, versions })
        });
        self.session.run(ready.await?)
    }
}
