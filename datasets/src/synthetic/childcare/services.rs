//! `sirse.servizi`: each service in each educational year, one file per comune.

use super::{PERIOD, Service};
use crate::catalog::Catalog;
use crate::synthetic::cell::Cell;
use crate::synthetic::error::Result;
use crate::synthetic::sheet::Sheet;

pub fn sheets(catalog: &Catalog, services: &[Service]) -> Result<Vec<Sheet>> {
    let mut sheets = vec![];
    for of_comune in services.chunk_by(|a, b| a.codice_istat == b.codice_istat) {
        let mut sheet = Sheet::new(catalog, "sirse.servizi", &of_comune[0].codice_istat, PERIOD)?;
        for service in of_comune {
            service.years().try_for_each(|year| push(&mut sheet, service, year))?;
        }
        sheets.push(sheet);
    }
    Ok(sheets)
}

fn push(sheet: &mut Sheet, service: &Service, year: i64) -> Result<()> {
    let enrolled: i64 = service.by_band(year).iter().map(|(_, places)| service.enrolled(year, *places)).sum();
    sheet.push([
        ("codice_servizio", service.code.as_str().into()),
        ("codice_istat", service.codice_istat.as_str().into()),
        ("anno", year.into()),
        ("denominazione", service.name.as_str().into()),
        ("tipo", service.kind.into()),
        ("indirizzo", service.address.as_str().into()),
        ("titolarita", service.owner().into()),
        ("gestione", service.management.into()),
        ("gestore", service.operator.as_str().into()),
        ("luogo_di_lavoro", service.workplace.into()),
        ("polo_infanzia", service.hub.into()),
        ("posti_autorizzati", service.places_in(year).into()),
        ("posti_lattanti", service.infants(year).into()),
        ("posti_convenzionati", service.contracted_in(year).into()),
        ("iscritti", enrolled.into()),
        ("ore_giornaliere", Cell::Decimal { units: service.quarters * 25, scale: 2 }),
        ("mesi_apertura", service.months.into()),
        ("accreditato", service.accredited_in(year).into()),
        ("coordinatore_pedagogico", service.coordinator.as_deref().into()),
    ])
}
