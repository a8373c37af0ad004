//! Brings the schema of a store up to date, once, however many processes start together.

use sqlx::{AnyPool, Connection, Executor};
use warehouse::error::{Error, Kind, Result};

use super::fault;

pub async fn run(pool: &AnyPool, sqlite: bool, steps: &[&'static str]) -> Result<()> {
    let mut connection = pool.acquire().await.map_err(fault("state.migrate"))?;
    // Who comes second waits here and then finds the work done.
    let begin = if sqlite { "BEGIN IMMEDIATE" } else { "BEGIN" };
    let mut work = connection.begin_with(begin).await.map_err(fault("state.migrate"))?;
    if !sqlite {
        work.execute("SELECT 1 FROM (SELECT pg_advisory_xact_lock(7239046)) AS lock").await.map_err(fault("state.migrate"))?;
    }
    work.execute("CREATE TABLE IF NOT EXISTS siss_schema (version BIGINT NOT NULL)").await.map_err(fault("state.migrate"))?;
    let (done,): (i64,) =
        sqlx::query_as("SELECT CAST(COALESCE(MAX(version), 0) AS BIGINT) FROM siss_schema").fetch_one(&mut *work).await.map_err(fault("state.migrate"))?;
    let done = usize::try_from(done).unwrap_or(usize::MAX);
    if done > steps.len() {
        return Err(Error::new(Kind::Conflict, "state.newer", "the state store was made by a newer version of siss"));
    }
    for (i, step) in steps.iter().enumerate().skip(done) {
        for statement in step.split(';').filter(|s| !s.trim().is_empty()) {
            work.execute(statement).await.map_err(fault("state.migrate"))?;
        }
        sqlx::query("INSERT INTO siss_schema (version) VALUES ($1)").bind(i as i64 + 1).execute(&mut *work).await.map_err(fault("state.migrate"))?;
    }
    work.commit().await.map_err(fault("state.migrate"))
}
