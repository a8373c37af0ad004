//! `sistema.siuss`: what became of each benefit line and each sheet, as a table. The outbox knows it first; this follows.

use chrono::{DateTime, Utc};
use datasets::system::LINE;
use serde_json::{Value, json};
use sqlx::any::AnyRow;
use warehouse::lake::{Load, RefusedLines};

use super::{Kind, Siuss, dataset};
use crate::error::{Error, Result};
use crate::record;
use crate::vault::store::{fault, get};

const TABLE: &str = "sistema.siuss";
/// Rows written at a time.
const CHUNK: usize = 8192;

struct Changed {
    kind: String,
    reference: String,
    number: i64,
    changed: i64,
    row: Value,
}

impl Siuss {
    /// Brings the table up to date with the outbox. Gives the number of rows written.
    pub async fn publish(&self) -> Result<usize> {
        let sql = "SELECT kind, reference, number, ts, flow, operation, comune, ambito, state, reason, sent, answered, answer, acquisition, changed \
                   FROM flows WHERE changed > 0 ORDER BY kind, reference, number";
        let rows = sqlx::query(sql).fetch_all(self.vault.pool()).await.map_err(fault("siuss.changed"))?;
        if rows.is_empty() {
            return Ok(0);
        }
        let rows = rows.iter().map(changed).collect::<Result<Vec<_>>>()?;
        self.write(&rows).await?;
        let mut work = self.vault.pool().begin().await.map_err(fault("siuss.published"))?;
        for one in &rows {
            // An entry that changed in the meantime is written the next time.
            sqlx::query("UPDATE flows SET changed = 0 WHERE kind = $1 AND reference = $2 AND number = $3 AND changed = $4")
                .bind(one.kind.as_str())
                .bind(one.reference.as_str())
                .bind(one.number)
                .bind(one.changed)
                .execute(&mut *work)
                .await
                .map_err(fault("siuss.published"))?;
        }
        work.commit().await.map_err(fault("siuss.published"))?;
        Ok(rows.len())
    }

    async fn write(&self, rows: &[Changed]) -> Result<()> {
        let name = dataset(TABLE)?;
        let contract = self.lake.catalog().get(&name).ok_or_else(|| Error::internal("siuss.contract", TABLE))?;
        let schema = record::lake_schema(contract);
        let now = Utc::now();
        let load = Load {
            delivery: format!("siuss-{}", uuid::Uuid::now_v7()),
            sender: "lazio".into(),
            period: now.format("%Y-%m").to_string(),
            account: "sistema".into(),
            recorded: now,
            content_hash: String::new(),
            contract_version: contract.version.clone(),
        };
        let mut writer = self.lake.writer(&name, load).await?;
        for (chunk, some) in rows.chunks(CHUNK).enumerate() {
            let line = |(at, one): (usize, &Changed)| {
                let mut row = one.row.clone();
                row[LINE] = json!(chunk * CHUNK + at + 1);
                row
            };
            let rows: Vec<Value> = some.iter().enumerate().map(line).collect();
            writer.write(record::batch(&schema, &rows)?).await?;
        }
        writer.commit(&RefusedLines::none()).await?;
        Ok(())
    }
}

fn changed(row: &AnyRow) -> Result<Changed> {
    let (kind, reference, number): (String, String, i64) = (get(row, "kind")?, get(row, "reference")?, get(row, "number")?);
    let text = |column: &str| get::<Option<String>>(row, column);
    let moment = |column: &str| -> Result<Option<String>> {
        let moment: Option<i64> = get(row, column)?;
        Ok(moment.and_then(DateTime::<Utc>::from_timestamp_millis).map(|m| m.to_rfc3339()))
    };
    let about = |of: Kind| (kind == of.name()).then_some(reference.as_str());
    let said = json!({
        "tipo": kind,
        "riferimento": reference,
        "numero": number,
        "id_erogazione": about(Kind::Ps),
        "id_scheda_minore": about(Kind::Sinba),
        "codice_istat": text("comune")?,
        "ambito": text("ambito")?,
        "id_flusso": text("flow")?,
        "operazione": text("operation")?,
        "ts_flusso": moment("ts")?,
        "stato": text("state")?,
        "motivo": if text("flow")?.is_none() { text("reason")? } else { None },
        "inviato_il": moment("sent")?,
        "esito_il": moment("answered")?,
        "codice_esito": text("answer")?,
        "descrizione_esito": if text("flow")?.is_some() { text("reason")? } else { None },
        "id_acquisizione": text("acquisition")?,
    });
    Ok(Changed { changed: get(row, "changed")?, kind, reference, number, row: said })
}
