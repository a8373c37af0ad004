//! What a principal sees, as the catalog methods of Flight SQL tell it: one catalog `siss`, areas as schemas, datasets as tables.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow_flight::error::FlightError;
use arrow_flight::sql::{CommandGetCatalogs, CommandGetDbSchemas, CommandGetPrimaryKeys, CommandGetTableTypes, CommandGetTables};
use warehouse::session::{Session, Visible};

pub(super) const CATALOG: &str = "siss";
const TABLE: &str = "TABLE";

type Result<T> = std::result::Result<T, FlightError>;

pub(super) fn catalogs(query: CommandGetCatalogs) -> Result<RecordBatch> {
    let mut builder = query.into_builder();
    builder.append(CATALOG);
    builder.build()
}

pub(super) fn schemas(query: CommandGetDbSchemas, session: &Session) -> Result<RecordBatch> {
    let mut builder = query.into_builder();
    let visible = session.datasets();
    let mut areas: Vec<&str> = visible.iter().map(|d| d.name.area.as_str()).collect();
    areas.dedup();
    for area in areas {
        builder.append(CATALOG, area);
    }
    builder.build()
}

pub(super) fn tables(query: CommandGetTables, session: &Session) -> Result<RecordBatch> {
    let mut builder = query.into_builder();
    for dataset in session.datasets() {
        let name = dataset.name;
        builder.append(CATALOG, &name.area, &name.name, TABLE, session.schema(name, false).map_err(super::status)?.as_ref())?;
        if dataset.history {
            let schema = session.schema(name, true).map_err(super::status)?;
            builder.append(CATALOG, &name.area, format!("{}_storia", name.name), TABLE, &schema)?;
        }
    }
    builder.build()
}

pub(super) fn table_types(query: CommandGetTableTypes) -> Result<RecordBatch> {
    let mut builder = query.into_builder();
    builder.append(TABLE);
    builder.build()
}

/// The key of a dataset, as far as the principal sees it whole.
pub(super) fn primary_keys(query: &CommandGetPrimaryKeys, session: &Session) -> Result<RecordBatch> {
    let wanted = |d: &&Visible<'_>| {
        let here = query.catalog.as_deref().is_none_or(|c| c == CATALOG);
        here && d.name.name == query.table && query.db_schema.as_ref().is_none_or(|s| *s == d.name.area)
    };
    let (mut schemas, mut tables, mut columns, mut places) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for dataset in session.datasets().iter().filter(wanted) {
        let key = &dataset.contract.key;
        if !key.iter().all(|k| dataset.columns.iter().any(|c| c.name == *k)) {
            continue;
        }
        for (i, column) in key.iter().enumerate() {
            schemas.push(dataset.name.area.clone());
            tables.push(dataset.name.name.clone());
            columns.push(column.clone());
            places.push(i as i32 + 1);
        }
    }
    let catalogs = vec![CATALOG; columns.len()];
    let nameless: Vec<Option<&str>> = vec![None; columns.len()];
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(catalogs)),
        Arc::new(StringArray::from(schemas)),
        Arc::new(StringArray::from(tables)),
        Arc::new(StringArray::from(columns)),
        Arc::new(StringArray::from(nameless)),
        Arc::new(Int32Array::from(places)),
    ];
    Ok(RecordBatch::try_new(primary_keys_schema(), arrays)?)
}

/// The columns that Flight SQL prescribes for primary keys.
pub(super) fn primary_keys_schema() -> SchemaRef {
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    let fields = vec![
        text("catalog_name", true),
        text("db_schema_name", true),
        text("table_name", false),
        text("column_name", false),
        text("key_name", true),
        Field::new("key_sequence", DataType::Int32, false),
    ];
    Arc::new(Schema::new(fields))
}

/// The columns that Flight SQL prescribes for foreign keys; we tell of none, references are in the dictionary.
pub(super) fn foreign_keys_schema() -> SchemaRef {
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    let rule = |name: &str| Field::new(name, DataType::UInt8, false);
    let fields = vec![
        text("pk_catalog_name", true),
        text("pk_db_schema_name", true),
        text("pk_table_name", false),
        text("pk_column_name", false),
        text("fk_catalog_name", true),
        text("fk_db_schema_name", true),
        text("fk_table_name", false),
        text("fk_column_name", false),
        Field::new("key_sequence", DataType::Int32, false),
        text("fk_key_name", true),
        text("pk_key_name", true),
        rule("update_rule"),
        rule("delete_rule"),
    ];
    Arc::new(Schema::new(fields))
}
