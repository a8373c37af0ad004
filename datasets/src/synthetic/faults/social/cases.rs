//! Faults of cases, assessments, individual plans and sheets of minors.

use chrono::{Days, Duration};

use super::super::draft::Draft;
use super::super::rules::unwritten;
use crate::synthetic::cell::Cell;
use crate::synthetic::error::Result;
use crate::synthetic::random::day;

pub fn settle(draft: &mut Draft) -> Result<()> {
    match draft.sheet.dataset.name.as_str() {
        // Opened and closed on a day on which nobody has a case: a warning, which is loaded, overlaps with none.
        "casi" => {
            let on = day(2005, 1, 1) + Days::new(draft.n as u64 % 1_000);
            draft.all([
                ("id_scheda", Cell::Empty),
                ("data_apertura", on.into()),
                ("data_chiusura", on.into()),
                ("motivo_chiusura", "rinuncia".into()),
                ("nucleo_adi", false.into()),
                ("data_pad", Cell::Empty),
                ("data_primo_incontro", Cell::Empty),
                ("data_patto", Cell::Empty),
            ])
        }
        "valutazioni" => draft.all([
            ("data_richiesta", Cell::Empty),
            ("mobilita", "3".into()),
            ("vita_quotidiana", "3".into()),
            ("livello", "media".into()),
            ("prestazione_necessaria", "A2.07".into()),
        ]),
        "piani_individuali" => {
            let signed = draft.date("data_firma")?;
            draft.all([
                ("tipo", "pai".into()),
                ("valido_dal", (signed + Days::new(1)).into()),
                ("valido_al", (signed + Days::new(300)).into()),
                ("verifiche", 0.into()),
                ("data_ultima_verifica", Cell::Empty),
                ("data_chiusura", Cell::Empty),
                ("obiettivi", Cell::Empty),
                ("budget", Cell::Empty),
                ("budget_finanziato", false.into()),
            ])
        }
        _ => draft.all([
            ("luogo_vita", "1".into()),
            ("provvedimento", false.into()),
            ("autorita", Cell::Empty),
            ("tipo_disabilita", "1".into()),
            ("certificazione", Cell::Empty),
            ("motivo_chiusura", Cell::Empty),
            ("situazione_chiusura", Cell::Empty),
        ]),
    }
}

pub fn keep_rules(draft: &mut Draft, rule: &str) -> Result<()> {
    let dataset = draft.sheet.dataset.name.clone();
    match (dataset.as_str(), rule) {
        ("casi", "data_apertura.max") => draft.all([("data_chiusura", Cell::Empty), ("motivo_chiusura", Cell::Empty)]),
        ("casi", "data_chiusura.type") => draft.set("motivo_chiusura", Cell::Empty),
        ("casi", "data_pad.min") => draft.set("nucleo_adi", true),
        ("piani_individuali", "data_firma.max") => draft.all([("valido_dal", day(2101, 2, 1).into()), ("valido_al", day(2101, 3, 1).into())]),
        ("piani_individuali", "obiettivi.code_list") => {
            let end = draft.date("valido_al")?;
            draft.set("data_chiusura", end)
        }
        ("minori", "data_scheda.min") => draft.set("prima_segnalazione", day(1999, 1, 1)),
        ("minori", "autorita.code_list") => draft.set("provvedimento", true),
        ("minori", "motivo_chiusura.code_list") => draft.set("situazione_chiusura", "1"),
        ("minori", "situazione_chiusura.code_list") => draft.set("motivo_chiusura", "3"),
        _ => Ok(()),
    }
}

pub fn break_rule(draft: &mut Draft, rule: &str) -> Result<()> {
    if rule == "persona_del_caso" {
        // Of a minor the date goes with the person, whose age it tells.
        for column in ["data_scheda", "prima_segnalazione"] {
            if let Some(at) = draft.sheet.position(column) {
                let cell = draft.other_row("id_persona")?[at].clone();
                draft.set(column, cell)?;
            }
        }
        let other = draft.another("id_persona")?;
        return draft.set("id_persona", other);
    }
    match draft.sheet.dataset.name.as_str() {
        "casi" => case(draft, rule),
        "valutazioni" => assessment(draft, rule),
        "piani_individuali" => plan(draft, rule),
        _ => minor(draft, rule),
    }
}

fn case(draft: &mut Draft, rule: &str) -> Result<()> {
    let opened = draft.date("data_apertura")?;
    match rule {
        "chiusura_dopo_apertura" => draft.set("data_chiusura", opened - Days::new(5)),
        "chiusura_con_motivo" => draft.set("motivo_chiusura", Cell::Empty),
        "date_adi_solo_con_adi" => draft.set("data_pad", day(2024, 1, 10)),
        "adi_con_pad" => draft.set("nucleo_adi", true),
        "incontro_dopo_pad" => allowance(draft, Some((3, 1)), None),
        "patto_dopo_incontro" => allowance(draft, Some((4, 1)), Some((3, 20))),
        "incontro_entro_centoventi_giorni" => allowance(draft, Some((10, 1)), None),
        "un_caso_alla_volta" => {
            let (was, access) = (draft.was("data_apertura")?, draft.was("id_scheda")?);
            draft.all([("data_apertura", was), ("id_scheda", access), ("motivo_chiusura", "rinuncia".into())])?;
            let next = draft.date("data_apertura")? + Days::new(1);
            draft.set("data_chiusura", next)
        }
        "apertura_dopo_accesso" => {
            let access = draft.was("id_scheda")?;
            draft.set("id_scheda", access)
        }
        _ => Err(unwritten(draft, rule)),
    }
}

/// An allowance of 2024 whose digital pact was signed on 10 March.
fn allowance(draft: &mut Draft, met: Option<(u32, u32)>, pact: Option<(u32, u32)>) -> Result<()> {
    let on = |date: Option<(u32, u32)>| Cell::from(date.map(|(month, of)| day(2024, month, of)));
    draft.all([("nucleo_adi", true.into()), ("data_pad", day(2024, 3, 10).into()), ("data_primo_incontro", on(met)), ("data_patto", on(pact))])
}

fn assessment(draft: &mut Draft, rule: &str) -> Result<()> {
    let done = draft.date("data_valutazione")?;
    match rule {
        "valutazione_dopo_richiesta" => draft.set("data_richiesta", done + Days::new(5)),
        "livello_con_dipendenza" => draft.all([("livello", "grave".into()), ("vita_quotidiana", "2".into()), ("mobilita", "2".into())]),
        "autosufficiente_senza_dipendenza" => draft.all([("livello", "autosufficiente".into()), ("vita_quotidiana", "2".into())]),
        "valutazione_entro_novanta_giorni" => draft.set("data_richiesta", done - Days::new(120)),
        "valutazione_nel_caso" => draft.set("data_valutazione", day(2005, 5, 5)),
        _ => Err(unwritten(draft, rule)),
    }
}

fn plan(draft: &mut Draft, rule: &str) -> Result<()> {
    let (signed, from) = (draft.date("data_firma")?, draft.date("valido_dal")?);
    match rule {
        "validita_ordinata" => draft.set("valido_al", from - Days::new(3)),
        "validita_dopo_firma" => draft.set("valido_dal", signed - Days::new(3)),
        "verifica_dopo_inizio" => draft.all([("verifiche", 1.into()), ("data_ultima_verifica", (from - Days::new(2)).into())]),
        "verifiche_con_data" => draft.set("verifiche", 2),
        "chiusura_con_obiettivi" => draft.set("obiettivi", "2"),
        "progetto_con_budget" => draft.set("tipo", "vita_indipendente"),
        "finanziato_con_budget" => draft.set("budget_finanziato", true),
        "piano_nel_caso" => {
            let before = day(2005, 6, 1);
            draft.all([("data_firma", before.into()), ("valido_dal", (before + Days::new(1)).into())])
        }
        _ => Err(unwritten(draft, rule)),
    }
}

fn minor(draft: &mut Draft, rule: &str) -> Result<()> {
    match rule {
        "segnalazione_prima_della_scheda" => {
            let after = draft.date("data_scheda")? + Duration::days(40);
            draft.set("prima_segnalazione", after)
        }
        "affido_se_in_famiglia_affidataria" => draft.all([("luogo_vita", "3".into()), ("affido_forma", Cell::Empty)]),
        "inserimento_se_in_struttura" => draft.all([("luogo_vita", "4".into()), ("inserimento_forma", Cell::Empty)]),
        "provvedimento_con_autorita" => draft.set("autorita", "2"),
        "certificazione_con_disabilita" => draft.all([("certificazione", "5".into()), ("tipo_disabilita", Cell::Empty)]),
        "chiusura_con_situazione" => draft.set("situazione_chiusura", "1"),
        "minore_alla_data" => draft.set("data_scheda", day(2099, 1, 1)),
        _ => Err(unwritten(draft, rule)),
    }
}
