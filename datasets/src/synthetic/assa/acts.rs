//! `assa.ispezioni` and `assa.provvedimenti`, one file each per comune that has any.

use chrono::Datelike;
use sha2::{Digest, Sha256};

use super::PERIOD;
use super::history::{Act, History, Inspection};
use crate::catalog::Catalog;
use crate::synthetic::error::Result;
use crate::synthetic::sheet::Sheet;

/// ISTAT code of Rome, whose municipi adopt the acts.
const ROME: &str = "058091";

pub fn inspections(catalog: &Catalog, histories: &[History]) -> Result<Vec<Sheet>> {
    let mut sheets = vec![];
    for history in histories.iter().filter(|h| !h.inspections.is_empty()) {
        let mut sheet = Sheet::new(catalog, "assa.ispezioni", &history.codice_istat, PERIOD)?;
        for inspection in &history.inspections {
            inspection_row(&mut sheet, &history.codice_istat, inspection)?;
        }
        sheets.push(sheet);
    }
    Ok(sheets)
}

fn inspection_row(sheet: &mut Sheet, codice_istat: &str, inspection: &Inspection) -> Result<()> {
    let number = |done: chrono::NaiveDate| format!("{}/{:06}", done.year(), done.ordinal() * 37);
    sheet.push([
        ("id_ispezione", inspection.id.as_str().into()),
        ("codice_struttura", inspection.facility.as_str().into()),
        ("codice_istat", codice_istat.into()),
        ("organo", inspection.body.into()),
        ("motivo", inspection.reason.into()),
        ("data_prevista", inspection.planned.into()),
        ("data_esecuzione", inspection.done.into()),
        ("esito", inspection.outcome.into()),
        ("termine_prescrizioni", inspection.deadline.into()),
        ("ospiti_presenti", inspection.done.map(|_| inspection.guests).into()),
        ("numero_verbale", inspection.done.map(number).into()),
        ("ispettore", inspection.inspector.as_str().into()),
        ("osservazioni", inspection.remark.filter(|_| inspection.done.is_some()).into()),
    ])
}

pub fn acts(catalog: &Catalog, histories: &[History]) -> Result<Vec<Sheet>> {
    let mut sheets = vec![];
    for history in histories.iter().filter(|h| !h.acts.is_empty()) {
        let mut sheet = Sheet::new(catalog, "assa.provvedimenti", &history.codice_istat, PERIOD)?;
        for (n, act) in history.acts.iter().enumerate() {
            act_row(&mut sheet, &history.codice_istat, n, act)?;
        }
        sheets.push(sheet);
    }
    Ok(sheets)
}

fn act_row(sheet: &mut Sheet, codice_istat: &str, n: usize, act: &Act) -> Result<()> {
    // Every act has its document; its digest stands for it.
    let digest: String = Sha256::digest(act.id.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    sheet.push([
        ("id_provvedimento", act.id.as_str().into()),
        ("codice_struttura", act.facility.as_str().into()),
        ("codice_istat", codice_istat.into()),
        ("tipo", act.kind.into()),
        ("numero_atto", format!("{}/{}", n * 7 + 11, act.adopted.year()).into()),
        ("data_atto", act.adopted.into()),
        ("data_effetto", act.from.into()),
        ("data_fine_effetto", act.to.into()),
        ("termine_adempimento", act.comply_by.into()),
        ("organo", if codice_istat == ROME { "municipio" } else { "comune" }.into()),
        ("posti", act.places.into()),
        ("id_ispezione", act.inspection.as_deref().into()),
        ("responsabile_procedimento", act.official.as_str().into()),
        ("impronta_documento", digest.into()),
    ])
}
