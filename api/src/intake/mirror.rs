//! `sistema.pratiche`: every move of every case as a row of the lake, without what was answered. Moves of one batch are one commit under
//! the batch's name, so that a crash between lake and state store repeats it without effect.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use datasets::model::DatasetName;
use sqlx::Row;
use sqlx::any::AnyRow;
use warehouse::error::{Error, Result};
use warehouse::system::SystemLog;

use super::Intake;
use super::queue::protocol;
use crate::state::fault;

/// Moves of one commit.
const AT_ONCE: i64 = 20_000;
/// What stands in `batch` of a move whose row is committed.
const DONE: &str = "-";

impl Intake {
    pub(super) async fn mirror(&self, system: &SystemLog) -> Result<()> {
        loop {
            let batch = match self.unfinished().await? {
                Some(batch) => batch,
                None => match self.gather().await? {
                    Some(batch) => batch,
                    None => return Ok(()),
                },
            };
            let rows = self.rows_of(&batch).await?;
            let table = DatasetName { area: "sistema".into(), name: "pratiche".into() };
            system.commit_once(&table, &batch, rows).await?;
            sqlx::query("UPDATE moves SET batch = $1 WHERE batch = $2")
                .bind(DONE)
                .bind(&batch)
                .execute(self.state.pool())
                .await
                .map_err(fault("mirror.done"))?;
        }
    }

    /// A batch that was begun and may or may not be committed.
    async fn unfinished(&self) -> Result<Option<String>> {
        let row = sqlx::query("SELECT batch FROM moves WHERE batch NOT IN ('', $1) LIMIT 1").bind(DONE).fetch_optional(self.state.pool()).await;
        row.map_err(fault("mirror.unfinished"))?.map(|row| row.try_get("batch").map_err(fault("mirror.unfinished"))).transpose()
    }

    async fn gather(&self) -> Result<Option<String>> {
        let batch = format!("pratiche-{}", uuid::Uuid::now_v7());
        let sql = format!(
            "UPDATE moves SET batch = $1 WHERE batch = '' AND (case_id, seq) IN (SELECT case_id, seq FROM moves WHERE batch = '' ORDER BY at, case_id, seq LIMIT {AT_ONCE})"
        );
        let done = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(&batch).execute(self.state.pool()).await.map_err(fault("mirror.gather"))?;
        Ok((done.rows_affected() > 0).then_some(batch))
    }

    async fn rows_of(&self, batch: &str) -> Result<RecordBatch> {
        let rows = sqlx::query(
            "SELECT m.case_id, m.seq, m.code, m.from_state, m.to_state, m.role, m.at, m.delivery, c.form, c.office, c.year, c.number FROM moves m JOIN cases c ON c.id = m.case_id \
             WHERE m.batch = $1 ORDER BY m.at, m.case_id, m.seq",
        )
        .bind(batch)
        .fetch_all(self.state.pool())
        .await
        .map_err(fault("mirror.rows"))?;
        let texts = |of: &dyn Fn(&AnyRow) -> sqlx::Result<Option<String>>| -> Result<ArrayRef> {
            let values: Vec<Option<String>> = rows.iter().map(of).collect::<sqlx::Result<_>>().map_err(fault("mirror.rows"))?;
            Ok(Arc::new(StringArray::from(values)))
        };
        let text = |name: &'static str| texts(&move |row: &AnyRow| row.try_get::<String, _>(name).map(Some));
        let numbers =
            |name: &'static str| -> Result<Vec<i64>> { rows.iter().map(|row| row.try_get(name)).collect::<sqlx::Result<_>>().map_err(fault("mirror.rows")) };
        let at: Vec<i64> = numbers("at")?.into_iter().map(|seconds| seconds * 1_000_000).collect();
        let columns = [
            ("pratica", text("case_id")?),
            ("passo", Arc::new(Int64Array::from(numbers("seq")?)) as ArrayRef),
            ("modulo", text("form")?),
            ("ente", text("office")?),
            ("protocollo", texts(&|row| Ok(Some(protocol(&row.try_get::<String, _>("office")?, row.try_get("year")?, row.try_get("number")?))))?),
            ("azione", text("code")?),
            ("da_stato", text("from_state")?),
            ("a_stato", text("to_state")?),
            ("ruolo", text("role")?),
            ("quando", Arc::new(TimestampMicrosecondArray::from(at).with_timezone("UTC")) as ArrayRef),
            ("consegna", texts(&|row| row.try_get::<String, _>("delivery").map(|text| Some(text).filter(|text| !text.is_empty())))?),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).map_err(|e| Error::internal("mirror.batch", e))
    }
}
