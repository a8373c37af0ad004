//! Faults of interventions and of their deliveries.

use chrono::{Datelike, Days, Duration, NaiveTime};

use super::super::draft::Draft;
use super::super::rules::unwritten;
use crate::synthetic::cell::Cell;
use crate::synthetic::error::{Error, Result};
use crate::synthetic::random::day;

pub fn settle(draft: &mut Draft) -> Result<()> {
    if draft.sheet.dataset.name == "interventi" {
        let empty = [
            "id_piano",
            "codice_prestazione",
            "fondo",
            "esito",
            "data_esito",
            "motivo_rifiuto",
            "data_inizio",
            "data_fine",
            "codice_struttura",
            "dimissione",
            "attivazione",
            "ciclo_pippi",
        ];
        empty.iter().try_for_each(|column| draft.set(column, Cell::Empty))?;
        return draft.all([("codice_voce", "prov-trasporto_sociale".into()), ("macro_attivita", "B".into())]);
    }
    let on = draft.date("data_inizio")?;
    draft.all([
        ("data_fine", on.into()),
        ("frequenza", "U".into()),
        ("unita", "importo".into()),
        ("ore", Cell::Empty),
        // Nothing is spent on the copy, so that a warning, which is loaded, moves no sum.
        ("quantita", Cell::cents(0)),
        ("importo", Cell::cents(0)),
        ("quota_ente", Cell::cents(0)),
        ("quota_utente", Cell::cents(0)),
        ("quota_ssn", Cell::cents(0)),
        ("quota_altre", Cell::cents(0)),
        ("in_carico", "si".into()),
    ])
}

pub fn keep_rules(draft: &mut Draft, rule: &str) -> Result<()> {
    if draft.sheet.dataset.name == "erogazioni" {
        return keep_delivery(draft, rule);
    }
    let soon = |draft: &Draft| Ok::<Cell, Error>((draft.date("data_richiesta")? + Days::new(5)).into());
    match rule {
        "esito.code_list" => {
            let soon = soon(draft)?;
            draft.set("data_esito", soon)
        }
        "motivo_rifiuto.code_list" => {
            let soon = soon(draft)?;
            draft.all([("esito", "rifiutato".into()), ("data_esito", soon)])
        }
        "ciclo_pippi.min" | "ciclo_pippi.max" => draft.set("codice_voce", "prov-pippi"),
        "codice_struttura.references" => draft.set("macro_attivita", "D"),
        _ => Ok(()),
    }
}

fn keep_delivery(draft: &mut Draft, rule: &str) -> Result<()> {
    match rule {
        "data_inizio.min" => draft.set("data_fine", day(1999, 12, 31)),
        "data_inizio.max" => draft.set("data_fine", day(2101, 1, 1)),
        "importo.max" => draft.set("quota_ente", Cell::cents(100_000_001)),
        "quota_ente.min" => draft.set("quota_utente", Cell::cents(1)),
        "quota_utente.min" | "quota_ssn.min" | "quota_altre.min" => draft.set("quota_ente", Cell::cents(1)),
        _ => Ok(()),
    }
}

pub fn break_rule(draft: &mut Draft, rule: &str) -> Result<()> {
    if draft.sheet.dataset.name == "erogazioni" { delivery(draft, rule) } else { intervention(draft, rule) }
}

fn intervention(draft: &mut Draft, rule: &str) -> Result<()> {
    let asked = draft.date("data_richiesta")?;
    let left = asked.and_time(NaiveTime::MIN) + Duration::hours(9);
    match rule {
        "persona_del_caso" => {
            let other = draft.another("id_persona")?;
            draft.set("id_persona", other)
        }
        "esito_con_data" => draft.set("data_esito", asked + Days::new(3)),
        "esito_dopo_richiesta" => {
            draft.all([("esito", "rifiutato".into()), ("motivo_rifiuto", "requisiti".into()), ("data_esito", (asked - Days::new(3)).into())])
        }
        "rifiuto_con_motivo" => draft.set("motivo_rifiuto", "requisiti"),
        "inizio_solo_se_concesso" => draft.set("data_inizio", asked + Days::new(5)),
        "inizio_dopo_richiesta" => granted(draft, -4),
        "fine_dopo_inizio" => {
            granted(draft, 5)?;
            draft.set("data_fine", asked + Days::new(2))
        }
        "concesso_con_fondo" => {
            granted(draft, 5)?;
            draft.set("fondo", Cell::Empty)
        }
        "dimissione_protetta_con_dimissione" => draft.set("dimissione", left),
        "attivazione_dopo_dimissione" => discharge(draft, left, -3),
        "sostegno_entro_quarantotto_ore" => discharge(draft, left, 60),
        "pippi_con_anno" => draft.set("ciclo_pippi", 2024),
        "struttura_se_residenziale" => {
            let facility = draft.was("codice_struttura")?;
            draft.set("codice_struttura", facility)
        }
        "intervento_nel_caso" => draft.set("data_richiesta", day(2005, 6, 1)),
        "struttura_aperta" => {
            granted(draft, 0)?;
            let code = draft.known.newest_facility().map(|(code, _)| code.clone());
            draft.all([("macro_attivita", "D".into()), ("codice_struttura", code.into())])
        }
        _ => Err(unwritten(draft, rule)),
    }
}

/// Granted at once, and begun some days after the request.
fn granted(draft: &mut Draft, days: i64) -> Result<()> {
    let asked = draft.date("data_richiesta")?;
    draft.all([
        ("esito", "concesso".into()),
        ("data_esito", asked.into()),
        ("fondo", "COMUNALE".into()),
        ("data_inizio", (asked + Duration::days(days)).into()),
    ])
}

fn discharge(draft: &mut Draft, left: chrono::NaiveDateTime, hours: i64) -> Result<()> {
    draft.all([("codice_voce", "prov-dimissioni_protette".into()), ("dimissione", left.into()), ("attivazione", (left + Duration::hours(hours)).into())])
}

fn delivery(draft: &mut Draft, rule: &str) -> Result<()> {
    let year = draft.date("data_inizio")?.year();
    match rule {
        "date_ordinate" => draft.all([("frequenza", "P".into()), ("data_inizio", day(year, 6, 15).into()), ("data_fine", day(year, 6, 10).into())]),
        "quote_uguali_importo" => draft.set("quota_ente", Cell::cents(100)),
        "ore_se_in_ore" => draft.all([("unita", "ore".into()), ("ore", Cell::cents(300))]),
        "una_tantum_di_un_giorno" => draft.all([("data_inizio", day(year, 6, 15).into()), ("data_fine", day(year, 6, 16).into())]),
        "entro_l_anno" => draft.all([("frequenza", "O".into()), ("data_inizio", day(year, 6, 15).into()), ("data_fine", day(year + 1, 6, 15).into())]),
        "reperimento_alloggi_solo_in_carico" => draft.set("in_carico", "no"),
        "riga_dell_intervento" => {
            let other = draft.another("id_persona")?;
            draft.set("id_persona", other)
        }
        "riga_nell_intervento" => draft.all([("data_inizio", day(2005, 3, 3).into()), ("data_fine", day(2005, 3, 3).into())]),
        "periodi_senza_sovrapposizione" => {
            let (from, to) = (draft.was("data_inizio")?, draft.was("data_fine")?);
            draft.all([("frequenza", "P".into()), ("data_inizio", from), ("data_fine", to)])
        }
        _ => Err(unwritten(draft, rule)),
    }
}
