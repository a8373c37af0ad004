//! Which data files can hold rows of a sender, told by the statistics in the log.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use datafusion::common::Column;
use datafusion::common::pruning::PruningStatistics;
use deltalake::kernel::{LogicalFileView, Remove};

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
    let mut found = Vec::new();
    for (i, view) in log.iter().enumerate() {
        if bounds.iter().any(|b| !b.may_hold(i)) {
            continue;
        }
        let counts = Counts::of(&view);
        if open.and_then(|column| counts.nulls(column)) == Some(0) {
            continue;
        }
        let file = DataFile { path: view.object_store_path(), bytes: view.size().unsigned_abs() };
        let rows = counts.rows();
        let whole = bounds.iter().zip(values).all(|(b, (column, _))| b.only(i) && counts.nulls(column) == Some(0));
        found.push(Candidate { file, remove: view.remove_action(true), rows, whole });
    }
    Ok(found)
}

/// Rows and empty values of a file. Read from the log's own text: as arrays, counts come in the type of their column.
pub struct Counts(serde_json::Value);

impl Counts {
    pub fn of(view: &LogicalFileView) -> Self {
        Self(view.stats().and_then(|s| serde_json::from_str(&s).ok()).unwrap_or_default())
    }

    pub fn rows(&self) -> Option<u64> {
        self.0.get("numRecords")?.as_u64()
    }

    pub fn nulls(&self, column: &str) -> Option<u64> {
        self.0.get("nullCount")?.get(column)?.as_u64()
    }
}

/// Least and greatest value of a text column per file, where known.
struct Bounds<'a> {
    value: &'a str,
    min: Option<ArrayRef>,
    max: Option<ArrayRef>,
}

impl<'a> Bounds<'a> {
    fn of(log: &impl PruningStatistics, column: &str, value: &'a str) -> Self {
        let column = Column::from_name(column);
        Self { value, min: log.min_values(&column), max: log.max_values(&column) }
    }

    fn may_hold(&self, file: usize) -> bool {
        let least = text(&self.min, file).is_none_or(|min| min <= self.value);
        let greatest = text(&self.max, file).is_none_or(|max| self.value <= max);
        least && greatest
    }

    /// Long values are cut in the statistics, so that equal bounds of a long value prove nothing.
    fn only(&self, file: usize) -> bool {
        let equal = |bound| text(bound, file) == Some(self.value);
        self.value.len() <= 32 && equal(&self.min) && equal(&self.max)
    }
}

fn text(values: &Option<ArrayRef>, file: usize) -> Option<&str> {
    let values = values.as_ref().filter(|v| v.data_type() == &DataType::Utf8 && v.is_valid(file))?;
    Some(values.as_string::<i32>().value(file))
}
