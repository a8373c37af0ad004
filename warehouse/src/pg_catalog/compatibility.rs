//! From what PostgreSQL's clients write to what the planner reads: casts to `regclass` and its kin are resolved here,
//! the rest (array operators, qualified functions, collations, special registers) by the library's rules.

use std::ops::ControlFlow;
use std::sync::LazyLock;

use datafusion::sql::sqlparser::ast::{CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, ObjectName, Statement, Value, VisitMut, VisitorMut};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion_pg_catalog::sql::PostgresCompatibilityParser;
use datafusion_pg_catalog::sql::rules::{CurrentUserVariableToSessionUserFunctionCall, FixArrayLiteral, RewriteArrayAnyAllOperation, SqlStatementRewriteRule, StripCollate};

use crate::error::{Error, Kind, Result};
use crate::pg_catalog::relation::{Relation, find, namespace};

/// Built once: it parses the long client queries that it replaces whole.
static LIBRARY: LazyLock<PostgresCompatibilityParser> = LazyLock::new(PostgresCompatibilityParser::new);

/// Oids of PostgreSQL's own catalogs, which clients name as `'pg_class'::regclass`.
const CATALOGS: [(&str, i32); 20] = [
    ("pg_class", 1259),
    ("pg_type", 1247),
    ("pg_proc", 1255),
    ("pg_attribute", 1249),
    ("pg_namespace", 2615),
    ("pg_database", 1262),
    ("pg_authid", 1260),
    ("pg_tablespace", 1213),
    ("pg_constraint", 2606),
    ("pg_attrdef", 2604),
    ("pg_description", 2609),
    ("pg_index", 2610),
    ("pg_trigger", 2620),
    ("pg_rewrite", 2618),
    ("pg_language", 2612),
    ("pg_extension", 3079),
    ("pg_am", 2601),
    ("pg_operator", 2617),
    ("pg_collation", 3456),
    ("pg_foreign_server", 1417),
];

/// A question about the catalog, as text again.
pub fn catalog(sql: &str, relations: &[Relation]) -> Result<String> {
    let mut statement = parse(sql)?;
    if let ControlFlow::Break(error) = VisitMut::visit(&mut statement, &mut Casts { relations }) {
        return Err(*error);
    }
    let rewritten = LIBRARY.parse(&statement.to_string()).map_err(syntax)?;
    Ok(rewritten.iter().map(Statement::to_string).collect::<Vec<_>>().join("; "))
}

/// A question about data that uses PostgreSQL's own words. Only rules that keep its meaning: the library's others add
/// limits and aliases to suit known clients.
pub fn data(sql: &str) -> Result<String> {
    let mut statement = parse(sql)?;
    let rules: [&dyn SqlStatementRewriteRule; 4] = [&FixArrayLiteral, &RewriteArrayAnyAllOperation, &CurrentUserVariableToSessionUserFunctionCall, &StripCollate];
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
    let (ParserError::ParserError(message) | ParserError::TokenizerError(message)) = error else { return Error::new(Kind::Limit, "limit.nesting", "the query is nested too deeply") };
    Error::new(Kind::Invalid, "sql.syntax", message)
}

/// Resolves `'name'::regclass` to an oid and `oid::regclass::text` to a name.
struct Casts<'a> {
    relations: &'a [Relation],
}

impl VisitorMut for Casts<'_> {
    type Break = Box<Error>;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Box<Error>> {
        let Expr::Cast { kind: CastKind::Cast | CastKind::DoubleColon, expr: operand, data_type, .. } = expr else { return ControlFlow::Continue(()) };
        let target = type_name(data_type);
        if let Expr::Value(value) = operand.as_ref()
            && let Value::SingleQuotedString(text) = &value.value
        {
            match self.literal(&target, text) {
                Ok(Some(oid)) => *expr = Expr::value(Value::Number(oid.to_string(), false)),
                Ok(None) => {}
                Err(error) => return ControlFlow::Break(Box::new(error)),
            }
            return ControlFlow::Continue(());
        }
        if ["text", "varchar", "name"].contains(&target.as_str())
            && let Expr::Cast { expr: inner, data_type, .. } = operand.as_ref()
        {
            let name = match type_name(data_type).as_str() {
                "regclass" => "siss_regclass_name",
                "regnamespace" => "siss_regnamespace_name",
                "regtype" => "format_type",
                _ => return ControlFlow::Continue(()),
            };
            *expr = call(name, inner.as_ref().clone());
        } else if target == "name" {
            // A type of PostgreSQL's own for identifiers: text of at most 63 bytes.
            *expr = Expr::Cast { kind: CastKind::DoubleColon, expr: operand.clone(), data_type: DataType::Text, array: false, format: None };
        }
        ControlFlow::Continue(())
    }
}

impl Casts<'_> {
    /// The oid that a literal means under a cast to `target`; `None` when the cast is not to a name's type.
    fn literal(&self, target: &str, text: &str) -> Result<Option<i32>> {
        let number = || text.parse::<i32>().ok();
        match target {
            "regclass" => {
                let plain = text.trim_start_matches("pg_catalog.");
                let catalog = || CATALOGS.iter().find(|(name, _)| *name == plain).map(|(_, oid)| *oid);
                let found = number().or_else(catalog).or_else(|| find(self.relations, text).map(|r| r.oid));
                found.map(Some).ok_or_else(|| Error::new(Kind::NotFound, "table.unknown", format!("relation \"{text}\" does not exist")))
            }
            "regnamespace" => Ok(Some(number().unwrap_or_else(|| namespace(text)))),
            "regtype" => Ok(number().or_else(|| type_oid(text.trim_start_matches("pg_catalog.")))),
            _ => Ok(None),
        }
    }
}

/// Lower-case name of a type without `pg_catalog.`.
fn type_name(data_type: &DataType) -> String {
    let name = data_type.to_string().to_ascii_lowercase();
    name.trim_start_matches("pg_catalog.").to_owned()
}

/// Oids of the types that contracts use.
fn type_oid(name: &str) -> Option<i32> {
    Some(match name {
        "bool" | "boolean" => 16,
        "int8" | "bigint" => 20,
        "int2" | "smallint" => 21,
        "int4" | "integer" | "int" => 23,
        "text" => 25,
        "float4" | "real" => 700,
        "float8" | "double precision" => 701,
        "varchar" | "character varying" => 1043,
        "date" => 1082,
        "timestamp" | "timestamp without time zone" => 1114,
        "timestamptz" | "timestamp with time zone" => 1184,
        "numeric" | "decimal" => 1700,
        _ => return None,
    })
}

/// `name(argument)`, with NULL as the second argument that `format_type` expects.
fn call(name: &str, argument: Expr) -> Expr {
    let unnamed = |expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr));
    let mut args = vec![unnamed(argument)];
    if name == "format_type" {
        args.push(unnamed(Expr::value(Value::Number("-1".into(), false))));
    }
    let list = FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() };
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(list),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}
