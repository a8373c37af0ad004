//! The last check before execution: every node and every function of the logical plan is one of the allowed.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::source_as_provider;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan, Operator, TableScan};

use crate::config::Limits;
use crate::error::{Error, Kind, Result};
use crate::gate::functions::{MAX_PATTERN, is_allowed_scalar};
use crate::policy::PolicyTable;

/// Which tables and functions a plan may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Policy tables and the functions of the allow-list.
    Data,
    /// PostgreSQL's own catalog, in a session that holds no data: its tables and functions are those of that session.
    Catalog,
}

/// Refuses a plan that holds anything but the allowed nodes. Runs on a big stack.
/// `registered` says whether the session holds a function of that name.
pub fn check(plan: &LogicalPlan, limits: &Limits, scope: Scope, registered: &dyn Fn(&str) -> bool) -> Result<()> {
    let mut walk = Walk { scope, nodes: 0, joins: 0, limits, registered };
    let result = plan.apply_with_subqueries(|node| {
        walk.node(node).map_err(refused)?;
        node.apply_expressions(|e| {
            e.apply(|part| {
                walk.expression(part).map_err(refused)?;
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    result.map(|_| ()).map_err(crate::gate::errors::planning)
}

/// Our error through the engine's tree walk; `errors` takes it out again.
fn refused(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

struct Walk<'a> {
    scope: Scope,
    nodes: usize,
    joins: usize,
    limits: &'a Limits,
    registered: &'a dyn Fn(&str) -> bool,
}

impl Walk<'_> {
    fn node(&mut self, node: &LogicalPlan) -> Result<()> {
        self.nodes += 1;
        if self.nodes > self.limits.plan_nodes {
            return Err(Error::new(
                Kind::Limit,
                "limit.plan",
                format!("the query needs more than {} steps: a WITH query counts each time it is used", self.limits.plan_nodes),
            ));
        }
        match node {
            LogicalPlan::Projection(_)
            | LogicalPlan::Filter(_)
            | LogicalPlan::Window(_)
            | LogicalPlan::Aggregate(_)
            | LogicalPlan::Sort(_)
            | LogicalPlan::Union(_)
            | LogicalPlan::EmptyRelation(_)
            | LogicalPlan::Subquery(_)
            | LogicalPlan::SubqueryAlias(_)
            | LogicalPlan::Limit(_)
            | LogicalPlan::Values(_)
            | LogicalPlan::Distinct(_)
            | LogicalPlan::Unnest(_) => Ok(()),
            // The gate lets them through for staff only.
            LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) => Ok(()),
            LogicalPlan::Join(_) => {
                self.joins += 1;
                // Catalog tables are small, and clients join many of them.
                if self.scope == Scope::Data && self.joins > self.limits.joins {
                    return Err(Error::new(Kind::Limit, "limit.joins", format!("more than {} joins", self.limits.joins)));
                }
                Ok(())
            }
            LogicalPlan::TableScan(scan) => self.scan(scan),
            _ => Err(Error::new(Kind::Forbidden, "sql.statement", "only queries are allowed: SELECT, WITH or VALUES")),
        }
    }

    fn scan(&self, scan: &TableScan) -> Result<()> {
        if self.scope == Scope::Catalog {
            return Ok(());
        }
        let ours = source_as_provider(&scan.source).is_ok_and(|p| p.is::<PolicyTable>());
        if ours { Ok(()) } else { Err(Error::new(Kind::NotFound, "table.unknown", "table not found")) }
    }

    fn expression(&self, e: &Expr) -> Result<()> {
        match e {
            Expr::ScalarFunction(call) => {
                if self.scope == Scope::Data && !is_allowed_scalar(call.name()) && !(self.registered)(call.name()) {
                    return Err(Error::new(Kind::Forbidden, "sql.function", format!("function '{}' is not available", call.name())));
                }
                if call.name().starts_with("regexp_") { call.args.get(1).map_or(Ok(()), pattern) } else { Ok(()) }
            }
            Expr::BinaryExpr(b) if is_regular(b.op) => pattern(&b.right),
            Expr::SimilarTo(like) => pattern(&like.pattern),
            Expr::HigherOrderFunction(_) => Err(Error::new(Kind::Forbidden, "sql.function", "functions of functions are not available")),
            _ => Ok(()),
        }
    }
}

fn is_regular(op: Operator) -> bool {
    matches!(op, Operator::RegexMatch | Operator::RegexIMatch | Operator::RegexNotMatch | Operator::RegexNotIMatch)
}

/// A pattern is a short literal: one from a column would be compiled anew for each row.
fn pattern(e: &Expr) -> Result<()> {
    let mut e = e;
    while let Expr::Cast(cast) = e {
        e = &cast.expr;
    }
    let text = match e {
        Expr::Literal(value, _) => value.try_as_str(),
        _ => None,
    };
    match text {
        Some(Some(text)) if text.chars().count() > MAX_PATTERN => {
            Err(Error::new(Kind::Limit, "limit.pattern", format!("a pattern is longer than {MAX_PATTERN} characters")))
        }
        Some(_) => Ok(()),
        None => Err(Error::new(Kind::Forbidden, "sql.pattern", "a pattern must be a literal")),
    }
}
