//! From what PostgreSQL's clients write to what the planner reads: names under casts and some shapes are resolved here,
//! the rest (array operators, qualified functions, collations, special registers) by the library's rules.

mod names;
mod shapes;

pub use names::{class_oid, type_oid};

use std::sync::LazyLock;

use datafusion::sql::sqlparser::ast::{Statement, VisitMut};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion_pg_catalog::sql::PostgresCompatibilityParser;
use datafusion_pg_catalog::sql::rules::{
    CurrentUserVariableToSessionUserFunctionCall, FixArrayLiteral, RewriteArrayAnyAllOperation, SqlStatementRewriteRule, StripCollate,
};

use crate::error::{Error, Kind, Result};
use crate::pg_catalog::relation::Relation;

/// Built once: it parses the long client queries that it replaces whole.
static LIBRARY: LazyLock<PostgresCompatibilityParser> = LazyLock::new(PostgresCompatibilityParser::new);

/// A question about the catalog, as text again. The library knows some clients' questions word for word, so that it
/// must see the text as they wrote it, but for names under casts, which it would look up by their bare part.
pub fn catalog(sql: &str, relations: &[Relation]) -> Result<String> {
    let resolved = names::resolve(sql, relations)?;
    let mut statements = LIBRARY.parse(&resolved).map_err(syntax)?;
    for statement in &mut statements {
        let _ = VisitMut::visit(statement, &mut shapes::Shapes);
    }
    Ok(statements.iter().map(Statement::to_string).collect::<Vec<_>>().join("; "))
}

/// A question about data that uses PostgreSQL's own words. Only rules that keep its meaning: the library's others add
/// limits and aliases to suit known clients.
pub fn data(sql: &str) -> Result<String> {
    let mut statement = parse(sql)?;
    let rules: [&dyn SqlStatementRewriteRule; 4] =
        [&FixArrayLiteral, &RewriteArrayAnyAllOperation, &CurrentUserVariableToSessionUserFunctionCall, &StripCollate];
    for rule in rules {
        statement = rule.rewrite(statement);
    }
    Ok(statement.to_string())
}

/// Errors of syntax come with line and column, as the gate words them.
fn parse(sql: &str) -> Result<Statement> {
    let mut statements = Parser::parse_sql(&PostgreSqlDialect {}, sql).map_err(syntax)?;
    match (statements.pop(), statements.is_empty()) {
        (Some(statement), true) => Ok(statement),
        _ => Err(Error::new(Kind::Invalid, "sql.syntax", "one statement at a time")),
    }
}

fn syntax(error: ParserError) -> Error {
    let (ParserError::ParserError(message) | ParserError::TokenizerError(message)) = error else {
        return Error::new(Kind::Limit, "limit.nesting", "the query is nested too deeply");
    };
    Error::new(Kind::Invalid, "sql.syntax", message)
}
