//! From a statement to rows: gate, tables, plan, stream. Parsing and planning run on a big stack under a time limit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::common::TableReference;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::sql::parser::Statement as Parsed;
use datafusion::sql::sqlparser::ast::Statement as Inner;
use futures::{StreamExt, stream};
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::error::{Error, Kind, Result};
use crate::gate::plan::Scope;
use crate::gate::{big_stack, errors, parameters, plan, syntax, text};
use crate::pg_catalog;
use crate::session::{Session, plain};
use crate::statement::{Description, Rows, Statement};

/// A logical plan, checked, with the state that made it.
pub(super) struct Planned {
    pub state: SessionState,
    pub plan: LogicalPlan,
    pub scope: Scope,
    versions: BTreeMap<String, u64>,
}

/// A plan ready to run.
pub(super) struct Ready {
    pub plan: Arc<dyn ExecutionPlan>,
    pub state: SessionState,
    pub versions: BTreeMap<String, u64>,
}

impl Session {
    /// Gate, plan, execute, in this process: SQL that a user wrote goes through [`crate::worker::Pool`] instead.
    pub async fn query(&self, statement: Statement) -> Result<Rows> {
        let session = self.clone();
        let ready = big_stack::run(self.limits().planning, move |handle| {
            let planned = session.plan(&statement, handle)?;
            let bound = parameters::bind(planned.plan, &statement.parameters)?;
            check(&bound, &session, planned.scope, &planned.state)?;
            let bound = first(bound, statement.first)?;
            let physical = handle.block_on(planned.state.create_physical_plan(&bound)).map_err(errors::finishing)?;
            Ok(Ready { plan: physical, state: planned.state, versions: planned.versions })
        });
        self.run(ready.await?)
    }

    /// Columns and parameters of a statement. Nothing is read but the tables' newest versions.
    pub async fn describe(&self, statement: &Statement) -> Result<Description> {
        let session = self.clone();
        let statement = statement.clone();
        let described = big_stack::run(self.limits().planning, move |handle| {
            let planned = session.plan(&statement, handle)?;
            let types = parameters::types(&planned.plan)?;
            Ok(Description { schema: plain::schema(planned.plan.schema().as_arrow()), parameters: types })
        });
        described.await
    }

    pub(super) fn plan(&self, statement: &Statement, handle: &Handle) -> Result<Planned> {
        text::check(&statement.sql, self.limits())?;
        if !statement.postgres {
            return self.plan_data(&statement.sql, false, handle);
        }
        let relations = self.relations();
        let sql = pg_catalog::rewrite(&statement.sql, &relations)?;
        if !pg_catalog::asks(&statement.sql) {
            return self.plan_data(&sql, true, handle);
        }
        let context = pg_catalog::context(&self.principal, relations, self.warehouse.runtime())?;
        let parsed = syntax::parse(&sql, self.limits(), false)?;
        let state = context.state();
        let plan = handle.block_on(state.statement_to_plan(parsed)).map_err(errors::planning)?;
        Ok(Planned { state, plan, scope: Scope::Catalog, versions: BTreeMap::new() })
    }

    fn plan_data(&self, sql: &str, postgres: bool, handle: &Handle) -> Result<Planned> {
        let parsed = syntax::parse(sql, self.limits(), self.is_staff())?;
        let mut named = BTreeSet::new();
        for reference in references(&parsed)? {
            let place = syntax::place(&parsed, &reference.to_string());
            named.insert(self.named(&reference, &place)?);
        }
        let pinned = handle.block_on(self.pin(named))?;
        let context = self.warehouse.context(pinned.catalog()?);
        if postgres {
            pg_catalog::install(&context, &self.principal, &self.relations());
        }
        let state = context.state();
        let plan = handle.block_on(state.statement_to_plan(parsed)).map_err(errors::planning)?;
        Ok(Planned { state, plan, scope: Scope::Data, versions: pinned.versions })
    }

    /// Starts a plan; every wait of the reader counts against the time limit.
    pub(super) fn run(&self, ready: Ready) -> Result<Rows> {
        let engine = execute_stream(ready.plan, ready.state.task_ctx()).map_err(errors::running)?;
        let schema = plain::schema(&engine.schema());
        let limit = self.limits().time;
        let batches = stream::try_unfold((engine, schema.clone(), limit), move |(mut engine, schema, left)| async move {
            let began = Instant::now();
            let next = tokio::time::timeout(left, engine.next()).await;
            let Ok(next) = next else {
                return Err(Error::new(Kind::Limit, "limit.time", format!("the query ran longer than {} s", limit.as_secs())));
            };
            let Some(batch) = next.transpose().map_err(errors::running)? else { return Ok(None) };
            let batch = plain::batch(batch, &schema).map_err(|e| Error::internal("query.layout", e))?;
            Ok(Some((batch, (engine, schema, left.saturating_sub(began.elapsed())))))
        });
        Ok(self.watched(Rows { schema, batches: batches.boxed(), snapshot: ready.versions }))
    }

    /// The same rows, recorded where they tell of persons.
    pub(super) fn watched(&self, rows: Rows) -> Rows {
        match &self.warehouse.reads {
            Some(reads) => reads.watched(&self.principal, None, rows),
            None => rows,
        }
    }
}

pub(super) fn check(bound: &LogicalPlan, session: &Session, scope: Scope, state: &SessionState) -> Result<()> {
    let registered = |name: &str| state.scalar_functions().contains_key(name);
    plan::check(bound, session.limits(), scope, &registered)
}

/// The plan's first rows only, in the plan's own order. What is not rows of a query (a description of its plan) stays whole.
fn first(plan: LogicalPlan, rows: Option<usize>) -> Result<LogicalPlan> {
    match rows {
        Some(_) if !matches!(plan, LogicalPlan::Explain(_) | LogicalPlan::Analyze(_)) => {
            LogicalPlanBuilder::from(plan).limit(0, rows).and_then(LogicalPlanBuilder::build).map_err(errors::planning)
        }
        _ => Ok(plan),
    }
}

/// Every table that the statement reads, names of WITH queries left out.
fn references(parsed: &Parsed) -> Result<Vec<TableReference>> {
    let mut query = parsed;
    while let Parsed::Explain(explain) = query {
        query = &explain.statement;
    }
    debug_assert!(matches!(query, Parsed::Statement(inner) if matches!(inner.as_ref(), Inner::Query(_))));
    let (tables, _) = datafusion::sql::resolve::resolve_table_references(query, true).map_err(errors::planning)?;
    Ok(tables)
}
