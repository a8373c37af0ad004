//! Faults of SIGeSS: persons, cases and what is done for them.

use chrono::{Datelike, Days, Duration, Months, NaiveDate};

use super::draft::Draft;
use super::known::Known;
use super::rules::unwritten;
use crate::fiscal_code;
use crate::synthetic::cell::Cell;
use crate::synthetic::error::Result;
use crate::synthetic::random::day;
use crate::synthetic::sheet::{Row, Sheet};

mod care;
mod cases;

/// Whether a fault of the rule can be made of a row.
pub fn usable(sheet: &Sheet, row: &Row, rule: &str, known: &Known) -> bool {
    let cell = |name: &str| sheet.cell(row, name).filter(|cell| !cell.is_empty());
    let date = |name: &str| if let Some(Cell::Date(date)) = cell(name) { Some(*date) } else { None };
    match rule {
        "persona_del_caso" | "riga_dell_intervento" => {
            let others = sheet.rows.iter().filter(|other| other.fault.is_none());
            others.filter_map(|other| sheet.cell(other, "id_persona")).any(|other| Some(other) != cell("id_persona"))
        }
        "un_caso_alla_volta" => date("data_chiusura").is_none() || date("data_chiusura") > date("data_apertura").map(|d| d + Days::new(1)),
        "apertura_dopo_accesso" => cell("id_scheda").is_some(),
        "struttura_se_residenziale" => cell("codice_struttura").is_some(),
        "struttura_aperta" => known.newest_facility().is_some_and(|(_, opened)| date("data_richiesta").is_some_and(|asked| asked < opened)),
        "periodi_senza_sovrapposizione" => cell("frequenza") == Some(&"P".into()),
        "reperimento_alloggi_solo_in_carico" => cell("codice_prestazione") == Some(&"A2.16".into()),
        _ => true,
    }
}

pub fn fresh(draft: &mut Draft) -> Result<()> {
    let n = draft.n;
    let column = match draft.sheet.dataset.name.as_str() {
        "persone" => return stranger(draft),
        "erogazioni" => {
            let id = format!("{}/9{:04}", draft.text("id_intervento")?, n % 10_000);
            return draft.set("id_erogazione", id);
        }
        "accessi" => "id_scheda",
        "casi" => "id_caso",
        "valutazioni" => "id_valutazione",
        "piani_individuali" => "id_piano",
        "interventi" => "id_intervento",
        "emergenze" => "id_emergenza",
        "isee" => "id_attestazione",
        _ => "id_scheda_minore",
    };
    let (head, _) = draft.text(column)?.rsplit_once('-').unwrap_or_default();
    let id = format!("{head}-{}", 90_000_000 + n);
    draft.set(column, id)
}

/// Somebody of the same name and age, born on another day in a country that is not there.
fn stranger(draft: &mut Draft) -> Result<()> {
    let born = day(draft.date("data_nascita")?.year(), 1, 1) + Days::new(draft.n as u64 / 900 % 365);
    let place = format!("Z{:03}", 100 + draft.n % 900);
    let female = *draft.get("sesso")? == "F".into();
    let code = fiscal_code::of(draft.text("cognome")?, draft.text("nome")?, born, female, &place).unwrap_or_default();
    draft.all([("id_persona", code.into()), ("data_nascita", born.into()), ("luogo_nascita", place.into()), ("anno_decesso", Cell::Empty)])
}

pub fn settle(draft: &mut Draft) -> Result<()> {
    match draft.sheet.dataset.name.as_str() {
        "persone" => Ok(()),
        "accessi" => draft.all([("utenza", "poverta".into()), ("fascia_eta", "30-64".into()), ("esito", Cell::Empty), ("data_esito", Cell::Empty)]),
        "emergenze" => draft.all([("contatto_il", Cell::Empty), ("esito", Cell::Empty), ("fuori_orario", true.into()), ("in_copertura", true.into())]),
        "isee" => {
            let (year, n) = (draft.number("anno")?, draft.n);
            draft.all([
                ("tipo", "1".into()),
                ("protocollo_dsu", format!("INPS-ISEE-{year}-9{:07}Z-00", n % 10_000_000).into()),
                ("data_dsu", day(year as i32, 3, 1).into()),
                ("valida_al", day(year as i32, 12, 31).into()),
            ])
        }
        "interventi" | "erogazioni" => care::settle(draft),
        _ => cases::settle(draft),
    }
}

/// What must follow a spoilt cell so that no rule between columns breaks as well.
pub fn keep_rules(draft: &mut Draft, rule: &str) -> Result<()> {
    let dataset = draft.sheet.dataset.name.clone();
    match (dataset.as_str(), rule) {
        ("persone", "anno_nascita.min") => born(draft, day(1899, 1, 1)),
        ("persone", "anno_nascita.max") => born(draft, day(2101, 1, 1)),
        // Whatever is not F is told as a man.
        ("persone", "sesso.code_list") => {
            let same = draft.date("data_nascita")?;
            born(draft, same)
        }
        ("accessi", "esito.code_list") => {
            let day = draft.date("data_accesso")? + Days::new(3);
            draft.set("data_esito", day)
        }
        ("emergenze", "esito.code_list") => {
            let at = draft.moment("segnalata_il")?;
            draft.set("contatto_il", at)
        }
        ("isee", "anno.min") => isee_of(draft, 2014),
        ("isee", "anno.max") => isee_of(draft, 2101),
        ("interventi" | "erogazioni", _) => care::keep_rules(draft, rule),
        _ => cases::keep_rules(draft, rule),
    }
}

/// Born on that day, which the fiscal code says too.
fn born(draft: &mut Draft, on: NaiveDate) -> Result<()> {
    let female = *draft.get("sesso")? == "F".into();
    let code = fiscal_code::of(draft.text("cognome")?, draft.text("nome")?, on, female, draft.text("luogo_nascita")?).unwrap_or_default();
    draft.all([("id_persona", code.into()), ("data_nascita", on.into())])
}

fn isee_of(draft: &mut Draft, year: i32) -> Result<()> {
    let n = draft.n;
    draft.all([
        ("protocollo_dsu", format!("INPS-ISEE-{year}-9{:07}Z-00", n % 10_000_000).into()),
        ("data_dsu", day(year, 3, 1).into()),
        ("valida_al", day(year, 12, 31).into()),
    ])
}

pub fn break_rule(draft: &mut Draft, rule: &str) -> Result<()> {
    match draft.sheet.dataset.name.as_str() {
        "persone" => person(draft, rule),
        "accessi" => access(draft, rule),
        "emergenze" => emergency(draft, rule),
        "isee" => certificate(draft, rule),
        "interventi" | "erogazioni" => care::break_rule(draft, rule),
        _ => cases::break_rule(draft, rule),
    }
}

fn person(draft: &mut Draft, rule: &str) -> Result<()> {
    let born = draft.date("data_nascita")?;
    match rule {
        "anno_come_la_nascita" => {
            let other = born + Months::new(12);
            draft.set("data_nascita", other)
        }
        "nascita_come_nel_codice_fiscale" => {
            let other = born + Months::new(12);
            draft.all([("data_nascita", other.into()), ("anno_nascita", i64::from(other.year()).into())])
        }
        "sesso_come_nel_codice_fiscale" => {
            let other = if *draft.get("sesso")? == "F".into() { "M" } else { "F" };
            draft.set("sesso", other)
        }
        "luogo_come_nel_codice_fiscale" => draft.set("luogo_nascita", "H501"),
        "decesso_dopo_nascita" => draft.set("anno_decesso", i64::from(born.year() - 1).max(1900)),
        _ => Err(unwritten(draft, rule)),
    }
}

fn access(draft: &mut Draft, rule: &str) -> Result<()> {
    match rule {
        "esito_dopo_accesso" => outcome(draft, -2),
        "esito_entro_trenta_giorni" => outcome(draft, 45),
        "esito_con_data" => draft.set("esito", "informazione"),
        "anziani_per_eta" => draft.all([("utenza", "anziani_autosufficienti".into()), ("fascia_eta", "14-17".into())]),
        _ => Err(unwritten(draft, rule)),
    }
}

fn outcome(draft: &mut Draft, days: i64) -> Result<()> {
    let day = draft.date("data_accesso")? + Duration::days(days);
    draft.all([("esito", "informazione".into()), ("data_esito", day.into())])
}

fn emergency(draft: &mut Draft, rule: &str) -> Result<()> {
    let at = draft.moment("segnalata_il")?;
    match rule {
        "contatto_dopo_segnalazione" => draft.set("contatto_il", at - Duration::minutes(10)),
        "esito_con_contatto" => draft.set("esito", "sostegno"),
        "contatto_entro_un_giorno" => draft.set("contatto_il", at + Duration::hours(30)),
        "giorno_in_copertura" => draft.all([("fuori_orario", false.into()), ("in_copertura", false.into())]),
        _ => Err(unwritten(draft, rule)),
    }
}

fn certificate(draft: &mut Draft, rule: &str) -> Result<()> {
    let declared = draft.date("data_dsu")?;
    match rule {
        "scadenza_dopo_dsu" => draft.set("valida_al", declared - Days::new(1)),
        "dsu_nell_anno" => draft.set("data_dsu", declared - Months::new(12)),
        "protocollo_dell_anno" => draft.set("protocollo_dsu", format!("INPS-ISEE-{}-90000000Z-00", declared.year() - 1)),
        "corrente_sei_mesi" => draft.all([("tipo", "6".into()), ("valida_al", (declared + Months::new(8)).into())]),
        "un_protocollo_una_persona" => {
            let (same, year) = (draft.was("protocollo_dsu")?, draft.was("anno")?);
            draft.all([("protocollo_dsu", same), ("anno", year)])
        }
        _ => Err(unwritten(draft, rule)),
    }
}
