//! A table or view as PostgreSQL's catalog describes it, taken from the contract and from the schema a session shows.

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema};
use datasets::model::Text;
use sha2::{Digest, Sha256};

use crate::session::Visible;

/// Suffix of the relation that shows all recorded versions of a dataset.
pub const HISTORY: &str = "_storia";

/// Below it lie the oids that PostgreSQL itself has given away.
const FIRST_OID: u32 = 16_384;

/// A relation that the principal may see.
#[derive(Clone, Debug, PartialEq)]
pub struct Relation {
    pub oid: i32,
    /// Schema: the dataset's area.
    pub area: String,
    pub name: String,
    /// All recorded versions of another relation: shown as a view.
    pub history: bool,
    /// Italian title and description.
    pub comment: String,
    pub columns: Vec<Attribute>,
    /// Positions (1-based) of the key's columns; empty when one of them is hidden.
    pub key: Vec<i16>,
}

/// A column of a [`Relation`].
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    pub name: String,
    /// Oid in `pg_type`.
    pub type_oid: i32,
    /// Precision and scale of a numeric as `atttypmod` packs them, or -1.
    pub modifier: i32,
    /// Bytes of a value, -1 when it varies.
    pub length: i16,
    pub required: bool,
    pub comment: Option<String>,
    /// `area.name.column` that the values refer to.
    pub references: Option<String>,
}

impl Relation {
    /// `schema` is what a query on the relation sees, system columns included.
    pub fn new(visible: &Visible<'_>, history: bool, schema: &Schema) -> Self {
        let area = visible.name.area.clone();
        let name = if history { format!("{}{HISTORY}", visible.name.name) } else { visible.name.name.clone() };
        let mut comment = sentence(&visible.contract.title, &visible.contract.description);
        if history {
            comment = format!("Tutte le versioni registrate. {comment}");
        }
        let columns: Vec<Attribute> = schema.fields().iter().map(|field| attribute(visible, field)).collect();
        let position = |key: &String| columns.iter().position(|c| &c.name == key).map(|at| at as i16 + 1);
        let key = if history { None } else { visible.contract.key.iter().map(position).collect() };
        Self { oid: oid("class", &format!("{area}.{name}")), area, name, history, comment, columns, key: key.unwrap_or_default() }
    }
}

fn attribute(visible: &Visible<'_>, field: &arrow::datatypes::Field) -> Attribute {
    let column = visible.columns.iter().find(|c| &c.name == field.name());
    let (type_oid, modifier, length) = describe(field.data_type());
    Attribute {
        name: field.name().clone(),
        type_oid,
        modifier,
        length,
        required: !field.is_nullable(),
        comment: column.map(|c| sentence(&c.title, &c.description)),
        references: column.and_then(|c| c.references.clone()),
    }
}

fn sentence(title: &Text, description: &Text) -> String {
    if title.it == description.it { title.it.clone() } else { format!("{}. {}", title.it.trim_end_matches('.'), description.it) }
}

/// Oid, modifier and length of the PostgreSQL type in which a column is sent; text for a type without a counterpart.
fn describe(data_type: &DataType) -> (i32, i32, i16) {
    const TEXT: i32 = 25;
    let oid = arrow_pg::datatypes::into_pg_type(data_type).map_or(TEXT, |t| t.oid() as i32);
    let modifier = match data_type {
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => ((i32::from(*precision) << 16) | i32::from(*scale)) + 4,
        _ => -1,
    };
    let length = match data_type {
        DataType::Boolean => 1,
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => 2,
        DataType::Int32 | DataType::UInt16 | DataType::Float32 | DataType::Date32 | DataType::Date64 => 4,
        DataType::Int64 | DataType::UInt32 | DataType::Float64 | DataType::Timestamp(_, _) => 8,
        _ => -1,
    };
    (oid, modifier, length)
}

/// A stable oid: the hash of kind and name, so that every worker process gives the same one.
pub fn oid(kind: &str, name: &str) -> i32 {
    let digest = Sha256::digest(format!("{kind}:{name}"));
    let number = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    (FIRST_OID + number % (i32::MAX as u32 - FIRST_OID)) as i32
}

/// Schemas that PostgreSQL always has, with their fixed oids (`information_schema`'s is that of a fresh cluster).
pub const SYSTEM_SCHEMAS: [(&str, i32); 3] = [("pg_catalog", 11), ("public", 2200), ("information_schema", 13_000)];

/// Oid of a schema; an area's is a hash, like a relation's.
pub fn namespace(area: &str) -> i32 {
    SYSTEM_SCHEMAS.iter().find(|(name, _)| *name == area).map_or_else(|| oid("namespace", area), |(_, oid)| *oid)
}

/// The areas of `relations`, each once, in order.
pub fn areas(relations: &[Relation]) -> Vec<&str> {
    let mut areas: Vec<&str> = relations.iter().map(|r| r.area.as_str()).collect();
    areas.sort_unstable();
    areas.dedup();
    areas
}

/// The relation called `area.name`, quoted or not; a bare name is found when only one area has it.
pub fn find<'a>(relations: &'a [Relation], name: &str) -> Option<&'a Relation> {
    let plain = name.replace('"', "");
    match plain.rsplit_once('.') {
        Some((area, name)) => relations.iter().find(|r| r.area == area && r.name == name),
        None => {
            let mut found = relations.iter().filter(|r| r.name == plain);
            found.next().filter(|_| found.next().is_none())
        }
    }
}

/// What two sessions with the same rights share.
pub type Relations = Arc<[Relation]>;
