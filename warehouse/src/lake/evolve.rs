//! A new version of a contract: the table follows it where no stored value changes its meaning, and refuses it otherwise.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use datasets::model::{Column, Contract};
use deltalake::kernel::{Action, DataType, MetadataExt, PrimitiveType, StructField, StructType};
use deltalake::protocol::DeltaOperation;
use futures::{FutureExt, TryStreamExt};
use serde_json::json;

use crate::error::{Error, Kind, Result};
use crate::lake::candidates::candidates;
use crate::lake::commit::{Mark, Plan, commit};
use crate::lake::files;
use crate::lake::snapshot::Snapshot;
use crate::lake::table::{CONTRACT_VERSION, Table, delta_schema};

/// What a contract asks of its table.
#[derive(Debug, PartialEq, Eq)]
enum Change {
    None,
    /// Labels, order, a new nullable column, a column that may be empty from now on: the log's schema alone.
    Labels,
    /// A wider type, or a new column whose value of earlier rows the contract says: the files are written again with it, in the same commit.
    /// Earlier versions keep theirs.
    Rows,
}

/// Makes the table follow the contract this process has.
/// Errors: `Conflict` with every reason when it cannot, or when the table follows a later version of the contract.
pub async fn follow(table: &Table) -> Result<()> {
    if compare(table, &table.current())? == Change::None {
        return Ok(());
    }
    let version = table.contract.version.clone();
    let operation = DeltaOperation::SetTableProperties { properties: HashMap::from([(CONTRACT_VERSION.to_owned(), version.clone())]) };
    let mark = Mark::new(format!("contract-{}", uuid::Uuid::new_v4()), json!({ "contractVersion": version }), operation);
    commit(table, &mark, false, |base| plan(table, base).boxed()).await.map(|_| ())
}

async fn plan(table: &Table, base: Snapshot) -> Result<Plan> {
    let mut plan = Plan::default();
    let change = compare(table, &base)?;
    if change == Change::None {
        return Ok(plan);
    }
    let schema = delta_schema(&table.contract)?;
    let metadata = base.state()?.metadata().clone().with_schema(&schema).map_err(|e| Error::internal("lake.evolve", e))?;
    let metadata = metadata.add_config_key(CONTRACT_VERSION.to_owned(), table.contract.version.clone()).map_err(|e| Error::internal("lake.evolve", e))?;
    plan.others.push(Action::Metadata(metadata));
    if change == Change::Rows {
        let came = Came::new(table, &base.state()?.schema())?;
        let mut writer = files::writer(table, &base)?;
        for mut candidate in candidates(&base, &[], None)? {
            let mut rows = files::read(table.objects(), &candidate.file, came.read.clone()).await?;
            while let Some(batch) = rows.try_next().await? {
                writer.write(&came.fill(&batch)?).await.map_err(|e| Error::internal("lake.write", e))?;
            }
            candidate.remove.data_change = false;
            plan.removes.push(candidate.remove);
        }
        plan.own = writer.close().await.map_err(|e| Error::internal("lake.write", e))?;
        plan.own.iter_mut().for_each(|add| add.data_change = false);
        plan.adds.clone_from(&plan.own);
    }
    Ok(plan)
}

fn compare(table: &Table, snapshot: &Snapshot) -> Result<Change> {
    let (contract, state) = (&table.contract, snapshot.state()?);
    let (stored, wanted) = (state.schema(), delta_schema(contract)?);
    let followed = state.metadata().configuration().get(CONTRACT_VERSION);
    if *stored == wanted && followed == Some(&contract.version) {
        return Ok(Change::None);
    }
    let refused = |why: String| Error::new(Kind::Conflict, "lake.contract", format!("{}: {why}", contract.name));
    if let Some(later) = followed.filter(|f| number(f) > number(&contract.version)) {
        return Err(refused(format!("the table follows version {later} of the contract, later than {}", contract.version)));
    }
    if snapshot.files() == 0 {
        return Ok(Change::Labels);
    }
    let reasons = reasons(&stored, &wanted, contract);
    if !reasons.is_empty() {
        return Err(refused(format!("version {} cannot be followed: {}", contract.version, reasons.join("; "))));
    }
    let widened = stored.fields().any(|f| wanted.field(f.name()).is_some_and(|w| w.data_type() != f.data_type()));
    let filled = came(contract, &stored).next().is_some();
    Ok(if widened || filled { Change::Rows } else { Change::Labels })
}

/// Why stored rows do not fit the wanted schema.
fn reasons(stored: &StructType, wanted: &StructType, contract: &Contract) -> Vec<String> {
    let kept = |field: &StructField| match wanted.field(field.name()) {
        None => Some(format!("column '{}' is gone", field.name())),
        Some(w) if !widens(field.data_type(), w.data_type()) => {
            Some(format!("column '{}' changes from {} to {}", field.name(), field.data_type(), w.data_type()))
        }
        Some(w) if field.is_nullable() && !w.is_nullable() => Some(format!("column '{}' becomes required", field.name())),
        Some(_) => None,
    };
    let said = |name: &str| contract.column(name).is_some_and(|column| column.before.is_some());
    let new = |field: &&StructField| stored.field(field.name()).is_none() && !field.is_nullable() && !said(field.name());
    let added = wanted.fields().filter(new).map(|f| format!("new column '{}' is required, and no `before` says what earlier rows have in it", f.name()));
    stored.fields().filter_map(kept).chain(added).collect()
}

/// Columns that stored rows lack and whose value of earlier rows the contract says.
fn came<'a>(contract: &'a Contract, stored: &'a StructType) -> impl Iterator<Item = (&'a Column, &'a str)> {
    let new = contract.columns.iter().filter(|column| stored.field(&column.name).is_none());
    new.filter_map(|column| Some((column, column.before.as_deref()?)))
}

/// Columns that came with the new version, for rows from before.
struct Came {
    /// As files are read: without them.
    read: SchemaRef,
    wanted: SchemaRef,
    values: HashMap<String, ScalarValue>,
}

impl Came {
    fn new(table: &Table, stored: &StructType) -> Result<Self> {
        let wanted = table.schema();
        let value = |(column, text): (&Column, &str)| {
            let field = wanted.field_with_name(&column.name).map_err(|e| Error::internal("lake.evolve", e))?;
            let value = ScalarValue::try_from_string(text.to_owned(), field.data_type()).map_err(|e| Error::internal("lake.evolve", e))?;
            Ok((column.name.clone(), value))
        };
        let values: HashMap<String, ScalarValue> = came(&table.contract, stored).map(value).collect::<Result<_>>()?;
        let kept = wanted.fields().iter().filter(|field| !values.contains_key(field.name()));
        Ok(Self { read: Arc::new(Schema::new(kept.cloned().collect::<Vec<_>>())), wanted, values })
    }

    fn fill(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let column = |field: &FieldRef| match self.values.get(field.name()) {
            Some(value) => value.to_array_of_size(batch.num_rows()).map_err(|e| Error::internal("lake.evolve", e)),
            None => batch.column_by_name(field.name()).cloned().ok_or_else(|| Error::internal("lake.evolve", "a column is missing")),
        };
        let columns = self.wanted.fields().iter().map(column).collect::<Result<_>>()?;
        RecordBatch::try_new(self.wanted.clone(), columns).map_err(|e| Error::internal("lake.evolve", e))
    }
}

/// Every value of `from` is a value of `to`. A 64-bit integer has up to 19 digits; a double holds only 15 of them.
fn widens(from: &DataType, to: &DataType) -> bool {
    use PrimitiveType::{Decimal, Long};
    match (from, to) {
        (from, to) if from == to => true,
        (DataType::Primitive(Long), DataType::Primitive(Decimal(d))) => d.precision() - d.scale() >= 19,
        (DataType::Primitive(Decimal(a)), DataType::Primitive(Decimal(b))) => b.scale() >= a.scale() && b.precision() - b.scale() >= a.precision() - a.scale(),
        _ => false,
    }
}

fn number(version: &str) -> Vec<u64> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}
