//! Shapes of PostgreSQL's SQL that the planner lacks, as clients use them on the catalog.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, ArrayElemTypeDef, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, ObjectName,
    Query, SelectItem, SetExpr, TableFactor, Value, ValueWithSpan, VisitorMut,
};

/// Rewrites, innermost first:
/// `oid::regclass::text` to a name; `ARRAY(SELECT x …)` to `array_agg(x)`; `(f(x)).n` to a field; a scalar subquery to the
/// minimum of its one value, for the planner wants proof that it is one.
pub struct Shapes;

impl VisitorMut for Shapes {
    type Break = ();

    /// A column under a cast keeps its name.
    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let SetExpr::Select(select) = query.body.as_mut() else { return ControlFlow::Continue(()) };
        for item in &mut select.projection {
            let SelectItem::UnnamedExpr(Expr::Cast { expr, .. }) = item else { continue };
            let column = match expr.as_ref() {
                Expr::Identifier(name) => Some(name.clone()),
                Expr::CompoundIdentifier(names) => names.last().cloned(),
                _ => None,
            };
            if let (Some(alias), SelectItem::UnnamedExpr(expr)) = (column, &*item) {
                *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let found = match expr {
            Expr::Cast { kind: CastKind::Cast | CastKind::DoubleColon, expr: operand, data_type, .. } => cast(operand, data_type),
            Expr::Function(function) => array_of_rows(function).or_else(|| subscripts(function)),
            Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } => {
                escape(pattern, escape_char);
                None
            }
            Expr::CompoundFieldAccess { root, access_chain } => field(root, access_chain),
            Expr::Subquery(query) if of_nothing(query) => Some(to(Expr::value(Value::Null), DataType::Text)),
            Expr::Subquery(query) => {
                one_value(query);
                None
            }
            _ => None,
        };
        if let Some(found) = found {
            *expr = found;
        }
        ControlFlow::Continue(())
    }
}

fn cast(operand: &Expr, data_type: &DataType) -> Option<Expr> {
    let target = type_name(data_type);
    if ["text", "varchar", "name"].contains(&target.as_str())
        && let Expr::Function(named) = operand
        && named.name.to_string() == "siss_regclass_name"
    {
        return Some(operand.clone());
    }
    if ["text", "varchar", "name"].contains(&target.as_str())
        && let Expr::Cast { expr: inner, data_type, .. } = operand
    {
        let minus_one = Expr::value(Value::Number("-1".into(), false));
        return match type_name(data_type).as_str() {
            "regclass" => Some(call("siss_regclass_name", vec![inner.as_ref().clone()])),
            "regnamespace" => Some(call("siss_regnamespace_name", vec![inner.as_ref().clone()])),
            "regtype" => Some(call("format_type", vec![inner.as_ref().clone(), minus_one])),
            _ => None,
        };
    }
    // A relation's oid under this type is shown as its name.
    if target == "regclass" && matches!(operand, Expr::Identifier(_) | Expr::CompoundIdentifier(_)) {
        return Some(call("siss_regclass_name", vec![operand.clone()]));
    }
    // PostgreSQL's own type for identifiers is text of at most 63 bytes.
    (target == "name").then(|| to(operand.clone(), DataType::Text))
}

/// Tables of the catalog that never have rows here.
const EMPTY: [&str; 7] = ["pg_attrdef", "pg_enum", "pg_inherits", "pg_policy", "pg_rewrite", "pg_sequence", "pg_trigger"];

/// A plain SELECT from an empty table (joined to others at most): clients correlate it in ways the planner cannot.
fn of_nothing(query: &Query) -> bool {
    let SetExpr::Select(select) = query.body.as_ref() else { return false };
    let aggregated = select.projection.iter().any(|item| item.to_string().to_ascii_lowercase().contains("count("));
    !aggregated
        && select
            .from
            .iter()
            .any(|t| matches!(&t.relation, TableFactor::Table { name, .. } if EMPTY.iter().any(|empty| name.to_string().trim_matches('"').ends_with(empty))))
}

/// Arrays over `unnest(column)` are of options and access lists: there are none.
fn array_of_rows(function: &Function) -> Option<Expr> {
    let FunctionArguments::Subquery(query) = &function.args else { return None };
    if !function.name.to_string().eq_ignore_ascii_case("array") {
        return None;
    }
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    let from_function =
        select.from.iter().any(|t| matches!(&t.relation, TableFactor::Function { .. } | TableFactor::Table { args: Some(_), .. } | TableFactor::UNNEST { .. }));
    if from_function || of_nothing(query) {
        let texts = DataType::Array(ArrayElemTypeDef::SquareBracket(Box::new(DataType::Text), None));
        return Some(to(Expr::value(Value::Null), texts));
    }
    let mut query = query.clone();
    query.order_by = None;
    wrap(&mut query, "array_agg").then_some(Expr::Subquery(query))
}

/// `generate_subscripts(list, 1)` gives rows: the positions of the list's elements; `_pg_expandarray(list)` the elements too.
fn subscripts(function: &Function) -> Option<Expr> {
    let name = function.name.to_string();
    let lists = match name.rsplit('.').next() {
        Some("generate_subscripts") => "siss_positions",
        Some("_pg_expandarray") => "siss_expanded",
        _ => return None,
    };
    let FunctionArguments::List(list) = &function.args else { return None };
    // The dimension is kept though it is always 1: it may be a parameter, whose type is asked for.
    let arguments = list.args.iter().filter_map(|a| if let FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) = a { Some(value.clone()) } else { None });
    Some(call("unnest", vec![call(lists, arguments.collect())]))
}

/// The planner knows the backslash only.
fn escape(pattern: &mut Box<Expr>, escape_char: &mut Option<ValueWithSpan>) {
    let Some(character) = escape_char.take().and_then(|v| v.value.into_string()).filter(|c| c != "\\") else { return };
    let text = |text: &str| Expr::value(Value::SingleQuotedString(text.to_owned()));
    **pattern = call("replace", vec![pattern.as_ref().clone(), text(&character), text("\\")]);
}

fn field(root: &Expr, access: &[AccessExpr]) -> Option<Expr> {
    let [AccessExpr::Dot(Expr::Identifier(name))] = access else { return None };
    let inner = if let Expr::Nested(inner) = root { inner } else { root };
    Some(call("get_field", vec![inner.clone(), Expr::value(Value::SingleQuotedString(name.value.clone()))]))
}

fn one_value(query: &mut Query) {
    let aggregates = ["count(", "max(", "min(", "sum(", "array_agg(", "string_agg(", "bool_or(", "bool_and("];
    let text = query.body.to_string().to_ascii_lowercase();
    if query.limit_clause.is_none() && !aggregates.iter().any(|a| text.contains(a)) {
        wrap(query, "min");
    }
}

/// Puts the only expression of a plain SELECT into an aggregate; false if it is not one.
fn wrap(query: &mut Query, aggregate: &str) -> bool {
    let SetExpr::Select(select) = query.body.as_mut() else { return false };
    if select.from.is_empty() {
        return false;
    }
    let [SelectItem::UnnamedExpr(value) | SelectItem::ExprWithAlias { expr: value, .. }] = select.projection.as_mut_slice() else { return false };
    *value = call(aggregate, vec![value.clone()]);
    true
}

/// Lower-case name of a type without `pg_catalog.`.
fn type_name(data_type: &DataType) -> String {
    let name = data_type.to_string().to_ascii_lowercase();
    name.trim_start_matches("pg_catalog.").to_owned()
}

fn to(expr: Expr, data_type: DataType) -> Expr {
    Expr::Cast { kind: CastKind::Cast, expr: Box::new(expr), data_type, array: false, format: None }
}

fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    let args = arguments.into_iter().map(|expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))).collect();
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::ast::VisitMut;
    use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    fn shaped(sql: &str) -> String {
        let mut statements = Parser::parse_sql(&PostgreSqlDialect {}, sql).expect(sql);
        let _ = VisitMut::visit(&mut statements, &mut Shapes);
        statements[0].to_string()
    }

    #[test]
    fn shapes() {
        assert_eq!(shaped("SELECT oid::pg_catalog.regclass::text FROM pg_class"), "SELECT siss_regclass_name(oid) FROM pg_class");
        assert_eq!(shaped("SELECT c.oid::regclass FROM c"), "SELECT siss_regclass_name(c.oid) AS oid FROM c");
        assert_eq!(shaped("SELECT ARRAY(SELECT a FROM b WHERE b.c = d ORDER BY 1)"), "SELECT (SELECT array_agg(a) FROM b WHERE b.c = d)");
        assert_eq!(shaped("SELECT array(SELECT x FROM pg_catalog.unnest(c.o) x)"), "SELECT CAST(NULL AS TEXT[])");
        assert_eq!(shaped("SELECT (SELECT d.adbin FROM pg_catalog.pg_attrdef d WHERE d.adrelid = a.x)"), "SELECT CAST(NULL AS TEXT)");
        assert_eq!(shaped("SELECT generate_subscripts(k, 1)"), "SELECT unnest(siss_positions(k, 1))");
        assert_eq!(shaped("SELECT a LIKE 'pg/_%' ESCAPE '/'"), "SELECT a LIKE replace('pg/_%', '/', '\\')");
        assert_eq!(shaped("SELECT (f(x)).n"), "SELECT get_field(f(x), 'n')");
        assert_eq!(shaped("SELECT 1 WHERE (SELECT c.k = 'c' FROM c WHERE c.oid = t)"), "SELECT 1 WHERE (SELECT min(c.k = 'c') FROM c WHERE c.oid = t)");
        assert_eq!(shaped("SELECT (SELECT count(*) FROM c)"), "SELECT (SELECT count(*) FROM c)");
    }
}
