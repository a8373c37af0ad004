//! Names under casts: `'assa.strutture'::regclass` becomes the oid that every worker gives the relation.

use std::collections::HashMap;
use std::sync::LazyLock;

use arrow::array::AsArray;
use arrow::datatypes::Int32Type;
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use crate::error::{Error, Kind, Result};
use crate::pg_catalog::compatibility::syntax;
use crate::pg_catalog::provider::fixed;
use crate::pg_catalog::relation::{Relation, find, namespace};

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

/// Puts oids in the place of `'name'::regclass` and `CAST('name' AS regclass)`.
pub fn resolve(sql: &str, relations: &[Relation]) -> Result<String> {
    let tokens: Vec<TokenWithSpan> = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize_with_location().map_err(|e| syntax(e.into()))?;
    let tokens: Vec<&TokenWithSpan> = tokens.iter().filter(|t| !matches!(t.token, Token::Whitespace(_))).collect();
    let mut out = String::with_capacity(sql.len());
    let mut done = 0;
    for (at, token) in tokens.iter().enumerate() {
        let (text, parameter) = match &token.token {
            Token::SingleQuotedString(text) => (text, false),
            Token::Placeholder(text) => (text, true),
            _ => continue,
        };
        let follows = |offset: usize| tokens.get(at + offset).map(|t| &t.token);
        let name = |offset: usize| match follows(offset) {
            Some(Token::Word(word)) => Some(word.value.to_ascii_lowercase()),
            _ => None,
        };
        let (cast, mut last) = match follows(1) {
            Some(Token::DoubleColon) => (true, at + 2),
            Some(Token::Word(word)) if word.value.eq_ignore_ascii_case("as") => (at > 1 && tokens[at - 1].token == Token::LParen, at + 2),
            _ => (false, at),
        };
        if !cast {
            continue;
        }
        if name(2).as_deref() == Some("pg_catalog") && follows(3) == Some(&Token::Period) {
            last += 2;
        }
        let target = name(last - at).unwrap_or_default();
        let value = match (parameter, target.as_str()) {
            // Its value comes later.
            (true, "regclass" | "regtype") => Some(format!("to_{target}({text})")),
            (true, _) => None,
            (false, target) => meaning(target, text, relations)?,
        };
        let Some(value) = value else { continue };
        // `CAST('x' AS regclass)` keeps its shape: only the literal changes.
        let end = if follows(1) == Some(&Token::DoubleColon) { tokens[last].span.end } else { token.span.end };
        let (from, to) = (byte(sql, token.span.start), byte(sql, end));
        out.push_str(&sql[done..from]);
        out.push_str(&value);
        done = to;
    }
    out.push_str(&sql[done..]);
    Ok(out)
}

/// The byte at a place of the text (line and column in characters, from 1).
fn byte(sql: &str, place: Location) -> usize {
    let line: usize = sql.split_inclusive('\n').take(place.line as usize - 1).map(str::len).sum();
    line + sql[line..].char_indices().nth(place.column as usize - 1).map_or(sql.len() - line, |(at, _)| at)
}

/// What a literal means under a cast to `target`, as SQL; `None` when the cast is not to a name's type.
fn meaning(target: &str, text: &str, relations: &[Relation]) -> Result<Option<String>> {
    let number = || text.parse::<i32>().ok();
    let plain = text.trim_start_matches("pg_catalog.");
    let oid = match target {
        "regclass" => {
            let found = class_oid(text, relations);
            Some(found.ok_or_else(|| Error::new(Kind::NotFound, "table.unknown", format!("relation '{text}' not found")))?)
        }
        "regnamespace" => Some(number().unwrap_or_else(|| namespace(text))),
        "regtype" => {
            Some(number().or_else(|| TYPES.get(plain).copied()).ok_or_else(|| Error::new(Kind::Invalid, "sql.type", format!("type '{text}' not found")))?)
        }
        // Columns of procedures hold their names.
        "regproc" => return Ok(Some(format!("'{}'", plain.replace('\'', "''")))),
        _ => None,
    };
    Ok(oid.map(|oid| oid.to_string()))
}

/// Oid of the relation called `name`: one of PostgreSQL's own, one of `relations`, or the number itself.
pub fn class_oid(name: &str, relations: &[Relation]) -> Option<i32> {
    let plain = name.trim_start_matches("pg_catalog.");
    let catalog = || CATALOGS.iter().find(|(known, _)| *known == plain).map(|(_, oid)| *oid);
    name.parse::<i32>().ok().or_else(catalog).or_else(|| find(relations, name).map(|r| r.oid))
}

/// Oid of the type called `name`, with or without `pg_catalog.`.
pub fn type_oid(name: &str) -> Option<i32> {
    TYPES.get(name.trim_start_matches("pg_catalog.")).copied()
}

/// Oids of types by name, and by the names that the SQL standard gives the common ones.
static TYPES: LazyLock<HashMap<String, i32>> = LazyLock::new(|| {
    let standard = [
        ("boolean", 16),
        ("bigint", 20),
        ("smallint", 21),
        ("integer", 23),
        ("int", 23),
        ("real", 700),
        ("double precision", 701),
        ("character varying", 1043),
    ];
    let more = [("timestamp without time zone", 1114), ("timestamp with time zone", 1184), ("decimal", 1700)];
    let mut types: HashMap<String, i32> = standard.into_iter().chain(more).map(|(name, oid)| (name.to_owned(), oid)).collect();
    let Ok(tables) = fixed() else { return types };
    for batch in tables.pg_type.data() {
        let (Some(oids), Some(names)) = (batch.column_by_name("oid"), batch.column_by_name("typname")) else { continue };
        let oids = oids.as_primitive::<Int32Type>();
        types.extend(names.as_string::<i32>().iter().enumerate().filter_map(|(row, name)| Some((name?.to_owned(), oids.value(row)))));
    }
    types
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_numbers_where_they_stand() {
        let resolve = |sql: &str| resolve(sql, &[]);
        let sql = "SELECT 'è',\n 'pg_class'::regclass, 'pg_catalog.pg_type'::pg_catalog.regclass, CAST('42' AS regclass), 'int4'::regtype, 'array_in'::regproc, 'x'::text";
        assert_eq!(resolve(sql).expect(sql), "SELECT 'è',\n 1259, 1247, CAST(42 AS regclass), 23, 'array_in', 'x'::text");
        assert_eq!(
            resolve("SELECT $1::regclass, CAST($2 AS regclass), $3::text").expect(sql),
            "SELECT to_regclass($1), CAST(to_regclass($2) AS regclass), $3::text"
        );
        assert_eq!(resolve("SELECT 'assa.nulla'::regclass").expect_err("unknown").code, "table.unknown");
        assert_eq!(resolve("SELECT 'nessuno'::regtype").expect_err("unknown").code, "sql.type");
    }
}
