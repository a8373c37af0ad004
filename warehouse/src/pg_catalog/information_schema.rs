//! `information_schema` as the SQL standard and PostgreSQL lay it down, for the relations a principal may see.

use std::sync::Arc;

use crate::pg_catalog::DATABASE;
use crate::pg_catalog::keys::{self, Constraint};
use crate::pg_catalog::provider::Table;
use crate::pg_catalog::relation::{Attribute, Relation, SYSTEM_SCHEMAS, areas};
use crate::pg_catalog::tables::OWNER;

/// Tables of the schema; those without content here exist and are empty.
pub const NAMES: [&str; 12] = [
    "schemata",
    "tables",
    "columns",
    "views",
    "table_constraints",
    "key_column_usage",
    "constraint_column_usage",
    "referential_constraints",
    "routines",
    "sequences",
    "triggers",
    "table_privileges",
];

pub fn table(name: &str, relations: &Arc<[Relation]>) -> Option<Table> {
    Some(match name {
        "schemata" => schemata(relations),
        "tables" => tables(relations),
        "columns" => columns(relations),
        "views" => views(relations),
        "table_constraints" => table_constraints(relations),
        "key_column_usage" => key_columns(relations),
        "constraint_column_usage" => constraint_columns(relations),
        "table_privileges" => privileges(relations),
        "referential_constraints" => nothing(&[
            "constraint_catalog",
            "constraint_schema",
            "constraint_name",
            "unique_constraint_catalog",
            "unique_constraint_schema",
            "unique_constraint_name",
            "match_option",
            "update_rule",
            "delete_rule",
        ]),
        "routines" => {
            nothing(&["specific_catalog", "specific_schema", "specific_name", "routine_catalog", "routine_schema", "routine_name", "routine_type", "data_type"])
        }
        "sequences" => nothing(&["sequence_catalog", "sequence_schema", "sequence_name", "data_type"]),
        "triggers" => nothing(&["trigger_catalog", "trigger_schema", "trigger_name", "event_manipulation", "event_object_schema", "event_object_table"]),
        _ => return None,
    })
}

fn nothing(names: &[&str]) -> Table {
    Table::default().all_text(0, names, None)
}

fn schemata(relations: &[Relation]) -> Table {
    let names: Vec<&str> = SYSTEM_SCHEMAS.iter().map(|(name, _)| *name).chain(areas(relations)).collect();
    let n = names.len();
    Table::default()
        .all_text(n, &["catalog_name"], Some(DATABASE))
        .text("schema_name", names.iter().map(Some))
        .all_text(n, &["schema_owner"], Some(OWNER))
        .all_text(n, &["default_character_set_catalog", "default_character_set_schema", "default_character_set_name", "sql_path"], None)
}

fn tables(relations: &[Relation]) -> Table {
    let n = relations.len();
    Table::default()
        .all_text(n, &["table_catalog"], Some(DATABASE))
        .text("table_schema", relations.iter().map(|r| Some(&r.area)))
        .text("table_name", relations.iter().map(|r| Some(&r.name)))
        .text("table_type", relations.iter().map(|r| Some(if r.history { "VIEW" } else { "BASE TABLE" })))
        .all_text(
            n,
            &["self_referencing_column_name", "reference_generation", "user_defined_type_catalog", "user_defined_type_schema", "user_defined_type_name"],
            None,
        )
        .all_text(n, &["is_insertable_into", "is_typed"], Some("NO"))
        .all_text(n, &["commit_action"], None)
}

fn views(relations: &[Relation]) -> Table {
    let rows: Vec<&Relation> = relations.iter().filter(|r| r.history).collect();
    let n = rows.len();
    Table::default()
        .all_text(n, &["table_catalog"], Some(DATABASE))
        .text("table_schema", rows.iter().map(|r| Some(&r.area)))
        .text("table_name", rows.iter().map(|r| Some(&r.name)))
        .all_text(n, &["view_definition"], None)
        .all_text(n, &["check_option"], Some("NONE"))
        .all_text(n, &["is_updatable", "is_insertable_into"], Some("NO"))
}

/// `data_type`, `udt_name`, numeric precision in bits or digits, its radix, the scale.
fn spelled(column: &Attribute) -> (&'static str, &'static str, Option<i32>, Option<i32>, Option<i32>) {
    match column.type_oid {
        16 => ("boolean", "bool", None, None, None),
        20 => ("bigint", "int8", Some(64), Some(2), Some(0)),
        21 => ("smallint", "int2", Some(16), Some(2), Some(0)),
        23 => ("integer", "int4", Some(32), Some(2), Some(0)),
        700 => ("real", "float4", Some(24), Some(2), None),
        701 => ("double precision", "float8", Some(53), Some(2), None),
        1082 => ("date", "date", None, None, None),
        1114 => ("timestamp without time zone", "timestamp", None, None, None),
        1184 => ("timestamp with time zone", "timestamptz", None, None, None),
        1700 if column.modifier >= 4 => ("numeric", "numeric", Some((column.modifier - 4) >> 16), Some(10), Some((column.modifier - 4) & 0xffff)),
        1700 => ("numeric", "numeric", None, Some(10), None),
        _ => ("text", "text", None, None, None),
    }
}

fn columns(relations: &[Relation]) -> Table {
    let rows: Vec<_> = relations.iter().flat_map(|r| r.columns.iter().enumerate().map(move |(at, column)| (r, at as i32 + 1, column))).collect();
    let n = rows.len();
    let types: Vec<_> = rows.iter().map(|(_, _, column)| spelled(column)).collect();
    Table::default()
        .all_text(n, &["table_catalog"], Some(DATABASE))
        .text("table_schema", rows.iter().map(|(r, _, _)| Some(&r.area)))
        .text("table_name", rows.iter().map(|(r, _, _)| Some(&r.name)))
        .text("column_name", rows.iter().map(|(_, _, c)| Some(&c.name)))
        .int("ordinal_position", rows.iter().map(|(_, at, _)| Some(*at)))
        .all_text(n, &["column_default"], None)
        .text("is_nullable", rows.iter().map(|(_, _, c)| Some(if c.required { "NO" } else { "YES" })))
        .text("data_type", types.iter().map(|t| Some(t.0)))
        .int("character_maximum_length", std::iter::repeat_n(None, n))
        .int("character_octet_length", std::iter::repeat_n(None, n))
        .int("numeric_precision", types.iter().map(|t| t.2))
        .int("numeric_precision_radix", types.iter().map(|t| t.3))
        .int("numeric_scale", types.iter().map(|t| t.4))
        .int("datetime_precision", rows.iter().map(|(_, _, c)| matches!(c.type_oid, 1114 | 1184).then_some(6)))
        .all_text(n, &["interval_type", "character_set_name", "collation_name", "domain_name"], None)
        .all_text(n, &["udt_catalog"], Some(DATABASE))
        .all_text(n, &["udt_schema"], Some("pg_catalog"))
        .text("udt_name", types.iter().map(|t| Some(t.1)))
        .text("dtd_identifier", rows.iter().map(|(_, at, _)| Some(at.to_string())))
        .all_text(n, &["is_self_referencing", "is_identity"], Some("NO"))
        .all_text(n, &["identity_generation"], None)
        .all_text(n, &["is_generated"], Some("NEVER"))
        .all_text(n, &["generation_expression"], None)
        .all_text(n, &["is_updatable"], Some("NO"))
}

fn table_constraints(relations: &[Relation]) -> Table {
    let rows = keys::all(relations);
    let n = rows.len();
    Table::default()
        .all_text(n, &["constraint_catalog"], Some(DATABASE))
        .text("constraint_schema", rows.iter().map(|c| Some(&c.relation.area)))
        .text("constraint_name", rows.iter().map(|c| Some(&c.name)))
        .all_text(n, &["table_catalog"], Some(DATABASE))
        .text("table_schema", rows.iter().map(|c| Some(&c.relation.area)))
        .text("table_name", rows.iter().map(|c| Some(&c.relation.name)))
        .text("constraint_type", rows.iter().map(|c| Some(if c.target.is_some() { "FOREIGN KEY" } else { "PRIMARY KEY" })))
        .all_text(n, &["is_deferrable", "initially_deferred"], Some("NO"))
        .all_text(n, &["enforced"], Some("YES"))
}

fn key_columns(relations: &[Relation]) -> Table {
    let all = keys::all(relations);
    let rows: Vec<_> = all
        .iter()
        .flat_map(|c| c.columns.iter().enumerate().map(move |(at, position)| (c, at as i32 + 1, &c.relation.columns[*position as usize - 1].name)))
        .collect();
    let n = rows.len();
    Table::default()
        .all_text(n, &["constraint_catalog"], Some(DATABASE))
        .text("constraint_schema", rows.iter().map(|(c, _, _)| Some(&c.relation.area)))
        .text("constraint_name", rows.iter().map(|(c, _, _)| Some(&c.name)))
        .all_text(n, &["table_catalog"], Some(DATABASE))
        .text("table_schema", rows.iter().map(|(c, _, _)| Some(&c.relation.area)))
        .text("table_name", rows.iter().map(|(c, _, _)| Some(&c.relation.name)))
        .text("column_name", rows.iter().map(|(_, _, name)| Some(*name)))
        .int("ordinal_position", rows.iter().map(|(_, at, _)| Some(*at)))
        .int("position_in_unique_constraint", rows.iter().map(|(c, at, _)| c.target.as_ref().map(|_| *at)))
}

fn constraint_columns(relations: &[Relation]) -> Table {
    fn meant<'a>(constraint: &'a Constraint<'a>) -> (&'a Relation, &'a [i16]) {
        constraint.target.as_ref().map_or((constraint.relation, &constraint.columns), |(target, columns)| (target, columns))
    }
    let all = keys::all(relations);
    let rows: Vec<_> = all.iter().flat_map(|c| meant(c).1.iter().map(move |position| (c, meant(c).0, *position))).collect();
    let n = rows.len();
    Table::default()
        .all_text(n, &["table_catalog"], Some(DATABASE))
        .text("table_schema", rows.iter().map(|(_, r, _)| Some(&r.area)))
        .text("table_name", rows.iter().map(|(_, r, _)| Some(&r.name)))
        .text("column_name", rows.iter().map(|(_, r, at)| Some(&r.columns[*at as usize - 1].name)))
        .all_text(n, &["constraint_catalog"], Some(DATABASE))
        .text("constraint_schema", rows.iter().map(|(c, _, _)| Some(&c.relation.area)))
        .text("constraint_name", rows.iter().map(|(c, _, _)| Some(&c.name)))
}

/// Reading is the only right there is.
fn privileges(relations: &[Relation]) -> Table {
    let n = relations.len();
    Table::default()
        .all_text(n, &["grantor"], Some(OWNER))
        .all_text(n, &["grantee"], Some("PUBLIC"))
        .all_text(n, &["table_catalog"], Some(DATABASE))
        .text("table_schema", relations.iter().map(|r| Some(&r.area)))
        .text("table_name", relations.iter().map(|r| Some(&r.name)))
        .all_text(n, &["privilege_type"], Some("SELECT"))
        .all_text(n, &["is_grantable"], Some("NO"))
        .all_text(n, &["with_hierarchy"], Some("YES"))
}

/// Checks the lists against each other: every name answers.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_table() -> datafusion::error::Result<()> {
        let none: Arc<[Relation]> = Arc::new([]);
        for name in NAMES {
            let table = table(name, &none).unwrap_or_else(|| panic!("{name} has no table"));
            table.provider()?;
        }
        Ok(())
    }
}
