//! Faults in the datasets of SIRSE.

use chrono::{Days, Duration};

use super::assa::coded;
use super::draft::Draft;
use super::known::{Education, Known};
use crate::synthetic::cell::Cell;
use crate::synthetic::error::{Error, Result};
use crate::synthetic::random::day;
use crate::synthetic::sheet::{Row, Sheet};

/// Whether a fault of `rule` can be made of this row.
pub fn usable(sheet: &Sheet, row: &Row, rule: &str, known: &Known) -> bool {
    let text = |name: &str| match sheet.cell(row, name) {
        Some(Cell::Text(text)) => text.as_str(),
        _ => "",
    };
    let service = known.services.get(text("codice_servizio"));
    match (sheet.dataset.name.as_str(), rule) {
        ("posti", "fascia_del_tipo") => service.is_some_and(|s| matches!(s.kind, "sezione_primavera" | "spazio_gioco")),
        ("posti" | "iscrizioni", _) => service.is_some_and(|s| s.kind == "nido"),
        ("domande_contributo", "una_domanda_per_linea") => {
            matches!(text("linea"), "programma_precedente" | "gestione_ordinaria") && !matches!(text("stato"), "respinta" | "decaduta")
        }
        ("domande_contributo", "servizio_accreditato") => service.is_some_and(|s| s.accredited.is_none() && s.since <= 2023),
        ("domande_contributo", _) => service.is_some(),
        ("domande_accreditamento", "rinnovo_sessanta_giorni") => text("tipo") == "rinnovo" && text("stato") == "accolta",
        _ => true,
    }
}

pub fn fresh(draft: &mut Draft) -> Result<()> {
    let n = draft.n;
    match draft.sheet.dataset.name.as_str() {
        "servizi" => coded(draft, "codice_servizio", 'E', 90_000),
        "pesi_posti" => draft.set("valido_dal", day(1950, 1, 1) + Days::new(n as u64)),
        // Years to come, for what is refused before it is looked at beside other rows.
        "posti" | "iscrizioni" => draft.set("anno", 2090 - n as i64 % 60),
        "domande_contributo" => numbered(draft, 'D', 900_000),
        "domande_accreditamento" => numbered(draft, 'Q', 90_000),
        _ => Err(Error::contract(&draft.sheet.dataset, "no fresh key is written for it")),
    }
}

fn numbered(draft: &mut Draft, letter: char, from: usize) -> Result<()> {
    let id = format!("{letter}{}-{}", draft.number("anno")?, from + draft.n);
    draft.set("id_domanda", id)
}

/// A row to which no conditional rule applies.
pub fn settle(draft: &mut Draft) -> Result<()> {
    match draft.sheet.dataset.name.as_str() {
        "servizi" => draft.all([
            ("tipo", "micronido".into()),
            ("titolarita", "privata".into()),
            ("gestione", "privata".into()),
            ("posti_autorizzati", 20.into()),
            ("posti_lattanti", 5.into()),
            ("posti_convenzionati", 0.into()),
            ("iscritti", 18.into()),
            ("ore_giornaliere", Cell::Decimal { units: 800, scale: 2 }),
            ("mesi_apertura", 11.into()),
            ("accreditato", true.into()),
        ]),
        "pesi_posti" => draft.all([("tempo", "parziale".into()), ("peso", Cell::Decimal { units: 400, scale: 3 }), ("valido_al", Cell::Empty)]),
        "posti" => {
            let owner = education(draft)?.owner;
            draft.all([
                ("tempo", "pieno".into()),
                ("titolarita", owner.into()),
                ("posti", 2.into()),
                ("posti_convenzionati", 0.into()),
                ("posti_equivalenti", thousandths(2_000)),
            ])
        }
        "iscrizioni" => draft.all([("fascia", "divezzi".into()), ("iscritti", 1.into()), ("lista_attesa", 0.into()), ("anticipatari", 0.into())]),
        "domande_contributo" => draft.all([
            ("richiedente", "gestore".into()),
            ("linea", "sostegno_gestori".into()),
            ("id_persona", Cell::Empty),
            ("stato", "ammessa".into()),
            ("importo_richiesto", Cell::cents(100_000)),
            ("importo_ammesso", Cell::cents(80_000)),
            ("importo_liquidato", Cell::Empty),
        ]),
        "domande_accreditamento" => draft.all([
            ("tipo", "prima".into()),
            ("scadenza_precedente", Cell::Empty),
            ("stato", "istruttoria".into()),
            ("data_provvedimento", Cell::Empty),
            ("numero_atto", Cell::Empty),
            ("accreditato_dal", Cell::Empty),
            ("accreditato_al", Cell::Empty),
        ]),
        _ => Ok(()),
    }
}

fn thousandths(units: i64) -> Cell {
    Cell::Decimal { units, scale: 3 }
}

fn education<'a>(draft: &Draft<'a>) -> Result<&'a Education> {
    let code = draft.text("codice_servizio")?;
    draft.known.services.get(code).ok_or_else(|| Error::contract(&draft.sheet.dataset, format!("{code} is no service")))
}

/// What must follow a spoilt cell so that no rule between columns breaks as well.
pub fn keep_rules(draft: &mut Draft, rule: &str) -> Result<()> {
    let rule = format!("{}.{rule}", draft.sheet.dataset.name);
    match rule.as_str() {
        "servizi.posti_autorizzati.min" => draft.set("posti_lattanti", 0),
        "posti.posti.min" => draft.set("posti_equivalenti", thousandths(0)),
        "domande_contributo.id_persona.fiscal_code" => draft.all([("richiedente", "utente".into()), ("linea", "rette_utenti".into())]),
        "domande_contributo.richiedente.required" | "domande_contributo.richiedente.code_list" => draft.set("linea", "gestione_ordinaria"),
        "domande_contributo.linea.code_list" => draft.set("richiedente", "comune"),
        "domande_contributo.stato.code_list" | "domande_contributo.importo_richiesto.min" => draft.set("importo_ammesso", Cell::Empty),
        "domande_contributo.importo_liquidato.min" => draft.set("stato", "liquidata"),
        "domande_contributo.data_presentazione.max" => draft.set("data_stato", day(2102, 1, 1)),
        "domande_accreditamento.data_presentazione.min" => draft.set("anno", 2009),
        "domande_accreditamento.data_presentazione.max" => draft.set("anno", 2101),
        _ => Ok(()),
    }
}

pub fn break_rule(draft: &mut Draft, rule: &str) -> Result<()> {
    match draft.sheet.dataset.name.as_str() {
        "servizi" => service(draft, rule),
        "posti" | "iscrizioni" | "pesi_posti" => places(draft, rule),
        "domande_contributo" => contribution(draft, rule),
        _ => accreditation(draft, rule),
    }
}

fn unwritten(draft: &Draft, rule: &str) -> Error {
    Error::contract(&draft.sheet.dataset, format!("no fault is written for rule {rule}"))
}

fn service(draft: &mut Draft, rule: &str) -> Result<()> {
    let hours = |quarters: i64| Cell::Decimal { units: quarters * 25, scale: 2 };
    match rule {
        "nido_venti_per_cento_lattanti" => draft.all([("tipo", "nido".into()), ("posti_lattanti", 3.into())]),
        "nido_orario" => draft.all([("tipo", "nido".into()), ("ore_giornaliere", hours(22))]),
        "nido_dieci_mesi" => draft.all([("tipo", "nido".into()), ("mesi_apertura", 9.into())]),
        "spazio_gioco_cinque_ore" => draft.all([("tipo", "spazio_gioco".into()), ("ore_giornaliere", hours(24))]),
        "nido_domestico_cinque_bambini" => draft.all([("tipo", "nido_domestico".into()), ("posti_autorizzati", 7.into())]),
        "lattanti_entro_posti" => draft.set("posti_lattanti", 25),
        "pubblico_accreditato" => draft.all([("titolarita", "pubblica".into()), ("gestione", "diretta".into()), ("accreditato", false.into())]),
        _ => Err(unwritten(draft, rule)),
    }
}

fn places(draft: &mut Draft, rule: &str) -> Result<()> {
    let since = if draft.sheet.position("codice_servizio").is_some() { education(draft)?.since } else { 0 };
    match rule {
        "validita_ordinata" => draft.set("valido_al", day(1940, 1, 1)),
        "tempo_pieno_vale_uno" => draft.set("tempo", "pieno"),
        "equivalenti_entro_posti" => draft.set("posti_equivalenti", thousandths(3_000)),
        "convenzionati_entro_posti" => draft.set("posti_convenzionati", 5),
        "anticipatari_divezzi" => draft.all([("fascia", "semidivezzi".into()), ("anticipatari", 2.into())]),
        "servizio_attivo_nell_anno" => draft.set("anno", since - 1),
        // In its first year the places of a service are not delivered: a few more do not overtake the authorised ones. Each rule has
        // its own band, so that one fault does not meet another.
        "titolarita_del_servizio" => {
            let other = if draft.text("titolarita")? == "pubblica" { "privata" } else { "pubblica" };
            draft.all([("anno", since.into()), ("fascia", "lattanti".into()), ("titolarita", other.into())])
        }
        "equivalenti_dal_peso" => draft.all([("anno", since.into()), ("fascia", "semidivezzi".into()), ("posti_equivalenti", thousandths(1_000))]),
        "posti_entro_autorizzati" => {
            draft.all([("anno", since.into()), ("fascia", "divezzi".into()), ("posti", 200.into()), ("posti_equivalenti", thousandths(200_000))])
        }
        "fascia_del_tipo" => draft.all([("anno", since.into()), ("fascia", "lattanti".into())]),
        // Enrolments are not delivered for the second year either, while its places are.
        "iscritti_entro_posti" => draft.all([("anno", (since + 1).into()), ("fascia", "divezzi".into()), ("iscritti", 240.into())]),
        _ => Err(unwritten(draft, rule)),
    }
}

fn contribution(draft: &mut Draft, rule: &str) -> Result<()> {
    match rule {
        "ammesso_entro_richiesto" => draft.set("importo_ammesso", Cell::cents(100_001)),
        "liquidato_entro_ammesso" => draft.all([("stato", "liquidata".into()), ("importo_liquidato", Cell::cents(80_001))]),
        "liquidato_se_liquidata" => draft.set("importo_liquidato", Cell::cents(80_000)),
        "ammesso_se_accolta" => draft.set("stato", "respinta"),
        "utente_con_persona" => draft.all([("richiedente", "utente".into()), ("linea", "rette_utenti".into())]),
        "servizio_se_non_comune" => draft.set("codice_servizio", Cell::Empty),
        "linea_del_richiedente" => draft.set("linea", "gestione_ordinaria"),
        "stato_dopo_presentazione" => {
            let before = draft.date("data_presentazione")? - Duration::days(4);
            draft.set("data_stato", before)
        }
        // A year in which the service, which never was accredited, is there.
        "servizio_accreditato" => draft.set("anno", 2024),
        "una_domanda_per_linea" => {
            // The comune's own application again, sent later.
            let sent = day(draft.number("anno")? as i32, 9, 15);
            let line = if draft.number("anno")? < 2023 { "programma_precedente" } else { "gestione_ordinaria" };
            draft.all([
                ("richiedente", "comune".into()),
                ("codice_servizio", Cell::Empty),
                ("linea", line.into()),
                ("stato", "protocollata".into()),
                ("importo_ammesso", Cell::Empty),
                ("data_presentazione", sent.into()),
                ("data_stato", sent.into()),
            ])
        }
        _ => Err(unwritten(draft, rule)),
    }
}

fn accreditation(draft: &mut Draft, rule: &str) -> Result<()> {
    let asked = draft.date("data_presentazione")?;
    match rule {
        "accolta_con_date" => draft.all([("accreditato_dal", (asked + Days::new(100)).into()), ("accreditato_al", (asked + Days::new(900)).into())]),
        "decisa_con_atto" => draft.set("stato", "respinta"),
        "accreditamento_ordinato" => draft.all([
            ("stato", "accolta".into()),
            ("data_provvedimento", (asked + Days::new(30)).into()),
            ("numero_atto", "901/2025".into()),
            ("accreditato_dal", (asked + Days::new(100)).into()),
            ("accreditato_al", (asked + Days::new(90)).into()),
        ]),
        "atto_dopo_domanda" => draft.set("data_provvedimento", asked - Days::new(9)),
        "rinnovo_con_scadenza" => draft.set("scadenza_precedente", asked + Days::new(200)),
        "rinnovo_sessanta_giorni" => draft.all([("tipo", "rinnovo".into()), ("scadenza_precedente", (asked + Days::new(20)).into())]),
        "anno_di_presentazione" => {
            let year = draft.number("anno")? - 1;
            draft.set("anno", year)
        }
        // Years before anybody was accredited.
        "rinnovo_dopo_accreditamento" => draft.all([
            ("tipo", "rinnovo".into()),
            ("anno", 2012.into()),
            ("data_presentazione", day(2012, 3, 1).into()),
            ("scadenza_precedente", day(2012, 8, 31).into()),
        ]),
        "comune_del_servizio" => {
            let other = if draft.text("codice_istat")? == "056059" { "060038" } else { "056059" };
            draft.set("codice_istat", other)
        }
        _ => Err(unwritten(draft, rule)),
    }
}
