//! Parquet: typed, sorted, with statistics of each page, zstd.

use std::io::Write as Out;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use std::sync::Arc;

use super::{Fault, Write};

/// Rows of a group: what a reader skips or reads.
const GROUP_ROWS: usize = 131_072;

pub struct File<W: Out + Send> {
    writer: ArrowWriter<W>,
    schema: SchemaRef,
}

impl<W: Out + Send> File<W> {
    /// `order`: the columns the rows are sorted by; `about` goes into the footer.
    pub fn new(out: W, schema: &Schema, order: &[String], about: &[(&str, &str)]) -> Result<Self, Fault> {
        // Metadata of fields come in no order: equal rows would not be equal bytes.
        let fields: Vec<Field> = schema.fields().iter().map(|f| Field::new(f.name(), f.data_type().clone(), f.is_nullable())).collect();
        let schema = Arc::new(Schema::new(fields));
        let sorted = order.iter().filter_map(|name| schema.index_of(name).ok());
        let sorted = sorted.map(|i| SortingColumn { column_idx: i as i32, descending: false, nulls_first: true }).collect();
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_sorting_columns(Some(sorted))
            .set_created_by(format!("siss {}", env!("CARGO_PKG_VERSION")))
            .set_key_value_metadata(Some(about.iter().map(|(k, v)| KeyValue::new((*k).to_owned(), (*v).to_owned())).collect()))
            .build();
        Ok(Self { writer: ArrowWriter::try_new(out, schema.clone(), Some(properties))?, schema })
    }
}

impl<W: Out + Send> Write for File<W> {
    fn rows(&mut self, batch: &RecordBatch) -> Result<(), Fault> {
        Ok(self.writer.write(&RecordBatch::try_new(self.schema.clone(), batch.columns().to_vec())?)?)
    }

    fn end(mut self: Box<Self>) -> Result<bool, Fault> {
        self.writer.finish()?;
        self.writer.inner_mut().flush()?;
        Ok(true)
    }
}
