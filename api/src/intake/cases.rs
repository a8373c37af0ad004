//! Cases as they are read: who may see which, the work list of an office, a case with all that became of it.

use serde::Serialize;
use sqlx::Row;
use sqlx::any::AnyRow;
use warehouse::error::{Error, Result};
use warehouse::principal::Principal;

use super::queue::protocol;
use super::{Intake, Payload, applicant};
use crate::state::fault;

/// Cases of a page.
pub const PAGE: i64 = 50;

/// The proof that a form was sent and is safe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Received {
    pub id: String,
    /// Body, year, number: without gaps.
    pub protocol: String,
    /// The key of the row.
    pub code: String,
    /// Seconds since 1970.
    pub received: i64,
    /// SHA-256 of what was sent, see [`Payload::hash`].
    pub hash: String,
}

/// A case without what was answered.
#[derive(Clone, Debug, Serialize)]
pub struct Case {
    #[serde(flatten)]
    pub received: Received,
    /// The dataset whose form it is.
    pub form: String,
    pub version: String,
    #[serde(skip)]
    pub applicant: String,
    #[serde(skip)]
    pub sender: String,
    /// The body whose office decides.
    pub office: String,
    pub state: String,
    /// Seconds since 1970 since when it stands there, and when it has to be moved on; 0 without a term.
    pub since: i64,
    pub due: i64,
    /// Moves so far: who moves it says the number that was seen.
    pub moved: i64,
    pub revision: i64,
    #[serde(skip)]
    pub sealed: String,
    #[serde(skip)]
    pub pending: bool,
}

/// A move that was made.
#[derive(Clone, Debug, Serialize)]
pub struct Made {
    pub seq: i64,
    pub code: String,
    pub from: String,
    pub to: String,
    pub role: String,
    /// Seconds since 1970.
    pub at: i64,
    pub reason: String,
    /// The delivery that wrote the row to the lake, if this move came of one.
    pub delivery: String,
}

/// Which cases are asked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub form: String,
    pub state: String,
    /// Only those whose term is over.
    pub late: bool,
    pub page: i64,
}

const COLUMNS: &str = "id, form, version, applicant, sender, office, code, sealed, hash, year, number, received, state, since, due, moved, revision, pending";

impl Intake {
    /// The cases an account may see, newest first: its own body's, and those on which its office works. `offices` are the forms on which
    /// its role decides, with the body it decides for.
    pub async fn cases(&self, who: &Principal, offices: &[(String, String)], wanted: &Wanted, most: i64) -> Result<Vec<Case>> {
        let mut sql = format!("SELECT {COLUMNS} FROM cases WHERE (applicant = $1");
        let mut values: Vec<String> = vec![applicant(who)];
        let place = |value: &str, values: &mut Vec<String>| {
            values.push(value.to_owned());
            format!("${}", values.len())
        };
        for (form, office) in offices {
            let (form, office) = (place(form, &mut values), place(office, &mut values));
            sql.push_str(&format!(" OR (form = {form} AND office = {office})"));
        }
        sql.push(')');
        for (column, value) in [("form", &wanted.form), ("state", &wanted.state)].into_iter().filter(|(_, value)| !value.is_empty()) {
            sql.push_str(&format!(" AND {column} = {}", place(value, &mut values)));
        }
        if wanted.late {
            sql.push_str(&format!(" AND due > 0 AND due < {}", crate::state::now()));
        }
        sql.push_str(&format!(" ORDER BY received DESC, id DESC LIMIT {} OFFSET {}", most.max(0), wanted.page.clamp(0, 100_000) * PAGE));
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
        for value in &values {
            query = query.bind(value.as_str());
        }
        let rows = query.fetch_all(self.state.pool()).await.map_err(fault("cases.list"))?;
        rows.iter().map(case).collect::<sqlx::Result<_>>().map_err(fault("cases.list"))
    }

    pub async fn case(&self, id: &str) -> Result<Option<Case>> {
        let sql = format!("SELECT {COLUMNS} FROM cases WHERE id = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(self.state.pool()).await.map_err(fault("cases.read"))?;
        row.as_ref().map(case).transpose().map_err(fault("cases.read"))
    }

    /// Cases whose rows wait to be written to the lake, oldest first.
    pub(super) async fn pending(&self, most: i64) -> Result<Vec<Case>> {
        let sql = format!("SELECT {COLUMNS} FROM cases WHERE pending = 1 ORDER BY received, id LIMIT {most}");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(self.state.pool()).await.map_err(fault("cases.pending"))?;
        rows.iter().map(case).collect::<sqlx::Result<_>>().map_err(fault("cases.pending"))
    }

    /// Writes down that an account is shown what was answered in a case.
    pub async fn tell(&self, account: &str, case: &Case) -> Result<()> {
        let why = format!("lettura della pratica {}", case.received.id);
        self.vault.record(ingest::vault::Purpose { account, why: &why }, "pratiche", 1).await.map_err(super::fill::fault)
    }

    /// What was answered. Whoever shows it to somebody calls [`Self::tell`] first.
    pub fn answers(&self, case: &Case) -> Result<Payload> {
        self.open(&case.received.id, &case.sealed)
    }

    /// All moves of a case, oldest first.
    pub async fn history(&self, case: &str) -> Result<Vec<Made>> {
        let rows = sqlx::query("SELECT seq, code, from_state, to_state, role, at, reason, delivery FROM moves WHERE case_id = $1 ORDER BY seq")
            .bind(case)
            .fetch_all(self.state.pool())
            .await
            .map_err(fault("cases.history"))?;
        let made = |row: &AnyRow| -> Result<Made> {
            let text = |name: &str| row.try_get::<String, _>(name).map_err(fault("cases.history"));
            let number = |name: &str| row.try_get::<i64, _>(name).map_err(fault("cases.history"));
            let sealed = text("reason")?;
            let reason = if sealed.is_empty() { Vec::new() } else { self.open_text(case, &sealed)? };
            Ok(Made {
                seq: number("seq")?,
                code: text("code")?,
                from: text("from_state")?,
                to: text("to_state")?,
                role: text("role")?,
                at: number("at")?,
                reason: String::from_utf8(reason).map_err(|e| Error::internal("cases.reason", e))?,
                delivery: text("delivery")?,
            })
        };
        rows.iter().map(made).collect()
    }
}

/// What a receipt says of a row with its columns.
pub(super) fn received(row: &AnyRow) -> sqlx::Result<Received> {
    let office: String = row.try_get("office")?;
    Ok(Received {
        id: row.try_get("id")?,
        protocol: protocol(&office, row.try_get("year")?, row.try_get("number")?),
        code: row.try_get("code")?,
        received: row.try_get("received")?,
        hash: row.try_get("hash")?,
    })
}

fn case(row: &AnyRow) -> sqlx::Result<Case> {
    Ok(Case {
        received: received(row)?,
        form: row.try_get("form")?,
        version: row.try_get("version")?,
        applicant: row.try_get("applicant")?,
        sender: row.try_get("sender")?,
        office: row.try_get("office")?,
        state: row.try_get("state")?,
        since: row.try_get("since")?,
        due: row.try_get("due")?,
        moved: row.try_get("moved")?,
        revision: row.try_get("revision")?,
        sealed: row.try_get("sealed")?,
        pending: row.try_get::<i64, _>("pending")? == 1,
    })
}
