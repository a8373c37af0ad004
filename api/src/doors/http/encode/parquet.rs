//! Parquet, written group by group so that only one group of rows is in memory.

use ::arrow::array::RecordBatch;
use ::arrow::datatypes::SchemaRef;
use ::arrow::error::ArrowError;
use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::file::properties::WriterProperties;

use super::csv::Buffer;
use super::{Encoder, End};

const GROUP_ROWS: usize = 256 * 1024;
const GROUP_BYTES: usize = 16 << 20;

pub(super) struct File {
    schema: SchemaRef,
    out: Buffer,
    writer: Option<ArrowWriter<Buffer>>,
}

impl File {
    pub fn new(schema: SchemaRef) -> Self {
        Self { schema, out: Buffer::default(), writer: None }
    }

    fn writer(&mut self) -> Result<&mut ArrowWriter<Buffer>, ArrowError> {
        self.writer.as_mut().ok_or_else(|| ArrowError::ParquetError("not started".into()))
    }
}

impl Encoder for File {
    fn start(&mut self) -> Result<Vec<u8>, ArrowError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_max_row_group_bytes(Some(GROUP_BYTES))
            .build();
        self.writer = Some(ArrowWriter::try_new(self.out.clone(), self.schema.clone(), Some(properties))?);
        Ok(self.out.take())
    }

    fn batch(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        self.writer()?.write(batch)?;
        Ok(self.out.take())
    }

    fn end(&mut self, _: &End) -> Result<Vec<u8>, ArrowError> {
        self.writer()?.finish()?;
        Ok(self.out.take())
    }
}
