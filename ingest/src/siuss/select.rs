//! The rows that flows are made of, one for each benefit line or sheet of a district, every value as text.

use std::collections::HashMap;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datasets::contract::literal;

use super::Kind;
use crate::error::{Error, Result};

/// Benefit lines with what is known of the person at the time: the assessment before the line's end, the attestation valid at its start.
const PS: &str = "
WITH righe AS (SELECT * FROM sigess.erogazioni WHERE ambito = {district}),
persone AS (SELECT * FROM (SELECT p.*, row_number() OVER (PARTITION BY p.id_persona ORDER BY p.registrato_dal DESC, p.mittente) AS n FROM sigess.persone p) q WHERE n = 1),
valutate AS (
  SELECT * FROM (
    SELECT r.id_erogazione AS riga, v.*, row_number() OVER (PARTITION BY r.id_erogazione ORDER BY v.data_valutazione DESC, v.id_valutazione DESC) AS n
    FROM righe r JOIN sigess.valutazioni v ON v.id_persona = r.id_persona WHERE v.data_valutazione <= r.data_fine) q
  WHERE n = 1),
attestate AS (
  SELECT * FROM (
    SELECT r.id_erogazione AS riga, s.*, row_number() OVER (PARTITION BY r.id_erogazione ORDER BY s.data_dsu DESC, s.id_attestazione DESC) AS n
    FROM righe r JOIN sigess.isee s ON s.id_persona = r.id_persona WHERE s.data_dsu <= r.data_inizio AND s.valida_al >= r.data_inizio) q
  WHERE n = 1)
SELECT r.id_erogazione AS riferimento, r.id_persona, r.codice_istat, r.ambito, r.id_intervento, r.data_inizio, r.data_fine, r.ore, r.importo,
  r.quota_ente, r.quota_utente, r.quota_ssn, r.codice_prestazione, r.frequenza, r.stato, r.in_carico,
  i.utenza, b.a_codice AS area, n.descrizione AS prestazione, p.codice_istat AS residenza, p.anno_nascita, p.sesso, c.codice_catastale, c.comune,
  s.protocollo_dsu, s.anno AS anno_dsu, s.data_dsu,
  v.id_valutazione, v.fonte, v.strumento, v.invalidita, v.mobilita, v.vita_quotidiana, v.area_cognitiva, v.comportamento, v.cure_sanitarie,
  v.area_reddituale, v.area_supporto, v.prestazione_necessaria
FROM righe r
LEFT JOIN sigess.interventi i ON i.id_intervento = r.id_intervento
LEFT JOIN territorio.nomenclatore_ponti b ON b.da_schema = 'LAZIO-584-2020' AND b.a_schema = 'SIUSS-AREE' AND b.da_codice = 'prov-' || i.utenza
LEFT JOIN territorio.nomenclatore n ON n.schema = 'SIUSS-PS' AND n.codice = r.codice_prestazione AND n.valido_al IS NULL
LEFT JOIN persone p ON p.id_persona = r.id_persona
LEFT JOIN territorio.comuni c ON c.codice_istat = r.codice_istat
LEFT JOIN attestate s ON s.riga = r.id_erogazione
LEFT JOIN valutate v ON v.riga = r.id_erogazione
ORDER BY r.data_inizio, r.id_erogazione";

/// Sheets of minors, each with the benefit of the case that began last before the sheet, or first after it.
const SINBA: &str = "
WITH schede AS (SELECT * FROM sigess.minori WHERE ambito = {district}),
persone AS (SELECT * FROM (SELECT p.*, row_number() OVER (PARTITION BY p.id_persona ORDER BY p.registrato_dal DESC, p.mittente) AS n FROM sigess.persone p) q WHERE n = 1),
prestate AS (
  SELECT * FROM (
    SELECT m.id_scheda_minore AS scheda, i.codice_prestazione,
      row_number() OVER (PARTITION BY m.id_scheda_minore ORDER BY i.data_inizio > m.data_scheda, abs(i.data_inizio - m.data_scheda), i.id_intervento) AS n
    FROM schede m JOIN sigess.interventi i ON i.id_caso = m.id_caso WHERE i.codice_prestazione IS NOT NULL AND i.data_inizio IS NOT NULL) q
  WHERE n = 1)
SELECT m.*, m.id_scheda_minore AS riferimento, t.codice_prestazione, p.anno_nascita, c.codice_catastale, c.comune
FROM schede m
LEFT JOIN prestate t ON t.scheda = m.id_scheda_minore
LEFT JOIN persone p ON p.id_persona = m.id_persona
LEFT JOIN territorio.comuni c ON c.codice_istat = m.codice_istat
ORDER BY m.data_scheda, m.id_scheda_minore";

pub fn sql(kind: Kind, district: &str) -> String {
    let sql = match kind {
        Kind::Ps => PS,
        Kind::Sinba => SINBA,
    };
    sql.replace("{district}", &literal(district))
}

/// A batch with every value as text; days as `2024-12-31`, booleans as `true`.
pub struct Rows {
    columns: HashMap<String, StringArray>,
    pub count: usize,
}

impl Rows {
    pub fn new(batch: &RecordBatch) -> Result<Self> {
        let text = |(field, column): (&std::sync::Arc<arrow::datatypes::Field>, &arrow::array::ArrayRef)| -> Result<(String, StringArray)> {
            let text = cast(column, &DataType::Utf8).map_err(|e| Error::internal("siuss.text", e))?;
            Ok((field.name().clone(), text.as_string::<i32>().clone()))
        };
        let columns = batch.schema().fields().iter().zip(batch.columns()).map(text).collect::<Result<_>>()?;
        Ok(Self { columns, count: batch.num_rows() })
    }

    pub fn row(&self, at: usize) -> Row<'_> {
        Row { rows: self, at }
    }
}

/// One row of [`Rows`].
#[derive(Clone, Copy)]
pub struct Row<'a> {
    rows: &'a Rows,
    at: usize,
}

impl<'a> Row<'a> {
    /// A value; `None` when it is empty, or there is no such column.
    pub fn get(&self, column: &str) -> Option<&'a str> {
        let values = self.rows.columns.get(column)?;
        (values.is_valid(self.at) && !values.value(self.at).is_empty()).then(|| values.value(self.at))
    }

    /// A value that may not be missing.
    pub fn text(&self, column: &'static str) -> Result<&'a str> {
        self.get(column).ok_or_else(|| Error::internal("siuss.column", format!("a row has no {column}")))
    }
}
