//! `sigess.interventi`.

use chrono::Datelike;

use super::cases::plan_id;
use super::size::told_in;
use super::story::Intervention;
use super::{Dataset, Social, Told};
use crate::synthetic::Output;
use crate::synthetic::error::Result;

/// Each intervention of a person with its case, counted over all cases.
pub fn each<'a>(told: &'a Told) -> impl Iterator<Item = (usize, usize, &'a Intervention)> {
    let all = told.story.cases.iter().enumerate().flat_map(|(case, of)| of.interventions.iter().map(move |intervention| (case, intervention)));
    all.enumerate().map(|(k, (case, intervention))| (k, case, intervention))
}

pub fn id(told: &Told, k: usize, intervention: &Intervention) -> String {
    told.id('N', intervention.asked.year(), k)
}

pub fn rows(out: &mut Output, files: &mut Social, told: &Told, year: i32) -> Result<()> {
    for (k, case, intervention) in each(told).filter(|(.., intervention)| told_in(intervention.asked, year)) {
        let before: usize = told.story.cases[..case].iter().map(|case| case.plans.len()).sum();
        let plan = intervention.plan.map(|at| plan_id(told, before + at, &told.story.cases[case].plans[at]));
        let granted = matches!(intervention.decided, Some((_, None)));
        let outcome = intervention.decided.map(|(_, refused)| if refused.is_some() { "rifiutato" } else { "concesso" });
        let item = intervention.item;
        let family = (item.label == "prov-pippi").then(|| i64::from(intervention.asked.year()));
        files.of(Dataset::Interventions).push(
            out,
            [
                ("id_intervento", id(told, k, intervention).into()),
                ("id_caso", told.case_id(case).into()),
                ("id_piano", plan.into()),
                ("id_persona", told.person.code.as_str().into()),
                ("codice_istat", told.person.codice_istat.as_str().into()),
                ("codice_voce", item.label.into()),
                ("codice_prestazione", item.benefit.into()),
                ("macro_attivita", item.macro_activity.into()),
                ("utenza", told.person.utenza.into()),
                ("fondo", granted.then_some(intervention.fund).into()),
                ("data_richiesta", intervention.asked.into()),
                ("esito", outcome.into()),
                ("data_esito", intervention.decided.map(|(on, _)| on).into()),
                ("motivo_rifiuto", intervention.decided.and_then(|(_, why)| why).into()),
                ("data_inizio", intervention.from.into()),
                ("data_fine", intervention.to.into()),
                ("codice_struttura", intervention.facility.as_deref().into()),
                ("dimissione", intervention.discharged.into()),
                ("attivazione", intervention.supported.into()),
                ("ciclo_pippi", family.into()),
            ],
        )?;
    }
    Ok(())
}
