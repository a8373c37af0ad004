//! Which data files can hold rows of a sender, told by the statistics in the log.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, UInt64Type};
use datafusion::common::Column;
use datafusion::common::pruning::PruningStatistics;
use deltalake::kernel::Remove;

use crate::error::Result;
use crate::lake::files::DataFile;
use crate::lake::snapshot::Snapshot;

/// A file of a snapshot with what the log knows of it.
pub struct Candidate {
    pub file: DataFile,
    /// The action that takes the file out of the table.
    pub remove: Remove,
    /// Rows, when the log says so.
    pub rows: Option<u64>,
    /// Every row has each of the asked values.
    pub whole: bool,
}

/// Files that may hold rows with all of `values` (column, value); with `open`, only files in which that column may be null.
pub fn candidates(snapshot: &Snapshot, values: &[(&str, &str)], open: Option<&str>) -> Result<Vec<Candidate>> {
    let log = snapshot.state()?.log_data();
    let bounds: Vec<Bounds> = values.iter().map(|(column, value)| Bounds::of(&log, column, value)).collect();
    let nulls = open.and_then(|c| log.null_counts(&Column::from_name(c)));
    let mut found = Vec::new();
    for (i, view) in log.iter().enumerate() {
        let closed = nulls.as_ref().and_then(|n| number(n, i)) == Some(0);
        if closed || bounds.iter().any(|b| !b.may_hold(i)) {
            continue;
        }
        let file = DataFile { path: view.object_store_path(), bytes: view.size().unsigned_abs() };
        let rows = view.num_records().map(|n| n as u64);
        let whole = bounds.iter().all(|b| b.only(i));
        found.push(Candidate { file, remove: view.remove_action(true), rows, whole });
    }
    Ok(found)
}

/// Least and greatest value of a text column per file, where known.
struct Bounds<'a> {
    value: &'a str,
    min: Option<ArrayRef>,
    max: Option<ArrayRef>,
    nulls: Option<ArrayRef>,
}

impl<'a> Bounds<'a> {
    fn of(log: &impl PruningStatistics, column: &str, value: &'a str) -> Self {
        let column = Column::from_name(column);
        Self { value, min: log.min_values(&column), max: log.max_values(&column), nulls: log.null_counts(&column) }
    }

    fn may_hold(&self, file: usize) -> bool {
        let least = text(&self.min, file).is_none_or(|min| min <= self.value);
        let greatest = text(&self.max, file).is_none_or(|max| self.value <= max);
        least && greatest
    }

    /// Long values are cut in the statistics, so that equal bounds of a long value prove nothing.
    fn only(&self, file: usize) -> bool {
        let equal = |bound| text(bound, file) == Some(self.value);
        self.value.len() <= 32 && equal(&self.min) && equal(&self.max) && self.nulls.as_ref().and_then(|n| number(n, file)) == Some(0)
    }
}

fn text(values: &Option<ArrayRef>, file: usize) -> Option<&str> {
    let values = values.as_ref().filter(|v| v.data_type() == &DataType::Utf8 && v.is_valid(file))?;
    Some(values.as_string::<i32>().value(file))
}

fn number(values: &ArrayRef, file: usize) -> Option<u64> {
    values.as_primitive_opt::<UInt64Type>().filter(|v| v.is_valid(file)).map(|v| v.value(file))
}
