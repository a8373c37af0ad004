//! A finished delivery as rows of `sistema.deliveries` and `sistema.violations`.

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::json::ReaderBuilder;
use datasets::catalog::Catalog;
use datasets::model::{Contract, DatasetName};
use datasets::system::LINE;
use serde_json::{Value, json};
use warehouse::system::SystemLog;

use crate::error::{Error, Result};
use crate::report::Report;

/// Violations appended at a time.
const CHUNK: usize = 4096;

/// Hands the rows to the log; they are durable after its next flush.
pub fn append(system: &SystemLog, catalog: &Catalog, report: &Report, violations: &Path) -> Result<()> {
    let deliveries = Table::of(catalog, "deliveries")?;
    let format = report.understanding.as_ref().and_then(|u| u.get("format"));
    let row = json!({
        "consegna": report.id,
        "dataset": report.dataset,
        "ente": report.sender,
        "periodo_dati": report.period,
        "account": report.account,
        "ricevuta_il": report.received,
        "elaborata_il": report.processed,
        "file": report.file,
        "formato": format,
        "byte": report.bytes,
        "impronta": report.hash,
        "righe": report.rows,
        "accettate": report.accepted,
        "rifiutate": report.refused,
        "avvisi": report.warnings,
        "esito": report.outcome.as_str(),
        "versione_contratto": report.contract_version,
        "versione_tabella": report.table_version,
    });
    deliveries.append(system, &[row])?;

    let table = Table::of(catalog, "violations")?;
    let mut rows = Vec::new();
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(violations).map_err(|e| Error::internal("record.read", e))?;
    for record in reader.records() {
        let record = record.map_err(|e| Error::internal("record.read", e))?;
        let cell = |i: usize| record.get(i).filter(|c| !c.is_empty());
        let sentence = |i: usize| cell(i).map(|text| impersonal(text, cell(2), cell(4)));
        rows.push(json!({
            "consegna": report.id,
            "dataset": report.dataset,
            "ente": report.sender,
            // What is about the whole file has no line.
            "riga": cell(0).and_then(|c| c.parse::<i64>().ok()).unwrap_or(0),
            "colonna": cell(1),
            "regola": cell(2),
            "gravita": cell(3),
            "valore": cell(4),
            "messaggio_it": sentence(5),
            "messaggio_en": sentence(6),
        }));
        if rows.len() == CHUNK {
            table.append(system, &rows)?;
            rows.clear();
        }
    }
    table.append(system, &rows)
}

/// A sentence without what the sender wrote in the file: who watches over quality reads it, and the value stands in a column of its own.
fn impersonal(sentence: &str, rule: Option<&str>, value: Option<&str>) -> String {
    // Where a header was expected there may be a person's row.
    let quoted = match (rule, value) {
        (Some("file.no_header"), _) => return sentence.split(" (").next().unwrap_or_default().to_owned() + ".",
        (_, Some(value)) => [format!("«{value}»"), format!("“{value}”"), format!("({value})")],
        (_, None) => return sentence.to_owned(),
    };
    quoted.iter().fold(sentence.to_owned(), |text, value| text.replace(value.as_str(), "«…»"))
}

struct Table {
    name: DatasetName,
    schema: SchemaRef,
}

impl Table {
    fn of(catalog: &Catalog, name: &str) -> Result<Self> {
        let name = DatasetName { area: "sistema".into(), name: name.into() };
        let contract = catalog.get(&name).ok_or_else(|| Error::internal("record.contract", name.to_string()))?;
        let fields: Vec<_> = datasets::derive::arrow::schema(contract).fields().iter().map(|f| f.as_ref().clone().with_nullable(true)).collect();
        Ok(Self { name, schema: Arc::new(Schema::new(fields)) })
    }

    fn append(&self, system: &SystemLog, rows: &[Value]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        system.append(&self.name, batch(&self.schema, rows)?).map_err(Error::from)
    }
}

/// What a writer takes for a table that the service fills itself: its columns, and the line.
pub fn lake_schema(contract: &Contract) -> SchemaRef {
    let columns = datasets::derive::arrow::lake_schema(contract);
    let fields = columns.fields().iter().map(|f| f.as_ref().clone().with_nullable(true));
    Arc::new(Schema::new(fields.chain([Field::new(LINE, DataType::Int64, false)]).collect::<Vec<_>>()))
}

/// Rows given as JSON, in the columns of `schema`.
pub fn batch(schema: &SchemaRef, rows: &[Value]) -> Result<RecordBatch> {
    let fault = |e: arrow::error::ArrowError| Error::internal("record.rows", e);
    let mut decoder = ReaderBuilder::new(schema.clone()).with_batch_size(rows.len()).build_decoder().map_err(fault)?;
    decoder.serialize(rows).map_err(fault)?;
    decoder.flush().map_err(fault)?.ok_or_else(|| Error::internal("record.rows", "no rows"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_sender_wrote_is_not_in_the_sentence() {
        let said = |rule, value, text: &str| impersonal(text, Some(rule), value);
        assert_eq!(
            said("eta.type", Some("1"), "«1» nel campo «Età 1» non è un numero: per esempio 1."),
            "«…» nel campo «Età 1» non è un numero: per esempio 1."
        );
        assert_eq!(said("eta.type", Some("a»b"), "“a»b” in the field “Age” is not a number."), "«…» in the field “Age” is not a number.");
        assert_eq!(said("row.cells", Some("Rossi | Ada"), "La riga ha più celle (Rossi | Ada): controllare."), "La riga ha più celle «…»: controllare.");
        assert_eq!(said("file.no_header", None, "Nessuna intestazione (trovato: Ada, Rossi). Usare il modello."), "Nessuna intestazione.");
        assert_eq!(said("key.unique", None, "La chiave è già in un'altra riga."), "La chiave è già in un'altra riga.");
    }
}
