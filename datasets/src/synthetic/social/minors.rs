//! `sigess.minori`: a picture of each minor in charge when the case opens and on each birthday of it.

use chrono::{Datelike, Months, NaiveDate};

use super::story::Case;
use super::{Dataset, Social, Told};
use crate::synthetic::Output;
use crate::synthetic::cell::Cell;
use crate::synthetic::error::Result;

pub fn rows(out: &mut Output, files: &mut Social, told: &Told, year: i32) -> Result<()> {
    for (k, case) in told.story.cases.iter().enumerate() {
        let on = if year < case.opened.year() { continue } else { case.opened + Months::new(12 * (year - case.opened.year()) as u32) };
        if on <= case.end() && on.year() == year && told.person.age(on) < 18 {
            sheet(out, files, told, k, case, on)?;
        }
    }
    Ok(())
}

fn sheet(out: &mut Output, files: &mut Social, told: &Told, k: usize, case: &Case, on: NaiveDate) -> Result<()> {
    let age = told.person.age(on);
    let chance = told.chance("minor", k);
    let of = |shift: u32, n: u64| (chance >> shift) % n;
    let one_of = |shift: u32, codes: &[&'static str]| codes[of(shift, codes.len() as u64) as usize];
    let lives =
        |label: &str| case.interventions.iter().any(|i| i.item.label == label && i.from.is_some_and(|from| from <= on) && i.to.is_none_or(|to| on <= to));
    let (foster, home) = (lives("prov-affido"), lives("prov-residenze_minori"));
    let place = if foster {
        "3"
    } else if home {
        "4"
    } else {
        one_of(2, &["1", "1", "1", "1", "1", "1", "1", "1", "2", "7"])
    };
    let disabled = told.person.utenza == "disabili" || of(6, 12) == 0;
    let court = foster || home || of(9, 6) == 0;
    let alone = told.person.citizenship == "extra_ue" && age >= 14 && of(12, 4) == 0;
    let judicial = if of(15, 3) == 0 { "1" } else { "2" };
    let ended = case.closed.is_some_and(|(closed, _)| closed < on + Months::new(12)) && of(18, 2) == 0;
    let first = case.opened.with_day(1).unwrap_or(case.opened);
    let when = |there: bool, code: &'static str| if there { Cell::from(code) } else { Cell::Empty };
    files.of(Dataset::Minors).push(
        out,
        [
            ("id_scheda_minore", told.id('M', on.year(), k).into()),
            ("id_caso", told.case_id(k).into()),
            ("id_persona", told.person.code.as_str().into()),
            ("codice_istat", told.person.codice_istat.as_str().into()),
            ("data_scheda", on.into()),
            ("fascia_eta", ["1", "2", "3", "4", "5", "6"][(age / 3).clamp(0, 5) as usize].into()),
            ("straniero_non_accompagnato", alone.into()),
            ("condizione", one_of(20, &["1", "1", "1", "1", "1", "1", "1", "3", "4", "5"]).into()),
            ("luogo_vita", place.into()),
            ("scuola", school(age).into()),
            ("lavoro", "1".into()),
            ("tipo_disabilita", when(disabled, one_of(24, &["1", "2", "2", "3", "4"]))),
            ("certificazione", when(disabled && of(27, 4) > 0, one_of(29, &["4", "5", "5", "2"]))),
            ("titolo_studio_padre", one_of(31, &["2", "3", "3", "4", "5", "6"]).into()),
            ("titolo_studio_madre", one_of(34, &["2", "3", "4", "5", "5", "6"]).into()),
            ("occupazione_padre", one_of(37, &["1", "1", "1", "2", "2", "8"]).into()),
            ("occupazione_madre", one_of(40, &["1", "1", "2", "4", "4", "3"]).into()),
            ("prima_segnalazione", first.into()),
            ("fonte_segnalazione", one_of(42, &["13", "13", "13", "8", "8", "3", "5", "2", "11", "10", "14"]).into()),
            ("valutazione_minore", one_of(45, &["2", "2", "2", "9", "13", "1", "5", "7", "3"]).into()),
            ("valutazione_famiglia", one_of(47, &["2", "2", "12", "12", "6", "13", "3", "4", "1"]).into()),
            ("segnalazione_autorita", (court || of(49, 5) == 0).into()),
            ("provvedimento", court.into()),
            ("autorita", when(court, one_of(50, &["2", "2", "2", "1", "4"]))),
            ("potesta", when(court, one_of(51, &["1", "2", "3", "3", "4"]))),
            ("tipo_provvedimento", when(court, if foster { "4" } else { one_of(52, &["5", "5", "7", "6"]) })),
            ("affido_forma", when(foster, judicial)),
            ("affido_tipo", when(foster, one_of(53, &["1", "2"]))),
            ("affido_durata", when(foster, one_of(54, &["1", "1", "2"]))),
            ("affido_carattere", when(foster, "1")),
            ("inserimento_carattere", when(home, one_of(55, &["1", "3", "5", "7", "8"]))),
            ("inserimento_forma", when(home, judicial)),
            ("inserimento_tipo", when(home, one_of(56, &["2", "2", "2", "1"]))),
            ("motivo_chiusura", when(ended, one_of(57, &["4", "4", "5", "1", "9"]))),
            ("situazione_chiusura", when(ended, one_of(58, &["1", "1", "1", "3", "8"]))),
            ("collaborazione", one_of(59, &["7", "7", "2", "3", "8"]).into()),
            ("composizione_famiglia", one_of(33, &["1,2,3", "1,2", "1,3", "1", "1,3,5", "1,3,4"]).into()),
            ("composizione_famiglia", when(of(62, 4) > 0 || of(3, 3) > 0, one_of(4, &["1,2", "1,2,3", "1,2,3", "1,3", "1", "1,3,4", "1,5", "2,3", "1,2,3,4"]))),
            ("componenti_isee", (of(60, 4) as i64 + 2).into()),
            ("fascia_isee", one_of(61, &["2", "3", "4", "5", "7"]).into()),
        ],
    )
}

fn school(age: i32) -> &'static str {
    match age {
        0..=2 => "3",
        3..=5 => "4",
        6..=10 => "5",
        11..=13 => "6",
        _ => "7",
    }
}
