//! Faults in the datasets of ASSA.

use chrono::{Days, Duration, NaiveDate};
use rand::Rng;

use super::draft::Draft;
use super::known::{Known, Working};
use crate::synthetic::cell::Cell;
use crate::synthetic::error::{Error, Result};
use crate::synthetic::random::day;
use crate::synthetic::sheet::{Row, Sheet};

const GROUPS: [&str; 7] =
    ["anziani_autosufficienti", "disabili", "anziani_non_autosufficienti", "poverta", "disagio_adulti", "donne_vittime_violenza", "immigrati_rom_sinti"];
const ACTS: [&str; 4] = ["diniego", "cessione", "variazione", "chiusura"];
const STATES: [&str; 6] = ["autorizzata", "diffidata", "sospesa", "revocata", "decaduta", "cessata"];

/// Whether a fault of `rule` can be made of this row.
pub fn usable(sheet: &Sheet, row: &Row, rule: &str, known: &Known) -> bool {
    let text = |name: &str| match sheet.cell(row, name) {
        Some(Cell::Text(text)) => text.as_str(),
        _ => "",
    };
    let working = known.working.get(text("codice_struttura"));
    match (sheet.dataset.name.as_str(), rule) {
        ("provvedimenti", "atto_dopo_la_fine") => known.ended.contains(text("codice_struttura")),
        ("provvedimenti", "accreditamento_fuori_autorizzazione" | "accreditamento_impossibile") => working.is_some_and(|w| !w.accredited),
        ("provvedimenti", _) => working.is_some(),
        ("posti", "posti_pari_alla_capienza") => working.is_some(),
        _ => true,
    }
}

pub fn fresh(draft: &mut Draft) -> Result<()> {
    let n = draft.n;
    match draft.sheet.dataset.name.as_str() {
        "strutture" => coded(draft, "codice_struttura", 'S', 90_000),
        "ispezioni" => coded(draft, "id_ispezione", 'I', 900_000),
        "provvedimenti" => coded(draft, "id_provvedimento", 'P', 900_000),
        // Places for emergencies in years before the surveys: they are part of no sum.
        "posti" => {
            let group = GROUPS[draft.rng.random_range(0..GROUPS.len())];
            draft.all([("tipo_posto", "emergenza".into()), ("utenza", group.into()), ("data_rilevazione", (day(2010, 1, 1) + Days::new(n as u64)).into())])
        }
        // No act leads from a state of the one axis on the other.
        "transizioni" => {
            draft.all([("asse", "accreditamento".into()), ("da", STATES[n % STATES.len()].into()), ("atto", ACTS[n / STATES.len() % ACTS.len()].into())])
        }
        _ => Err(Error::contract(&draft.sheet.dataset, "no fresh key is written for it")),
    }
}

pub fn coded(draft: &mut Draft, column: &str, letter: char, from: usize) -> Result<()> {
    let code = format!("{letter}{}-{}", draft.sheet.sender, from + draft.n);
    draft.set(column, Cell::Text(code))
}

/// A row to which no conditional rule applies.
pub fn settle(draft: &mut Draft) -> Result<()> {
    match draft.sheet.dataset.name.as_str() {
        "strutture" => {
            draft.all([("tipo", "mensa_sociale".into()), ("utenza", "poverta".into()), ("indirizzo_riservato", false.into()), ("data_cessazione", Cell::Empty)])
        }
        "posti" => draft.all([
            ("posti_autorizzati", 10.into()),
            ("posti_accreditati", 5.into()),
            ("posti_convenzionati", 2.into()),
            ("posti_occupati", 3.into()),
            ("eta_minima", 18.into()),
            ("eta_massima", 65.into()),
        ]),
        "ispezioni" => {
            let done = draft.date("data_prevista")?;
            draft.all([
                ("data_esecuzione", done.into()),
                ("esito", "conforme".into()),
                ("termine_prescrizioni", Cell::Empty),
                ("numero_verbale", "2025/000123".into()),
            ])
        }
        // After all that has happened, so that nothing follows from it.
        "provvedimenti" => draft.all([
            ("tipo", "variazione".into()),
            ("data_atto", day(2026, 11, 2).into()),
            ("data_effetto", (day(2026, 11, 12) + Days::new(draft.n as u64 % 15)).into()),
            ("data_fine_effetto", Cell::Empty),
            ("termine_adempimento", Cell::Empty),
            ("id_ispezione", Cell::Empty),
        ]),
        "transizioni" => draft.all([("a", "scaduto".into()), ("alla_scadenza", Cell::Empty)]),
        _ => Ok(()),
    }
}

/// What must follow a spoilt cell so that no rule between columns breaks as well.
pub fn keep_rules(draft: &mut Draft, rule: &str) -> Result<()> {
    let rule = format!("{}.{rule}", draft.sheet.dataset.name);
    match rule.as_str() {
        "strutture.latitudine.type" => draft.set("longitudine", Cell::Empty),
        "strutture.longitudine.type" => draft.set("latitudine", Cell::Empty),
        "strutture.latitudine.min" | "strutture.latitudine.max" => draft.set("longitudine", Cell::Double("12.5".into())),
        "strutture.longitudine.min" | "strutture.longitudine.max" => draft.set("latitudine", Cell::Double("41.9".into())),
        "posti.posti_autorizzati.min" => draft.all([("posti_accreditati", 0.into()), ("posti_convenzionati", 0.into()), ("posti_occupati", 0.into())]),
        "posti.posti_accreditati.min" => draft.set("posti_convenzionati", Cell::Empty),
        "posti.eta_minima.max" => draft.set("eta_massima", Cell::Empty),
        "posti.eta_massima.min" => draft.set("eta_minima", Cell::Empty),
        "ispezioni.data_esecuzione.type" => draft.set("esito", Cell::Empty),
        "provvedimenti.data_atto.max" => draft.set("data_effetto", day(2102, 1, 1)),
        _ => Ok(()),
    }
}

pub fn break_rule(draft: &mut Draft, rule: &str) -> Result<()> {
    match draft.sheet.dataset.name.as_str() {
        "transizioni" => transition(draft, rule),
        "strutture" | "posti" => facility(draft, rule),
        "ispezioni" => inspection(draft, rule),
        _ => act(draft, rule),
    }
}

fn unwritten(draft: &Draft, rule: &str) -> Error {
    Error::contract(&draft.sheet.dataset, format!("no fault is written for rule {rule}"))
}

fn transition(draft: &mut Draft, rule: &str) -> Result<()> {
    match rule {
        "scadenza_cambia_stato" => draft.set("alla_scadenza", "scaduto"),
        // The last by name of the states from which activity resumes, so that it is the one named.
        "un_atto_un_esito" => draft.all([("asse", "autorizzazione".into()), ("atto", "ripresa".into()), ("da", "sospeso".into()), ("a", "cessata".into())]),
        _ => Err(unwritten(draft, rule)),
    }
}

fn facility(draft: &mut Draft, rule: &str) -> Result<()> {
    let extra = draft.rng.random_range(1..4);
    match rule {
        "cessazione_dopo_attivazione" => {
            let before = draft.date("data_attivazione")? - Duration::days(10 * extra);
            draft.set("data_cessazione", before)
        }
        "capienza_gruppo_appartamento_minori" => minors(draft, "gruppo_appartamento_minori", 8 + extra),
        "capienza_pronta_accoglienza_minori" => minors(draft, "pronta_accoglienza_minori", 10 + extra),
        "capienza_tipo_familiare" => minors(draft, "casa_famiglia_minori", 6 + extra),
        "casa_rifugio_riservata" => draft.all([("tipo", "casa_rifugio".into()), ("utenza", "donne_vittime_violenza".into())]),
        "utenza_coerente_col_tipo" => draft.all([("tipo", "casa_riposo_anziani".into()), ("utenza", "disabili".into())]),
        "coordinate_intere" => draft.all([("latitudine", Cell::Double("41.9".into())), ("longitudine", Cell::Empty)]),
        // The far corner of the region: north-west for the south-east, and the reverse.
        "coordinate_nel_comune" => {
            let (north, east) = if draft.sheet.sender.starts_with("056") { ("40.75", "13.9") } else { ("42.85", "11.5") };
            draft.all([("latitudine", Cell::Double(north.into())), ("longitudine", Cell::Double(east.into()))])
        }
        "accreditati_entro_autorizzati" => draft.set("posti_accreditati", 10 + extra),
        "convenzionati_entro_accreditati" => draft.set("posti_convenzionati", 5 + extra),
        "occupati_entro_autorizzati" => draft.set("posti_occupati", 10 + extra),
        "emergenza_minori_al_piu_due" => draft.all([("tipo_posto", "emergenza".into()), ("utenza", "famiglia_minori".into())]),
        "eta_ordinate" => draft.set("eta_minima", 65 + extra),
        // The most places of the latest survey, so that this row is the one named; once for a facility.
        "posti_pari_alla_capienza" => draft.all([
            ("tipo_posto", "servizio".into()),
            ("utenza", "immigrati_rom_sinti".into()),
            ("posti_autorizzati", 300.into()),
            ("data_rilevazione", crate::synthetic::assa::today().into()),
        ]),
        "struttura_dello_stesso_comune" => elsewhere(draft),
        _ => Err(unwritten(draft, rule)),
    }
}

fn minors(draft: &mut Draft, kind: &str, places: i64) -> Result<()> {
    draft.all([("tipo", kind.into()), ("utenza", "famiglia_minori".into()), ("posti", places.into())])
}

/// A working facility of another comune.
fn elsewhere(draft: &mut Draft) -> Result<()> {
    let others: Vec<&String> = draft.known.working.iter().filter(|(_, w)| w.codice_istat != draft.sheet.sender).map(|(code, _)| code).collect();
    let Some(code) = others.get(draft.rng.random_range(0..others.len().max(1))) else {
        return Err(Error::contract(&draft.sheet.dataset, "one comune has all facilities"));
    };
    draft.set("codice_struttura", code.as_str())
}

fn inspection(draft: &mut Draft, rule: &str) -> Result<()> {
    let days = Duration::days(draft.rng.random_range(3..60));
    match rule {
        "esito_con_esecuzione" => draft.set("data_esecuzione", Cell::Empty),
        "prescrizioni_con_termine" => draft.set("esito", "prescrizioni"),
        "termine_dopo_esecuzione" => {
            let before = draft.date("data_esecuzione")? - days;
            draft.all([("esito", "prescrizioni".into()), ("termine_prescrizioni", before.into())])
        }
        "verbale_se_eseguita" => draft.set("numero_verbale", Cell::Empty),
        "struttura_dello_stesso_comune" => {
            elsewhere(draft)?;
            draft.all([("data_prevista", last_week().into()), ("data_esecuzione", last_week().into())])
        }
        // Before any facility opened.
        "ispezione_di_struttura_attiva" => draft.all([("data_prevista", day(2004, 1, 12).into()), ("data_esecuzione", day(2004, 1, 12).into())]),
        _ => Err(unwritten(draft, rule)),
    }
}

fn last_week() -> NaiveDate {
    day(2026, 10, 27)
}

fn act(draft: &mut Draft, rule: &str) -> Result<()> {
    let days = Duration::days(draft.rng.random_range(3..60));
    match rule {
        "effetto_dopo_atto" => {
            let before = draft.date("data_atto")? - days;
            draft.set("data_effetto", before)
        }
        "fine_dopo_effetto" => {
            let before = draft.date("data_effetto")? - days;
            draft.set("data_fine_effetto", before)
        }
        "sospensione_a_termine" => draft.set("tipo", "sospensione_accreditamento"),
        "diffida_con_termine" => {
            // A warning that names no inspection would break another rule.
            let inspections = &draft.known.inspections;
            let named = inspections.get(draft.n % inspections.len().max(1)).cloned();
            draft.all([("tipo", "diffida".into()), ("id_ispezione", named.into())])
        }
        "autorizzazione_con_posti" => draft.all([("tipo", "autorizzazione".into()), ("posti", Cell::Empty)]),
        "sanzione_da_ispezione" => draft.all([("tipo", "diffida".into()), ("termine_adempimento", day(2027, 2, 28).into())]),
        "documento_presente" => draft.set("impronta_documento", Cell::Empty),
        "struttura_dello_stesso_comune" => elsewhere(draft),
        "atto_dopo_la_fine" => Ok(()),
        "ripresa_senza_sospensione" => draft.set("tipo", "ripresa"),
        "autorizzazione_impossibile" => draft.all([("tipo", "autorizzazione".into()), ("posti", 6.into())]),
        "accreditamento_impossibile" => {
            once(draft, 1)?;
            draft.all([("tipo", "rinnovo_accreditamento".into()), ("posti", 6.into())])
        }
        // A few days of accreditation before the facility was ever authorised.
        "accreditamento_fuori_autorizzazione" => {
            once(draft, 2)?;
            let opened = working(draft)?.opened;
            let (from, to) = (opened - Days::new(90), opened - Days::new(80));
            draft.all([
                ("tipo", "accreditamento".into()),
                ("posti", 6.into()),
                ("data_atto", from.into()),
                ("data_effetto", from.into()),
                ("data_fine_effetto", to.into()),
            ])
        }
        _ => Err(unwritten(draft, rule)),
    }
}

fn working<'a>(draft: &Draft<'a>) -> Result<&'a Working> {
    let code = draft.text("codice_struttura")?;
    draft.known.working.get(code).ok_or_else(|| Error::contract(&draft.sheet.dataset, format!("{code} does not work today")))
}

/// An identifier that allows one fault of a kind for a facility: a second would change what the first is judged by.
fn once(draft: &mut Draft, kind: u32) -> Result<()> {
    let number: String = draft.text("codice_struttura")?.rsplit('-').next().unwrap_or_default().to_owned();
    let id = format!("P{}-9{kind}{number:0>5}", draft.sheet.sender);
    draft.set("id_provvedimento", id)
}
