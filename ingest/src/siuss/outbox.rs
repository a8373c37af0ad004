//! The outbox: flows in the strict order of their moments, the lines that are held back, and what INPS answered.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Connection, Executor};

use super::{Kind, Siuss};
use crate::error::{Error, Result};
use crate::vault::store::{self, fault, get};
use crate::vault::{Purpose, Vault, set_mark_in};

/// A flow as INPS reads it.
#[derive(Clone, Debug)]
pub struct Flow {
    /// `H501.PS.20261123.0000001`.
    pub id: String,
    /// `PS_PSA_SINA` or `SINBA`.
    pub kind: String,
    pub moment: DateTime<Utc>,
    /// Cadastral code of the municipality, and its name.
    pub body: String,
    pub title: String,
    pub xml: Vec<u8>,
}

/// What INPS says of a flow.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub id: String,
    pub acquired: DateTime<Utc>,
    /// `OK`, or why not.
    pub code: String,
    pub description: Option<String>,
    pub acquisition: Option<String>,
}

/// The newest entry of a line.
#[derive(Clone, Debug)]
pub struct Last {
    pub number: i64,
    pub flow: Option<String>,
    pub operation: Option<String>,
    pub content: Option<String>,
    pub state: String,
    pub reason: Option<String>,
    /// Sealed text of the flow.
    pub sealed: Option<String>,
    pub entry: Entry,
}

/// What an entry is about.
#[derive(Clone, Debug)]
pub struct Entry {
    pub reference: String,
    pub comune: String,
    pub district: Option<String>,
    pub pseudonym: String,
    pub body: Option<String>,
    pub title: Option<String>,
}

/// The document of a flow under the name that it is given.
pub type Written = Box<dyn Fn(&str) -> Result<Vec<u8>> + Send + Sync>;

/// What comes next for a line; `number` is its place among the line's entries.
pub enum Step {
    Send { entry: Entry, number: i64, content: String, text: Written },
    Revoke { last: Box<Last>, number: i64 },
    Hold { entry: Entry, number: i64, reason: &'static str },
}

/// The newest entries of the lines of a district.
pub async fn last(vault: &Vault, kind: Kind, district: &str) -> Result<HashMap<String, Last>> {
    let sql = "SELECT f.reference, f.number, f.flow, f.operation, f.content, f.state, f.reason, f.sealed, f.comune, f.ambito, f.pseudonym, f.body, f.title FROM flows f \
               JOIN (SELECT reference, max(number) AS newest FROM flows WHERE kind = $1 AND ambito = $2 GROUP BY reference) n \
               ON n.reference = f.reference AND n.newest = f.number WHERE f.kind = $1";
    let rows = sqlx::query(sql).bind(kind.name()).bind(district).fetch_all(vault.pool()).await.map_err(fault("siuss.last"))?;
    let one = |row: &AnyRow| -> Result<(String, Last)> {
        let reference: String = get(row, "reference")?;
        let entry = Entry {
            reference: reference.clone(),
            comune: get(row, "comune")?,
            district: get(row, "ambito")?,
            pseudonym: get(row, "pseudonym")?,
            body: get(row, "body")?,
            title: get(row, "title")?,
        };
        let last = Last {
            number: get(row, "number")?,
            flow: get(row, "flow")?,
            operation: get(row, "operation")?,
            content: get(row, "content")?,
            state: get(row, "state")?,
            reason: get(row, "reason")?,
            sealed: get(row, "sealed")?,
            entry,
        };
        Ok((reference, last))
    };
    rows.iter().map(one).collect()
}

/// Puts the steps into the outbox, all or none. Their moments follow those of every flow before, and are visible together.
pub async fn write(vault: &Vault, kind: Kind, steps: &[Step], account: &str) -> Result<()> {
    if steps.is_empty() {
        return Ok(());
    }
    let mut connection = vault.pool().acquire().await.map_err(fault("siuss.write"))?;
    let begin = if vault.sqlite() { "BEGIN IMMEDIATE" } else { "BEGIN" };
    let mut work = connection.begin_with(begin).await.map_err(fault("siuss.write"))?;
    if !vault.sqlite() {
        work.execute("SELECT 1 FROM (SELECT pg_advisory_xact_lock(7239047)) AS lock").await.map_err(fault("siuss.write"))?;
    }
    let now = Utc::now();
    let mut moment = number_of(&mut work, MOMENT).await?.max(now.timestamp_millis() - 1);
    let mut counted: HashMap<String, i64> = HashMap::new();
    for step in steps {
        let (entry, number, content) = match step {
            Step::Hold { entry, number, reason } => {
                put(&mut work, kind, entry, *number, "trattenuta", Some(reason), None).await?;
                continue;
            }
            Step::Send { entry, number, content, .. } => (entry, *number, Some(content.clone())),
            Step::Revoke { last, number } => (&last.entry, *number, None),
        };
        let series = format!("{}.{}.{}", entry.body.as_deref().unwrap_or_default(), kind.short(), now.format("%Y%m%d"));
        let count = match counted.get(&series) {
            Some(count) => *count,
            None => number_of(&mut work, &series).await?,
        } + 1;
        counted.insert(series.clone(), count);
        let id = format!("{series}.{count:07}");
        moment += 1;
        let (operation, text) = match step {
            Step::Send { text, .. } => ("I", text(&id)?),
            Step::Revoke { last, .. } => ("C", revoked(vault, last, &id, account).await?),
            Step::Hold { .. } => continue,
        };
        let sent = Sent { moment, id: &id, operation, content: content.as_deref(), sealed: vault.seal(&id, &text)? };
        put(&mut work, kind, entry, number, "pronta", None, Some(sent)).await?;
    }
    for (series, count) in counted {
        set_mark_in(&mut work, &series, &count.to_string()).await?;
    }
    set_mark_in(&mut work, MOMENT, &moment.to_string()).await?;
    work.commit().await.map_err(fault("siuss.write"))
}

/// Name of the mark with the moment of the newest flow.
const MOMENT: &str = "siuss-moment";

struct Sent<'a> {
    moment: i64,
    id: &'a str,
    operation: &'a str,
    content: Option<&'a str>,
    sealed: String,
}

async fn number_of(work: &mut AnyConnection, name: &str) -> Result<i64> {
    let row = sqlx::query("SELECT value FROM marks WHERE name = $1").bind(name).fetch_optional(work).await.map_err(fault("siuss.number"))?;
    let text: Option<String> = row.map(|row| get(&row, "value")).transpose()?;
    Ok(text.and_then(|text| text.parse().ok()).unwrap_or(0))
}

async fn revoked(vault: &Vault, last: &Last, id: &str, account: &str) -> Result<Vec<u8>> {
    let (Some(name), Some(sealed)) = (&last.flow, &last.sealed) else { return Err(Error::internal("siuss.revoke", "there is no flow to revoke")) };
    let why = Purpose { account, why: "revoca di un flusso SIUSS" };
    let texts = vault.unseal(why, &[(name, sealed)]).await?;
    super::xml::revocation(&texts[0], name, id)
}

/// Takes the place of what was held back; a flow that another process put there in the meantime stays.
async fn put(work: &mut AnyConnection, kind: Kind, entry: &Entry, number: i64, state: &str, reason: Option<&str>, sent: Option<Sent<'_>>) -> Result<()> {
    let sql = "INSERT INTO flows (kind, reference, number, ts, flow, operation, body, title, comune, ambito, pseudonym, content, sealed, state, reason, changed) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) \
               ON CONFLICT (kind, reference, number) DO UPDATE SET ts = excluded.ts, flow = excluded.flow, operation = excluded.operation, body = excluded.body, \
               title = excluded.title, content = excluded.content, sealed = excluded.sealed, state = excluded.state, reason = excluded.reason, \
               pseudonym = excluded.pseudonym, changed = excluded.changed WHERE flows.flow IS NULL";
    sqlx::query(sql)
        .bind(kind.name())
        .bind(entry.reference.as_str())
        .bind(number)
        .bind(sent.as_ref().map(|s| s.moment))
        .bind(sent.as_ref().map(|s| s.id.to_owned()))
        .bind(sent.as_ref().map(|s| s.operation.to_owned()))
        .bind(entry.body.clone())
        .bind(entry.title.clone())
        .bind(entry.comune.as_str())
        .bind(entry.district.clone())
        .bind(entry.pseudonym.as_str())
        .bind(sent.as_ref().and_then(|s| s.content.map(str::to_owned)))
        .bind(sent.map(|s| s.sealed))
        .bind(state)
        .bind(reason.map(str::to_owned))
        .bind(changed())
        .execute(work)
        .await
        .map_err(fault("siuss.put"))?;
    Ok(())
}

/// Marks an entry as changed since `sistema.siuss` was last brought up to date.
fn changed() -> i64 {
    Utc::now().timestamp_micros()
}

impl Siuss {
    /// Flows later than `since` (milliseconds since 1970), oldest first. They count as sent from now on. Audited.
    pub async fn page(&self, account: &str, since: i64, limit: i64) -> Result<Vec<Flow>> {
        let sql = "SELECT ts, flow, kind, body, title, sealed, state FROM flows WHERE ts > $1 ORDER BY ts LIMIT $2";
        let rows = sqlx::query(sql).bind(since).bind(limit).fetch_all(self.vault.pool()).await.map_err(fault("siuss.page"))?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut sealed: Vec<(String, String)> = Vec::with_capacity(rows.len());
        for row in &rows {
            sealed.push((get(row, "flow")?, get(row, "sealed")?));
        }
        let pairs: Vec<(&str, &str)> = sealed.iter().map(|(id, text)| (id.as_str(), text.as_str())).collect();
        let texts = self.vault.unseal(Purpose { account, why: "lettura dei flussi SIUSS da parte dell'INPS" }, &pairs).await?;
        let mut flows = Vec::with_capacity(rows.len());
        let mut fresh = false;
        for (row, xml) in rows.iter().zip(texts) {
            let moment: i64 = get(row, "ts")?;
            fresh |= get::<String>(row, "state")? == "pronta";
            let moment = DateTime::from_timestamp_millis(moment).ok_or_else(|| Error::internal("siuss.page", "a moment that cannot be"))?;
            let (body, title): (Option<String>, Option<String>) = (get(row, "body")?, get(row, "title")?);
            flows.push(Flow { id: get(row, "flow")?, kind: get(row, "kind")?, moment, body: body.unwrap_or_default(), title: title.unwrap_or_default(), xml });
        }
        if let (true, Some(first), Some(last)) = (fresh, flows.first(), flows.last()) {
            sqlx::query("UPDATE flows SET state = 'inviata', sent = $1, changed = $2 WHERE ts >= $3 AND ts <= $4 AND state = 'pronta'")
                .bind(Utc::now().timestamp_millis())
                .bind(changed())
                .bind(first.moment.timestamp_millis())
                .bind(last.moment.timestamp_millis())
                .execute(self.vault.pool())
                .await
                .map_err(fault("siuss.sent"))?;
        }
        Ok(flows)
    }

    /// Takes in what INPS answered; said again it changes nothing. Gives how many flows are not known here.
    pub async fn outcomes(&self, outcomes: &[Outcome]) -> Result<usize> {
        let mut unknown = 0;
        let mut work = self.vault.pool().begin().await.map_err(fault("siuss.outcomes"))?;
        for one in outcomes {
            let state = if one.code == "OK" { "accettata" } else { "rifiutata" };
            let description = one.description.as_deref().map(crate::identity::without_codes);
            let done = sqlx::query("UPDATE flows SET state = $1, answered = $2, answer = $3, reason = $4, acquisition = $5, changed = $6 WHERE flow = $7")
                .bind(state)
                .bind(one.acquired.timestamp_millis())
                .bind(one.code.as_str())
                .bind(description)
                .bind(one.acquisition.clone())
                .bind(changed())
                .bind(one.id.as_str())
                .execute(&mut *work)
                .await
                .map_err(fault("siuss.outcomes"))?;
            unknown += usize::from(done.rows_affected() == 0);
        }
        work.commit().await.map_err(fault("siuss.outcomes"))?;
        Ok(unknown)
    }

    /// Whether the outbox answers.
    pub async fn healthy(&self) -> bool {
        store::mark(self.vault.pool(), MOMENT).await.is_ok()
    }
}
