//! `sigess.casi`, `sigess.valutazioni`, `sigess.piani_individuali` and `sigess.isee`.

use chrono::{Datelike, Days};

use super::contacts::sheet_id;
use super::size::{BEFORE, told_in};
use super::story::{Assessment, Case, Plan};
use super::{Dataset, Social, Told};
use crate::synthetic::Output;
use crate::synthetic::cell::Cell;
use crate::synthetic::error::Result;
use crate::synthetic::random::day;

const LEVELS: [&str; 5] = ["autosufficiente", "lieve", "media", "grave", "gravissima"];

pub fn rows(out: &mut Output, files: &mut Social, told: &Told, year: i32) -> Result<()> {
    let (mut assessed, mut planned) = (0, 0);
    for (k, case) in told.story.cases.iter().enumerate() {
        if told_in(case.opened, year) {
            self::case(out, files, told, k, case)?;
        }
        for assessment in &case.assessments {
            if told_in(assessment.done, year) {
                self::assessment(out, files, told, k, assessed, assessment)?;
            }
            assessed += 1;
        }
        for plan in &case.plans {
            if told_in(plan.signed, year) {
                self::plan(out, files, told, k, planned, plan)?;
            }
            planned += 1;
        }
        if (case.opened.year()..=case.end().year()).contains(&year) {
            certificate(out, files, told, k, year)?;
        }
    }
    Ok(())
}

/// Identifier of a person's plan, counted over all cases.
pub fn plan_id(told: &Told, k: usize, plan: &Plan) -> String {
    told.id('P', plan.signed.year(), k)
}

fn case(out: &mut Output, files: &mut Social, told: &Told, k: usize, case: &Case) -> Result<()> {
    let services = ["Servizio sociale professionale", "Servizio minori e famiglie", "Servizio anziani e disabili", "Équipe povertà"];
    let service = match told.person.utenza {
        "famiglia_minori" => services[1],
        "poverta" => services[3],
        utenza if utenza.starts_with("anziani") || utenza == "disabili" => services[2],
        _ => services[0],
    };
    let contact = case.contact.map(|at| sheet_id(told, at));
    files.of(Dataset::Cases).push(
        out,
        [
            ("id_caso", told.case_id(k).into()),
            ("id_persona", told.person.code.as_str().into()),
            ("id_scheda", contact.into()),
            ("codice_istat", told.person.codice_istat.as_str().into()),
            ("data_apertura", case.opened.into()),
            ("data_chiusura", case.closed.map(|(on, _)| on).into()),
            ("motivo_chiusura", case.closed.map(|(_, why)| why).into()),
            ("utenza", told.person.utenza.into()),
            ("complesso", case.complex.into()),
            ("servizio", service.into()),
            ("nucleo_adi", case.allowance.is_some().into()),
            ("data_pad", case.allowance.map(|(signed, ..)| signed).into()),
            ("data_primo_incontro", case.allowance.and_then(|(_, met, _)| met).into()),
            ("data_patto", case.allowance.and_then(|(.., pact)| pact).into()),
        ],
    )
}

fn assessment(out: &mut Output, files: &mut Social, told: &Told, case: usize, k: usize, assessment: &Assessment) -> Result<()> {
    let chance = told.chance("assessment", k);
    let one_of = |shift: u32, codes: &[&'static str]| codes[(chance >> shift) as usize % codes.len()];
    let heavy = assessment.level >= 3;
    let needed = match assessment.level {
        0 => None,
        1 => Some("A2.07"),
        2 => Some(one_of(2, &["A2.07", "A2.08", "A3.01"])),
        _ => Some(one_of(4, &["A2.08", "A1.11", "A3.02"])),
    };
    files.of(Dataset::Assessments).push(
        out,
        [
            ("id_valutazione", told.id('V', assessment.done.year(), k).into()),
            ("id_caso", told.case_id(case).into()),
            ("id_persona", told.person.code.as_str().into()),
            ("codice_istat", told.person.codice_istat.as_str().into()),
            ("data_richiesta", assessment.asked.into()),
            ("data_valutazione", assessment.done.into()),
            ("fonte", one_of(6, &["1", "1", "1", "1", "2", "4"]).into()),
            ("strumento", one_of(10, &["1", "1", "1", "2", "6", "7"]).into()),
            ("invalidita", if assessment.level == 0 { Cell::Empty } else { one_of(14, &["1", "2", "2", "3", "5", "6"]).into() }),
            ("mobilita", if heavy { one_of(18, &["2", "3"]) } else { one_of(18, &["1", "2"]) }.into()),
            ("vita_quotidiana", ["1", "2", "2", "3", "3"][assessment.level].into()),
            ("area_cognitiva", if assessment.level < 2 { Cell::Empty } else { one_of(22, &["1", "2", "3"]).into() }),
            ("comportamento", one_of(26, &["1", "1", "2"]).into()),
            ("cure_sanitarie", one_of(30, &["1", "2", "3"]).into()),
            ("area_reddituale", one_of(34, &["1", "2", "3"]).into()),
            ("area_supporto", one_of(38, &["1", "2", "2", "3"]).into()),
            ("livello", LEVELS[assessment.level].into()),
            ("prestazione_necessaria", needed.into()),
        ],
    )
}

fn plan(out: &mut Output, files: &mut Social, told: &Told, case: usize, k: usize, plan: &Plan) -> Result<()> {
    let family = matches!(plan.kind, "patto_inclusione" | "pippi");
    files.of(Dataset::Plans).push(
        out,
        [
            ("id_piano", plan_id(told, k, plan).into()),
            ("id_caso", told.case_id(case).into()),
            ("id_persona", told.person.code.as_str().into()),
            ("codice_istat", told.person.codice_istat.as_str().into()),
            ("tipo", plan.kind.into()),
            ("beneficiario", if family { "nucleo" } else { "individuale" }.into()),
            ("data_firma", plan.signed.into()),
            ("valido_dal", (plan.signed + Days::new(1)).into()),
            ("valido_al", plan.to.into()),
            ("verifica_mesi", 6.into()),
            ("verifiche", plan.reviews.into()),
            ("data_ultima_verifica", plan.reviewed.into()),
            ("data_chiusura", plan.closed.map(|(on, _)| on).into()),
            ("obiettivi", plan.closed.map(|(_, reached)| reached).into()),
            ("budget", plan.budget.map(Cell::cents).into()),
            ("budget_finanziato", plan.financed.into()),
        ],
    )
}

/// An ISEE certificate of the year, for those whose benefits ask for one.
fn certificate(out: &mut Output, files: &mut Social, told: &Told, case: usize, year: i32) -> Result<()> {
    let chance = told.chance("isee", year as usize * 10 + case);
    let often = if matches!(told.person.utenza, "poverta" | "famiglia_minori") { 70 } else { 35 };
    if chance % 100 >= often {
        return Ok(());
    }
    let declared = day(year, 1, 10) + Days::new((chance >> 8) % 250);
    let poor = told.person.utenza == "poverta";
    let bands = if poor { ["1", "2", "2", "3", "3", "4"] } else { ["2", "4", "5", "6", "7", "8"] };
    let kind = match told.person.utenza {
        "famiglia_minori" => "5",
        "anziani_non_autosufficienti" | "disabili" => "3",
        _ if (chance >> 16).is_multiple_of(10) => "6",
        _ => "1",
    };
    let until = if kind == "6" { declared + Days::new(150) } else { day(year, 12, 31) };
    let number = format!("{:02}{:05}{}", told.entry - BEFORE, told.n, case % 10);
    let letter = char::from(b'A' + ((chance >> 20) % 26) as u8);
    files.of(Dataset::Certificates).push(
        out,
        [
            ("id_attestazione", told.id('T', year, case).into()),
            ("id_persona", told.person.code.as_str().into()),
            ("codice_istat", told.person.codice_istat.as_str().into()),
            ("anno", i64::from(year).into()),
            ("tipo", kind.into()),
            ("fascia", bands[(chance >> 24) as usize % bands.len()].into()),
            ("protocollo_dsu", format!("INPS-ISEE-{year}-{number}{letter}-00").into()),
            ("data_dsu", declared.into()),
            ("valida_al", until.into()),
            ("componenti", ((chance >> 32) as i64 % 5 + 1).into()),
        ],
    )
}
