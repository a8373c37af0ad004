//! The intake queue's way to the disk: forms that arrive together are written in one transaction, so that each is acknowledged durable
//! without a disk write of its own. Numbers are given inside the transaction: a form that is not kept leaves no gap.

use datasets::form::{self, REGION};
use sqlx::{AnyConnection, Row};
use tokio::sync::{mpsc, oneshot};
use warehouse::error::{Error, Kind, Result};

use super::cases::{Received, received};
use crate::state::{State, fault};

/// Forms of one transaction, and of the queue before it.
const AT_ONCE: usize = 256;
const WAITING: usize = 2048;

/// A form that is right and sealed, to be kept.
#[derive(Clone)]
pub struct New {
    pub id: String,
    pub form: String,
    pub version: String,
    pub account: String,
    pub role: String,
    pub applicant: String,
    pub person: String,
    pub office: String,
    pub sender: String,
    /// The key of the row: given by who changes one that is there, else made of the number.
    pub code: Code,
    pub sealed: String,
    pub hash: String,
    pub twin: String,
    pub retry: String,
    pub year: i64,
    pub received: i64,
    pub state: String,
    pub due: i64,
    pub pending: bool,
    pub documents: Vec<Kept>,
    /// Whether the same answers again are meant.
    pub again: bool,
}

#[derive(Clone)]
pub enum Code {
    Known(String),
    /// Made of the next number of the dataset's counter.
    Next(form::Code),
}

#[derive(Clone)]
pub struct Kept {
    pub name: String,
    pub file: String,
    pub bytes: i64,
    pub hash: String,
    pub verdict: String,
}

/// What became of a form.
#[derive(Clone, Debug)]
pub enum Taken {
    New(Received),
    /// The same request had come before.
    Same(Received),
    /// The same answers had come before by another request, as that case.
    Twin(Received),
}

pub struct Job {
    pub new: New,
    pub done: oneshot::Sender<Result<Taken>>,
}

pub fn start(state: State) -> mpsc::Sender<Job> {
    let (send, mut jobs) = mpsc::channel::<Job>(WAITING);
    tokio::spawn(async move {
        let mut some = Vec::with_capacity(AT_ONCE);
        while jobs.recv_many(&mut some, AT_ONCE).await > 0 {
            match write(&state, &some).await {
                Ok(taken) => some.drain(..).zip(taken).for_each(|(job, taken)| drop(job.done.send(Ok(taken)))),
                // One of them may be at fault: each by itself then.
                Err(_) if some.len() > 1 => {
                    for job in some.drain(..) {
                        let taken = write(&state, std::slice::from_ref(&job)).await.map(|mut taken| taken.remove(0));
                        drop(job.done.send(taken));
                    }
                }
                Err(error) => drop(some.pop().map(|job| job.done.send(Err(error)))),
            }
        }
    });
    send
}

async fn write(state: &State, jobs: &[Job]) -> Result<Vec<Taken>> {
    let mut work = state.begin("intake.write").await?;
    let mut taken = Vec::with_capacity(jobs.len());
    for job in jobs {
        taken.push(one(&mut work, &job.new).await?);
    }
    work.commit().await.map_err(fault("intake.write"))?;
    Ok(taken)
}

async fn one(work: &mut AnyConnection, new: &New) -> Result<Taken> {
    if let Some((received, hash)) = found(work, "retry", &new.retry).await? {
        if hash != new.hash {
            return Err(Error::new(Kind::Conflict, "form.retry", "this Idempotency-Key was used for other answers"));
        }
        return Ok(Taken::Same(received));
    }
    if !new.again
        && let Some((received, _)) = found(work, "twin", &new.twin).await?
    {
        return Ok(Taken::Twin(received));
    }
    let number = next(work, &format!("protocol {} {}", new.office, new.year)).await?;
    let code = match &new.code {
        Code::Known(code) => code.clone(),
        Code::Next(code) => code.with(next(work, &format!("code {}", new.form)).await?),
    };
    sqlx::query(
        "INSERT INTO cases (id, form, version, account, role, applicant, person, office, sender, code, sealed, hash, twin, retry, year, number, received, state, since, due, moved, revision, pending) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $17, $19, 1, 1, $20)",
    )
    .bind(&new.id)
    .bind(&new.form)
    .bind(&new.version)
    .bind(&new.account)
    .bind(&new.role)
    .bind(&new.applicant)
    .bind(&new.person)
    .bind(&new.office)
    .bind(&new.sender)
    .bind(&code)
    .bind(&new.sealed)
    .bind(&new.hash)
    .bind(&new.twin)
    .bind(&new.retry)
    .bind(new.year)
    .bind(number)
    .bind(new.received)
    .bind(&new.state)
    .bind(new.due)
    .bind(i64::from(new.pending))
    .execute(&mut *work)
    .await
    .map_err(fault("intake.write"))?;
    sqlx::query("INSERT INTO moves (case_id, seq, code, from_state, to_state, account, role, at, reason, delivery, batch) VALUES ($1, 1, 'invia', 'bozza', $2, $3, $4, $5, '', '', '')")
        .bind(&new.id)
        .bind(&new.state)
        .bind(&new.account)
        .bind(&new.role)
        .bind(new.received)
        .execute(&mut *work)
        .await
        .map_err(fault("intake.write"))?;
    attach(work, &new.id, 1, &new.documents).await?;
    let protocol = protocol(&new.office, new.year, number);
    Ok(Taken::New(Received { id: new.id.clone(), protocol, code, received: new.received, hash: new.hash.clone() }))
}

/// Writes down the documents of one revision of a case.
pub async fn attach(work: &mut AnyConnection, case: &str, revision: i64, documents: &[Kept]) -> Result<()> {
    for (place, one) in (0i64..).zip(documents) {
        sqlx::query("INSERT INTO attachments (case_id, revision, place, name, file, bytes, hash, verdict) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
            .bind(case)
            .bind(revision)
            .bind(place)
            .bind(&one.name)
            .bind(&one.file)
            .bind(one.bytes)
            .bind(&one.hash)
            .bind(&one.verdict)
            .execute(&mut *work)
            .await
            .map_err(fault("intake.attach"))?;
    }
    Ok(())
}

/// The next number of a counter, from 1, for this transaction.
async fn next(work: &mut AnyConnection, counter: &str) -> Result<i64> {
    let row = sqlx::query("INSERT INTO counters (name, last) VALUES ($1, 1) ON CONFLICT (name) DO UPDATE SET last = counters.last + 1 RETURNING last")
        .bind(counter)
        .fetch_one(work)
        .await
        .map_err(fault("intake.number"))?;
    row.try_get("last").map_err(fault("intake.number"))
}

async fn found(work: &mut AnyConnection, column: &str, value: &str) -> Result<Option<(Received, String)>> {
    let sql = format!("SELECT id, office, year, number, code, received, hash FROM cases WHERE {column} = $1 ORDER BY received LIMIT 1");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(value).fetch_optional(work).await.map_err(fault("intake.found"))?;
    let Some(row) = row else { return Ok(None) };
    let received = received(&row).map_err(fault("intake.found"))?;
    let hash = received.hash.clone();
    Ok(Some((received, hash)))
}

/// A protocol number as it is written: body, year, number.
pub fn protocol(office: &str, year: i64, number: i64) -> String {
    let body = if office.is_empty() { REGION } else { office };
    format!("{body}/{year}/{number:07}")
}
