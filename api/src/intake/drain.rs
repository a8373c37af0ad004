//! From the queue to the lake: rows of cases go through the ordinary pipeline in batches, each batch one delivery of one sender, and what the
//! pipeline says of a row becomes a move of its case. A crash at any point repeats a batch, which loads the same rows once.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Utc;
use datasets::form::Filled;
use datasets::model::{DatasetName, Severity};
use ingest::deliver::Deliveries;
use ingest::findings::SHOWN;
use ingest::form::{Answers, period};
use ingest::report::Report;
use sqlx::AnyConnection;
use warehouse::error::{Error, Result};
use warehouse::system::SystemLog;

use super::Intake;
use super::cases::Case;
use super::fill::fault;
use super::register::{part_rows, row_of};

/// Cases of one round, and of one delivery.
const ROUND: i64 = 2_000;
const BATCH: usize = SHOWN;

/// A report that does not name each finding: fewer rows have one that does.
const UNTOLD: &str = "intake.report";

/// The rows of one case for one batch.
struct Ready {
    case: Case,
    main: Answers,
    parts: Vec<(DatasetName, Vec<Answers>)>,
}

impl Intake {
    /// Writes what waits; gives how many cases it wrote. Rows of a case are written in the order of its moves.
    pub async fn drain(&self, deliveries: &Deliveries, system: &SystemLog) -> Result<usize> {
        let _turn = self.turn.lock().await;
        let mut written = 0;
        loop {
            let waiting = self.pending(ROUND).await?;
            if waiting.is_empty() {
                break;
            }
            let more = waiting.len() as i64 == ROUND;
            let before = written;
            let mut batches: BTreeMap<(String, String), Vec<Case>> = BTreeMap::new();
            let mut rows: BTreeSet<(String, String)> = BTreeSet::new();
            for case in waiting {
                // Two cases that change one row are two deliveries, the older one first.
                if rows.insert((case.form.clone(), case.received.code.clone())) {
                    batches.entry((case.form.clone(), case.sender.clone())).or_default().push(case);
                }
            }
            for ((form, sender), cases) in batches {
                let mut left: Vec<&[Case]> = cases.chunks(BATCH).rev().collect();
                while let Some(some) = left.pop() {
                    match self.batch(deliveries, &form, &sender, some).await {
                        Ok(()) => written += some.len(),
                        // What is loaded again is the same row.
                        Err(error) if error.code == UNTOLD && some.len() > 1 => left.extend(some.chunks(some.len().div_ceil(10)).rev()),
                        Err(error) => tracing::error!(%error, form, "rows of forms could not be written; they are tried again"),
                    }
                }
            }
            if !more || written == before {
                break;
            }
        }
        self.mirror(system).await?;
        Ok(written)
    }

    async fn batch(&self, deliveries: &Deliveries, form: &str, sender: &str, cases: &[Case]) -> Result<()> {
        let catalog = deliveries.lake().catalog();
        let Some(filled) = form.parse().ok().and_then(|name| catalog.form(&name)) else {
            return Err(Error::internal("intake.form", format!("the form of '{form}' is gone")));
        };
        let mut ready = Vec::with_capacity(cases.len());
        for case in cases {
            let payload = self.answers(case)?;
            let main = row_of(filled, case, &payload);
            let parts = part_rows(filled, &main, &payload);
            ready.push(Ready { case: case.clone(), main, parts });
        }
        let purpose = ingest::vault::Purpose { account: "servizio", why: "iscrizione dei moduli nei registri" };
        self.vault.record(purpose, "pratiche", cases.len()).await.map_err(fault)?;
        let mut refused: BTreeMap<usize, (Vec<String>, String)> = BTreeMap::new();
        let rows: Vec<(usize, Answers)> = ready.iter().enumerate().map(|(i, one)| (i, one.main.clone())).collect();
        let delivery = self.rows(deliveries, filled, &filled.contract.name, sender, &ready, &rows, &mut refused).await?;
        for part in &filled.form.parts {
            let of = |(i, one): (usize, &Ready)| {
                let rows = one.parts.iter().filter(|(name, _)| *name == part.dataset).flat_map(|(_, rows)| rows.clone());
                rows.map(move |row| (i, row)).collect::<Vec<_>>()
            };
            // Parts of a row that is not there would refer to nothing.
            let rows: Vec<(usize, Answers)> = ready.iter().enumerate().filter(|(i, _)| !refused.contains_key(i)).flat_map(of).collect();
            if !rows.is_empty() {
                self.rows(deliveries, filled, &part.dataset, sender, &ready, &rows, &mut refused).await?;
            }
        }
        let mut work = self.state.begin("intake.settle").await?;
        for (i, one) in ready.iter().enumerate() {
            self.settle(&mut work, filled, &one.case, refused.get(&i), &delivery).await?;
        }
        work.commit().await.map_err(crate::state::fault("intake.settle"))
    }

    /// Hands rows to the pipeline; what it refuses is noted by the number of its case. Gives the delivery's id.
    #[expect(clippy::too_many_arguments, reason = "one caller, which has each of them apart")]
    async fn rows(
        &self,
        deliveries: &Deliveries,
        filled: Filled<'_>,
        dataset: &DatasetName,
        sender: &str,
        cases: &[Ready],
        rows: &[(usize, Answers)],
        refused: &mut BTreeMap<usize, (Vec<String>, String)>,
    ) -> Result<String> {
        let catalog = deliveries.lake().catalog();
        let contract = catalog.get(dataset).unwrap_or(filled.contract);
        let period = period(contract.feed.frequency, Utc::now().date_naive());
        let values: Vec<Answers> = rows.iter().map(|(_, row)| row.clone()).collect();
        let marks: Vec<String> = cases.iter().map(|one| format!("{}.{}", one.case.received.id, one.case.moved)).collect();
        let report: Report = deliveries.enter(contract, sender, super::SERVICE_ACCOUNT, period, &marks, &values).await.map_err(fault)?;
        if !report.violations_complete {
            return Err(Error::internal(UNTOLD, format!("delivery {} has more findings than its report tells", report.id)));
        }
        for one in report.violations.iter().filter(|one| one.severity == Severity::Error) {
            // A finding about the whole delivery is about each of its rows.
            let places =
                one.line.and_then(|line| rows.get(usize::try_from(line - 1).ok()?)).map_or_else(|| rows.iter().map(|(i, _)| *i).collect(), |(i, _)| vec![*i]);
            for place in places {
                let said = refused.entry(place).or_insert_with(|| (Vec::new(), report.id.clone()));
                if !said.0.contains(&one.message.it) {
                    said.0.push(one.message.it.clone());
                }
            }
        }
        Ok(report.id)
    }

    /// What becomes of a case whose row was loaded, or refused.
    async fn settle(&self, work: &mut AnyConnection, filled: Filled<'_>, case: &Case, refused: Option<&(Vec<String>, String)>, delivery: &str) -> Result<()> {
        let step = filled.workflow.step(&case.state);
        match (refused, step) {
            (Some((said, delivery)), Some(step)) if step.refused.is_some() => {
                self.follow(work, filled, case, step.refused.as_deref().unwrap_or_default(), &said.join(" "), delivery).await?;
            }
            (Some((said, delivery)), _) => {
                tracing::error!(case = case.received.id, delivery, "a row was refused in a state from which nothing leads on: {}", said.join(" "));
                settled(work, case).await?;
            }
            (None, Some(step)) if step.loaded.is_some() => {
                self.follow(work, filled, case, step.loaded.as_deref().unwrap_or_default(), "", delivery).await?;
            }
            (None, _) => settled(work, case).await?,
        }
        Ok(())
    }
}

/// The row of a case stands; whoever moved it meanwhile asked for it to be written again.
async fn settled(work: &mut AnyConnection, case: &Case) -> Result<()> {
    let done = sqlx::query("UPDATE cases SET pending = 0 WHERE id = $1 AND moved = $2").bind(&case.received.id).bind(case.moved);
    done.execute(work).await.map_err(crate::state::fault("intake.settle"))?;
    Ok(())
}
