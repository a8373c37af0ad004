//! Keys and references of the contracts as `pg_constraint` and `pg_index` show them, so that tools draw the relations.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int16Builder, ListBuilder};

use crate::pg_catalog::provider::Table;
use crate::pg_catalog::relation::{Relation, find, namespace, oid};

/// A primary key (`target` absent) or a reference to another visible relation.
pub struct Constraint<'a> {
    pub oid: i32,
    pub name: String,
    pub relation: &'a Relation,
    pub columns: Vec<i16>,
    pub target: Option<(&'a Relation, Vec<i16>)>,
}

impl Constraint<'_> {
    /// As `pg_get_constraintdef` words it.
    pub fn definition(&self) -> String {
        let names = |relation: &Relation, positions: &[i16]| positions.iter().map(|at| relation.columns[*at as usize - 1].name.clone()).collect::<Vec<_>>().join(", ");
        let own = names(self.relation, &self.columns);
        match &self.target {
            None => format!("PRIMARY KEY ({own})"),
            Some((target, columns)) => format!("FOREIGN KEY ({own}) REFERENCES {}.{}({})", target.area, target.name, names(target, columns)),
        }
    }
}

/// Keys and references of all `relations`; a reference to what the principal may not see is left out.
pub fn all(relations: &[Relation]) -> Vec<Constraint<'_>> {
    let mut found = Vec::new();
    for relation in relations.iter().filter(|r| !r.history) {
        if !relation.key.is_empty() {
            found.push(constraint(relation, format!("{}_pkey", relation.name), relation.key.clone(), None));
        }
        for (at, column) in relation.columns.iter().enumerate() {
            let Some((target, name)) = column.references.as_deref().and_then(|r| r.rsplit_once('.')) else { continue };
            let Some(target) = find(relations, target) else { continue };
            let Some(to) = target.columns.iter().position(|c| c.name == name) else { continue };
            let name = format!("{}_{}_fkey", relation.name, column.name);
            found.push(constraint(relation, name, vec![at as i16 + 1], Some((target, vec![to as i16 + 1]))));
        }
    }
    found
}

fn constraint<'a>(relation: &'a Relation, name: String, columns: Vec<i16>, target: Option<(&'a Relation, Vec<i16>)>) -> Constraint<'a> {
    Constraint { oid: oid("constraint", &format!("{}.{name}", relation.area)), name, relation, columns, target }
}

fn positions<'a>(rows: impl Iterator<Item = Option<&'a [i16]>>) -> ArrayRef {
    let mut lists = ListBuilder::new(Int16Builder::new());
    for row in rows {
        match row {
            Some(values) => {
                lists.values().append_slice(values);
                lists.append(true);
            }
            None => lists.append_null(),
        }
    }
    Arc::new(lists.finish())
}

pub fn constraints(relations: &[Relation]) -> Table {
    let rows = all(relations);
    let n = rows.len();
    Table::default()
        .int("oid", rows.iter().map(|c| Some(c.oid)))
        .text("conname", rows.iter().map(|c| Some(&c.name)))
        .int("connamespace", rows.iter().map(|c| Some(namespace(&c.relation.area))))
        .text("contype", rows.iter().map(|c| Some(if c.target.is_some() { "f" } else { "p" })))
        .all_flag(n, &["condeferrable", "condeferred"], false)
        .all_flag(n, &["convalidated"], true)
        .int("conrelid", rows.iter().map(|c| Some(c.relation.oid)))
        .all_int(n, &["contypid", "conindid", "conparentid"], 0)
        .int("confrelid", rows.iter().map(|c| Some(c.target.as_ref().map_or(0, |(target, _)| target.oid))))
        .all_text(n, &["confupdtype", "confdeltype"], Some("a"))
        .all_text(n, &["confmatchtype"], Some("s"))
        .all_flag(n, &["conislocal"], true)
        .all_small(n, &["coninhcount"], 0)
        .all_flag(n, &["connoinherit"], true)
        .array("conkey", positions(rows.iter().map(|c| Some(c.columns.as_slice()))))
        .array("confkey", positions(rows.iter().map(|c| c.target.as_ref().map(|(_, columns)| columns.as_slice()))))
        .all_text(n, &["conpfeqop", "conppeqop", "conffeqop", "confdelsetcols", "conexclop", "conbin"], None)
}

/// There are no indexes: storage is sorted, not indexed. The table is there and empty.
pub fn indexes(_relations: &[Relation]) -> Table {
    Table::default()
        .all_int(0, &["indexrelid", "indrelid"], 0)
        .all_small(0, &["indnatts", "indnkeyatts"], 0)
        .all_flag(0, &["indisunique", "indnullsnotdistinct", "indisprimary", "indisexclusion", "indimmediate", "indisclustered", "indisvalid", "indcheckxmin", "indisready", "indislive", "indisreplident"], false)
        .array("indkey", positions(std::iter::empty()))
        .array("indcollation", positions(std::iter::empty()))
        .array("indclass", positions(std::iter::empty()))
        .array("indoption", positions(std::iter::empty()))
        .all_text(0, &["indexprs", "indpred"], None)
}
