//! One table in memory, in the order of its key, and how a page of it is found.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, UInt32Array, make_comparator};
use arrow::compute::{SortOptions, and, prep_null_mask_filter, take_record_batch};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};

use crate::error::{Error, Result};
use crate::session::fixed::{condition, position};
use crate::session::rows::Page;

/// Rows that filters look at in one step: a page often ends within the first.
const STEP: usize = 2_048;

pub(super) struct Sorted {
    pub version: u64,
    /// The visible columns of the key.
    key: Vec<String>,
    columns: DFSchema,
    rows: RecordBatch,
}

impl Sorted {
    /// `rows` are in the order of `key`, ascending.
    pub fn new(version: u64, key: Vec<String>, rows: RecordBatch) -> Result<Self> {
        let columns = DFSchema::try_from(rows.schema().as_ref().clone()).map_err(fault)?;
        Ok(Self { version, key, columns, rows })
    }

    pub fn bytes(&self) -> usize {
        self.rows.get_array_memory_size()
    }

    /// The rows of a page; `None` for another order than the key's.
    pub fn page(&self, page: &Page) -> Result<Option<RecordBatch>> {
        let schema = self.rows.schema();
        let filters = page.filters.iter().map(|filter| condition(&schema, filter)).collect::<Result<Vec<_>>>()?;
        page.sort.iter().try_for_each(|sort| position(&schema, &sort.column).map(drop))?;
        let wanted = page.columns.iter().map(|name| position(&schema, name)).collect::<Result<Vec<_>>>()?;
        let in_order = page.sort.len() <= self.key.len() && page.sort.iter().zip(&self.key).all(|(sort, key)| !sort.descending && sort.column == *key);
        if !in_order {
            return Ok(None);
        }
        let limit = page.limit.unwrap_or(usize::MAX);
        let mut range = 0..self.rows.num_rows();
        let mut others = Vec::new();
        for filter in &filters {
            match self.within(&range, filter)? {
                Some(part) => range = part,
                // One after the other: the engine's AND would copy the rows that the first one leaves.
                None => others.push(create_physical_expr(filter, &self.columns, &ExecutionProps::new(), &PhysicalPlanningContext::default()).map_err(fault)?),
            }
        }
        let from = if wanted.is_empty() { self.rows.clone() } else { self.rows.project(&wanted).map_err(fault)? };
        if others.is_empty() {
            let first = range.start.saturating_add(page.offset).min(range.end);
            return Ok(Some(from.slice(first, limit.min(range.end - first))));
        }
        let found = self.find(range, &others, page.offset, limit)?;
        take_record_batch(&from, &found).map(Some).map_err(fault)
    }

    /// Places of the rows in `range` that all filters hold for, `skip` of them left out, `limit` at most.
    fn find(&self, range: Range<usize>, filters: &[Arc<dyn PhysicalExpr>], mut skip: usize, limit: usize) -> Result<UInt32Array> {
        let mut found = Vec::new();
        for start in range.clone().step_by(STEP) {
            let part = self.rows.slice(start, STEP.min(range.end - start));
            let mut all: Option<BooleanArray> = None;
            for filter in filters {
                let holds = filter.evaluate(&part).and_then(|value| value.into_array(part.num_rows())).map_err(fault)?;
                let holds = holds.as_boolean_opt().ok_or_else(|| fault("a filter is true or false"))?;
                all = Some(match all {
                    Some(before) => and(&before, holds).map_err(fault)?,
                    None => holds.clone(),
                });
            }
            let Some(holds) = all else { break };
            // Where it is unknown it does not hold.
            let holds = if holds.null_count() > 0 { prep_null_mask_filter(&holds) } else { holds };
            let count = holds.true_count();
            if count <= skip {
                skip -= count;
                continue;
            }
            let places = holds.values().set_indices().skip(std::mem::take(&mut skip)).map(|place| (start + place) as u32);
            found.extend(places.take(limit - found.len()));
            if found.len() == limit {
                break;
            }
        }
        Ok(found.into())
    }

    /// The part of `range` for which a comparison with the first column of the key holds: rows are in its order. `None` for other filters.
    fn within(&self, range: &Range<usize>, filter: &Expr) -> Result<Option<Range<usize>>> {
        let Expr::BinaryExpr(BinaryExpr { left, op, right }) = filter else { return Ok(None) };
        let (Expr::Column(column), Expr::Literal(value, _)) = (left.as_ref(), right.as_ref()) else { return Ok(None) };
        let first = self.key.first().filter(|key| **key == column.name).and_then(|key| self.rows.column_by_name(key));
        // Numbers that are none have an order of their own.
        let Some(first) = first.filter(|first| first.null_count() == 0 && !first.data_type().is_floating()) else { return Ok(None) };
        let (low, high) = bounds(first, value, range)?;
        Ok(Some(match op {
            Operator::Eq => low..high,
            Operator::Lt => range.start..low,
            Operator::LtEq => range.start..high,
            Operator::Gt => high..range.end,
            Operator::GtEq => low..range.end,
            _ => return Ok(None),
        }))
    }
}

/// In a column that ascends within `range`: the first place that is not less than `value`, and the first that is greater.
fn bounds(column: &ArrayRef, value: &ScalarValue, range: &Range<usize>) -> Result<(usize, usize)> {
    let value = value.to_array().map_err(fault)?;
    let compare = make_comparator(column, &value, SortOptions::default()).map_err(fault)?;
    let first = |stays: &dyn Fn(Ordering) -> bool| {
        let (mut low, mut high) = (range.start, range.end);
        while low < high {
            let middle = low + (high - low) / 2;
            if stays(compare(middle, 0)) { low = middle + 1 } else { high = middle }
        }
        low
    };
    Ok((first(&|order| order == Ordering::Less), first(&|order| order != Ordering::Greater)))
}

fn fault(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::internal("session.kept", error)
}
