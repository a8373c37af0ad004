//! `piani_zona.piani`: how far each plan has come, and when.

use chrono::{Days, NaiveDate};

use super::{Dataset, Files, cycle};
use crate::synthetic::Output;
use crate::synthetic::assa::today;
use crate::synthetic::cell::Cell;
use crate::synthetic::error::Result;
use crate::synthetic::random::{day, shifted, stream, weighted};
use crate::synthetic::social::size::District;

const STEPS: [(&str, &str); 8] = [
    ("avvio", "data_avvio"),
    ("analisi", "data_analisi"),
    ("adozione", "data_adozione"),
    ("trasmissione", "data_trasmissione"),
    ("verifica_regionale", "data_approvazione"),
    ("attuazione", "data_attuazione"),
    ("monitoraggio", "data_verifica"),
    ("rendiconto", "data_rendiconto"),
];

pub fn plan(out: &mut Output, files: &mut Files, district: &District, year: i32, seed: u64) -> Result<()> {
    let mut rng = stream(seed, &format!("plan {} {year}", district.ambito));
    let mut on = shifted(&mut rng, day(year - 1, 10, 1), 0, 40);
    let mut dates: Vec<NaiveDate> = vec![];
    // Days from each step to the next; the submission is never later than June.
    for (from, to) in [(0, 0), (30, 60), (30, 60), (5, 40), (20, 60), (5, 30), (90, 200), (120, 240)] {
        on = shifted(&mut rng, on, from, to);
        if on > today() {
            break;
        }
        dates.push(on);
    }
    let outcome = dates.get(4).map(|_| weighted(&mut rng, &[("approvato", 80), ("con_prescrizioni", 17), ("rinviato", 3)]));
    let lead = if district.ambito == "ROMA" { "Roma Capitale" } else { district.comuni.iter().max_by_key(|c| c.residenti).map_or("", |c| c.nome.as_str()) };
    let form = match district.comuni.len() {
        1 if district.ambito == "ROMA" => "roma_capitale",
        1 => "comune_singolo",
        _ => weighted(&mut stream(seed, &format!("form {}", district.ambito)), &[("convenzione", 3), ("consorzio", 1)]),
    };
    let mut cells = vec![
        ("ambito", district.ambito.into()),
        ("anno", i64::from(year).into()),
        ("ciclo", cycle(year).into()),
        ("fase", STEPS[dates.len() - 1].0.into()),
        ("esito_regionale", outcome.into()),
        ("ente_capofila", lead.into()),
        ("forma_gestione", form.into()),
    ];
    cells.extend(STEPS.iter().zip(&dates).map(|((_, column), on)| (*column, Cell::Date(*on))));
    files.of(Dataset::Plans).push(out, cells)
}

/// The day on which a plan of the year is adopted, for its acts.
pub fn adopted(year: i32, nth: u64) -> NaiveDate {
    day(year - 1, 12, 1) + Days::new(nth % 90)
}
