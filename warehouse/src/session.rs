//! A session: what one principal may see, and the way to ask it.

mod ask;
mod coded;
mod counted_first;
mod days;
mod fixed;
mod join_rows;
pub(crate) mod kept;
pub mod moment;
pub mod outline;
mod patterns;
pub mod plain;
mod planner;
mod read_once;
mod repeats;
pub mod rows;
pub mod summary;
mod tables;
pub mod template;
mod whole;

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datasets::model::{Column, Contract, DatasetName};

use crate::Warehouse;
use crate::config::Limits;
use crate::error::{Error, Kind, Result};
use crate::pg_catalog::relation::{Relation, Relations};
use crate::policy::rights::{Right, Seen, require};
use crate::principal::Principal;
use crate::session::moment::Moment;

/// Everything `principal` may see. Cheap to make, made anew for each request.
#[derive(Clone)]
pub struct Session {
    warehouse: Warehouse,
    principal: Principal,
    rights: Arc<Seen>,
    /// The tables as they are read; `None`: each as it is when it is asked for.
    moment: Option<Moment>,
}

/// A dataset as the principal of a session sees it.
#[derive(Clone, Debug)]
pub struct Visible<'a> {
    pub name: &'a DatasetName,
    pub contract: &'a Contract,
    /// Visible columns, in the contract's order.
    pub columns: Vec<&'a Column>,
    /// Names of the columns that are shown through a mask.
    pub masked: Vec<&'a str>,
    /// `<name>_storia` is there too.
    pub history: bool,
}

impl Session {
    pub(crate) fn new(warehouse: Warehouse, principal: Principal) -> Result<Self> {
        let unknown = || Error::new(Kind::Forbidden, "session.role", "the account's role does not exist");
        let role = warehouse.catalog().roles.get(&principal.role).ok_or_else(unknown)?;
        for fact in &role.facts {
            require(&principal, fact)?;
        }
        let rights = warehouse.rights().of(&principal)?;
        Ok(Self { warehouse, principal, rights, moment: None })
    }

    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The role may see plans.
    pub fn is_staff(&self) -> bool {
        self.warehouse.catalog().roles.get(&self.principal.role).is_some_and(|r| r.staff)
    }

    /// The datasets this principal may see, in the order of their names.
    pub fn datasets(&self) -> Vec<Visible<'_>> {
        self.rights.iter().filter_map(|(name, right)| self.visible(name, right)).collect()
    }

    /// One visible dataset; absent and hidden are the same error.
    pub fn dataset(&self, name: &DatasetName) -> Result<Visible<'_>> {
        let visible = self.rights.get_key_value(name).and_then(|(name, right)| self.visible(name, right));
        visible.ok_or_else(|| tables::unknown(&name.to_string(), ""))
    }

    /// Columns and types of a visible dataset as a query sees them; `history` is that of `<name>_storia`.
    pub fn schema(&self, name: &DatasetName, history: bool) -> Result<SchemaRef> {
        let right = self.rights.get(name).ok_or_else(|| tables::unknown(&name.to_string(), ""))?;
        Ok(Arc::new(right.schema(history)))
    }

    fn visible<'a>(&'a self, name: &'a DatasetName, right: &'a Right) -> Option<Visible<'a>> {
        let contract = self.warehouse.catalog().get(name)?;
        let columns = right.columns().filter_map(|c| contract.column(c)).collect();
        Some(Visible { name, contract, columns, masked: right.masked().collect(), history: right.has_history() })
    }

    /// The same as PostgreSQL's catalog describes it.
    fn relations(&self) -> Relations {
        let mut relations = Vec::new();
        for (visible, right) in self.rights.iter().filter_map(|(name, right)| Some((self.visible(name, right)?, right))) {
            relations.push(Relation::new(&visible, false, &right.schema(false)));
            if right.has_history() {
                relations.push(Relation::new(&visible, true, &right.schema(true)));
            }
        }
        relations.into()
    }

    fn limits(&self) -> &Limits {
        self.warehouse.limits()
    }
}
