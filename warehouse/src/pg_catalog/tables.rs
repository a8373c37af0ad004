//! Tables of `pg_catalog` that depend on who asks, with the columns of PostgreSQL 16 in its order.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, ListBuilder, RecordBatch, StringArray, StringBuilder};
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::error::Result;
use datafusion_pg_catalog::pg_catalog::ArrowTable;

use crate::pg_catalog::keys;
use crate::pg_catalog::provider::Table;
use crate::pg_catalog::relation::{Relation, SYSTEM_SCHEMAS, areas, namespace, oid};
use crate::pg_catalog::{DATABASE, SERVER_VERSION};

/// Owner of everything: the service itself.
pub const OWNER: &str = "siss";
/// Oid of [`OWNER`] among roles, as of PostgreSQL's bootstrap role.
pub const OWNER_OID: i32 = 10;
/// Oids of the catalogs that comments point to.
pub const CLASS_OID: i32 = 1259;
const NAMESPACE_OID: i32 = 2615;
/// Access method of indexes in `pg_am`.
const BTREE: i32 = 403;

/// `pg_class.relkind`.
pub fn kind(relation: &Relation) -> &'static str {
    if relation.history { "v" } else { "r" }
}

/// An array column with NULL in every row: access lists, options.
fn no_arrays(rows: usize) -> ArrayRef {
    let mut lists = ListBuilder::new(StringBuilder::new());
    (0..rows).for_each(|_| lists.append_null());
    Arc::new(lists.finish())
}

/// One row of `pg_class`: a relation, or the index that stands for its key.
struct Class<'a> {
    oid: i32,
    name: &'a str,
    area: &'a str,
    kind: &'static str,
    columns: i16,
    /// Access method: btree for an index.
    method: i32,
    keyed: bool,
}

pub fn classes(relations: &[Relation]) -> Table {
    let indexes = keys::primary(relations);
    let tables = relations.iter().map(|r| Class {
        oid: r.oid,
        name: &r.name,
        area: &r.area,
        kind: kind(r),
        columns: r.columns.len() as i16,
        method: 0,
        keyed: !r.key.is_empty(),
    });
    let of_indexes = indexes.iter().map(|i| Class {
        oid: i.oid,
        name: &i.name,
        area: &i.relation.area,
        kind: "i",
        columns: i.relation.key.len() as i16,
        method: BTREE,
        keyed: false,
    });
    let rows: Vec<Class<'_>> = tables.chain(of_indexes).collect();
    let n = rows.len();
    Table::default()
        .int("oid", rows.iter().map(|r| Some(r.oid)))
        .text("relname", rows.iter().map(|r| Some(r.name)))
        .int("relnamespace", rows.iter().map(|r| Some(namespace(r.area))))
        .all_int(n, &["reltype", "reloftype"], 0)
        .all_int(n, &["relowner"], OWNER_OID)
        .int("relam", rows.iter().map(|r| Some(r.method)))
        .int("relfilenode", rows.iter().map(|r| Some(r.oid)))
        .all_int(n, &["reltablespace"], 0)
        .all_int(n, &["relpages"], 0)
        .real("reltuples", std::iter::repeat_n(-1.0, n))
        .all_int(n, &["relallvisible", "reltoastrelid"], 0)
        .flag("relhasindex", rows.iter().map(|r| r.keyed))
        .all_flag(n, &["relisshared"], false)
        .all_text(n, &["relpersistence"], Some("p"))
        .text("relkind", rows.iter().map(|r| Some(r.kind)))
        .small("relnatts", rows.iter().map(|r| r.columns))
        .all_small(n, &["relchecks"], 0)
        .all_flag(n, &["relhasrules", "relhastriggers", "relhassubclass", "relrowsecurity", "relforcerowsecurity"], false)
        .all_flag(n, &["relispopulated"], true)
        .all_text(n, &["relreplident"], Some("d"))
        .all_flag(n, &["relispartition"], false)
        .all_int(n, &["relrewrite", "relfrozenxid", "relminmxid"], 0)
        .array("relacl", no_arrays(n))
        .array("reloptions", no_arrays(n))
        .all_text(n, &["relpartbound"], None)
}

pub fn attributes(relations: &[Relation]) -> Table {
    let rows: Vec<_> = relations.iter().flat_map(|r| r.columns.iter().enumerate().map(move |(at, column)| (r, at as i16 + 1, column))).collect();
    let n = rows.len();
    Table::default()
        .int("attrelid", rows.iter().map(|(r, _, _)| Some(r.oid)))
        .text("attname", rows.iter().map(|(_, _, c)| Some(&c.name)))
        .int("atttypid", rows.iter().map(|(_, _, c)| Some(c.type_oid)))
        .all_int(n, &["attstattarget"], -1)
        .small("attlen", rows.iter().map(|(_, _, c)| c.length))
        .small("attnum", rows.iter().map(|(_, at, _)| *at))
        .all_int(n, &["attndims"], 0)
        .all_int(n, &["attcacheoff"], -1)
        .int("atttypmod", rows.iter().map(|(_, _, c)| Some(c.modifier)))
        .flag("attbyval", rows.iter().map(|(_, _, c)| c.length > 0))
        .all_text(n, &["attalign"], Some("i"))
        .text("attstorage", rows.iter().map(|(_, _, c)| Some(if c.length > 0 { "p" } else { "x" })))
        .all_text(n, &["attcompression"], Some(""))
        .flag("attnotnull", rows.iter().map(|(_, _, c)| c.required))
        .all_flag(n, &["atthasdef", "atthasmissing"], false)
        .all_text(n, &["attidentity", "attgenerated"], Some(""))
        .all_flag(n, &["attisdropped"], false)
        .all_flag(n, &["attislocal"], true)
        .all_int(n, &["attinhcount", "attcollation"], 0)
        .array("attacl", no_arrays(n))
        .array("attoptions", no_arrays(n))
        .array("attfdwoptions", no_arrays(n))
        .all_text(n, &["attmissingval"], None)
}

pub fn namespaces(relations: &[Relation]) -> Table {
    let names: Vec<&str> = SYSTEM_SCHEMAS.iter().map(|(name, _)| *name).chain(areas(relations)).collect();
    let n = names.len();
    Table::default()
        .int("oid", names.iter().map(|name| Some(namespace(name))))
        .text("nspname", names.iter().map(Some))
        .all_int(n, &["nspowner"], OWNER_OID)
        .array("nspacl", no_arrays(n))
}

pub fn databases() -> Table {
    Table::default()
        .int("oid", [Some(oid("database", DATABASE))])
        .text("datname", [Some(DATABASE)])
        .all_int(1, &["datdba"], OWNER_OID)
        .all_int(1, &["encoding"], 6)
        .all_text(1, &["datlocprovider"], Some("c"))
        .all_flag(1, &["datistemplate"], false)
        .all_flag(1, &["datallowconn"], true)
        .all_int(1, &["datconnlimit"], -1)
        .all_int(1, &["datfrozenxid", "datminmxid"], 0)
        .all_int(1, &["dattablespace"], 1663)
        .all_text(1, &["datcollate", "datctype"], Some("C.UTF-8"))
        .all_text(1, &["daticulocale", "daticurules", "datcollversion"], None)
        .array("datacl", no_arrays(1))
}

/// The service and whoever asks; other accounts are nobody's business.
pub fn roles(account: &str) -> Table {
    let names = [OWNER, account];
    Table::default()
        .int("oid", names.iter().map(|name| Some(role(name))))
        .text("rolname", names.iter().map(Some))
        .all_flag(2, &["rolsuper"], false)
        .all_flag(2, &["rolinherit"], true)
        .all_flag(2, &["rolcreaterole", "rolcreatedb"], false)
        .flag("rolcanlogin", [false, true])
        .all_flag(2, &["rolreplication"], false)
        .all_int(2, &["rolconnlimit"], -1)
        .all_text(2, &["rolpassword"], Some("********"))
        .all_text(2, &["rolvaliduntil"], None)
        .all_flag(2, &["rolbypassrls"], false)
        .array("rolconfig", no_arrays(2))
}

/// Oid of a role: the owner's is fixed, an account's a hash.
pub fn role(name: &str) -> i32 {
    if name == OWNER { OWNER_OID } else { oid("role", name) }
}

pub fn users(account: &str) -> Table {
    Table::default()
        .text("usename", [Some(account)])
        .int("usesysid", [Some(role(account))])
        .all_flag(1, &["usecreatedb", "usesuper", "userepl", "usebypassrls"], false)
        .all_text(1, &["passwd"], Some("********"))
        .all_text(1, &["valuntil"], None)
        .array("useconfig", no_arrays(1))
}

pub fn tables(relations: &[Relation]) -> Table {
    let rows: Vec<&Relation> = relations.iter().filter(|r| !r.history).collect();
    let n = rows.len();
    Table::default()
        .text("schemaname", rows.iter().map(|r| Some(&r.area)))
        .text("tablename", rows.iter().map(|r| Some(&r.name)))
        .all_text(n, &["tableowner"], Some(OWNER))
        .all_text(n, &["tablespace"], None)
        .all_flag(n, &["hasindexes", "hasrules", "hastriggers", "rowsecurity"], false)
}

pub fn views(relations: &[Relation]) -> Table {
    let rows: Vec<&Relation> = relations.iter().filter(|r| r.history).collect();
    let n = rows.len();
    Table::default()
        .text("schemaname", rows.iter().map(|r| Some(&r.area)))
        .text("viewname", rows.iter().map(|r| Some(&r.name)))
        .all_text(n, &["viewowner"], Some(OWNER))
        .all_text(n, &["definition"], None)
}

/// Live counters are not kept per relation: every figure is NULL, as for a table never analysed.
pub fn statistics(relations: &[Relation]) -> Table {
    let rows: Vec<&Relation> = relations.iter().filter(|r| !r.history).collect();
    let unknown = || std::iter::repeat_n(None, rows.len());
    Table::default()
        .int("relid", rows.iter().map(|r| Some(r.oid)))
        .text("schemaname", rows.iter().map(|r| Some(&r.area)))
        .text("relname", rows.iter().map(|r| Some(&r.name)))
        .big("seq_scan", unknown())
        .big("seq_tup_read", unknown())
        .big("idx_scan", unknown())
        .big("n_live_tup", unknown())
        .big("n_dead_tup", unknown())
}

/// Settings of roles and databases: there are none, but the columns have their types.
pub fn role_settings() -> Table {
    Table::default().all_int(0, &["setdatabase", "setrole"], 0).array("setconfig", no_arrays(0))
}

/// Rights that new objects would get: there are none.
pub fn default_rights() -> Table {
    Table::default().all_int(0, &["oid", "defaclrole", "defaclnamespace"], 0).all_text(0, &["defaclobjtype"], None).array("defaclacl", no_arrays(0))
}

/// Settings that clients read; the door answers `SHOW` from its own session.
pub const SETTINGS: [(&str, &str); 14] = [
    ("client_encoding", "UTF8"),
    ("DateStyle", "ISO, MDY"),
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_read_only", "on"),
    ("extra_float_digits", "1"),
    ("integer_datetimes", "on"),
    ("IntervalStyle", "postgres"),
    ("max_identifier_length", "63"),
    ("search_path", "public"),
    ("server_encoding", "UTF8"),
    ("server_version", SERVER_VERSION),
    ("server_version_num", "160000"),
    ("standard_conforming_strings", "on"),
    ("TimeZone", "UTC"),
];

pub fn settings() -> Table {
    let n = SETTINGS.len();
    let values = || SETTINGS.iter().map(|(_, value)| Some(*value));
    Table::default()
        .text("name", SETTINGS.iter().map(|(name, _)| Some(*name)))
        .text("setting", values())
        .all_text(n, &["unit", "category", "short_desc", "extra_desc"], None)
        .all_text(n, &["context"], Some("internal"))
        .all_text(n, &["vartype"], Some("string"))
        .all_text(n, &["source"], Some("default"))
        .all_text(n, &["min_val", "max_val", "enumvals"], None)
        .text("boot_val", values())
        .text("reset_val", values())
        .all_text(n, &["sourcefile"], None)
        .all_int(n, &["sourceline"], 0)
        .all_flag(n, &["pending_restart"], false)
}

/// Comments: PostgreSQL's own on its types and functions, then those of the contracts.
pub fn descriptions(relations: &[Relation], fixed: &ArrowTable) -> Result<Arc<dyn TableProvider>> {
    let rows = comments(relations);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(rows.iter().map(|c| Some(c.object)).collect::<Int32Array>()),
        Arc::new(rows.iter().map(|c| Some(c.class)).collect::<Int32Array>()),
        Arc::new(rows.iter().map(|c| Some(c.part)).collect::<Int32Array>()),
        Arc::new(rows.iter().map(|c| Some(c.text)).collect::<StringArray>()),
    ];
    let mut batches = fixed.data().to_vec();
    batches.push(RecordBatch::try_new(fixed.schema(), columns)?);
    Ok(Arc::new(MemTable::try_new(fixed.schema(), vec![batches])?))
}

/// One row of `pg_description`; `part` is a column's position, 0 for the relation itself.
pub struct Comment<'a> {
    pub object: i32,
    pub class: i32,
    pub part: i32,
    pub text: &'a str,
}

pub fn comments(relations: &[Relation]) -> Vec<Comment<'_>> {
    let mut rows: Vec<Comment<'_>> = areas(relations)
        .into_iter()
        .filter_map(|area| Some(Comment { object: namespace(area), class: NAMESPACE_OID, part: 0, text: area_comment(area)? }))
        .collect();
    for relation in relations {
        rows.push(Comment { object: relation.oid, class: CLASS_OID, part: 0, text: &relation.comment });
        let columns = relation.columns.iter().enumerate().filter_map(|(at, column)| Some((at as i32 + 1, column.comment.as_deref()?)));
        rows.extend(columns.map(|(part, text)| Comment { object: relation.oid, class: CLASS_OID, part, text }));
    }
    rows
}

/// What an area holds (design, section 3).
fn area_comment(area: &str) -> Option<&'static str> {
    Some(match area {
        "territorio" => "Comuni, ambiti territoriali e popolazione",
        "assa" => "ASSA: strutture socio-assistenziali, atti, posti e ispezioni",
        "sigess" => "SIGeSS: accessi, persone prese in carico, interventi",
        "piani_zona" => "Piani di Zona: programmazione e spesa dei distretti",
        "sirse" => "SIRSE: servizi educativi per la prima infanzia",
        "leps" => "Indicatori dei livelli essenziali delle prestazioni sociali",
        "sistema" => "Stato del servizio: consegne, violazioni, interrogazioni",
        _ => return None,
    })
}
