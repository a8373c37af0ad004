//! `sirse.domande_accreditamento`: first applications and renewals on the region's portal, in one file.

use chrono::{Datelike, Days, NaiveDate};
use rand::Rng;
use rand::rngs::StdRng;

use super::{PERIOD, Service};
use crate::catalog::Catalog;
use crate::synthetic::assa::today;
use crate::synthetic::error::Result;
use crate::synthetic::random::{between, day, shifted, stream};
use crate::synthetic::sheet::Sheet;

/// Year of the first regional rules on accreditation of nurseries (DGR 903/2017).
const FIRST: i64 = 2018;

pub fn sheets(catalog: &Catalog, services: &[Service], seed: u64) -> Result<Vec<Sheet>> {
    let mut sheet = Sheet::new(catalog, "sirse.domande_accreditamento", "lazio", PERIOD)?;
    for service in services {
        let mut rng = stream(seed, &format!("accreditation {}", service.code));
        of_service(&mut sheet, service, &mut rng)?;
    }
    Ok(vec![sheet])
}

struct Application {
    renewal: bool,
    asked: NaiveDate,
    expires: Option<NaiveDate>,
    state: &'static str,
    decided: Option<NaiveDate>,
    granted: Option<(NaiveDate, NaiveDate)>,
}

fn of_service(sheet: &mut Sheet, service: &Service, rng: &mut StdRng) -> Result<()> {
    let Some(year) = service.accredited.map(|year| year.max(FIRST) as i32) else {
        // Some asked in vain.
        if rng.random_bool(0.2) {
            let asked = between(rng, day(service.since.max(FIRST) as i32, 10, 1), day(2026, 3, 31));
            let decided = Some(shifted(rng, asked, 40, 120));
            push(sheet, service, rng, &Application { renewal: false, asked, expires: None, state: "respinta", decided, granted: None })?;
        }
        return Ok(());
    };
    let asked = between(rng, day(year, 2, 1), day(year, 5, 31));
    let mut expires = None;
    let mut next = Some((asked, day(year, 9, 1)));
    while let Some((asked, from)) = next {
        let decided = shifted(rng, asked, 30, 85);
        let open = decided > today();
        let to = day(from.year() + 3, 8, 31);
        push(
            sheet,
            service,
            rng,
            &Application {
                renewal: expires.is_some(),
                asked,
                expires,
                state: if open { "istruttoria" } else { "accolta" },
                decided: (!open).then_some(decided),
                granted: (!open).then_some((from, to)),
            },
        )?;
        expires = Some(to);
        next = Some((to - Days::new(rng.random_range(90..=150)), to + Days::new(1))).filter(|(asked, _)| !open && *asked < today());
    }
    Ok(())
}

fn push(sheet: &mut Sheet, service: &Service, rng: &mut StdRng, of: &Application) -> Result<()> {
    let number = sheet.rows.len() + 1;
    sheet.push([
        ("id_domanda", format!("Q{}-{number:05}", of.asked.year()).into()),
        ("anno", of.asked.year().into()),
        ("codice_servizio", service.code.as_str().into()),
        ("codice_istat", service.codice_istat.as_str().into()),
        ("gestore", service.operator.as_str().into()),
        ("tipo", if of.renewal { "rinnovo" } else { "prima" }.into()),
        ("data_presentazione", of.asked.into()),
        ("scadenza_precedente", of.expires.into()),
        ("stato", of.state.into()),
        ("data_provvedimento", of.decided.into()),
        ("numero_atto", of.decided.map(|decided| format!("{}/{}", rng.random_range(1..900), decided.year())).into()),
        ("accreditato_dal", of.granted.map(|(from, _)| from).into()),
        ("accreditato_al", of.granted.map(|(_, to)| to).into()),
    ])
}
