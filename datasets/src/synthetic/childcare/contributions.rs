//! `sirse.domande_contributo`: what comuni, operators and families ask of the region's programme, one file per educational year.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use rand::Rng;
use rand::rngs::StdRng;

use super::Service;
use crate::catalog::Catalog;
use crate::fiscal_code;
use crate::synthetic::Options;
use crate::synthetic::assa::today;
use crate::synthetic::cell::Cell;
use crate::synthetic::error::Result;
use crate::synthetic::names;
use crate::synthetic::random::{around, between, day, shifted, stream, weighted};
use crate::synthetic::sheet::Sheet;
use crate::synthetic::social::people::{self, Person};
use crate::synthetic::social::size::{self, Size};
use crate::synthetic::territory::Territory;

/// Lines of the programme of DGR 520/2023; one line stands for all before it.
const LINES: [&str; 3] = ["gestione_ordinaria", "manutenzione_ordinaria", "avvio_nidi"];
/// Families that ask for each hundred children enrolled, in 2016 and each year more.
const FAMILIES: (f64, f64) = (8.0, 0.8);
/// Persons of a district and year among whom known parents are looked for.
const MOST: usize = 120;

pub fn sheets(catalog: &Catalog, territory: &Territory, services: &[Service], options: Options) -> Result<Vec<Sheet>> {
    let parents = Parents::of(territory, options);
    let mut sheets = vec![];
    for year in 2016..=2026 {
        let mut sheet = Sheet::new(catalog, "sirse.domande_contributo", "lazio", &year.to_string())?;
        let mut rng = stream(options.seed, &format!("contributions {year}"));
        of_comuni(&mut sheet, &mut rng, services, year)?;
        for service in services.iter().filter(|s| s.since <= year) {
            if !service.public && service.accredited_in(year) && rng.random_bool(0.7) {
                let asked = service.places_in(year) * rng.random_range(60_000..90_000);
                push(&mut sheet, &mut rng, year, &Applicant::operator(service), asked)?;
            }
            of_families(&mut sheet, &mut rng, service, year, &parents)?;
        }
        sheets.push(sheet);
    }
    Ok(sheets)
}

struct Applicant<'a> {
    kind: &'static str,
    line: &'static str,
    codice_istat: &'a str,
    service: Option<&'a str>,
    person: Option<String>,
}

impl<'a> Applicant<'a> {
    fn operator(service: &'a Service) -> Self {
        Self { kind: "gestore", line: "sostegno_gestori", codice_istat: &service.codice_istat, service: Some(&service.code), person: None }
    }
}

/// A comune asks once per line, for all its public services; for new ones in the year before they open.
fn of_comuni(sheet: &mut Sheet, rng: &mut StdRng, services: &[Service], year: i64) -> Result<()> {
    let mut public: BTreeMap<&str, [i64; 2]> = BTreeMap::new();
    for service in services.iter().filter(|s| s.public && s.since <= year + 1) {
        let new = usize::from(service.since > year);
        public.entry(&service.codice_istat).or_default()[new] += service.places_in(year.max(service.since));
    }
    for (codice_istat, [places, new]) in public {
        let lines: &[&'static str] = if year < 2023 { &["programma_precedente"] } else { &LINES };
        for line in lines {
            let asked = match *line {
                "avvio_nidi" => new * rng.random_range(300_000..500_000),
                "manutenzione_ordinaria" => places * rng.random_range(0..40_000),
                _ => places * rng.random_range(120_000..180_000),
            };
            if asked > 0 {
                push(sheet, rng, year, &Applicant { kind: "comune", line, codice_istat, service: None, person: None }, asked)?;
            }
        }
    }
    Ok(())
}

fn of_families(sheet: &mut Sheet, rng: &mut StdRng, service: &Service, year: i64, parents: &Parents) -> Result<()> {
    let enrolled = service.enrolled(year, service.places_in(year)) as f64;
    let share = (FAMILIES.0 + FAMILIES.1 * (year - 2016) as f64) / 100.0;
    for _ in 0..around(rng, enrolled * share) {
        let person = parents.one(rng, &service.codice_istat, year);
        let applicant = Applicant { kind: "utente", line: "rette_utenti", codice_istat: &service.codice_istat, service: Some(&service.code), person };
        let asked = rng.random_range(40_000..300_000);
        push(sheet, rng, year, &applicant, asked)?;
    }
    Ok(())
}

/// Who asks for a small child: often a person whom the district's services know.
struct Parents<'a> {
    /// The district of each comune.
    district: BTreeMap<&'a str, &'a str>,
    /// By district: fiscal code, day of birth, year in which the services met the person.
    known: BTreeMap<&'a str, Vec<(String, NaiveDate, i64)>>,
    birthplaces: Vec<&'a str>,
}

impl<'a> Parents<'a> {
    fn of(territory: &'a Territory, options: Options) -> Self {
        let size = Size::of(options);
        let mut known: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for district in size::districts(territory, &size) {
            for year in size::FIRST..=size::LAST {
                let met = (size.entering(f64::from(district.residents), year) as usize).min(MOST);
                let persons = (0..met).map(|n| people::person(options.seed, territory, &district, year, n, 0).0);
                let adult = |p: &Person| (15..=44).contains(&p.age(day(year, 1, 1)));
                known.entry(district.ambito).or_default().extend(persons.filter(adult).map(|p| (p.code, p.born, i64::from(year))));
            }
        }
        Self {
            district: territory.comuni.iter().map(|c| (c.codice_istat.as_str(), c.ambito.as_str())).collect(),
            known,
            birthplaces: territory.comuni.iter().map(|c| c.belfiore.as_str()).collect(),
        }
    }

    /// The fiscal code of a parent between twenty-two and forty-four.
    fn one(&self, rng: &mut StdRng, codice_istat: &str, year: i64) -> Option<String> {
        let (oldest, youngest) = (day(year as i32 - 44, 1, 1), day(year as i32 - 22, 12, 28));
        let district = self.district.get(codice_istat).and_then(|district| self.known.get(district));
        let fits = |(_, born, met): &&(String, NaiveDate, i64)| *met <= year && (oldest..=youngest).contains(born);
        let fitting: Vec<&(String, NaiveDate, i64)> = district.into_iter().flatten().filter(fits).collect();
        if !fitting.is_empty() && rng.random_bool(0.4) {
            return Some(fitting[rng.random_range(0..fitting.len())].0.clone());
        }
        let female = rng.random_bool(0.7);
        let (first, last) = names::pair(rng, female);
        fiscal_code::of(last, first, between(rng, oldest, youngest), female, self.birthplaces[rng.random_range(0..self.birthplaces.len())])
    }
}

/// How far applications of an educational year have come by autumn 2026.
fn state(rng: &mut StdRng, year: i64) -> &'static str {
    match year {
        2026 => weighted(rng, &[("inviata", 2), ("protocollata", 3), ("istruttoria", 4), ("integrazione_richiesta", 1)]),
        2025 => weighted(rng, &[("istruttoria", 1), ("ammessa", 3), ("finanziata", 4), ("rendicontata", 3), ("liquidata", 4), ("respinta", 1)]),
        _ => weighted(rng, &[("liquidata", 87), ("respinta", 9), ("decaduta", 4)]),
    }
}

fn push(sheet: &mut Sheet, rng: &mut StdRng, year: i64, of: &Applicant, asked: i64) -> Result<()> {
    let last = (if of.kind == "comune" { day(year as i32, 8, 31) } else { day(year as i32, 12, 15) }).min(today() - Days::new(10));
    let first: NaiveDate = if of.kind == "comune" { day(year as i32, 6, 1) } else { day(year as i32, 9, 1) };
    let sent = between(rng, first, last);
    let state = state(rng, year);
    let since = shifted(rng, sent, 5, 300).min(today());
    // Whole euros, as programmes are.
    let asked = asked / 100 * 100;
    let admitted = asked * rng.random_range(60..=100) / 10_000 * 100;
    let accepted = matches!(state, "ammessa" | "finanziata" | "rendicontata" | "liquidata");
    let number = sheet.rows.len() + 1;
    sheet.push([
        ("id_domanda", format!("D{year}-{number:06}").into()),
        ("anno", year.into()),
        ("richiedente", of.kind.into()),
        ("codice_istat", of.codice_istat.into()),
        ("codice_servizio", of.service.into()),
        ("linea", of.line.into()),
        ("id_persona", of.person.clone().into()),
        ("data_presentazione", sent.into()),
        ("stato", state.into()),
        ("data_stato", since.into()),
        ("importo_richiesto", Cell::cents(asked)),
        ("importo_ammesso", accepted.then(|| Cell::cents(admitted)).into()),
        ("importo_liquidato", (state == "liquidata").then(|| Cell::cents(admitted)).into()),
    ])
}
