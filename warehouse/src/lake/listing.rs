//! The data files of one version with what the log says of each: taken once per version, shared by all scans of it.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, TimestampMicrosecondArray, UInt64Array};
use arrow::compute::kernels::aggregate::{max, min, sum};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Date32Type, Int64Type, SchemaRef, TimeUnit, TimestampMicrosecondType};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::stats::Precision;
use datafusion::common::{Column, ColumnStatistics, ScalarValue, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use deltalake::table::state::DeltaTableState;
use object_store::ObjectMeta;
use object_store::path::Path;

use crate::error::{Error, Kind, Result};

/// Files of a table, or some of them, in the order of the log.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Paths from the root of the store.
    pub files: Vec<PartitionedFile>,
    /// Columns of `schema` are those of the table.
    schema: SchemaRef,
    /// A row for each file: `num_records`, and `null_count.x`, `min.x`, `max.x` for each column.
    log: RecordBatch,
}

impl Listing {
    /// `root`: the table's folder in the store.
    /// Errors: `Conflict` for a file with a deletion vector: its deleted rows would come back.
    pub fn of(state: &DeltaTableState, root: &Path, schema: SchemaRef) -> Result<Self> {
        let mut files = Vec::new();
        for view in state.log_data().iter() {
            if view.deletion_vector_descriptor().is_some() {
                return Err(Error::new(Kind::Conflict, "lake.foreign", format!("{root}: the table has deletion vectors, which this service never writes")));
            }
            let last_modified = view.modification_datetime().map_err(|e| Error::internal("lake.listing", e))?;
            let location = root.parts().chain(view.object_store_path().parts()).collect();
            files.push(PartitionedFile::from(ObjectMeta { location, last_modified, size: view.size().unsigned_abs(), e_tag: None, version: None }));
        }
        let log = state.add_actions_table(true).map_err(|e| Error::internal("lake.listing", e))?;
        if log.num_rows() != files.len() {
            return Err(Error::internal("lake.listing", "the log names other files than its statistics"));
        }
        Ok(Self { files, schema, log })
    }

    /// The files for which `keep` is true.
    pub fn filter(&self, keep: &BooleanArray) -> Result<Self> {
        let files = self.files.iter().zip(keep.iter()).filter(|(_, k)| *k == Some(true)).map(|(f, _)| f.clone()).collect();
        let log = filter_record_batch(&self.log, keep).map_err(|e| Error::internal("lake.listing", e))?;
        Ok(Self { files, schema: self.schema.clone(), log })
    }

    /// Rows of each file, null where the log does not say.
    pub fn rows(&self) -> Option<&Int64Array> {
        self.log.column_by_name("num_records")?.as_primitive_opt()
    }

    /// Empty values of a column in each file, null where the log does not say.
    pub fn nulls(&self, column: &str) -> Option<&Int64Array> {
        self.log.column_by_name(&format!("null_count.{column}"))?.as_primitive_opt()
    }

    /// Counts and extremes over all files, exact where the log is; of columns without exact statistics, nothing.
    pub fn statistics(&self) -> Statistics {
        let total = |counts: Option<&Int64Array>| match counts {
            _ if self.files.is_empty() => Precision::Exact(0),
            Some(counts) if counts.null_count() == 0 => sum(counts).and_then(|n| usize::try_from(n).ok()).map_or(Precision::Absent, Precision::Exact),
            _ => Precision::Absent,
        };
        let of_column = |name: &str, data_type: &DataType| {
            let mut statistics = ColumnStatistics { null_count: total(self.nulls(name)), ..ColumnStatistics::new_unknown() };
            if let Some((least, greatest)) = self.extremes(name, data_type) {
                statistics.min_value = Precision::Exact(least);
                statistics.max_value = Precision::Exact(greatest);
            }
            statistics
        };
        let column_statistics = self.schema.fields().iter().map(|f| of_column(f.name(), f.data_type())).collect();
        Statistics { num_rows: total(self.rows()), total_byte_size: Precision::Absent, column_statistics }
    }

    /// Least and greatest value of a column, if each file has some and the log holds them whole.
    fn extremes(&self, name: &str, data_type: &DataType) -> Option<(ScalarValue, ScalarValue)> {
        let (least, greatest) = (self.bound("min", name)?, self.bound("max", name)?);
        if self.files.is_empty() || least.null_count() + greatest.null_count() > 0 {
            return None;
        }
        match data_type {
            DataType::Int64 => {
                let (least, greatest) = (min(least.as_primitive::<Int64Type>())?, max(greatest.as_primitive::<Int64Type>())?);
                Some((ScalarValue::Int64(Some(least)), ScalarValue::Int64(Some(greatest))))
            }
            DataType::Date32 => {
                let (least, greatest) = (min(least.as_primitive::<Date32Type>())?, max(greatest.as_primitive::<Date32Type>())?);
                Some((ScalarValue::Date32(Some(least)), ScalarValue::Date32(Some(greatest))))
            }
            _ => None,
        }
    }

    /// A bound per file in the type of the column; none for a type whose bounds in the log do not hold for each value.
    fn bound(&self, side: &str, name: &str) -> Option<ArrayRef> {
        let data_type = self.schema.field_with_name(name).ok()?.data_type();
        let values = self.log.column_by_name(&format!("{side}.{name}"))?;
        match data_type {
            DataType::Int64 | DataType::Date32 | DataType::Boolean | DataType::Utf8 | DataType::Utf8View => cast(values, data_type).ok(),
            // The log holds decimals as binary fractions, which are whole up to 15 digits.
            DataType::Decimal128(precision, _) if *precision <= 15 => cast(values, data_type).ok(),
            // The log cuts moments to milliseconds.
            DataType::Timestamp(TimeUnit::Microsecond, zone) if side == "max" => {
                let values = cast(values, &DataType::Timestamp(TimeUnit::Microsecond, None)).ok()?;
                let late: TimestampMicrosecondArray = values.as_primitive::<TimestampMicrosecondType>().unary(|micros| micros.saturating_add(999));
                Some(std::sync::Arc::new(late.with_timezone_opt(zone.clone())))
            }
            DataType::Timestamp(..) => cast(values, data_type).ok(),
            // Of doubles the log leaves out what is no number, which compares greater than all that are.
            _ => None,
        }
    }
}

impl PruningStatistics for Listing {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bound("min", column.name())
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bound("max", column.name())
    }

    fn num_containers(&self) -> usize {
        self.files.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        counts(self.nulls(column.name())?)
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        counts(self.rows()?)
    }

    fn contained(&self, _: &Column, _: &std::collections::HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}

fn counts(counts: &Int64Array) -> Option<ArrayRef> {
    let counts: UInt64Array = counts.iter().map(|n| n.and_then(|n| u64::try_from(n).ok())).collect();
    Some(std::sync::Arc::new(counts))
}
