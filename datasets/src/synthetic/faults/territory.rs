//! Faults in the region's own datasets: territory, population, classifications.

use chrono::Days;

use super::draft::Draft;
use crate::synthetic::cell::Cell;
use crate::synthetic::error::{Error, Result};
use crate::synthetic::random::day;

pub fn fresh(draft: &mut Draft) -> Result<()> {
    let n = draft.n;
    let past = day(1950, 1, 1) + Days::new(n as u64);
    match draft.sheet.dataset.name.as_str() {
        "comuni" => {
            let province: String = draft.text("codice_istat")?.chars().take(3).collect();
            draft.set("codice_istat", format!("{province}{}", 900 + n % 100))
        }
        // Two-figure districts of Rome's province that are not there.
        "ambiti" => draft.set("ambito", format!("RM {}.{}", 7 + n / 9 % 3, 1 + n % 9)),
        // Years before the two that are delivered.
        "popolazione" => draft.set("anno", 2021 - n as i64 % 15),
        "nomenclatore" => draft.all([("schema", "SISO".into()), ("codice", format!("x{n}").into())]),
        "nomenclatore_ponti" => draft.set("valido_dal", past),
        _ => Err(Error::contract(&draft.sheet.dataset, "no fresh key is written for it")),
    }
}

/// A row to which no conditional rule applies.
pub fn settle(draft: &mut Draft) -> Result<()> {
    match draft.sheet.dataset.name.as_str() {
        "ambiti" => draft.all([("provincia", "RM".into()), ("forma_gestione", "consorzio".into()), ("comuni", 3.into())]),
        "nomenclatore" => draft.all([
            ("livello", 1.into()),
            ("padre", Cell::Empty),
            ("provvisorio", false.into()),
            ("leps", Cell::Empty),
            ("valido_dal", day(2020, 1, 1).into()),
            ("valido_al", Cell::Empty),
        ]),
        "nomenclatore_ponti" => draft.all([("peso", Cell::Decimal { units: 100_000, scale: 5 }), ("valido_al", Cell::Empty)]),
        _ => Ok(()),
    }
}

/// What must follow a spoilt cell so that no rule between columns breaks as well.
pub fn keep_rules(draft: &mut Draft, rule: &str) -> Result<()> {
    let rule = format!("{}.{rule}", draft.sheet.dataset.name);
    match rule.as_str() {
        "popolazione.eta.min" => draft.set("fascia_eta", "00-02"),
        "popolazione.eta.max" => draft.set("fascia_eta", "85+"),
        "popolazione.femmine.min" | "popolazione.maschi.min" => {
            let sum = draft.number("femmine")? + draft.number("maschi")?;
            draft.set("totale", sum)
        }
        "nomenclatore.livello.min" | "nomenclatore.livello.max" => draft.set("padre", "1"),
        "nomenclatore.padre.max_length" => draft.set("livello", 2),
        _ => Ok(()),
    }
}

pub fn break_rule(draft: &mut Draft, rule: &str) -> Result<()> {
    match rule {
        "sigla_coerente_col_codice" => {
            let (province, district) = if draft.text("sigla_provincia")? == "VT" { ("LT", "LT 2") } else { ("VT", "VT 1") };
            draft.all([("sigla_provincia", province.into()), ("ambito", district.into())])
        }
        "distretto_in_provincia" => {
            let district = if draft.text("sigla_provincia")? == "VT" { "LT 2" } else { "VT 1" };
            draft.set("ambito", district)
        }
        "provincia_coerente_col_codice" => draft.set("provincia", "FR"),
        "roma_da_sola" => draft.all([("forma_gestione", "roma_capitale".into()), ("comuni", 5.into())]),
        "totale_uguale_somma" => {
            let wrong = draft.number("totale")? + 1;
            draft.set("totale", wrong)
        }
        "fascia_coerente_con_eta" => {
            let band = if draft.number("eta")? < 3 { "85+" } else { "00-02" };
            draft.set("fascia_eta", band)
        }
        "validita_ordinata" => {
            let before = draft.date("valido_dal")? - Days::new(3);
            draft.set("valido_al", before)
        }
        "padre_sotto_la_cima" => draft.set("livello", 2),
        "regionale_solo_provvisorio" => draft.all([("schema", "LAZIO-584-2020".into()), ("provvisorio", true.into())]),
        "padre_esistente" => draft.all([("livello", 2.into()), ("padre", "inesistente".into())]),
        // An entry that is valid without end, once more from a later day.
        "validita_senza_sovrapposizioni" => draft.all([("schema", "FNPS".into()), ("codice", "1".into()), ("valido_dal", day(2024, 1, 1).into())]),
        "schemi_diversi" => draft.all([("da_schema", "SISO".into()), ("da_codice", "1".into()), ("a_schema", "SISO".into()), ("a_codice", "1".into())]),
        // An entry of another scheme than the one named.
        "voci_esistenti" => draft.all([("a_schema", "SISO".into()), ("a_codice", "A2.07".into())]),
        "pesi_sommano_a_uno" => draft.set("peso", Cell::Decimal { units: 50_000, scale: 5 }),
        _ => Err(Error::contract(&draft.sheet.dataset, format!("no fault is written for rule {rule}"))),
    }
}
