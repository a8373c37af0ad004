//! Which of a user's predicates may be evaluated on rows that the user must not see: only those that cannot raise an
//! error and have no other effect than to be true or false (PostgreSQL calls such functions leakproof).

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::Column;
use datafusion::logical_expr::{Expr, Operator};

/// True for comparisons of a column with literals of its own type, and combinations of them.
/// `open` says which columns show their stored value: a predicate on a masked one would see below the mask.
pub fn is_leakproof(predicate: &Expr, schema: &SchemaRef, open: &dyn Fn(&str) -> bool) -> bool {
    let check = Check { schema, open };
    check.predicate(predicate)
}

struct Check<'a> {
    schema: &'a SchemaRef,
    open: &'a dyn Fn(&str) -> bool,
}

impl Check<'_> {
    fn predicate(&self, e: &Expr) -> bool {
        match e {
            Expr::BinaryExpr(b) => match b.op {
                Operator::And | Operator::Or => self.predicate(&b.left) && self.predicate(&b.right),
                Operator::Eq | Operator::NotEq | Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq => {
                    self.pair(&b.left, &b.right) || self.pair(&b.right, &b.left)
                }
                _ => false,
            },
            Expr::Not(inner) => self.predicate(inner),
            Expr::IsNull(inner) | Expr::IsNotNull(inner) => self.column(inner).is_some(),
            Expr::Between(b) => self.pair(&b.expr, &b.low) && self.pair(&b.expr, &b.high),
            Expr::InList(list) => list.list.iter().all(|item| self.pair(&list.expr, item)),
            // Only a prefix: a general pattern is compiled, and costs time that depends on hidden rows.
            Expr::Like(like) => !like.case_insensitive && like.escape_char.is_none() && self.pair(&like.expr, &like.pattern) && is_prefix(&like.pattern),
            _ => false,
        }
    }

    /// `column` is an unmasked column and `value` a literal of exactly its type: no cast can fail.
    fn pair(&self, column: &Expr, value: &Expr) -> bool {
        let Expr::Literal(value, _) = value else { return false };
        self.column(column).is_some_and(|wanted| same(wanted, &value.data_type()))
    }

    fn column(&self, e: &Expr) -> Option<&DataType> {
        let Expr::Column(Column { name, .. }) = e else { return None };
        if !(self.open)(name) {
            return None;
        }
        self.schema.field_with_name(name).ok().map(|f| f.data_type())
    }
}

/// The text types differ in layout only.
fn same(column: &DataType, value: &DataType) -> bool {
    let text = |t: &DataType| matches!(t, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    column == value || (text(column) && text(value))
}

fn is_prefix(pattern: &Expr) -> bool {
    let Expr::Literal(value, _) = pattern else { return false };
    let Some(Some(text)) = value.try_as_str() else { return false };
    text.strip_suffix('%').is_some_and(|prefix| !prefix.contains(['%', '_', '\\']))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::{Field, Schema};
    use datafusion::functions::expr_fn::lower;
    use datafusion::prelude::{cast, col, lit};

    use super::*;

    fn leakproof(predicate: Expr) -> bool {
        let schema = Arc::new(Schema::new(vec![
            Field::new("comune", DataType::Utf8, true),
            Field::new("posti", DataType::Int64, true),
            Field::new("mascherata", DataType::Utf8, true),
        ]));
        is_leakproof(&predicate, &schema, &|name| name != "mascherata")
    }

    #[test]
    fn comparisons_with_literals_of_the_column_type_are_leakproof() {
        assert!(leakproof(col("comune").eq(lit("058091"))));
        assert!(leakproof(lit(5_i64).lt(col("posti"))));
        assert!(leakproof(col("posti").between(lit(1_i64), lit(2_i64)).and(col("comune").is_not_null())));
        assert!(leakproof(col("comune").in_list(vec![lit("a"), lit("b")], true)));
        assert!(leakproof(col("comune").like(lit("058%"))));
    }

    #[test]
    fn everything_else_is_not() {
        assert!(!leakproof(col("posti").eq(lit("5"))), "a literal of another type");
        assert!(!leakproof(col("mascherata").eq(lit("x"))), "a masked column");
        assert!(!leakproof(lower(col("comune")).eq(lit("x"))), "a function");
        assert!(!leakproof((lit(1_i64) / (col("posti") - lit(200_i64))).lt(lit(5_i64))), "arithmetic");
        assert!(!leakproof(cast(col("comune"), DataType::Int64).gt(lit(0_i64))), "a cast");
        assert!(!leakproof(col("comune").like(lit("%58%"))), "a general pattern");
        assert!(!leakproof(col("comune").eq(col("comune"))), "two columns");
        assert!(!leakproof(col("comune").eq(lit("a")).and(lower(col("comune")).eq(lit("a")))), "one bad half");
    }
}
