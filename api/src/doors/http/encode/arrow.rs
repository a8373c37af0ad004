//! The Arrow IPC stream: batches as they are.

use ::arrow::array::RecordBatch;
use ::arrow::datatypes::SchemaRef;
use ::arrow::error::ArrowError;
use ::arrow::ipc::writer::StreamWriter;

use super::{Encoder, End};

pub(super) struct Stream {
    schema: SchemaRef,
    /// Made at the start, since making it writes the schema.
    writer: Option<StreamWriter<Vec<u8>>>,
}

impl Stream {
    pub fn new(schema: SchemaRef) -> Self {
        Self { schema, writer: None }
    }

    fn writer(&mut self) -> Result<&mut StreamWriter<Vec<u8>>, ArrowError> {
        self.writer.as_mut().ok_or_else(|| ArrowError::IpcError("not started".into()))
    }
}

impl Encoder for Stream {
    fn start(&mut self) -> Result<Vec<u8>, ArrowError> {
        let writer = self.writer.insert(StreamWriter::try_new(Vec::new(), &self.schema)?);
        Ok(std::mem::take(writer.get_mut()))
    }

    fn batch(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        let writer = self.writer()?;
        writer.write(batch)?;
        Ok(std::mem::take(writer.get_mut()))
    }

    fn end(&mut self, _: &End) -> Result<Vec<u8>, ArrowError> {
        let writer = self.writer()?;
        writer.finish()?;
        Ok(std::mem::take(writer.get_mut()))
    }
}
