//! `piani_zona.importi`: what each district programmes, commits and reports. A phase never overtakes the one before it, and what is
//! reported of a closed year is what its deliveries cost.

use rand::Rng;
use rand::rngs::StdRng;

use super::{Dataset, Files, Spent, cycle};
use crate::synthetic::Output;
use crate::synthetic::cell::Cell;
use crate::synthetic::error::Result;
use crate::synthetic::random::{between, day, stream};
use crate::synthetic::social::size::{District, LAST, Size};

/// Lines of districts whose deliveries are not told, with cents for each resident and year, of the size that published plans have.
const UNTOLD: [([&str; 3], i64); 4] = [
    (["COMUNALE", "C", "anziani_autosufficienti"], 1_800),
    (["FNA", "C", "anziani_non_autosufficienti"], 1_500),
    (["POVERTA", "B", "poverta"], 900),
    (["FNPS", "A", "famiglia_minori"], 700),
];
/// Percent of what is delivered that access, assessment and planning cost beside.
const ACCESS_PERCENT: i64 = 12;

pub fn amounts(out: &mut Output, files: &mut Files, district: &District, year: i32, spent: &Spent, size: Size) -> Result<()> {
    let mut rng = stream(size.seed, &format!("money {} {year}", district.ambito));
    if !district.all {
        for (line, cents) in UNTOLD.into_iter().filter(|(line, _)| line[0] != "POVERTA" || year >= 2018) {
            let cost = (f64::from(district.residents) * cents as f64 * size.persons * f64::from(rng.random_range(70..130)) / 100.0) as i64;
            of_line(out, files, &mut rng, district, year, line, [cost, 0, 0, 0])?;
        }
        return Ok(());
    }
    for (line, cost) in &spent.money {
        of_line(out, files, &mut rng, district, year, *line, *cost)?;
    }
    let all: i64 = spent.money.values().flatten().sum();
    of_line(out, files, &mut rng, district, year, ["COMUNALE", "A", "famiglia_minori"], [all * ACCESS_PERCENT / 100, 0, 0, 0])
}

/// Cents programmed, committed and reported, of something that cost `cost` until now.
pub fn phases(rng: &mut StdRng, year: i32, cost: i64) -> [i64; 3] {
    let percent = |of: i64, by: i64| of * by / 100;
    match year {
        LAST => {
            let committed = percent(cost, rng.random_range(100..125));
            [percent(committed, rng.random_range(115..170)), committed, 0]
        }
        // Not everything of last year is reported yet.
        year if year == LAST - 1 => {
            let committed = percent(cost, rng.random_range(100..112));
            let reported = if rng.random_bool(0.75) { cost } else { 0 };
            [percent(committed, rng.random_range(102..130)), committed, reported]
        }
        _ => {
            let committed = percent(cost, rng.random_range(100..108));
            [percent(committed, rng.random_range(100..115)), committed, cost]
        }
    }
}

fn of_line(out: &mut Output, files: &mut Files, rng: &mut StdRng, district: &District, year: i32, line: [&'static str; 3], shares: [i64; 4]) -> Result<()> {
    let [fund, activity, group] = line;
    let cost: i64 = shares.iter().sum();
    let leps = rng.random_bool(0.6);
    for (phase, amount) in ["programmato", "impegnato", "rendicontato"].into_iter().zip(phases(rng, year, cost)) {
        if amount == 0 {
            continue;
        }
        let (first, last) = match (phase, year) {
            ("programmato", _) => (day(year, 1, 10), day(year, 3, 31)),
            ("impegnato", LAST) => (day(LAST, 4, 1), day(LAST, 10, 30)),
            ("impegnato", _) => (day(year, 4, 1), day(year, 12, 30)),
            _ => (day(year + 1, 2, 1), day(year + 1, 6, 30)),
        };
        let act = match phase {
            "programmato" => "Deliberazione del Comitato istituzionale".to_owned(),
            _ => format!("Determinazione {}", rng.random_range(1..900)),
        };
        let part = |share: i64| Cell::cents((i128::from(amount) * i128::from(share) / i128::from(cost.max(1))) as i64);
        files.of(Dataset::Money).push(
            out,
            [
                ("ambito", district.ambito.into()),
                ("anno", i64::from(year).into()),
                ("ciclo", cycle(year).into()),
                ("fondo", fund.into()),
                ("macro_attivita", activity.into()),
                ("utenza", group.into()),
                ("fase", phase.into()),
                ("importo", Cell::cents(amount)),
                ("quota_utenti", part(shares[1])),
                ("quota_ssn", part(shares[2])),
                ("leps", leps.into()),
                ("atto", act.into()),
                ("data_atto", between(rng, first, last).into()),
            ],
        )?;
    }
    Ok(())
}
