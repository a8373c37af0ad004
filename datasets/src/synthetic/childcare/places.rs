//! `sirse.posti` and `sirse.iscrizioni`: places and children of each service by educational year and band, one file per comune.

use rand::Rng;

use super::{PERIOD, Service};
use crate::catalog::Catalog;
use crate::synthetic::cell::Cell;
use crate::synthetic::error::Result;
use crate::synthetic::random::stream;
use crate::synthetic::sheet::Sheet;

/// Thousandths that a full-time and a part-time place are worth: `sirse/data/pesi_posti.csv`.
const WEIGHTS: [i64; 2] = [500, 1_000];

pub fn places(catalog: &Catalog, services: &[Service]) -> Result<Vec<Sheet>> {
    of_comuni(catalog, "sirse.posti", services, |sheet, service| {
        for year in service.years().skip(1) {
            for (band, full, places) in service.bands(year) {
                sheet.push([
                    ("codice_servizio", service.code.as_str().into()),
                    ("codice_istat", service.codice_istat.as_str().into()),
                    ("anno", year.into()),
                    ("fascia", band.into()),
                    ("tempo", if full { "pieno" } else { "parziale" }.into()),
                    ("titolarita", service.owner().into()),
                    ("posti", places.into()),
                    ("posti_convenzionati", service.contracted(places).into()),
                    ("posti_equivalenti", Cell::Decimal { units: places * WEIGHTS[usize::from(full)], scale: 3 }),
                ])?;
            }
        }
        Ok(())
    })
}

pub fn enrolments(catalog: &Catalog, services: &[Service], seed: u64) -> Result<Vec<Sheet>> {
    of_comuni(catalog, "sirse.iscrizioni", services, |sheet, service| {
        // Its own stream, so that what is written about a service does not depend on its neighbours.
        let mut rng = stream(seed, &format!("enrolments {}", service.code));
        for year in service.years().skip(2) {
            for (band, places) in service.by_band(year) {
                // The more is open, the more is asked for; less where the year is thin.
                let waiting = if service.public && year != 2020 { rng.random_range(0..=places * (year - 2010) / 30 + 1) } else { 0 };
                let early = if band == "divezzi" && service.hub { rng.random_range(0..=3) } else { 0 };
                sheet.push([
                    ("codice_servizio", service.code.as_str().into()),
                    ("codice_istat", service.codice_istat.as_str().into()),
                    ("anno", year.into()),
                    ("fascia", band.into()),
                    ("iscritti", service.enrolled(year, places).into()),
                    ("lista_attesa", rng.random_bool(0.95).then_some(waiting).into()),
                    ("anticipatari", early.into()),
                ])?;
            }
        }
        Ok(())
    })
}

fn of_comuni(catalog: &Catalog, dataset: &str, services: &[Service], fill: impl Fn(&mut Sheet, &Service) -> Result<()>) -> Result<Vec<Sheet>> {
    let mut sheets = vec![];
    for of_comune in services.chunk_by(|a, b| a.codice_istat == b.codice_istat) {
        let mut sheet = Sheet::new(catalog, dataset, &of_comune[0].codice_istat, PERIOD)?;
        of_comune.iter().try_for_each(|service| fill(&mut sheet, service))?;
        if !sheet.rows.is_empty() {
            sheets.push(sheet);
        }
    }
    Ok(sheets)
}
