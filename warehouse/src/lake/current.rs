//! The current rows of a table in mode `versions`, as whole files where the log's statistics allow: a filter on
//! `registrato_al` would cost each query a column and the engine its statistics.

use std::sync::Arc;

use arrow::array::{Array, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use datafusion::catalog::TableProvider;
use datasets::system::RECORDED_TO;

use crate::error::{Error, Result};
use crate::lake::guarded::Guarded;
use crate::lake::snapshot::Snapshot;

impl Snapshot {
    /// A provider of exactly the current rows; `None` when some file holds closed rows beside current ones, or is not
    /// known not to: the rows must then be filtered. Worked out once per snapshot.
    pub async fn current(&self) -> Result<Option<Arc<dyn TableProvider>>> {
        self.current.get_or_try_init(|| self.find_current()).await.cloned()
    }

    async fn find_current(&self) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some(open) = self.open_files()? else { return Ok(None) };
        if open.len() == self.files() {
            return Ok(Some(self.provider()));
        }
        let scan = self.table.table_provider().with_file_paths(open).build().await.map_err(|e| Error::internal("lake.current", e))?;
        Ok(Some(Arc::new(Guarded(Arc::new(scan)))))
    }

    /// Files of current rows only; `None` when a file is neither that nor of closed rows only.
    fn open_files(&self) -> Result<Option<Vec<String>>> {
        let batches = self.state()?.add_actions_batches(true).map_err(|e| Error::internal("lake.current", e))?;
        let mut open = Vec::new();
        for batch in batches.iter().filter(|b| b.num_rows() > 0) {
            let (Some(rows), Some(nulls)) = (counts(batch, "num_records"), counts(batch, &format!("null_count.{RECORDED_TO}"))) else { return Ok(None) };
            let Some(paths) = batch.column_by_name("path").and_then(|c| c.as_string_opt::<i32>()) else { return Ok(None) };
            for (file, path) in paths.iter().enumerate() {
                if rows.is_null(file) || nulls.is_null(file) {
                    return Ok(None);
                }
                match (rows.value(file), nulls.value(file)) {
                    (rows, nulls) if rows == nulls => open.extend(path.map(str::to_owned)),
                    (_, 0) => {}
                    _ => return Ok(None),
                }
            }
        }
        Ok(Some(open))
    }
}

pub fn counts<'a>(batch: &'a RecordBatch, column: &str) -> Option<&'a Int64Array> {
    batch.column_by_name(column)?.as_primitive_opt::<Int64Type>()
}
