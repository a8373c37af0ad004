//! Faults of the district plans.

use chrono::{Days, Duration, NaiveDate};
use rand::Rng;
use rand::seq::IndexedRandom;

use super::draft::Draft;
use super::keys::GROUPS;
use super::rules::unwritten;
use crate::synthetic::cell::Cell;
use crate::synthetic::error::Result;
use crate::synthetic::random::day;
use crate::synthetic::sheet::{Row, Sheet};

/// Phases of a plan with the date of each.
const PHASES: [(&str, &str); 8] = [
    ("avvio", "data_avvio"),
    ("analisi", "data_analisi"),
    ("adozione", "data_adozione"),
    ("trasmissione", "data_trasmissione"),
    ("verifica_regionale", "data_approvazione"),
    ("attuazione", "data_attuazione"),
    ("monitoraggio", "data_verifica"),
    ("rendiconto", "data_rendiconto"),
];
/// Items that no rule speaks of.
const PLAIN: [&str; 6] = [
    "prov-reperimento_alloggi",
    "prov-antiviolenza",
    "prov-nido",
    "prov-servizi_integrativi",
    "prov-accoglienza_notturna",
    "prov-valutazione_multidimensionale",
];

/// Whether a fault of the rule can be made of a row.
pub fn usable(sheet: &Sheet, row: &Row, rule: &str) -> bool {
    match (sheet.dataset.name.as_str(), rule) {
        ("adempimenti", "atto_se_adempiuto" | "atto_non_successivo") => sheet.cell(row, "id_atto").is_some_and(|cell| !cell.is_empty()),
        _ => true,
    }
}

pub fn fresh(draft: &mut Draft) -> Result<()> {
    let n = draft.n;
    match draft.sheet.dataset.name.as_str() {
        // Years to come of which there is no plan yet; 2027 stays without one.
        "piani" => draft.all([("anno", (2028 + n as i64 % 2).into()), ("ciclo", "2027-2029".into())]),
        "interventi_programmati" => {
            let item = PLAIN.choose(draft.rng).copied().unwrap_or(PLAIN[0]);
            let group = GROUPS[draft.rng.random_range(0..GROUPS.len())];
            draft.all([("codice_voce", item.into()), ("utenza", group.into())])
        }
        "importi" => {
            let group = GROUPS[draft.rng.random_range(0..GROUPS.len())];
            let fund = ["FNPS", "FNA", "POVERTA", "DOPO_DI_NOI", "REGIONALE", "COMUNALE", "PNRR", "FSC"][draft.rng.random_range(0..8)];
            let activity = ["A", "B", "C", "D", "E"][draft.rng.random_range(0..5)];
            draft.all([("fondo", fund.into()), ("utenza", group.into()), ("macro_attivita", activity.into()), ("fase", "programmato".into())])
        }
        "risorse_umane" => draft.set("ente", format!("Ente di prova {n}")),
        name => {
            let column = if name == "atti" { "id_atto" } else { "id_adempimento" };
            let (head, _) = draft.text(column)?.rsplit_once('-').unwrap_or_default();
            let id = format!("{head}-{}", 900_000 + n);
            draft.set(column, id)
        }
    }
}

pub fn settle(draft: &mut Draft) -> Result<()> {
    match draft.sheet.dataset.name.as_str() {
        "piani" => phases(draft, 0, day(2026, 1, 15)),
        "interventi_programmati" => draft.all([
            ("utenti_previsti", 100.into()),
            ("utenti_serviti", Cell::Empty),
            ("costo_sostenuto", Cell::Empty),
            ("ore_copertura", Cell::Empty),
            ("punti_accesso", Cell::Empty),
            ("convenzione_ospedale", Cell::Empty),
            ("comuni_attivi", Cell::Empty),
        ]),
        // Nothing is spent on the copy, so that a warning, which is loaded, moves no sum.
        "importi" => {
            let day = day(draft.number("anno")? as i32, 9, 15);
            draft.all([
                ("importo", Cell::cents(0)),
                ("quota_utenti", Cell::cents(0)),
                ("quota_ssn", Cell::cents(0)),
                ("atto", "Determinazione 901".into()),
                ("data_atto", day.into()),
            ])
        }
        "risorse_umane" => draft.all([
            ("profilo", "altro".into()),
            ("assistente_sociale", false.into()),
            ("persone", 10.into()),
            ("ore_settimanali", Cell::cents(36_000)),
            ("tempo_pieno", Cell::cents(1_000)),
            ("persone_supervisione", Cell::Empty),
            ("ore_supervisione", Cell::Empty),
        ]),
        "atti" => {
            let adopted = draft.date("data_atto")?;
            // A digest of no document.
            let (n, year) = (draft.n, adopted.format("%Y%m%d"));
            let digest = format!("{:0>64}", format!("{year}{n:08}"));
            draft.all([
                ("tipo", "determinazione".into()),
                ("impronta", digest.into()),
                ("data_firma", (adopted + Days::new(1)).into()),
                ("firmatario", "Dora Rivabianca".into()),
                ("valido_al", Cell::Empty),
            ])
        }
        _ => draft.all([("tipo", "sioss".into()), ("adempiuto_il", Cell::Empty), ("id_atto", Cell::Empty)]),
    }
}

/// A plan that has reached so many phases, all on one day.
fn phases(draft: &mut Draft, reached: usize, on: NaiveDate) -> Result<()> {
    for (at, (_, column)) in PHASES.iter().enumerate() {
        draft.set(column, if at < reached { Cell::Date(on) } else { Cell::Empty })?;
    }
    let outcome: Cell = if reached > 4 { "approvato".into() } else { Cell::Empty };
    draft.all([("fase", PHASES[reached.max(1) - 1].0.into()), ("esito_regionale", outcome)])
}

/// What must follow a spoilt cell so that no rule between columns breaks as well.
pub fn keep_rules(draft: &mut Draft, rule: &str) -> Result<()> {
    let rule = format!("{}.{rule}", draft.sheet.dataset.name);
    match rule.as_str() {
        "piani.anno.min" | "interventi_programmati.anno.min" | "importi.anno.min" => draft.set("ciclo", "2015-2017"),
        "piani.esito_regionale.code_list" => {
            phases(draft, 5, day(2026, 1, 15))?;
            draft.set("esito_regionale", "inesistente")
        }
        "interventi_programmati.utenti_serviti.min" => draft.set("costo_sostenuto", Cell::cents(0)),
        "interventi_programmati.utenti_serviti.max" => draft.all([("utenti_previsti", 600_000.into()), ("costo_sostenuto", Cell::cents(0))]),
        "interventi_programmati.costo_sostenuto.min" => draft.set("utenti_serviti", 0),
        "interventi_programmati.ore_copertura.min" => draft.set("codice_voce", "prov-pronto_intervento"),
        "interventi_programmati.punti_accesso.min" | "interventi_programmati.punti_accesso.max" => draft.set("codice_voce", "prov-segretariato_pua"),
        "interventi_programmati.comuni_attivi.min" | "interventi_programmati.comuni_attivi.max" => draft.set("codice_voce", "prov-residenza_fittizia"),
        "importi.importo.min" => draft.set("quota_utenti", Cell::Empty),
        "risorse_umane.persone.min" | "risorse_umane.tempo_pieno.min" => {
            draft.set("ore_settimanali", Cell::cents(0))?;
            if rule.contains("persone") { draft.set("tempo_pieno", Cell::cents(0)) } else { Ok(()) }
        }
        "risorse_umane.ore_settimanali.min" => draft.set("tempo_pieno", Cell::cents(0)),
        "atti.data_atto.max" => draft.set("data_firma", day(2101, 2, 1)),
        "atti.data_firma.type" => draft.set("firmatario", Cell::Empty),
        "adempimenti.id_atto.references" => {
            let day = draft.date("scadenza")?;
            draft.set("adempiuto_il", day)
        }
        _ => Ok(()),
    }
}

pub fn break_rule(draft: &mut Draft, rule: &str) -> Result<()> {
    match draft.sheet.dataset.name.as_str() {
        "piani" => plan(draft, rule),
        "interventi_programmati" => programme(draft, rule),
        "importi" => money(draft, rule),
        "risorse_umane" => staff(draft, rule),
        "atti" => act(draft, rule),
        _ => obligation(draft, rule),
    }
}

fn plan(draft: &mut Draft, rule: &str) -> Result<()> {
    let on = day(2026, 1, 15);
    if let Some((after, _)) = rule.split_once("_dopo_")
        && let Some(at) = PHASES.iter().position(|(_, column)| column.trim_start_matches("data_") == after)
    {
        phases(draft, at + 1, on)?;
        return draft.set(PHASES[at - 1].1, on + Days::new(10));
    }
    match rule {
        "anno_nel_ciclo" => draft.set("ciclo", "2021-2023"),
        "esito_con_approvazione" => draft.set("esito_regionale", "approvato"),
        "fase_come_le_date" => draft.set("fase", "attuazione"),
        "trasmesso_entro_giugno" => {
            let year = draft.number("anno")? as i32;
            phases(draft, 4, day(year, 9, 10))
        }
        _ => Err(unwritten(draft, rule)),
    }
}

fn programme(draft: &mut Draft, rule: &str) -> Result<()> {
    match rule {
        "anno_nel_ciclo" => other_cycle(draft),
        "serviti_con_costo" => draft.set("utenti_serviti", 5),
        "copertura_solo_pronto_intervento" => draft.set("ore_copertura", 8_760),
        "copertura_entro_l_anno" => draft.all([("codice_voce", "prov-pronto_intervento".into()), ("ore_copertura", 9_000.into())]),
        "punti_solo_accesso" => draft.set("punti_accesso", 2),
        "accordo_solo_dimissioni" => draft.set("convenzione_ospedale", true),
        "comuni_solo_residenza_fittizia" => draft.set("comuni_attivi", 3),
        "serviti_oltre_il_doppio" => draft.all([("utenti_previsti", 10.into()), ("utenti_serviti", 100.into()), ("costo_sostenuto", Cell::cents(0))]),
        "voce_di_un_piano" => draft.all([("anno", 2027.into()), ("ciclo", "2027-2029".into())]),
        _ => Err(unwritten(draft, rule)),
    }
}

fn other_cycle(draft: &mut Draft) -> Result<()> {
    let cycle = if draft.number("anno")? < 2021 { "2024-2026" } else { "2018-2020" };
    draft.set("ciclo", cycle)
}

fn money(draft: &mut Draft, rule: &str) -> Result<()> {
    // More than any line has.
    let much = Cell::cents(49_900_000_000);
    match rule {
        "quote_entro_importo" => draft.all([("importo", Cell::cents(100_000)), ("quota_utenti", Cell::cents(60_000)), ("quota_ssn", Cell::cents(40_001))]),
        "anno_nel_ciclo" => other_cycle(draft),
        "atto_se_impegnato" => draft.all([("fase", "impegnato".into()), ("atto", Cell::Empty)]),
        "atto_non_prima_del_piano" => {
            let before = day(draft.number("anno")? as i32 - 1, 11, 20).max(day(2016, 1, 1));
            if draft.number("anno")? == 2016 {
                draft.all([("anno", 2017.into()), ("ciclo", "2015-2017".into())])?;
            }
            draft.all([("fase", "impegnato".into()), ("data_atto", before.into())])
        }
        "impegnato_entro_programmato" => draft.all([("fase", "impegnato".into()), ("importo", much)]),
        "rendicontato_entro_impegnato" => draft.all([("fase", "rendicontato".into()), ("importo", much)]),
        _ => Err(unwritten(draft, rule)),
    }
}

fn staff(draft: &mut Draft, rule: &str) -> Result<()> {
    match rule {
        "tempo_pieno_dalle_ore" => draft.set("tempo_pieno", Cell::cents(1_200)),
        "non_piu_ore_che_persone" => draft.set("persone", 5),
        "supervisione_entro_persone" => draft.all([("persone_supervisione", 11.into()), ("ore_supervisione", Cell::cents(1_000))]),
        "supervisione_con_ore" => draft.set("persone_supervisione", 3),
        "assistente_sociale_per_profilo" => draft.set("assistente_sociale", true),
        "poca_supervisione" => draft.all([("anno", 2025.into()), ("profilo", "assistente_sociale".into()), ("assistente_sociale", true.into())]),
        _ => Err(unwritten(draft, rule)),
    }
}

fn act(draft: &mut Draft, rule: &str) -> Result<()> {
    match rule {
        "firma_con_firmatario" => draft.set("firmatario", Cell::Empty),
        "firma_dopo_atto" => {
            let before = draft.date("data_atto")? - Duration::days(2);
            draft.set("data_firma", before)
        }
        "convenzione_con_scadenza" => {
            let before = draft.date("data_atto")? - Duration::days(30);
            draft.all([("tipo", "convenzione".into()), ("valido_al", before.into())])
        }
        "un_documento_un_atto" => {
            let same = draft.was("impronta")?;
            draft.set("impronta", same)
        }
        _ => Err(unwritten(draft, rule)),
    }
}

fn obligation(draft: &mut Draft, rule: &str) -> Result<()> {
    let (due, act) = (draft.date("scadenza")?, draft.was("id_atto")?);
    match rule {
        "atto_se_adempiuto" => draft.set("id_atto", act),
        "convenzione_con_atto" => draft.all([("tipo", "convenzione".into()), ("adempiuto_il", due.into())]),
        "in_ritardo" => draft.set("adempiuto_il", due + Days::new(20)),
        "atto_non_successivo" => draft.all([("id_atto", act), ("adempiuto_il", day(2014, 2, 1).into())]),
        _ => Err(unwritten(draft, rule)),
    }
}
