//! Limits on the shape of a parsed query, and the tables it names. Runs on a big stack: the tree may be deep.

mod expansion;

use std::ops::ControlFlow;

use datafusion::sql::parser::{DFParserBuilder, Statement as Parsed};
use datafusion::sql::sqlparser::ast::{Expr, GroupByExpr, ObjectName, Query, Select, SetExpr, Spanned, Statement, TableFactor, Visit, Visitor};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;

use crate::config::Limits;
use crate::error::{Error, Kind, Result};
use crate::gate::errors;

/// Nesting of parentheses, functions and subqueries that the parser follows.
const RECURSION: usize = 50;

/// Parses `sql`, which passed [`super::text::check`], and refuses all but one query within the limits.
/// `staff` may also EXPLAIN a query.
pub fn parse(sql: &str, limits: &Limits, staff: bool) -> Result<Parsed> {
    let dialect = PostgreSqlDialect {};
    let mut parser = DFParserBuilder::new(sql).with_dialect(&dialect).with_recursion_limit(RECURSION).build().map_err(errors::syntax)?;
    let mut statements = parser.parse_statements().map_err(errors::syntax)?;
    let statement = statements.pop_front().ok_or_else(|| Error::new(Kind::Invalid, "sql.empty", "the query is empty"))?;
    if !statements.is_empty() {
        return Err(Error::new(Kind::Invalid, "sql.many", "one query at a time"));
    }
    check(query(&statement, staff)?, limits)?;
    Ok(statement)
}

/// The query inside an allowed statement.
fn query(statement: &Parsed, staff: bool) -> Result<&Statement> {
    match statement {
        Parsed::Statement(inner) => match inner.as_ref() {
            Statement::Query(_) => Ok(inner),
            _ => Err(not_a_query()),
        },
        Parsed::Explain(explain) if staff => match explain.statement.as_ref() {
            Parsed::Statement(inner) if matches!(inner.as_ref(), Statement::Query(_)) => Ok(inner),
            _ => Err(not_a_query()),
        },
        _ => Err(not_a_query()),
    }
}

fn not_a_query() -> Error {
    Error::new(Kind::Forbidden, "sql.statement", "only queries are allowed: SELECT, WITH or VALUES")
}

fn check(statement: &Statement, limits: &Limits) -> Result<()> {
    let mut walk = Walk { limits, depth: 0, nodes: 0, sets: 0, ctes: 0, tables: 0, groupings: 1 };
    if let ControlFlow::Break(error) = statement.visit(&mut walk) {
        return Err(*error);
    }
    if expansion::reads(statement) > limits.plan_nodes {
        return Err(Error::new(Kind::Limit, "limit.plan", "the query reads too many tables: a WITH query counts each time it is used"));
    }
    Ok(())
}

struct Walk<'a> {
    limits: &'a Limits,
    /// Expressions around the one that is visited: a flat chain `a OR b OR …` is as deep as it is long.
    depth: usize,
    nodes: usize,
    sets: usize,
    ctes: usize,
    tables: usize,
    groupings: usize,
}

type Flow = ControlFlow<Box<Error>>;

fn refuse(code: &'static str, message: String) -> Flow {
    ControlFlow::Break(Box::new(Error::new(Kind::Limit, code, message)))
}

fn forbid(code: &'static str, message: &str) -> Flow {
    ControlFlow::Break(Box::new(Error::new(Kind::Forbidden, code, message)))
}

impl Walk<'_> {
    /// Counts the set operations of one query without recursion: `a UNION b UNION …` leans to the left.
    fn set_operations(&mut self, query: &Query) -> Flow {
        let mut left = vec![query.body.as_ref()];
        while let Some(part) = left.pop() {
            match part {
                SetExpr::SetOperation { left: a, right: b, .. } => {
                    self.sets += 1;
                    left.extend([a.as_ref(), b.as_ref()]);
                }
                SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::Values(_) | SetExpr::Table(_) => {}
                _ => return forbid("sql.statement", "only queries are allowed: SELECT, WITH or VALUES"),
            }
        }
        if self.sets > self.limits.set_operations {
            return refuse("limit.sets", format!("more than {} UNION, INTERSECT or EXCEPT", self.limits.set_operations));
        }
        ControlFlow::Continue(())
    }

    fn grouping_sets(&mut self, group: &Expr) {
        let sets = match group {
            Expr::Cube(columns) => 1_usize.checked_shl(columns.len() as u32).filter(|_| columns.len() < 32).unwrap_or(usize::MAX),
            Expr::Rollup(columns) => columns.len() + 1,
            Expr::GroupingSets(sets) => sets.len(),
            _ => 1,
        };
        self.groupings = self.groupings.saturating_mul(sets.max(1));
    }
}

impl Visitor for Walk<'_> {
    type Break = Box<Error>;

    fn pre_visit_query(&mut self, query: &Query) -> Flow {
        if let Some(with) = &query.with {
            if with.recursive {
                return forbid("sql.recursive", "WITH RECURSIVE is not available");
            }
            self.ctes += with.cte_tables.len();
            if self.ctes > self.limits.ctes {
                return refuse("limit.ctes", format!("more than {} queries in WITH", self.limits.ctes));
            }
        }
        if !query.locks.is_empty() {
            return forbid("sql.statement", "FOR UPDATE and FOR SHARE are not available");
        }
        self.set_operations(query)
    }

    fn pre_visit_select(&mut self, select: &Select) -> Flow {
        if select.into.is_some() {
            return forbid("sql.statement", "SELECT INTO is not available");
        }
        if let GroupByExpr::Expressions(groups, _) = &select.group_by {
            groups.iter().for_each(|g| self.grouping_sets(g));
        }
        if self.groupings > self.limits.grouping_sets {
            return refuse("limit.grouping", format!("GROUPING SETS, CUBE and ROLLUP give more than {} sets", self.limits.grouping_sets));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, _: &TableFactor) -> Flow {
        self.tables += 1;
        // Each table beyond the first of its FROM is a join; every branch of a set operation has a first one.
        if self.tables > self.limits.joins + self.limits.set_operations + self.limits.ctes + 1 {
            return refuse("limit.joins", "too many tables in one query".into());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> Flow {
        self.depth += 1;
        // Values of a list cost little each; they have their own limit.
        self.nodes += usize::from(!matches!(expr, Expr::Value(_)));
        if self.depth > self.limits.chain {
            return refuse("limit.chain", format!("a chain of more than {} operators: write long lists of values with IN", self.limits.chain));
        }
        if self.nodes > self.limits.nodes {
            return refuse("limit.nodes", format!("more than {} expressions", self.limits.nodes));
        }
        match expr {
            Expr::InList { list, .. } if list.len() > self.limits.in_list => {
                refuse("limit.list", format!("a list of more than {} values", self.limits.in_list))
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn post_visit_expr(&mut self, _: &Expr) -> Flow {
        self.depth -= 1;
        ControlFlow::Continue(())
    }
}

/// Where `statement` names `table` first, as ` at line L, column C`; empty when it is not found.
pub fn place(statement: &Parsed, table: &str) -> String {
    let mut inner = statement;
    while let Parsed::Explain(explain) = inner {
        inner = &explain.statement;
    }
    let Parsed::Statement(statement) = inner else { return String::new() };
    let mut find = Find { table };
    match statement.visit(&mut find) {
        ControlFlow::Break(place) => place,
        ControlFlow::Continue(()) => String::new(),
    }
}

struct Find<'a> {
    table: &'a str,
}

impl Visitor for Find<'_> {
    type Break = String;

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<String> {
        let written = relation.to_string().replace('"', "");
        if !written.eq_ignore_ascii_case(self.table) {
            return ControlFlow::Continue(());
        }
        let start = relation.span().start;
        ControlFlow::Break(errors::at(start.line, start.column))
    }
}

#[cfg(test)]
mod tests;
