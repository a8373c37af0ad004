//! Data files: how rows become Parquet and come back.

use std::num::NonZeroU64;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{Field, Schema, SchemaRef};
use bytes::Bytes;
use datasets::system;
use deltalake::datafile::writer::{DeltaWriter, WriterConfig};
use deltalake::kernel::Add;
use deltalake::table::config::TablePropertiesExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, TryFutureExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::{AsyncFileReader, ParquetRecordBatchStreamBuilder};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::error::{Error, Kind, Result};
use crate::lake::snapshot::Snapshot;
use crate::lake::table::Table;

/// Rows of a row group: the unit that a selective query skips or reads.
const GROUP_ROWS: usize = 131_072;
/// Rows handed to the encoder, and decoded, at once.
pub const BATCH_ROWS: usize = 8_192;
/// Bytes at which the next file is begun.
pub const FILE_BYTES: u64 = 192 << 20;

/// A data file of a table: its path from the table's root and its size in bytes.
#[derive(Clone, Debug)]
pub struct DataFile {
    pub path: Path,
    pub bytes: u64,
}

impl DataFile {
    pub fn of(add: &Add) -> Self {
        Self { path: Path::from(add.path.as_str()), bytes: add.size.unsigned_abs() }
    }
}

/// Names, types and nullability of `schema` alone: what files and batches carry.
pub fn plain(schema: &Schema) -> SchemaRef {
    let fields: Vec<Field> = schema.fields().iter().map(|f| Field::new(f.name(), f.data_type().clone(), f.is_nullable())).collect();
    Arc::new(Schema::new(fields))
}

/// A writer of new data files of a table, in the order in which rows come.
pub fn writer(table: &Table, base: &Snapshot) -> Result<DeltaWriter> {
    let level = ZstdLevel::try_new(1).map_err(|e| Error::internal("lake.write", e))?;
    // A dictionary of what differs in each row would only be built to be given up.
    let key = Some(&table.contract.key).filter(|key| key.len() == 1).and_then(|key| key.first());
    let differing = [Some(system::LINE), key.map(String::as_str)].into_iter().flatten();
    let properties = differing.fold(WriterProperties::builder(), |properties, name| properties.set_column_dictionary_enabled(ColumnPath::from(name), false));
    let properties = properties
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_created_by(format!("siss {}", env!("CARGO_PKG_VERSION")))
        .build();
    let indexed = base.state()?.table_config().num_indexed_cols();
    let config = WriterConfig::new(table.schema(), Vec::new(), Some(properties), NonZeroU64::new(FILE_BYTES), Some(BATCH_ROWS), indexed, None);
    Ok(DeltaWriter::new(table.objects(), config))
}

/// The rows of a data file as batches of `schema`: a column the file lacks is null, an older type is cast.
/// `schema` may be a part of the table's; only its columns are read.
pub async fn read(objects: Arc<dyn ObjectStore>, file: &DataFile, schema: SchemaRef) -> Result<BoxStream<'static, Result<RecordBatch>>> {
    let failed = |e: ParquetError| Error::internal("lake.read", e);
    let reader = ObjectReader { objects, path: file.path.clone(), bytes: file.bytes };
    let builder = ParquetRecordBatchStreamBuilder::new(reader).await.map_err(failed)?;
    let wanted = |name: &str| schema.column_with_name(name).is_some();
    let columns: Vec<usize> = builder.schema().fields().iter().enumerate().filter(|(_, f)| wanted(f.name())).map(|(i, _)| i).collect();
    let mask = ProjectionMask::roots(builder.parquet_schema(), columns);
    let stream = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build().map_err(failed)?;
    Ok(stream.map_err(failed).and_then(move |batch| futures::future::ready(conform(&batch, &schema))).boxed())
}

/// `batch` with the columns of `schema`, by name.
/// Errors: `Invalid` when a column that may not be null is missing or a value does not fit its type.
pub fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let column = match batch.column_by_name(field.name()) {
            Some(column) if column.data_type() == field.data_type() => column.clone(),
            Some(column) => {
                let exact = CastOptions { safe: false, ..Default::default() };
                cast_with_options(column, field.data_type(), &exact).map_err(|_| misfit(format!("column '{}' does not fit its type", field.name())))?
            }
            None if field.is_nullable() => new_null_array(field.data_type(), batch.num_rows()),
            None => return Err(misfit(format!("column '{}' is missing", field.name()))),
        };
        if !field.is_nullable() && column.null_count() > 0 {
            return Err(misfit(format!("column '{}' is required and holds empty values", field.name())));
        }
        columns.push(column);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options).map_err(|e| Error::internal("lake.batch", e))
}

/// Removes files that no commit names. A failure only leaves them for the next vacuum.
pub async fn discard(objects: &dyn ObjectStore, adds: &[Add]) {
    for add in adds {
        let gone = objects.delete(&Path::from(add.path.as_str())).await;
        if let Err(e) = gone.or_else(|e| if matches!(e, object_store::Error::NotFound { .. }) { Ok(()) } else { Err(e) }) {
            tracing::warn!(error = %e, path = %add.path, "an uncommitted data file is left for vacuum");
        }
    }
}

/// Rows of a just-written file, from its statistics.
pub fn rows(add: &Add) -> u64 {
    let stats = add.stats.as_deref().and_then(|s| serde_json::from_str::<serde_json::Value>(s).ok());
    stats.and_then(|s| s.get("numRecords").and_then(serde_json::Value::as_u64)).unwrap_or(0)
}

fn misfit(message: String) -> Error {
    Error::new(Kind::Invalid, "lake.misfit", message)
}

/// Reads byte ranges of one object.
struct ObjectReader {
    objects: Arc<dyn ObjectStore>,
    path: Path,
    bytes: u64,
}

impl AsyncFileReader for ObjectReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        self.objects.get_range(&self.path, range).map_err(external).boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>, ParquetError>> {
        async move { self.objects.get_ranges(&self.path, &ranges).await.map_err(external) }.boxed()
    }

    fn get_metadata<'a>(&'a mut self, options: Option<&'a ArrowReaderOptions>) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        async move {
            let bytes = self.bytes;
            let reader = ParquetMetaDataReader::new().with_arrow_reader_options(options);
            Ok(Arc::new(reader.load_and_finish(self, bytes).await?))
        }
        .boxed()
    }
}

fn external(e: object_store::Error) -> ParquetError {
    ParquetError::External(Box::new(e))
}
