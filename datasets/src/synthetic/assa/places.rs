//! `assa.posti`: the places of each facility by type and users; they sum to its capacity, emergency places apart.

use rand::Rng;
use rand::rngs::StdRng;

use super::{Facility, PERIOD, today};
use crate::catalog::Catalog;
use crate::synthetic::cell::Cell;
use crate::synthetic::error::Result;
use crate::synthetic::random::stream;
use crate::synthetic::sheet::Sheet;

const ELDERLY: [&str; 2] = ["anziani_autosufficienti", "anziani_non_autosufficienti"];

pub fn sheets(catalog: &Catalog, facilities: &[Facility], seed: u64) -> Result<Vec<Sheet>> {
    let mut sheets = vec![];
    for of_comune in facilities.chunk_by(|a, b| a.codice_istat == b.codice_istat) {
        let mut sheet = Sheet::new(catalog, "assa.posti", &of_comune[0].codice_istat, PERIOD)?;
        let mut rng = stream(seed, &format!("places {}", sheet.sender));
        for facility in of_comune.iter().filter(|f| f.closed.is_none()) {
            of_facility(&mut sheet, facility, &mut rng)?;
        }
        if !sheet.rows.is_empty() {
            sheets.push(sheet);
        }
    }
    Ok(sheets)
}

fn of_facility(sheet: &mut Sheet, facility: &Facility, rng: &mut StdRng) -> Result<()> {
    let both = ELDERLY.contains(&facility.utenza) && facility.places >= 4 && rng.random_bool(0.3);
    let first = if both { rng.random_range(1..facility.places) } else { facility.places };
    let utenze = if both { ELDERLY } else { [facility.utenza; 2] };
    push(sheet, facility, rng, facility.kind.place, utenze[0], first)?;
    if both {
        push(sheet, facility, rng, facility.kind.place, utenze[1], facility.places - first)?;
    }
    // L.R. 41/2003 art. 6 c. 2: two more at most, for minors in an emergency.
    if facility.utenza == "famiglia_minori" && facility.kind.place == "residenziale" && rng.random_bool(0.4) {
        let extra = rng.random_range(1..=2);
        push(sheet, facility, rng, "emergenza", facility.utenza, extra)?;
    }
    Ok(())
}

fn push(sheet: &mut Sheet, facility: &Facility, rng: &mut StdRng, place: &'static str, utenza: &str, authorised: i64) -> Result<()> {
    let accredited = if facility.accredited { rng.random_range(authorised / 2..=authorised) } else { 0 };
    let (youngest, oldest) = ages(utenza);
    sheet.push([
        ("codice_struttura", facility.code.as_str().into()),
        ("codice_istat", facility.codice_istat.as_str().into()),
        ("tipo_posto", place.into()),
        ("utenza", utenza.into()),
        ("posti_autorizzati", authorised.into()),
        ("posti_accreditati", accredited.into()),
        ("posti_convenzionati", rng.random_bool(0.9).then(|| rng.random_range(0..=accredited)).into()),
        ("posti_occupati", rng.random_bool(0.95).then(|| rng.random_range(authorised / 2..=authorised)).into()),
        ("data_rilevazione", today().into()),
        ("retta_giornaliera", if place == "servizio" { Cell::Empty } else { Cell::cents(rng.random_range(2_200..14_000)) }),
        ("eta_minima", Some(youngest).into()),
        ("eta_massima", oldest.into()),
    ])
}

fn ages(utenza: &str) -> (i64, Option<i64>) {
    match utenza {
        "famiglia_minori" => (3, Some(17)),
        "disabili" => (18, Some(64)),
        "anziani_autosufficienti" | "anziani_non_autosufficienti" => (65, None),
        _ => (18, None),
    }
}
