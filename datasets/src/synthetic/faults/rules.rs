//! One broken rule between columns, for each rule of each contract.

use chrono::Duration;
use rand::Rng;

use super::draft::Draft;
use crate::synthetic::cell::Cell;
use crate::synthetic::error::{Error, Result};

pub fn break_rule(draft: &mut Draft, rule: &str) -> Result<()> {
    match draft.dataset().as_str() {
        "territorio.comuni" | "territorio.ambiti" | "territorio.popolazione" => territory(draft, rule),
        "assa.strutture" | "assa.posti" => facility(draft, rule),
        "assa.ispezioni" | "assa.provvedimenti" => history(draft, rule),
        "sirse.servizi" => childcare(draft, rule),
        _ => access_or_money(draft, rule),
    }
}

fn unwritten(draft: &Draft, rule: &str) -> Error {
    Error::contract(&draft.sheet.dataset, format!("no fault is written for rule {rule}"))
}

fn territory(draft: &mut Draft, rule: &str) -> Result<()> {
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
        "accreditati_entro_autorizzati" => draft.set("posti_accreditati", 10 + extra),
        "convenzionati_entro_accreditati" => draft.set("posti_convenzionati", 5 + extra),
        "occupati_entro_autorizzati" => draft.set("posti_occupati", 10 + extra),
        "emergenza_minori_al_piu_due" => draft.all([("tipo_posto", "emergenza".into()), ("utenza", "famiglia_minori".into())]),
        "eta_ordinate" => draft.set("eta_minima", 65 + extra),
        _ => Err(unwritten(draft, rule)),
    }
}

fn minors(draft: &mut Draft, kind: &str, places: i64) -> Result<()> {
    draft.all([("tipo", kind.into()), ("utenza", "famiglia_minori".into()), ("posti", places.into())])
}

fn history(draft: &mut Draft, rule: &str) -> Result<()> {
    let days = Duration::days(draft.rng.random_range(3..60));
    match rule {
        "esito_con_esecuzione" => draft.set("data_esecuzione", Cell::Empty),
        "prescrizioni_con_termine" => draft.set("esito", "prescrizioni"),
        "termine_dopo_esecuzione" => {
            let before = draft.date("data_esecuzione")? - days;
            draft.all([("esito", "prescrizioni".into()), ("termine_prescrizioni", before.into())])
        }
        "verbale_se_eseguita" => draft.set("numero_verbale", Cell::Empty),
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
            let inspections = draft.inspections;
            let named = inspections.get(draft.n % inspections.len().max(1)).cloned();
            draft.all([("tipo", "diffida".into()), ("id_ispezione", named.into())])
        }
        "autorizzazione_con_posti" => draft.all([("tipo", "autorizzazione".into()), ("posti", Cell::Empty)]),
        "sanzione_da_ispezione" => draft.set("tipo", "decadenza"),
        _ => Err(unwritten(draft, rule)),
    }
}

fn childcare(draft: &mut Draft, rule: &str) -> Result<()> {
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

fn access_or_money(draft: &mut Draft, rule: &str) -> Result<()> {
    let year = |draft: &Draft| Ok::<_, Error>(draft.number("anno")? as i32);
    match rule {
        "esito_dopo_accesso" => outcome(draft, -2),
        "esito_entro_trenta_giorni" => outcome(draft, 45),
        "esito_con_data" => draft.set("esito", "informazione"),
        "anziani_per_eta" => draft.all([("utenza", "anziani_autosufficienti".into()), ("fascia_eta", "14-17".into())]),
        "quote_entro_importo" => draft.all([("importo", Cell::cents(100_000)), ("quota_utenti", Cell::cents(60_000)), ("quota_ssn", Cell::cents(40_001))]),
        "anno_nel_ciclo" => draft.set("ciclo", "2021-2023"),
        "atto_se_impegnato" => draft.set("atto", Cell::Empty),
        "atto_non_prima_del_piano" => {
            let before = crate::synthetic::random::day(year(draft)? - 1, 11, 20);
            draft.set("data_atto", before)
        }
        _ => Err(unwritten(draft, rule)),
    }
}

fn outcome(draft: &mut Draft, days: i64) -> Result<()> {
    let day = draft.date("data_accesso")? + Duration::days(days);
    draft.all([("esito", "informazione".into()), ("data_esito", day.into())])
}
