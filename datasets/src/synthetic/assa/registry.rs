//! `assa.strutture`, one file per comune that has a facility.

use rand::Rng;

use super::{Facility, PERIOD};
use crate::catalog::Catalog;
use crate::synthetic::cell::Cell;
use crate::synthetic::error::Result;
use crate::synthetic::names;
use crate::synthetic::random::{stream, weighted};
use crate::synthetic::sheet::Sheet;

pub fn sheets(catalog: &Catalog, facilities: &[Facility], seed: u64) -> Result<Vec<Sheet>> {
    let mut sheets = vec![];
    for of_comune in facilities.chunk_by(|a, b| a.codice_istat == b.codice_istat) {
        let mut sheet = Sheet::new(catalog, "assa.strutture", &of_comune[0].codice_istat, PERIOD)?;
        for facility in of_comune {
            push(&mut sheet, facility, seed)?;
        }
        sheets.push(sheet);
    }
    Ok(sheets)
}

fn push(sheet: &mut Sheet, facility: &Facility, seed: u64) -> Result<()> {
    // Its own stream, so that what is written about a facility does not depend on its neighbours.
    let mut rng = stream(seed, &format!("registry {}", facility.code));
    let nature = weighted(&mut rng, &[("terzo_settore", 60), ("impresa", 22), ("religioso", 10), ("pubblico", 8)]);
    let holder = if rng.random_bool(0.8) { facility.operator.clone() } else { names::body(&mut rng) };
    let located = rng.random_bool(0.94);
    sheet.push([
        ("codice_struttura", facility.code.as_str().into()),
        ("denominazione", facility.name.as_str().into()),
        ("codice_istat", facility.codice_istat.as_str().into()),
        ("tipo", facility.kind.code.into()),
        ("utenza", facility.utenza.into()),
        ("indirizzo", names::address(&mut rng).into()),
        ("latitudine", located.then(|| Cell::Double(format!("{:.5}", facility.place.0))).into()),
        ("longitudine", located.then(|| Cell::Double(format!("{:.5}", facility.place.1))).into()),
        ("indirizzo_riservato", (facility.kind.code == "casa_rifugio").into()),
        ("titolare", rng.random_bool(0.9).then_some(holder).into()),
        ("gestore", facility.operator.as_str().into()),
        ("natura_gestore", nature.into()),
        ("codice_fiscale_gestore", rng.random_bool(0.93).then(|| names::tax_code(&mut rng)).into()),
        ("responsabile", rng.random_bool(0.95).then(|| names::person(&mut rng)).into()),
        ("posti", facility.places.into()),
        ("data_attivazione", facility.opened.into()),
        ("data_cessazione", facility.closed.into()),
    ])
}
