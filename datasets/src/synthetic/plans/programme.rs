//! `piani_zona.interventi_programmati`: the items of the year with users and costs, and the measures that the essential levels ask for.

use rand::Rng;
use rand::rngs::StdRng;

use super::{Dataset, Files, Spent, cycle};
use crate::synthetic::Output;
use crate::synthetic::cell::Cell;
use crate::synthetic::error::Result;
use crate::synthetic::random::{stream, weighted};
use crate::synthetic::social::size::{District, LAST, Size};

/// Items that serve an essential level, of those that are delivered.
const LEPS: [&str; 14] = [
    "prov-assistenza_domiciliare",
    "prov-assistenza_integrata",
    "prov-educativa_domiciliare",
    "prov-affido",
    "prov-residenze_minori",
    "prov-pippi",
    "prov-patto_inclusione",
    "prov-residenza_fittizia",
    "prov-dimissioni_protette",
    "prov-dopo_di_noi",
    "prov-vita_indipendente",
    "prov-pronto_intervento",
    "prov-segretariato_pua",
    "prov-supervisione",
];
/// Items that every plan has: label, macro-activity, user group, cents for each resident.
const ALWAYS: [(&str, &str, &str, i64); 5] = [
    ("prov-segretariato_pua", "A", "famiglia_minori", 120),
    ("prov-pronto_intervento", "A", "disagio_adulti", 90),
    ("prov-supervisione", "A", "famiglia_minori", 12),
    ("prov-dimissioni_protette", "C", "anziani_non_autosufficienti", 40),
    ("prov-residenza_fittizia", "B", "poverta", 8),
];

pub fn items(out: &mut Output, files: &mut Files, district: &District, year: i32, spent: &Spent, size: Size) -> Result<()> {
    let mut rng = stream(size.seed, &format!("programme {} {year}", district.ambito));
    for ([item, activity, group], (cost, persons)) in &spent.items {
        if !ALWAYS.iter().any(|(label, _, of, _)| label == item && of == group) {
            row(out, files, &mut rng, district, year, [item, activity, group], (*cost, *persons))?;
        }
    }
    for (item, activity, group, cents) in ALWAYS {
        let structure = (f64::from(district.residents) * cents as f64 * size.persons) as i64;
        let (cost, persons) = spent.items.get(&[item, activity, group]).copied().unwrap_or_default();
        row(out, files, &mut rng, district, year, [item, activity, group], (cost + structure, persons.max(3)))?;
    }
    Ok(())
}

fn row(
    out: &mut Output,
    files: &mut Files,
    rng: &mut StdRng,
    district: &District,
    year: i32,
    [item, activity, group]: [&'static str; 3],
    (cost, persons): (i64, i64),
) -> Result<()> {
    let mut hundredths = |low: i64, high: i64, of: i64| of * rng.random_range(low..high) / 100;
    let (planned, budget) = (hundredths(92, 125, persons).max(persons / 2 + 1), hundredths(100, 118, cost));
    let reported = year < LAST;
    let hours = (item == "prov-pronto_intervento").then(|| cover(rng, year));
    let points = (item == "prov-segretariato_pua")
        .then(|| (i64::from(district.residents) / 55_000 + 1).min(150) - i64::from(year < 2020 && district.residents > 110_000));
    let agreement = (item == "prov-dimissioni_protette").then(|| rng.random_bool((0.25 + 0.07 * f64::from(year - 2016)).min(0.95)));
    let comuni = (item == "prov-residenza_fittizia").then(|| {
        let share = (0.15 + 0.07 * f64::from(year - 2016)).min(0.9);
        (district.comuni.len() as f64 * share).ceil() as i64
    });
    files.of(Dataset::Programme).push(
        out,
        [
            ("ambito", district.ambito.into()),
            ("anno", i64::from(year).into()),
            ("ciclo", cycle(year).into()),
            ("codice_voce", item.into()),
            ("macro_attivita", activity.into()),
            ("utenza", group.into()),
            ("leps", LEPS.contains(&item).into()),
            ("gestione", weighted(rng, &[("esternalizzata", 48), ("diretta", 26), ("accreditamento", 16), ("voucher", 6), ("delegata", 4)]).into()),
            ("utenti_previsti", planned.into()),
            ("utenti_serviti", reported.then_some(persons).into()),
            ("costo_previsto", Cell::cents(budget)),
            ("costo_sostenuto", reported.then(|| Cell::cents(cost)).into()),
            ("ore_copertura", hours.into()),
            ("punti_accesso", points.into()),
            ("convenzione_ospedale", agreement.into()),
            ("comuni_attivi", comuni.into()),
        ],
    )
}

/// Hours of the year in which the emergency service is active: all of them in more and more districts.
fn cover(rng: &mut StdRng, year: i32) -> i64 {
    let all = if year % 4 == 0 { 8_784 } else { 8_760 };
    let round_the_clock = (0.1 + 0.085 * f64::from(year - 2016)).min(0.92);
    if rng.random_bool(round_the_clock) { all } else { rng.random_range(2_000..7_500) }
}
