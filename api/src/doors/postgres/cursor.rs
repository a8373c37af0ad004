//! An answer that is read row by row: where the reader stands, and what comes next.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use warehouse::error::Result;
use warehouse::statement::Rows;

use crate::doors::postgres::spool::Spool;

pub struct Cursor {
    pub schema: SchemaRef,
    source: Source,
    /// The batch being read and its first unread row.
    current: Option<(RecordBatch, usize)>,
    finished: bool,
}

enum Source {
    Live(BoxStream<'static, Result<RecordBatch>>),
    Aside(Spool),
}

/// Rows of one batch to be sent.
pub struct Chunk {
    pub batch: RecordBatch,
    pub from: usize,
    pub to: usize,
}

impl Cursor {
    pub fn new(rows: Rows) -> Self {
        Self { schema: rows.schema, source: Source::Live(rows.batches), current: None, finished: false }
    }

    /// An answer of the door's own.
    pub fn fixed(batch: RecordBatch) -> Self {
        Self { schema: batch.schema(), source: Source::Live(stream::empty().boxed()), current: Some((batch, 0)), finished: false }
    }

    /// From here on the answer is drained aside: the reader may pause without holding a worker.
    pub fn pause(self) -> Self {
        let source = match self.source {
            Source::Live(batches) if !self.finished => Source::Aside(Spool::new(batches)),
            other => other,
        };
        Self { source, ..self }
    }

    /// At most `most` rows that follow, all of one batch; `None` at the end.
    pub async fn next(&mut self, most: u64) -> Result<Option<Chunk>> {
        loop {
            if let Some((batch, from)) = &mut self.current {
                let left = batch.num_rows() - *from;
                if left > 0 {
                    let taken = left.min(usize::try_from(most).unwrap_or(usize::MAX));
                    let chunk = Chunk { batch: batch.clone(), from: *from, to: *from + taken };
                    *from += taken;
                    return Ok(Some(chunk));
                }
            }
            self.current = None;
            if self.finished {
                return Ok(None);
            }
            let next = match &mut self.source {
                Source::Live(batches) => batches.next().await.transpose(),
                Source::Aside(spool) => spool.next().await,
            };
            match next {
                Ok(Some(batch)) => self.current = Some((batch, 0)),
                Ok(None) => self.finished = true,
                Err(error) => {
                    self.finished = true;
                    return Err(error);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array};

    use super::*;

    #[tokio::test]
    async fn rows_are_taken_in_portions_across_batches_and_a_pause() {
        let batch = |values: Vec<i64>| RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(values)) as ArrayRef)]).unwrap();
        let batches = vec![Ok(batch(vec![1, 2, 3])), Ok(batch(vec![])), Ok(batch(vec![4]))];
        let rows = Rows { schema: batch(vec![]).schema(), batches: stream::iter(batches).boxed(), snapshot: Default::default() };
        let mut cursor = Cursor::new(rows);
        let size = |chunk: Option<Chunk>| chunk.map(|c| c.to - c.from);
        assert_eq!(size(cursor.next(2).await.unwrap()), Some(2));
        let mut cursor = cursor.pause();
        assert_eq!(size(cursor.next(9).await.unwrap()), Some(1));
        assert_eq!(size(cursor.next(9).await.unwrap()), Some(1));
        assert_eq!(size(cursor.next(9).await.unwrap()), None);
        assert_eq!(size(cursor.next(9).await.unwrap()), None);
    }
}
