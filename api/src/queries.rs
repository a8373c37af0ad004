//! Every finished query becomes a row of `sistema.queries`, without the literals of its text.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use arrow::json::ReaderBuilder;
use datasets::catalog::Catalog;
use datasets::model::DatasetName;
use serde_json::json;
use warehouse::error::{Error, Result};
use warehouse::system::SystemLog;
use warehouse::worker::{QueryLog, QueryRecord};

/// Hands each record to the log of the service's own tables. A record that cannot be kept is a fault in our log, not the asker's.
pub fn log(catalog: &Catalog, system: SystemLog) -> Result<QueryLog> {
    let name = DatasetName { area: "sistema".into(), name: "queries".into() };
    let contract = catalog.get(&name).ok_or_else(|| Error::internal("queries.contract", "no contract sistema.queries"))?;
    let schema = Arc::new(datasets::derive::arrow::schema(contract));
    Ok(Arc::new(move |record| {
        tracing::debug!(id = record.id, account = record.account, outcome = record.outcome, millis = record.millis, rows = record.rows, "query");
        metrics::counter!("siss_queries_total", "door" => record.door.as_str(), "outcome" => record.outcome.clone()).increment(1);
        metrics::histogram!("siss_query_seconds", "door" => record.door.as_str()).record(record.millis as f64 / 1000.0);
        let kept = row(&schema, &record).and_then(|row| system.append(&name, row));
        if let Err(error) = kept {
            tracing::error!(%error, id = record.id, "a query was not recorded");
        }
    }))
}

fn row(schema: &Arc<Schema>, record: &QueryRecord) -> Result<RecordBatch> {
    let values = json!({
        "id": record.id,
        "account": record.account,
        "ruolo": record.role,
        "porta": record.door.as_str(),
        "inizio": record.started,
        "millisecondi": record.millis,
        "righe": record.rows,
        "tabelle": record.tables.join(","),
        "esito": record.outcome,
        "forma": record.shape,
    });
    let fault = |e: arrow::error::ArrowError| Error::internal("queries.row", e);
    let mut decoder = ReaderBuilder::new(schema.clone()).with_batch_size(1).build_decoder().map_err(fault)?;
    decoder.serialize(&[values]).map_err(fault)?;
    decoder.flush().map_err(fault)?.ok_or_else(|| Error::internal("queries.row", "no row"))
}
