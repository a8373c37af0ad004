//! `sirse.servizi`: early-childhood education services of each comune, for two educational years.

use rand::Rng;
use rand::rngs::StdRng;

use super::cell::Cell;
use super::error::Result;
use super::random::{around, stream, weighted};
use super::sheet::Sheet;
use super::territory::{Comune, Territory};
use super::{Options, names};
use crate::catalog::Catalog;

/// Services of a region at scale 1.
const SERVICES: f64 = 1_500.0;
const YEARS: [i64; 2] = [2024, 2025];

struct Service {
    code: String,
    name: String,
    kind: &'static str,
    address: String,
    owner: &'static str,
    management: &'static str,
    places: i64,
    infants: i64,
    contracted: i64,
    /// Quarters of an hour a day.
    quarters: i64,
    months: i64,
    accredited: bool,
    coordinator: Option<String>,
    since: i64,
}

pub fn sheets(catalog: &Catalog, territory: &Territory, options: Options) -> Result<Vec<Sheet>> {
    let mut sheets = vec![];
    for (comune, expected) in territory.shares(SERVICES * options.scale) {
        let mut rng = stream(options.seed, &format!("childcare {}", comune.codice_istat));
        let count = around(&mut rng, expected);
        let services: Vec<Service> = (1..=count).map(|n| service(&mut rng, comune, n)).collect();
        for year in YEARS {
            let mut sheet = Sheet::new(catalog, "sirse.servizi", &comune.codice_istat, &year.to_string())?;
            for service in services.iter().filter(|s| s.since <= year) {
                push(&mut sheet, &mut rng, service, year)?;
            }
            if !sheet.rows.is_empty() {
                sheets.push(sheet);
            }
        }
    }
    Ok(sheets)
}

fn service(rng: &mut StdRng, comune: &Comune, n: usize) -> Service {
    let kind = weighted(
        rng,
        &[
            ("nido", 55),
            ("micronido", 16),
            ("sezione_primavera", 12),
            ("spazio_gioco", 7),
            ("nido_domestico", 5),
            ("centro_famiglie", 3),
            ("educazione_aperto", 1),
            ("educazione_interculturale", 1),
        ],
    );
    let public = kind != "nido_domestico" && rng.random_bool(0.42);
    let (low, high) = match kind {
        "nido" => (24, 75),
        "nido_domestico" => (3, 5),
        "sezione_primavera" | "micronido" => (8, 20),
        _ => (10, 30),
    };
    let places: i64 = rng.random_range(low..=high);
    let infants = match kind {
        // L.R. 7/2020: a fifth of the places at least.
        "nido" => (places + 4) / 5 + rng.random_range(0..5),
        "micronido" | "nido_domestico" => rng.random_range(0..=places / 3),
        _ => 0,
    };
    let management = match public {
        true => weighted(rng, &[("diretta", 6), ("appalto", 4)]),
        false => weighted(rng, &[("privata", 7), ("convenzione", 3)]),
    };
    Service {
        code: format!("E{}-{n:04}", comune.codice_istat),
        name: format!("{} {}", title(kind), names::emblem(rng)),
        kind,
        address: names::address(rng),
        owner: if public { "pubblica" } else { "privata" },
        management,
        places,
        infants,
        contracted: if management == "convenzione" { rng.random_range(1..=places) } else { 0 },
        quarters: match kind {
            "nido" => rng.random_range(28..=44),
            "spazio_gioco" | "centro_famiglie" => rng.random_range(10..=20),
            _ => rng.random_range(20..=36),
        },
        months: if kind == "nido" { rng.random_range(10..=12) } else { rng.random_range(9..=11) },
        accredited: public || rng.random_bool(0.5),
        coordinator: rng.random_bool(0.9).then(|| names::person(rng)),
        since: if rng.random_bool(0.9) { YEARS[0] } else { YEARS[1] },
    }
}

fn title(kind: &str) -> &'static str {
    match kind {
        "nido" => "Nido",
        "micronido" => "Micronido",
        "sezione_primavera" => "Sezione primavera",
        "spazio_gioco" => "Spazio gioco",
        "nido_domestico" => "Nido domestico",
        "centro_famiglie" => "Centro bambini e famiglie",
        _ => "Servizio educativo",
    }
}

fn push(sheet: &mut Sheet, rng: &mut StdRng, service: &Service, year: i64) -> Result<()> {
    sheet.push([
        ("codice_servizio", service.code.as_str().into()),
        ("codice_istat", sheet.sender.clone().into()),
        ("anno", year.into()),
        ("denominazione", service.name.as_str().into()),
        ("tipo", service.kind.into()),
        ("indirizzo", service.address.as_str().into()),
        ("titolarita", service.owner.into()),
        ("gestione", service.management.into()),
        ("posti_autorizzati", service.places.into()),
        ("posti_lattanti", service.infants.into()),
        ("posti_convenzionati", service.contracted.into()),
        ("iscritti", rng.random_range(service.places * 6 / 10..=service.places).into()),
        ("ore_giornaliere", Cell::Decimal { units: service.quarters * 25, scale: 2 }),
        ("mesi_apertura", service.months.into()),
        ("accreditato", service.accredited.into()),
        ("coordinatore_pedagogico", service.coordinator.as_deref().into()),
    ])
}
