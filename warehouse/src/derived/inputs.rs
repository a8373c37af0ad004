//! The inputs of a pass: every dataset at one version, as tables of an engine of our own that no user reaches.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::catalog::view::ViewTable;
use datafusion::catalog::{CatalogProvider, MemTable, MemoryCatalogProvider, MemorySchemaProvider, SchemaProvider, TableProvider};
use datafusion::common::Column;
use datafusion::datasource::provider_as_source;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use datafusion::prelude::{SessionContext, lit};
use datasets::duties::DUTIES;
use datasets::indicator::{RESIDENTS, RESIDENTS_FROM, RESIDENTS_SQL, YEARS};
use datasets::model::{Contract, DatasetName, Mode};
use datasets::system::RECORDED_TO;
use tokio::sync::OnceCell;

use crate::Warehouse;
use crate::derived::calendar::Calendar;
use crate::derived::territory::Territory;
use crate::error::{Error, Kind, Result};
use crate::lake::Snapshot;

/// Datasets and calendar of one pass.
#[derive(Clone)]
pub struct Pinned {
    snapshots: BTreeMap<DatasetName, Snapshot>,
    pub calendar: Calendar,
    pub territory: Territory,
    years: RecordBatch,
    duties: RecordBatch,
    residents: OnceCell<Vec<RecordBatch>>,
}

/// The schema of the engine's own tables.
const OWN: &str = "public";
/// The column that tells a row's district.
const DISTRICT: &str = "ambito";
/// The area of the service's own tables, and the column that tells the body a row of theirs is about.
const SYSTEM: &str = "sistema";
const BODY: &str = "ente";

impl Pinned {
    /// Takes every input as this process knows it now.
    pub fn take<'a>(warehouse: &Warehouse, names: impl Iterator<Item = &'a DatasetName>) -> Result<Self> {
        let snapshot = |name: &DatasetName| Ok((name.clone(), warehouse.lake().snapshot(name)?));
        let snapshots = names.map(snapshot).collect::<Result<_>>()?;
        let calendar = Calendar::today();
        let formulas = warehouse.catalog().indicators.values().flat_map(|indicator| &indicator.formulas);
        let years = calendar.table(formulas.map(|formula| formula.valid_from).min().unwrap_or_default())?;
        let duties = calendar.duties(warehouse.catalog())?;
        Ok(Self { snapshots, calendar, territory: Territory::default(), years, duties, residents: OnceCell::new() })
    }

    /// Reads the territory, when there is one.
    pub async fn with_territory(mut self, warehouse: &Warehouse) -> Result<Self> {
        let Ok(name) = RESIDENTS_FROM[0].parse::<DatasetName>() else { return Ok(self) };
        if warehouse.catalog().get(&name).is_none() {
            return Ok(self);
        }
        self.snapshots.insert(name.clone(), warehouse.lake().snapshot(&name)?);
        let context = self.context(warehouse, std::slice::from_ref(&name), None).await?;
        let batches = collect(&context, &format!("SELECT codice_istat, ambito, asl, sigla_provincia FROM {name}")).await?;
        self.territory = Territory::new(&batches)?;
        Ok(self)
    }

    pub fn snapshot(&self, name: &DatasetName) -> Result<&Snapshot> {
        self.snapshots.get(name).ok_or_else(|| Error::internal("derived.input", format!("{name} is not among the inputs")))
    }

    /// Takes a dataset that was just computed as it is now.
    pub fn renew(&mut self, warehouse: &Warehouse, name: &DatasetName) -> Result<()> {
        if let Some(held) = self.snapshots.get_mut(name) {
            *held = warehouse.lake().snapshot(name)?;
        }
        Ok(())
    }

    /// An engine that knows these inputs, of these districts only; those that do not know districts are whole.
    pub async fn context(&self, warehouse: &Warehouse, inputs: &[DatasetName], districts: Option<&BTreeSet<String>>) -> Result<SessionContext> {
        self.context_of(warehouse, inputs, |contract| of(districts).filter(|_| contract.column(DISTRICT).is_some())).await
    }

    /// As [`Self::context`], with the rows of no district: a derived dataset gives those of its own each time. The service's own tables
    /// that know no district are limited by the body that a row is about.
    pub async fn context_with_rest(&self, warehouse: &Warehouse, inputs: &[DatasetName], districts: Option<&BTreeSet<String>>) -> Result<SessionContext> {
        let filter = |contract: &Contract| {
            if contract.column(DISTRICT).is_some() {
                return of(districts).map(|some| some.or(column(DISTRICT).is_null()));
            }
            let own = contract.name.area == SYSTEM && contract.column(BODY).is_some();
            let bodies = districts.filter(|_| own).map(|districts| self.territory.bodies(districts));
            bodies.map(|bodies| column(BODY).in_list(bodies.into_iter().map(lit).collect(), false))
        };
        self.context_of(warehouse, inputs, filter).await
    }

    async fn context_of(&self, warehouse: &Warehouse, inputs: &[DatasetName], filter: impl Fn(&Contract) -> Option<Expr>) -> Result<SessionContext> {
        let catalog = MemoryCatalogProvider::new();
        for name in inputs {
            let contract = warehouse.catalog().get(name).ok_or_else(|| unknown(name))?;
            let view = view(self.snapshot(name)?, contract, filter(contract)).await?;
            register(&catalog, &name.area, &name.name, view)?;
        }
        register(&catalog, OWN, YEARS, memory(vec![self.years.clone()])?)?;
        register(&catalog, OWN, DUTIES, memory(vec![self.duties.clone()])?)?;
        Ok(warehouse.context(Arc::new(catalog)))
    }

    /// As [`Self::context`], with the residents of each year.
    pub async fn context_with_residents(&self, warehouse: &Warehouse, inputs: &[DatasetName], districts: Option<&BTreeSet<String>>) -> Result<SessionContext> {
        let batches = self.residents.get_or_try_init(|| self.count_residents(warehouse)).await?;
        let context = self.context(warehouse, inputs, districts).await?;
        let plan = LogicalPlanBuilder::scan(RESIDENTS, provider_as_source(memory(batches.clone())?), None).map_err(failed)?;
        let plan = match of(districts) {
            Some(filter) => plan.filter(filter).map_err(failed)?,
            None => plan,
        };
        let view = ViewTable::new(plan.build().map_err(failed)?, None);
        context.register_table(RESIDENTS, Arc::new(view)).map_err(failed)?;
        Ok(context)
    }

    async fn count_residents(&self, warehouse: &Warehouse) -> Result<Vec<RecordBatch>> {
        let names = RESIDENTS_FROM.map(|name| name.parse::<DatasetName>().map_err(|e| Error::internal("derived.input", e)));
        let names = names.into_iter().collect::<Result<Vec<_>>>()?;
        collect(&self.context(warehouse, &names, None).await?, RESIDENTS_SQL).await
    }
}

/// The current rows of a table in its contract's columns.
pub async fn view(snapshot: &Snapshot, contract: &Contract, filter: Option<Expr>) -> Result<Arc<dyn TableProvider>> {
    let whole = if contract.mode == Mode::Versions { snapshot.current()? } else { Some(snapshot.provider()) };
    let filtered = whole.is_none();
    let stored = whole.unwrap_or_else(|| snapshot.provider());
    let mut plan = LogicalPlanBuilder::scan(contract.name.name.as_str(), provider_as_source(stored), None).map_err(failed)?;
    if filtered {
        plan = plan.filter(column(RECORDED_TO).is_null()).map_err(failed)?;
    }
    if let Some(filter) = filter {
        plan = plan.filter(filter).map_err(failed)?;
    }
    let plan = plan.project(contract.in_lake().map(|c| column(&c.name))).and_then(LogicalPlanBuilder::build).map_err(failed)?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}

fn of(districts: Option<&BTreeSet<String>>) -> Option<Expr> {
    Some(column(DISTRICT).in_list(districts?.iter().map(|district| lit(district.as_str())).collect(), false))
}

fn column(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}

fn memory(batches: Vec<RecordBatch>) -> Result<Arc<dyn TableProvider>> {
    let schema = batches.first().map(RecordBatch::schema).unwrap_or_else(|| Arc::new(arrow::datatypes::Schema::empty()));
    Ok(Arc::new(MemTable::try_new(schema, vec![batches]).map_err(failed)?))
}

fn register(catalog: &MemoryCatalogProvider, area: &str, name: &str, table: Arc<dyn TableProvider>) -> Result<()> {
    let schema = match catalog.schema(area) {
        Some(schema) => schema,
        None => {
            let schema: Arc<dyn SchemaProvider> = Arc::new(MemorySchemaProvider::new());
            catalog.register_schema(area, schema.clone()).map_err(failed)?;
            schema
        }
    };
    schema.register_table(name.to_owned(), table).map_err(failed)?;
    Ok(())
}

/// Rows of a query of a contract's own.
/// Errors: `Invalid` with the engine's words when the query cannot be planned.
pub async fn ask(context: &SessionContext, sql: &str) -> Result<SendableRecordBatchStream> {
    let planned = context.sql(sql).await.map_err(|e| Error::new(Kind::Invalid, "contract.sql", e.strip_backtrace()))?;
    planned.execute_stream().await.map_err(failed)
}

/// All rows of a query: at least one batch, so that its columns are known.
pub async fn collect(context: &SessionContext, sql: &str) -> Result<Vec<RecordBatch>> {
    let stream = ask(context, sql).await?;
    let schema = stream.schema();
    let mut batches = datafusion::physical_plan::common::collect(stream).await.map_err(failed)?;
    if batches.is_empty() {
        batches.push(RecordBatch::new_empty(schema));
    }
    Ok(batches)
}

pub fn failed(error: DataFusionError) -> Error {
    Error::internal("derived.query", error)
}

fn unknown(name: &DatasetName) -> Error {
    Error::new(Kind::NotFound, "lake.dataset", format!("there is no dataset '{name}'"))
}
