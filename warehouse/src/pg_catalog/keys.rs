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
        let names =
            |relation: &Relation, positions: &[i16]| positions.iter().map(|at| relation.columns[*at as usize - 1].name.clone()).collect::<Vec<_>>().join(", ");
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
        .all_int(n, &["contypid"], 0)
        .int("conindid", rows.iter().map(|c| Some(if c.target.is_none() { index_oid(c.relation) } else { 0 })))
        .all_int(n, &["conparentid"], 0)
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

/// A key as an index: it is there that JDBC and SQLAlchemy look for keys. Storage is sorted, not indexed.
pub struct Index<'a> {
    pub oid: i32,
    pub name: String,
    pub relation: &'a Relation,
}

impl Index<'_> {
    /// As `pg_get_indexdef` words it.
    pub fn definition(&self) -> String {
        let columns: Vec<&str> = self.relation.key.iter().map(|at| self.relation.columns[*at as usize - 1].name.as_str()).collect();
        format!("CREATE UNIQUE INDEX {} ON {}.{} USING btree ({})", self.name, self.relation.area, self.relation.name, columns.join(", "))
    }
}

pub fn primary(relations: &[Relation]) -> Vec<Index<'_>> {
    relations
        .iter()
        .filter(|r| !r.key.is_empty())
        .map(|relation| Index { oid: index_oid(relation), name: format!("{}_pkey", relation.name), relation })
        .collect()
}

fn index_oid(relation: &Relation) -> i32 {
    oid("index", &format!("{}.{}", relation.area, relation.name))
}

pub fn indexes(relations: &[Relation]) -> Table {
    let rows = primary(relations);
    let n = rows.len();
    let zeros: Vec<Vec<i16>> = rows.iter().map(|i| vec![0; i.relation.key.len()]).collect();
    let all_zeros = || positions(zeros.iter().map(|z| Some(z.as_slice())));
    Table::default()
        .int("indexrelid", rows.iter().map(|i| Some(i.oid)))
        .int("indrelid", rows.iter().map(|i| Some(i.relation.oid)))
        .small("indnatts", rows.iter().map(|i| i.relation.key.len() as i16))
        .small("indnkeyatts", rows.iter().map(|i| i.relation.key.len() as i16))
        .all_flag(n, &["indisunique"], true)
        .all_flag(n, &["indnullsnotdistinct"], false)
        .all_flag(n, &["indisprimary"], true)
        .all_flag(n, &["indisexclusion"], false)
        .all_flag(n, &["indimmediate"], true)
        .all_flag(n, &["indisclustered"], false)
        .all_flag(n, &["indisvalid"], true)
        .all_flag(n, &["indcheckxmin"], false)
        .all_flag(n, &["indisready", "indislive"], true)
        .all_flag(n, &["indisreplident"], false)
        .array("indkey", positions(rows.iter().map(|i| Some(i.relation.key.as_slice()))))
        .array("indcollation", all_zeros())
        .array("indclass", all_zeros())
        .array("indoption", all_zeros())
        .all_text(n, &["indexprs", "indpred"], None)
}
