//! What each role may see of each dataset: the contracts' `[[access]]`, compiled once when the warehouse opens.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column as Name, DFSchema, ScalarValue};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlanBuilder, cast};
use datafusion::prelude::{SessionContext, lit};
use datasets::catalog::{Catalog, STRANGER};
use datasets::derive;
use datasets::model::{Access, Contract, DatasetName, Mode};
use datasets::system;

use crate::error::{Error, Kind, Result};
use crate::policy::{Output, PolicyTable};
use crate::principal::Principal;

/// One dataset as one role sees it.
#[derive(Clone, Debug)]
pub struct Right {
    /// `None`: all rows. Facts are still placeholders.
    rows: Option<Expr>,
    /// The contract's visible columns, in its order.
    outputs: Vec<Output>,
    /// Stored rows may have been replaced by later ones.
    versioned: bool,
    /// System columns that the history shows besides; `None`: there is no history to see.
    history: Option<&'static [&'static str]>,
    /// Facts that `rows` and the masks name.
    facts: BTreeSet<String>,
    stored: SchemaRef,
    /// Columns with few different values.
    few: Arc<HashSet<String>>,
}

/// What becomes of rows that a later delivery took the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// They are shown, with the system columns that tell them apart.
    Shown,
    Filtered,
    /// The stored table given has none.
    Absent,
}

/// What one role may see, by dataset. What is not here is not visible.
pub type Seen = BTreeMap<DatasetName, Arc<Right>>;

/// What each role may see.
pub struct Rights {
    roles: BTreeMap<String, Arc<Seen>>,
}

impl Rights {
    /// Compiles every access of every contract. A condition that does not compile is an error that names its contract.
    pub fn compile(catalog: &Catalog) -> Result<Self> {
        let state = SessionContext::new().state();
        let mut roles: BTreeMap<String, Seen> = BTreeMap::new();
        for contract in catalog.contracts.values() {
            for access in &contract.access {
                for role in &access.roles {
                    let all = catalog.roles.get(role).is_some_and(|r| r.staff || r.deliver.as_deref() == Some("any"));
                    let right = Right::compile(&state, contract, access, role, all).map_err(|e| invalid(contract, role, &e))?;
                    roles.entry(role.clone()).or_default().insert(contract.name.clone(), Arc::new(right));
                }
            }
        }
        Self::open_to_all(&mut roles, catalog);
        Ok(Self { roles: roles.into_iter().map(|(role, seen)| (role, Arc::new(seen))).collect() })
    }

    /// Who signed in sees what strangers see: the very same rows and columns, without a history, of datasets that give the role nothing of
    /// its own. Where a role has an entry, that alone decides: rows of one entry never meet columns of another.
    fn open_to_all(roles: &mut BTreeMap<String, Seen>, catalog: &Catalog) {
        let open = roles.get(STRANGER).cloned().unwrap_or_default();
        for role in catalog.roles.keys().filter(|role| *role != STRANGER) {
            let own = roles.entry(role.clone()).or_default();
            for (name, right) in &open {
                own.entry(name.clone()).or_insert_with(|| right.clone());
            }
        }
    }

    /// What `principal` may see. A fact that one of its conditions names and the account lacks is an error.
    pub fn of(&self, principal: &Principal) -> Result<Arc<Seen>> {
        let rights = self.roles.get(&principal.role).cloned().unwrap_or_default();
        for fact in rights.values().flat_map(|r| &r.facts) {
            require(principal, fact)?;
        }
        Ok(rights)
    }

    /// Whether `right` to a dataset is that of everybody: the same rows and columns for each who has it.
    pub fn is_open(&self, name: &DatasetName, right: &Arc<Right>) -> bool {
        self.roles.get(STRANGER).and_then(|open| open.get(name)).is_some_and(|open| Arc::ptr_eq(open, right) && open.facts.is_empty())
    }
}

/// A fact of the principal; `account` is one that each has. An account without a fact that its role needs has no
/// session: an empty value would match what it should not.
pub fn require<'a>(principal: &'a Principal, fact: &str) -> Result<&'a str> {
    let value = match fact {
        "account" => Some(&principal.account),
        other => principal.facts.get(other),
    };
    match value.map(String::as_str) {
        Some(value) if !value.trim().is_empty() => Ok(value),
        _ => Err(Error::new(Kind::Forbidden, "session.fact", format!("the account lacks '{fact}', which its role needs"))),
    }
}

fn invalid(contract: &Contract, role: &str, error: &DataFusionError) -> Error {
    let reason = error.strip_backtrace();
    let reason = reason.lines().next().unwrap_or_default();
    Error::new(Kind::Invalid, "contracts.access", format!("{}: access of role '{role}': {reason}", contract.name))
}

impl Right {
    fn compile(state: &SessionState, contract: &Contract, access: &Access, role: &str, all_system_columns: bool) -> Result<Self, DataFusionError> {
        let stored: SchemaRef = Arc::new(derive::arrow::stored_schema(contract));
        let columns = DFSchema::try_from(stored.as_ref().clone())?;
        let mut facts = BTreeSet::new();
        let mut compile = |sql: &str| {
            let e = state.create_logical_expr(sql, &columns)?;
            e.apply(|part| {
                match part {
                    Expr::Placeholder(p) => drop(facts.insert(p.id.trim_start_matches('$').to_owned())),
                    Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) => {
                        return Err(DataFusionError::Plan("a condition on rows holds no subquery".into()));
                    }
                    _ => {}
                }
                Ok(TreeNodeRecursion::Continue)
            })?;
            Ok::<_, DataFusionError>(e)
        };
        let rows = match access.rows.trim() {
            "true" => None,
            condition => Some(compile(condition)?),
        };
        let mut outputs = Vec::new();
        for column in contract.in_lake() {
            match access.mask.get(&column.name) {
                Some(mask) => outputs.push(Output { name: column.name.clone(), mask: Some(compile(mask)?) }),
                None if access.classes.contains(&column.class) => outputs.push(Output { name: column.name.clone(), mask: None }),
                None => {}
            }
        }
        let versioned = contract.mode == Mode::Versions;
        let history = match all_system_columns {
            // What was open once may have been closed since: the address of a refuge, before it was marked as one.
            _ if !versioned || role == STRANGER => None,
            true => Some(&system::ALL[..]),
            false => Some(&[system::RECORDED_FROM, system::RECORDED_TO][..]),
        };
        let few = Arc::new(contract.in_lake().filter(|column| column.is_few()).map(|column| column.name.clone()).collect());
        Ok(Self { rows, outputs, versioned, history, facts, stored, few })
    }

    /// Stored rows may have been replaced by later ones, which then must be left out.
    pub fn is_versioned(&self) -> bool {
        self.versioned
    }

    /// `<name>_storia` exists for the role.
    pub fn has_history(&self) -> bool {
        self.history.is_some()
    }

    /// Names of the visible columns.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().map(|o| o.name.as_str())
    }

    /// Names of the columns shown through a mask.
    pub fn masked(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().filter(|o| o.mask.is_some()).map(|o| o.name.as_str())
    }

    fn outputs(&self, history: bool) -> Vec<Output> {
        let system = self.history.filter(|_| history).unwrap_or_default();
        self.outputs.iter().cloned().chain(system.iter().map(|name| Output { name: (*name).to_owned(), mask: None })).collect()
    }

    /// What a query on the table sees, told from the contract alone.
    pub fn schema(&self, history: bool) -> Schema {
        let columns = DFSchema::try_from(self.stored.as_ref().clone());
        let field = |o: &Output| {
            let stored = self.stored.field_with_name(&o.name).ok();
            match (&o.mask, &columns) {
                (Some(mask), Ok(columns)) => Field::new(&o.name, mask.get_type(columns).unwrap_or(DataType::Utf8), true),
                _ => stored.cloned().unwrap_or_else(|| Field::new(&o.name, DataType::Utf8, true)),
            }
        };
        Schema::new(self.outputs(history).iter().map(field).collect::<Vec<_>>())
    }

    /// Rows stored under an earlier version of the contract as the present one has them: a column that was not there yet is empty,
    /// a type that became wider is cast.
    pub fn as_of_today(&self, stored: Arc<dyn TableProvider>) -> Result<Arc<dyn TableProvider>> {
        let schema = stored.schema();
        // Scans give text as views.
        let same = |a: &DataType, b: &DataType| a == b || matches!((a, b), (DataType::Utf8View, DataType::Utf8));
        let kind = |f: &Field| schema.field_with_name(f.name()).map(|s| same(s.data_type(), f.data_type()));
        if self.stored.fields().iter().all(|f| kind(f).unwrap_or(false)) {
            return Ok(stored);
        }
        let column = |f: &Arc<Field>| {
            let value = if kind(f).is_ok() { Expr::Column(Name::new_unqualified(f.name())) } else { lit(ScalarValue::Null) };
            cast(value, f.data_type().clone()).alias(f.name())
        };
        let plan = LogicalPlanBuilder::scan("earlier", provider_as_source(stored.clone()), None)
            .and_then(|scan| scan.project(self.stored.fields().iter().map(column)))
            .and_then(LogicalPlanBuilder::build);
        Ok(Arc::new(ViewTable::new(plan.map_err(|e| Error::internal("policy.earlier", e))?, None)))
    }

    /// The table for `principal`, whose facts take the placeholders' places as literals, never as text of SQL.
    pub fn table(&self, stored: Arc<dyn TableProvider>, principal: &Principal, closed: Closed) -> Result<PolicyTable> {
        let rows = self.rows.as_ref().map(|e| with_facts(e, principal)).transpose()?;
        let current = (closed == Closed::Filtered).then(|| Expr::Column(Name::new_unqualified(system::RECORDED_TO)).is_null());
        let condition = match (rows, current) {
            (Some(rows), Some(current)) => Some(current.and(rows)),
            (rows, current) => rows.or(current),
        };
        let mut outputs = self.outputs(closed == Closed::Shown);
        for output in &mut outputs {
            output.mask = output.mask.as_ref().map(|mask| with_facts(mask, principal)).transpose()?;
        }
        let table = PolicyTable::new(stored, condition, outputs).map_err(|e| Error::internal("policy.table", e))?;
        Ok(table.with_few(self.few.clone()))
    }
}

fn with_facts(e: &Expr, principal: &Principal) -> Result<Expr> {
    let replaced = e.clone().transform(|part| match part {
        Expr::Placeholder(p) => {
            let value = require(principal, p.id.trim_start_matches('$')).map_err(|e| DataFusionError::External(Box::new(e)))?;
            Ok(Transformed::yes(lit(value)))
        }
        other => Ok(Transformed::no(other)),
    });
    replaced.map(|t| t.data).map_err(crate::gate::errors::planning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rights_of_every_contract_compile() {
        let dir = Catalog::find_dir(None).expect("contracts");
        let catalog = Catalog::load(&dir).expect("valid contracts");
        let rights = Rights::compile(&catalog).expect("rights");
        let comune = Principal::new("comune_058091", "comune").with_fact("codice_istat", "058091").with_fact("ambito", "RM 1");
        assert!(!rights.of(&comune).expect("facts").is_empty());
        assert_eq!(rights.of(&Principal::new("comune_058091", "comune")).expect_err("no facts").code, "session.fact");
    }

    /// A role sees each dataset as its own entry says, or as strangers do, and never a mixture.
    #[test]
    fn who_signed_in_sees_what_strangers_see_and_no_mixture() {
        let catalog = Catalog::load(&Catalog::find_dir(None).expect("contracts")).expect("valid contracts");
        let rights = Rights::compile(&catalog).expect("rights");
        let shape = |right: &Right| format!("{:?} {:?} {:?}", right.rows, right.outputs, right.history);
        let open = &rights.roles[STRANGER];
        for role in catalog.roles.keys().filter(|role| *role != STRANGER) {
            let seen = &rights.roles[role];
            assert!(open.keys().all(|name| seen.contains_key(name)), "{role}");
            for (name, right) in seen.iter() {
                match catalog.contracts[name].access_for(role) {
                    None => assert_eq!(shape(right), shape(&open[name]), "{role} {name}"),
                    Some(access) => {
                        let plain = right.outputs.iter().filter(|o| o.mask.is_none());
                        let classes = plain.filter_map(|o| catalog.contracts[name].column(&o.name)).map(|c| c.class);
                        assert!(classes.into_iter().all(|class| access.classes.contains(&class)), "{role} {name}");
                        assert_eq!(right.rows.is_none(), access.rows.trim() == "true", "{role} {name}");
                    }
                }
            }
        }
        assert!(!rights.roles["cittadino"].keys().any(|name| name.area == "sigess"));
    }
}
