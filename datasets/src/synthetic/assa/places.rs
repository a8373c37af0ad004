//! `assa.posti`: the places of each facility by type and users, surveyed at the end of each year and of the month; they sum to its
//! capacity, emergency places apart.

use chrono::{Datelike, NaiveDate};
use rand::Rng;
use rand::rngs::StdRng;

use super::{Facility, PERIOD, today};
use crate::catalog::Catalog;
use crate::synthetic::cell::Cell;
use crate::synthetic::error::Result;
use crate::synthetic::random::{day, stream};
use crate::synthetic::sheet::Sheet;

const ELDERLY: [&str; 2] = ["anziani_autosufficienti", "anziani_non_autosufficienti"];

pub fn sheets(catalog: &Catalog, facilities: &[Facility], seed: u64) -> Result<Vec<Sheet>> {
    let mut sheets = vec![];
    for of_comune in facilities.chunk_by(|a, b| a.codice_istat == b.codice_istat) {
        let mut sheet = Sheet::new(catalog, "assa.posti", &of_comune[0].codice_istat, PERIOD)?;
        let mut rng = stream(seed, &format!("places {}", sheet.sender));
        for facility in of_comune {
            of_facility(&mut sheet, facility, &mut rng)?;
        }
        if !sheet.rows.is_empty() {
            sheets.push(sheet);
        }
    }
    Ok(sheets)
}

/// How its places are split, the same at every survey.
struct Split {
    /// Share of the first of two user groups, in hundredths; `None` when all places are for one.
    both: Option<i64>,
    /// L.R. 41/2003 art. 6 c. 2: two more at most, for minors in an emergency.
    emergency: Option<i64>,
    /// Cents a day in 2016.
    fee: i64,
    /// Share of the accredited places, and of the occupied ones in 2016, in hundredths.
    accredited: i64,
    occupied: i64,
}

fn of_facility(sheet: &mut Sheet, facility: &Facility, rng: &mut StdRng) -> Result<()> {
    let minors = facility.utenza == "famiglia_minori" && facility.kind.place == "residenziale";
    let split = Split {
        both: (ELDERLY.contains(&facility.utenza) && rng.random_bool(0.3)).then(|| rng.random_range(20..80)),
        emergency: (minors && rng.random_bool(0.4)).then(|| rng.random_range(1..=2)),
        fee: rng.random_range(2_200..12_000),
        accredited: rng.random_range(50..=100),
        occupied: rng.random_range(60..=88),
    };
    let surveys = (2016..2026).map(|year| day(year, 12, 31)).chain([today()]);
    for survey in surveys.filter(|date| facility.opened <= *date && facility.closed.is_none_or(|closed| *date < closed)) {
        let places = facility.places_on(survey);
        let first = split.both.map_or(places, |share| places * share / 100);
        if first == 0 || first == places {
            push(sheet, facility, rng, survey, &split, [facility.kind.place, facility.utenza], places)?;
        } else {
            push(sheet, facility, rng, survey, &split, [facility.kind.place, ELDERLY[0]], first)?;
            push(sheet, facility, rng, survey, &split, [facility.kind.place, ELDERLY[1]], places - first)?;
        }
        if let Some(extra) = split.emergency {
            push(sheet, facility, rng, survey, &split, ["emergenza", facility.utenza], extra)?;
        }
    }
    Ok(())
}

fn push(sheet: &mut Sheet, facility: &Facility, rng: &mut StdRng, survey: NaiveDate, split: &Split, [place, utenza]: [&str; 2], authorised: i64) -> Result<()> {
    let years = i64::from(survey.year()) - 2016;
    let accredited = if facility.accredited.is_some_and(|since| since <= survey) { authorised * split.accredited / 100 } else { 0 };
    // Slowly fuller, with the hollow of 2020.
    let full = split.occupied + years + if survey.year() == 2020 { -25 } else { 0 } + rng.random_range(-6..=6);
    let (youngest, oldest) = ages(utenza);
    sheet.push([
        ("codice_struttura", facility.code.as_str().into()),
        ("codice_istat", facility.codice_istat.as_str().into()),
        ("tipo_posto", place.into()),
        ("utenza", utenza.into()),
        ("posti_autorizzati", authorised.into()),
        ("posti_accreditati", accredited.into()),
        ("posti_convenzionati", rng.random_bool(0.9).then(|| accredited * rng.random_range(30..=100) / 100).into()),
        ("posti_occupati", rng.random_bool(0.95).then(|| authorised * full.clamp(10, 100) / 100).into()),
        ("data_rilevazione", survey.into()),
        // Fees rise by two per cent a year.
        ("retta_giornaliera", if place == "servizio" { Cell::Empty } else { Cell::cents(split.fee * (100 + 2 * years) / 100) }),
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
