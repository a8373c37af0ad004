//! Our own summary of one dataset: rows counted or measured by groups, if asked for with a second column across. What the explorer asks,
//! without a word of SQL from outside.

mod plan;
pub mod rules;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Field, Int64Type, Schema, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::LogicalPlan;
use datasets::model::DatasetName;
use futures::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::gate::errors;
use crate::session::Session;
use crate::session::ask::Ready;
use crate::session::rows::Filter;
use crate::session::tables::{Named, Pinned, unknown};
use crate::statement::Rows;

/// Columns that rows are grouped by.
pub const GROUPS: usize = 3;
/// Values of the column across: a table with more columns is not read by anybody.
pub const ACROSS: usize = 40;
/// Name of the measured column; of the one over all values across; of an empty value across.
pub const VALUE: &str = "valore";
pub const ALL: &str = "tutti";
pub const EMPTY: &str = "(vuoto)";

/// What is found of the rows of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Function {
    /// Rows; with a column, those in which it is not empty.
    Count,
    /// Different values.
    Distinct,
    Sum,
    Avg,
    Min,
    Max,
}

impl Function {
    pub const EVERY: [Self; 6] = [Self::Count, Self::Distinct, Self::Sum, Self::Avg, Self::Min, Self::Max];
}

/// A part of a date or moment to group by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    Year,
    /// `2026-10`.
    Month,
}

/// A column that rows are grouped by, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    pub column: String,
    pub part: Option<Part>,
}

impl Key {
    /// The name of its column in the answer.
    pub fn name(&self) -> String {
        match self.part {
            None => self.column.clone(),
            Some(Part::Year) => format!("{}_anno", self.column),
            Some(Part::Month) => format!("{}_mese", self.column),
        }
    }
}

/// The order of the groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// By the columns they are grouped by.
    #[default]
    Group,
    /// The greatest value first.
    Value,
}

/// What to find. Filters are combined with AND; without groups there is one row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    pub group: Vec<Key>,
    pub across: Option<Key>,
    pub function: Function,
    /// Absent: rows are counted.
    pub column: Option<String>,
    pub filters: Vec<Filter>,
    pub order: Order,
    pub limit: Option<usize>,
}

impl Session {
    /// A row for each group: its values, then [`VALUE`], or a column for each value across and [`ALL`].
    /// Errors: `NotFound` for a dataset; `Invalid` for a column, a value that does not fit its column, or a measure that would mean nothing
    /// (`summary.…` says why); `Limit` for more than [`ACROSS`] values across.
    pub async fn summary(&self, name: &DatasetName, summary: &Summary) -> Result<Rows> {
        let visible = self.dataset(name)?;
        rules::check(summary, &visible, self.warehouse.catalog().indicators.get(name))?;
        let pinned = self.pin([Named { table: name.name.clone(), dataset: name.clone(), history: false, at: None }]).await?;
        let table = pinned.tables.values().next().cloned().ok_or_else(|| unknown(&name.to_string(), ""))?;
        let across = match &summary.across {
            Some(key) => self.values(&pinned, plan::across(&table, key, &summary.filters)?).await?,
            None => Vec::new(),
        };
        let rows = self.planned(&pinned, plan::summary(&table, summary, &across)?).await?;
        let mut names: Vec<String> = summary.group.iter().map(Key::name).collect();
        names.extend(across.into_iter().map(|(label, _)| label));
        names.push(if summary.across.is_some() { ALL } else { VALUE }.to_owned());
        renamed(rows, &names)
    }

    /// How many rows [`Self::summary`] has without a limit.
    pub async fn summary_size(&self, name: &DatasetName, summary: &Summary) -> Result<usize> {
        let visible = self.dataset(name)?;
        rules::check(summary, &visible, self.warehouse.catalog().indicators.get(name))?;
        if summary.group.is_empty() {
            return Ok(1);
        }
        let pinned = self.pin([Named { table: name.name.clone(), dataset: name.clone(), history: false, at: None }]).await?;
        let table = pinned.tables.values().next().cloned().ok_or_else(|| unknown(&name.to_string(), ""))?;
        let batches: Vec<RecordBatch> = self.planned(&pinned, plan::size(&table, summary)?).await?.batches.try_collect().await?;
        let counted = batches.iter().find(|batch| batch.num_rows() == 1).map(|batch| batch.column(0).as_primitive::<Int64Type>().value(0));
        counted.and_then(|count| usize::try_from(count).ok()).ok_or_else(|| Error::internal("summary.size", "no count"))
    }

    async fn planned(&self, pinned: &Pinned, plan: LogicalPlan) -> Result<Rows> {
        let state = self.warehouse.context(pinned.catalog()?).state();
        let plan = state.create_physical_plan(&plan).await.map_err(errors::finishing)?;
        self.run(Ready { plan, state, versions: pinned.versions.clone() })
    }

    /// The values across, in their order, each with its label.
    async fn values(&self, pinned: &Pinned, plan: LogicalPlan) -> Result<Vec<(String, ScalarValue)>> {
        let batches: Vec<RecordBatch> = self.planned(pinned, plan).await?.batches.try_collect().await?;
        let options = FormatOptions::default().with_null(EMPTY);
        let fault = |e| Error::internal("summary.across", e);
        let mut values = Vec::new();
        for batch in &batches {
            let labels = ArrayFormatter::try_new(batch.column(0), &options).map_err(fault)?;
            for row in 0..batch.num_rows() {
                let value = ScalarValue::try_from_array(batch.column(0), row).map_err(|e| Error::internal("summary.across", e))?;
                values.push((labels.value(row).to_string(), value));
            }
        }
        if values.len() > ACROSS {
            let text = format!("the column across has more than {ACROSS} values: filter it, or group by it instead");
            return Err(Error::new(Kind::Limit, "summary.across", text));
        }
        Ok(values)
    }
}

/// The same rows under other names.
fn renamed(rows: Rows, names: &[String]) -> Result<Rows> {
    let fields: Vec<Field> = rows.schema.fields().iter().zip(names).map(|(field, name)| Field::new(name, field.data_type().clone(), true)).collect();
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    let to = schema.clone();
    let rename = move |batch: Result<RecordBatch>| RecordBatch::try_new(to.clone(), batch?.columns().to_vec()).map_err(|e| Error::internal("summary.names", e));
    Ok(Rows { schema, batches: rows.batches.map(rename).boxed(), snapshot: rows.snapshot })
}
