//! What stands of deliveries and certifications: our own SQL over the service's tables, without rights. `sistema.obligations` follows the
//! same rule: a certification holds while no valid delivery of the same body, dataset and period came after it.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datasets::contract::literal;
use datasets::model::DatasetName;
use futures::TryStreamExt;
use warehouse::inside::Inside;
use warehouse::lake::Lake;

use crate::error::{Error, Result};

/// The last certification of each body; `toccate` are those that a later valid delivery superseded, of a district also that of one of its
/// municipalities.
const HOLDING: &str = "
WITH ultime AS (
  SELECT dataset, ente, periodo_dati, max(versione_tabella) AS versione FROM sistema.deliveries WHERE versione_tabella IS NOT NULL GROUP BY dataset, ente, periodo_dati
),
firmate AS (
  SELECT *, row_number() OVER (PARTITION BY dataset, ente, periodo_dati ORDER BY firmata_il DESC, certificazione DESC) AS posto FROM sistema.certifications
),
enti AS (
  SELECT ente, ente AS per FROM ultime
  UNION
  SELECT codice_istat AS ente, ambito AS per FROM territorio.comuni
),
toccate AS (
  SELECT DISTINCT f.certificazione
  FROM firmate f
  JOIN enti e ON e.per = f.ente
  JOIN ultime u ON u.ente = e.ente AND u.dataset = f.dataset AND u.periodo_dati = f.periodo_dati AND u.versione > f.versione_tabella
)
SELECT f.certificazione, f.ente
FROM firmate f
LEFT JOIN toccate t ON t.certificazione = f.certificazione
WHERE f.posto = 1 AND t.certificazione IS NULL";

/// Certifications that hold, each with its body; of one dataset and period, or of all.
pub async fn holding(lake: &Lake, of: Option<(&DatasetName, &str)>) -> Result<BTreeMap<String, String>> {
    let more = of.map(|(dataset, period)| format!(" AND f.dataset = {} AND f.periodo_dati = {}", literal(&dataset.to_string()), literal(period)));
    let rows = ask(lake, &format!("{HOLDING}{}", more.unwrap_or_default())).await?;
    Ok(rows.into_iter().filter_map(pair).collect())
}

/// Bodies that delivered something valid of a dataset for a period.
pub async fn valid(lake: &Lake, dataset: &DatasetName, period: &str) -> Result<BTreeSet<String>> {
    let sql = format!(
        "SELECT DISTINCT ente FROM sistema.deliveries WHERE versione_tabella IS NOT NULL AND dataset = {} AND periodo_dati = {}",
        literal(&dataset.to_string()),
        literal(period)
    );
    Ok(ask(lake, &sql).await?.into_iter().filter_map(|row| row.into_iter().next()).collect())
}

/// The last certification of a body for a dataset and period.
pub async fn last(lake: &Lake, dataset: &DatasetName, period: &str, body: &str) -> Result<Option<String>> {
    let sql = format!(
        "SELECT certificazione FROM sistema.certifications WHERE dataset = {} AND periodo_dati = {} AND ente = {} ORDER BY firmata_il DESC, certificazione DESC LIMIT 1",
        literal(&dataset.to_string()),
        literal(period),
        literal(body)
    );
    Ok(ask(lake, &sql).await?.into_iter().next().and_then(|row| row.into_iter().next()))
}

fn pair(row: Vec<String>) -> Option<(String, String)> {
    let mut cells = row.into_iter();
    cells.next().zip(cells.next())
}

/// The rows of a query as text.
async fn ask(lake: &Lake, sql: &str) -> Result<Vec<Vec<String>>> {
    let batches: Vec<RecordBatch> = Inside::new(lake)?.ask(sql).await?.try_collect().await?;
    let mut rows = Vec::new();
    for batch in &batches {
        let columns = batch.columns().iter().map(|column| cast(column, &DataType::Utf8)).collect::<std::result::Result<Vec<_>, _>>();
        let columns = columns.map_err(|e| Error::internal("certification.rows", e))?;
        rows.extend((0..batch.num_rows()).map(|row| columns.iter().map(|column| column.as_string::<i32>().value(row).to_owned()).collect()));
    }
    Ok(rows)
}
