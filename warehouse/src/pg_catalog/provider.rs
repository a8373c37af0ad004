//! The schemas `pg_catalog` and `information_schema`: each table is built when a query names it.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, BooleanArray, Float32Array, Int16Array, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use async_trait::async_trait;
use datafusion::catalog::{CatalogProviderList, MemTable, MemoryCatalogProviderList, SchemaProvider, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::prelude::SessionContext;
use datafusion_pg_catalog::pg_catalog::context::EmptyContextProvider;
use datafusion_pg_catalog::pg_catalog::generate_series_arg_coercion::CoerceIntArgsToBigInt;
use datafusion_pg_catalog::pg_catalog::{PG_CATALOG_TABLES, PgCatalogSchemaProvider, PgCatalogStaticTables};

use crate::pg_catalog::relation::Relations;
use crate::pg_catalog::{information_schema, keys, tables};
use crate::principal::Principal;

/// Tables that are the same in every PostgreSQL (types, functions, operators); read once per process.
static FIXED: LazyLock<std::result::Result<Arc<PgCatalogStaticTables>, String>> =
    LazyLock::new(|| PgCatalogStaticTables::try_new().map(Arc::new).map_err(|e| e.to_string()));

pub fn fixed() -> Result<Arc<PgCatalogStaticTables>> {
    FIXED.clone().map_err(DataFusionError::Configuration)
}

/// `generate_series` with 32-bit bounds and `pg_get_keywords`, which DBeaver and JDBC call.
pub fn register_table_functions(context: &SessionContext) -> Result<()> {
    CoerceIntArgsToBigInt::widen(context);
    context.register_udtf("pg_get_keywords", fixed()?.pg_get_keywords.clone());
    Ok(())
}

/// Schema `pg_catalog`.
#[derive(Debug)]
pub struct PgSchema {
    relations: Relations,
    account: String,
    inner: PgCatalogSchemaProvider<Arc<dyn CatalogProviderList>, EmptyContextProvider>,
}

impl PgSchema {
    pub fn new(principal: &Principal, relations: Relations) -> Result<Self> {
        let nothing: Arc<dyn CatalogProviderList> = Arc::new(MemoryCatalogProviderList::new());
        let inner = PgCatalogSchemaProvider::try_new(nothing, fixed()?, EmptyContextProvider)?;
        Ok(Self { relations, account: principal.account.clone(), inner })
    }

    /// The tables that depend on who asks.
    fn own(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let relations = &self.relations;
        let table = match name {
            "pg_class" => tables::classes(relations),
            "pg_attribute" => tables::attributes(relations),
            "pg_namespace" => tables::namespaces(relations),
            "pg_database" => tables::databases(),
            "pg_roles" | "pg_authid" => tables::roles(&self.account),
            "pg_user" => tables::users(&self.account),
            "pg_tables" => tables::tables(relations),
            "pg_views" => tables::views(relations),
            "pg_settings" => tables::settings(),
            "pg_db_role_setting" => tables::role_settings(),
            "pg_default_acl" => tables::default_rights(),
            "pg_stat_user_tables" => tables::statistics(relations),
            "pg_constraint" => keys::constraints(relations),
            "pg_index" => keys::indexes(relations),
            // Functions of user SQL are the planner's: none has a row here.
            "pg_proc" => return Ok(Some(Arc::new(MemTable::try_new(fixed()?.pg_proc.schema(), vec![vec![]])?))),
            "pg_description" => return tables::descriptions(relations, &fixed()?.pg_description).map(Some),
            _ => return Ok(None),
        };
        table.provider().map(Some)
    }
}

#[async_trait]
impl SchemaProvider for PgSchema {
    fn table_names(&self) -> Vec<String> {
        PG_CATALOG_TABLES.iter().map(ToString::to_string).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        if let Some(table) = self.own(name)? {
            return Ok(Some(table));
        }
        match self.inner.build_table_by_name(name)? {
            Some(table) => table.try_into_table_provider().map(Some),
            None => Ok(None),
        }
    }

    fn table_exist(&self, name: &str) -> bool {
        PG_CATALOG_TABLES.contains(&name) || name == "pg_user"
    }
}

/// Schema `information_schema`.
#[derive(Debug)]
pub struct InformationSchema {
    relations: Relations,
}

impl InformationSchema {
    pub fn new(relations: Relations) -> Self {
        Self { relations }
    }
}

#[async_trait]
impl SchemaProvider for InformationSchema {
    fn table_names(&self) -> Vec<String> {
        information_schema::NAMES.iter().map(ToString::to_string).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        information_schema::table(name, &self.relations).map(Table::provider).transpose()
    }

    fn table_exist(&self, name: &str) -> bool {
        information_schema::NAMES.contains(&name)
    }
}

/// A small table under construction, column by column.
#[derive(Default)]
pub struct Table {
    fields: Vec<Field>,
    columns: Vec<ArrayRef>,
}

impl Table {
    fn column(mut self, name: &str, data_type: DataType, array: ArrayRef) -> Self {
        self.fields.push(Field::new(name, data_type, true));
        self.columns.push(array);
        self
    }

    pub fn text<T: AsRef<str>>(self, name: &str, values: impl IntoIterator<Item = Option<T>>) -> Self {
        self.column(name, DataType::Utf8, Arc::new(values.into_iter().collect::<StringArray>()))
    }

    pub fn int(self, name: &str, values: impl IntoIterator<Item = Option<i32>>) -> Self {
        self.column(name, DataType::Int32, Arc::new(values.into_iter().collect::<Int32Array>()))
    }

    pub fn small(self, name: &str, values: impl IntoIterator<Item = i16>) -> Self {
        self.column(name, DataType::Int16, Arc::new(values.into_iter().map(Some).collect::<Int16Array>()))
    }

    pub fn big(self, name: &str, values: impl IntoIterator<Item = Option<i64>>) -> Self {
        self.column(name, DataType::Int64, Arc::new(values.into_iter().collect::<Int64Array>()))
    }

    pub fn real(self, name: &str, values: impl IntoIterator<Item = f32>) -> Self {
        self.column(name, DataType::Float32, Arc::new(values.into_iter().map(Some).collect::<Float32Array>()))
    }

    pub fn flag(self, name: &str, values: impl IntoIterator<Item = bool>) -> Self {
        self.column(name, DataType::Boolean, Arc::new(values.into_iter().map(Some).collect::<BooleanArray>()))
    }

    /// A column of arrays or of anything else that is already built.
    pub fn array(self, name: &str, array: ArrayRef) -> Self {
        let data_type = array.data_type().clone();
        self.column(name, data_type, array)
    }

    /// The same value in all `rows`.
    pub fn all_text(self, rows: usize, names: &[&str], value: Option<&str>) -> Self {
        names.iter().fold(self, |table, name| table.text(name, std::iter::repeat_n(value, rows)))
    }

    pub fn all_int(self, rows: usize, names: &[&str], value: i32) -> Self {
        names.iter().fold(self, |table, name| table.int(name, std::iter::repeat_n(Some(value), rows)))
    }

    pub fn all_small(self, rows: usize, names: &[&str], value: i16) -> Self {
        names.iter().fold(self, |table, name| table.small(name, std::iter::repeat_n(value, rows)))
    }

    pub fn all_flag(self, rows: usize, names: &[&str], value: bool) -> Self {
        names.iter().fold(self, |table, name| table.flag(name, std::iter::repeat_n(value, rows)))
    }

    pub fn provider(self) -> Result<Arc<dyn TableProvider>> {
        let schema = Arc::new(Schema::new(self.fields));
        let batch = RecordBatch::try_new(schema.clone(), self.columns)?;
        Ok(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))
    }
}
