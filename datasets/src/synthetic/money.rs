//! `piani_zona.importi`: what each district programmes, commits and reports. A phase never overtakes the one before it.

use rand::Rng;
use rand::rngs::StdRng;

use super::cell::Cell;
use super::error::Result;
use super::random::{between, day, stream, weighted};
use super::sheet::Sheet;
use super::territory::Territory;
use crate::catalog::Catalog;

const YEARS: [i32; 3] = [2024, 2025, 2026];
/// Cents per resident and year of each fund, of the size that published plans have.
const FUNDS: [(&str, i64); 8] = [
    ("FNPS", 700), ("FNA", 1_500), ("POVERTA", 900), ("DOPO_DI_NOI", 120), ("REGIONALE", 1_800), ("COMUNALE", 5_500), ("PNRR", 600), ("FSC", 1_100),
];
const ACTIVITIES: [(&str, u32); 5] = [("A", 3), ("B", 3), ("C", 4), ("D", 2), ("E", 3)];
const GROUPS: [(&str, u32); 8] = [
    ("famiglia_minori", 5),
    ("anziani_autosufficienti", 2),
    ("disabili", 4),
    ("anziani_non_autosufficienti", 4),
    ("poverta", 3),
    ("disagio_adulti", 2),
    ("donne_vittime_violenza", 1),
    ("immigrati_rom_sinti", 1),
];

pub fn sheets(catalog: &Catalog, territory: &Territory, seed: u64) -> Result<Vec<Sheet>> {
    let mut sheets = vec![];
    for (ambito, comuni) in territory.districts() {
        let residents: i64 = comuni.iter().map(|c| i64::from(c.residenti)).sum();
        for year in YEARS {
            let mut rng = stream(seed, &format!("money {ambito} {year}"));
            let mut sheet = Sheet::new(catalog, "piani_zona.importi", ambito, &year.to_string())?;
            for (fund, cents) in FUNDS {
                of_fund(&mut sheet, &mut rng, year, fund, residents * cents)?;
            }
            sheets.push(sheet);
        }
    }
    Ok(sheets)
}

/// Splits a fund's budget over some activities and user groups, each of them once.
fn of_fund(sheet: &mut Sheet, rng: &mut StdRng, year: i32, fund: &'static str, budget: i64) -> Result<()> {
    let mut lines: Vec<(&str, &str)> = (0..rng.random_range(3..7)).map(|_| (weighted(rng, &ACTIVITIES), weighted(rng, &GROUPS))).collect();
    lines.sort();
    lines.dedup();
    let mut left = budget;
    for (i, (activity, group)) in lines.iter().enumerate() {
        let amount = if i + 1 == lines.len() { left } else { left * rng.random_range(20..60) / 100 };
        left -= amount;
        of_line(sheet, rng, year, [fund, activity, group], amount)?;
    }
    Ok(())
}

fn of_line(sheet: &mut Sheet, rng: &mut StdRng, year: i32, [fund, activity, group]: [&str; 3], programmed: i64) -> Result<()> {
    // How far a year has come by autumn 2026: percent of the phase before.
    let (commits, reports) = match year {
        2024 => (80..101, 75..101),
        2025 => (60..99, 30..85),
        _ => (20..75, 0..1),
    };
    let committed = programmed * rng.random_range(commits) / 100;
    let reported = committed * rng.random_range(reports) / 100;
    let leps = rng.random_bool(0.6);
    let user_share = if matches!(activity, "C" | "D" | "E") { rng.random_range(0..12) } else { 0 };
    let health_share = if group.contains("non_autosufficienti") || group == "disabili" { rng.random_range(0..25) } else { 0 };
    for (phase, amount) in [("programmato", programmed), ("impegnato", committed), ("rendicontato", reported)] {
        if amount == 0 {
            continue;
        }
        let (first, last) = match (phase, year) {
            ("programmato", _) => (day(year, 1, 10), day(year, 3, 31)),
            ("impegnato", 2026) => (day(2026, 4, 1), day(2026, 10, 30)),
            ("impegnato", _) => (day(year, 4, 1), day(year, 12, 30)),
            _ => (day(year + 1, 2, 1), day(year + 1, 6, 30)),
        };
        let act = match phase {
            "programmato" => "Deliberazione del Comitato istituzionale".to_owned(),
            _ => format!("Determinazione {}", rng.random_range(1..900)),
        };
        sheet.push([
            ("ambito", sheet.sender.clone().into()),
            ("anno", i64::from(year).into()),
            ("ciclo", "2024-2026".into()),
            ("fondo", fund.into()),
            ("macro_attivita", activity.into()),
            ("utenza", group.into()),
            ("fase", phase.into()),
            ("importo", Cell::cents(amount)),
            ("quota_utenti", Cell::cents(amount * user_share / 100)),
            ("quota_ssn", Cell::cents(amount * health_share / 100)),
            ("leps", leps.into()),
            ("atto", act.into()),
            ("data_atto", between(rng, first, last).into()),
        ])?;
    }
    Ok(())
}
