//! What may become of a case, and by whom: the workflow's moves, each made once, from where the mover saw the case stand.

use datasets::form::{Filled, REGION};
use datasets::workflow::{APPLICANT, Move, SERVICE};
use ingest::deliver::Deliveries;
use ingest::form::Answers;
use sqlx::AnyConnection;
use warehouse::audit::{Action, Door, Event, Outcome};
use warehouse::error::{Error, Kind, Result};
use warehouse::principal::Principal;

use super::cases::Case;
use super::fill::{Refused, current, fixed, kept};
use super::queue::{Kept, attach};
use super::register::{Standing, day};
use super::{Intake, Payload, applicant};
use crate::state::{fault, now};

/// A move that somebody asks for.
#[derive(Clone, Debug, Default)]
pub struct Asked<'a> {
    pub code: &'a str,
    /// Number of the last move that the mover saw.
    pub seen: i64,
    pub reason: &'a str,
    /// What the move asks of the office.
    pub decided: Answers,
    /// The form answered again, where the move is that, with the version that was answered.
    pub answers: Option<(Payload, &'a str)>,
}

/// The body for which an account decides on cases of a form; `None` where it decides on none of them.
pub fn office(filled: Filled<'_>, who: &Principal) -> Option<String> {
    if !filled.workflow.offices().any(|role| role == who.role) {
        return None;
    }
    match &filled.form.office {
        None => Some(REGION.to_owned()),
        Some(column) => who.facts.get(column).cloned(),
    }
}

/// Whether an account may see a case: it is of its own body or person, or its office works on it.
pub fn sees(filled: Filled<'_>, case: &Case, who: &Principal) -> bool {
    case.applicant == applicant(who) || office(filled, who).is_some_and(|body| body == case.office)
}

/// The moves that an account may make now.
pub fn open<'a>(filled: Filled<'a>, case: &Case, who: &Principal) -> Vec<&'a Move> {
    let theirs = case.applicant == applicant(who);
    let decides = office(filled, who).is_some_and(|body| body == case.office);
    let may = |one: &Move| one.by.iter().any(|by| if by == APPLICANT { theirs } else { decides && *by == who.role });
    filled.workflow.moves.iter().filter(|one| one.from.contains(&case.state) && may(one)).collect()
}

impl Intake {
    /// Makes a move. The same move again, seen from the same place, is made once.
    /// Errors: `Forbidden`, `Conflict` where the case stands elsewhere by now, findings where the row would not be right.
    pub async fn make(&self, deliveries: &Deliveries, filled: Filled<'_>, who: &Principal, case: &Case, asked: Asked<'_>) -> Result<(), Refused> {
        let what = format!("{} {}", filled.contract.name, case.received.id);
        let event = Event::new(Action::Approval, what).by(who).door(Door::Http).why(format!("{} {}", case.received.protocol, asked.code));
        let done = self.try_to(deliveries, filled, who, case, asked).await;
        let outcome = match &done {
            Ok(()) => Outcome::Ok,
            Err(Refused::Error(error)) if error.kind == Kind::Internal => Outcome::Failed,
            Err(_) => Outcome::Refused,
        };
        self.vault.audit().record(event.outcome(outcome)).await?;
        done
    }

    async fn try_to(&self, deliveries: &Deliveries, filled: Filled<'_>, who: &Principal, case: &Case, mut asked: Asked<'_>) -> Result<(), Refused> {
        if case.moved == asked.seen + 1 && self.made(&case.received.id, case.moved, asked.code, &who.account).await? {
            return Ok(());
        }
        if case.moved != asked.seen {
            return Err(moved(case).into());
        }
        let Some(one) = open(filled, case, who).into_iter().find(|one| one.code == asked.code) else {
            return Err(Error::new(
                Kind::Forbidden,
                "case.move",
                format!("'{}' cannot be done with a case in state '{}' by this account", asked.code, case.state),
            )
            .into());
        };
        let reason = asked.reason.trim();
        if one.reason && reason.is_empty() {
            return Err(Error::new(Kind::Invalid, "case.reason", "this step needs a reason").into());
        }
        if let Some(other) = asked.decided.keys().find(|name| !one.asks.contains(name)) {
            return Err(Error::new(Kind::Invalid, "form.column", format!("this step does not ask '{other}'")).into());
        }
        let mut payload = self.answers(case)?;
        let mut documents = Vec::new();
        match (one.answers, asked.answers.take()) {
            (true, Some((mut again, version))) => {
                current(filled, version)?;
                again.tidy();
                again.decided = std::mem::take(&mut payload.decided);
                again.values.extend(fixed(filled, who));
                documents = again.documents.iter().map(kept).collect();
                payload = again;
            }
            (true, None) => return Err(Error::new(Kind::Invalid, "case.answers", "this step is the form, answered again").into()),
            (false, _) => payload.decided.extend(asked.decided.into_iter().filter(|(_, value)| !value.trim().is_empty())),
        }
        let at = now();
        let Some(to) = &one.to else {
            let said = Step {
                account: &who.account,
                role: &who.role,
                code: &one.code,
                to: &case.state,
                at,
                since: case.since,
                due: case.due,
                register: case.pending,
                reason,
                delivery: "",
            };
            return self.go(case, said, None, None).await;
        };
        let register = filled.workflow.step(to).is_some_and(|step| step.register);
        let standing = Standing { key: Some(&case.received.code), state: to, since: day(at), sent: day(case.received.received) };
        let applying = (one.answers).then_some(who);
        if register || one.answers {
            let found = self.judge(deliveries, filled, applying, &payload, standing).await?;
            if !found.stands() {
                return Err(Refused::Findings(found.findings));
            }
        }
        let due = filled.workflow.due(to, at);
        let step = Step { account: &who.account, role: &who.role, code: &one.code, to, at, since: at, due, register, reason, delivery: "" };
        self.go(case, step, Some(&payload), one.answers.then_some(documents)).await
    }

    /// Makes a step of somebody's. Errors: `Conflict` where the case was moved meanwhile.
    async fn go(&self, case: &Case, step: Step<'_>, payload: Option<&Payload>, again: Option<Vec<Kept>>) -> Result<(), Refused> {
        let mut work = self.state.begin("case.move").await?;
        if !self.step(&mut work, case, step, payload, again).await? {
            return Err(moved(case).into());
        }
        work.commit().await.map_err(fault("case.move"))?;
        Ok(())
    }

    async fn made(&self, case: &str, seq: i64, code: &str, account: &str) -> Result<bool> {
        let (n,): (i64,) = sqlx::query_as("SELECT count(*) FROM moves WHERE case_id = $1 AND seq = $2 AND code = $3 AND account = $4")
            .bind(case)
            .bind(seq)
            .bind(code)
            .bind(account)
            .fetch_one(self.state.pool())
            .await
            .map_err(fault("case.made"))?;
        Ok(n > 0)
    }

    /// A move by the service itself: what became of the row in the lake.
    pub(super) async fn follow(&self, work: &mut AnyConnection, filled: Filled<'_>, case: &Case, to: &str, reason: &str, delivery: &str) -> Result<bool> {
        let at = now();
        let due = filled.workflow.due(to, at);
        // What was refused is not written again before somebody mended it.
        let register = false;
        let code = if reason.is_empty() { "registra" } else { "rinvia" };
        let to = Step { account: SERVICE, role: SERVICE, code, to, at, since: at, due, register, reason, delivery };
        self.step(work, case, to, None, None).await
    }

    /// Writes a move; false where the case was moved meanwhile.
    async fn step(&self, work: &mut AnyConnection, case: &Case, to: Step<'_>, payload: Option<&Payload>, again: Option<Vec<Kept>>) -> Result<bool> {
        let id = &case.received.id;
        let sealed = payload.map(|payload| self.seal(id, payload)).transpose()?.unwrap_or_else(|| case.sealed.clone());
        let reason = if to.reason.is_empty() { String::new() } else { self.seal_text(id, to.reason.as_bytes())? };
        let done = sqlx::query(
            "UPDATE cases SET state = $1, since = $2, due = $3, moved = moved + 1, revision = revision + $4, sealed = $5, pending = $6 WHERE id = $7 AND moved = $8",
        )
        .bind(to.to)
        .bind(to.since)
        .bind(to.due)
        .bind(i64::from(again.is_some()))
        .bind(&sealed)
        .bind(i64::from(to.register))
        .bind(id)
        .bind(case.moved)
        .execute(&mut *work)
        .await
        .map_err(fault("case.move"))?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        write_move(work, case, &to, &reason).await?;
        if let Some(documents) = &again {
            attach(work, id, case.revision + 1, documents).await?;
        }
        Ok(true)
    }
}

/// Where a case goes.
struct Step<'a> {
    account: &'a str,
    role: &'a str,
    code: &'a str,
    to: &'a str,
    at: i64,
    /// Since when it stands there, and until when it may.
    since: i64,
    due: i64,
    register: bool,
    reason: &'a str,
    delivery: &'a str,
}

async fn write_move(work: &mut AnyConnection, case: &Case, to: &Step<'_>, reason: &str) -> Result<()> {
    sqlx::query("INSERT INTO moves (case_id, seq, code, from_state, to_state, account, role, at, reason, delivery, batch) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '')")
        .bind(&case.received.id)
        .bind(case.moved + 1)
        .bind(to.code)
        .bind(&case.state)
        .bind(to.to)
        .bind(to.account)
        .bind(to.role)
        .bind(to.at)
        .bind(reason)
        .bind(to.delivery)
        .execute(work)
        .await
        .map_err(fault("case.move"))?;
    Ok(())
}

fn moved(case: &Case) -> Error {
    Error::new(
        Kind::Conflict,
        "case.moved",
        format!("the case was moved meanwhile: it is in state '{}' after {} steps; look at it again", case.state, case.moved),
    )
}
