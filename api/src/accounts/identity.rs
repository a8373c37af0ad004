//! Accounts of whom an identity provider has identified: the one of the pair (issuer, subject), and those that an administrator gave to a
//! person. A person is known by the vault's pseudonym of the fiscal code, which is not kept here.

use datasets::catalog::Catalog;
use sqlx::Row;
use warehouse::error::{Error, Result};

use super::sessions::Secret;
use super::{Account, Accounts, COLUMNS, NewAccount, account, facts, unknown};
use crate::state::{fault, now};

/// What a provider proved of who began a session, and what a sign-out there needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The account of the pair (issuer, subject).
    pub subject: String,
    pub person: Option<String>,
    /// Level of assurance.
    pub level: i64,
    /// A keyed hash of the provider's own name of its session.
    pub provider_session: Option<String>,
    /// The provider's token, sealed in the store: it names the person.
    pub id_token: String,
}

/// Label under which tokens of the provider are sealed, with the session's hash.
const ID_TOKEN: &str = "id token";

impl Accounts {
    /// Makes an account without a password, or gives one that is there another role and other facts. Sessions go on with them.
    pub async fn keep(&self, catalog: &Catalog, new: &NewAccount<'_>) -> Result<()> {
        facts::validate(catalog, new)?;
        let facts = serde_json::to_string(&new.facts).map_err(|e| Error::internal("accounts.facts", e))?;
        sqlx::query(
            "INSERT INTO accounts (name, role, facts, created, changed) VALUES ($1, $2, $3, $4, $4) \
             ON CONFLICT (name) DO UPDATE SET role = excluded.role, facts = excluded.facts, changed = excluded.changed",
        )
        .bind(new.name)
        .bind(new.role)
        .bind(facts)
        .bind(now())
        .execute(self.state.pool())
        .await
        .map_err(fault("accounts.keep"))?;
        Ok(())
    }

    /// The accounts that were given to a person, by name.
    pub async fn of_person(&self, person: &str) -> Result<Vec<Account>> {
        let sql = format!("SELECT {} FROM accounts a WHERE a.person = $1 ORDER BY a.name", COLUMNS);
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(person);
        rows.fetch_all(self.state.pool()).await.map_err(fault("accounts.person"))?.iter().map(account).collect()
    }

    /// Gives an account to a person, or takes it back; its sessions end, because they may be somebody else's.
    pub async fn set_person(&self, name: &str, person: Option<&str>) -> Result<()> {
        let done = sqlx::query("UPDATE accounts SET person = $1 WHERE name = $2").bind(person).bind(name).execute(self.state.pool()).await;
        match done.map_err(fault("accounts.person"))?.rows_affected() {
            0 => Err(unknown(name)),
            _ => self.end_sessions(name).await,
        }
    }

    /// Takes a person's pseudonym out of the store: accounts that the provider's claims made go, those that an administrator gave stay, of
    /// nobody. Gives their number.
    pub async fn forget_person(&self, person: &str) -> Result<u64> {
        let pool = self.state.pool();
        let named = |account: &Account| account.facts.values().any(|value| value == person);
        let names: Vec<String> = self.list().await?.into_iter().filter(named).map(|account| account.name).collect();
        sqlx::query("DELETE FROM sessions WHERE person = $1").bind(person).execute(pool).await.map_err(fault("accounts.forget"))?;
        let mut gone = 0;
        for name in names {
            gone += u64::from(self.remove(&name).await?);
        }
        let kept = sqlx::query("UPDATE accounts SET person = NULL WHERE person = $1").bind(person).execute(pool).await.map_err(fault("accounts.forget"))?;
        self.state.scrub().await?;
        Ok(gone + kept.rows_affected())
    }

    /// Keeps with a session what a provider proved.
    pub async fn prove(&self, secret: &Secret, proof: &Proof) -> Result<()> {
        let sealed = self.seal()?.seal(&label(secret), proof.id_token.as_bytes()).map_err(|e| Error::internal("sessions.seal", e))?;
        sqlx::query("UPDATE sessions SET subject = $1, person = $2, level = $3, provider_session = $4, id_token = $5 WHERE hash = $6")
            .bind(&proof.subject)
            .bind(proof.person.as_deref())
            .bind(proof.level)
            .bind(proof.provider_session.as_deref())
            .bind(sealed)
            .bind(secret.hash())
            .execute(self.state.pool())
            .await
            .map_err(fault("sessions.prove"))?;
        Ok(())
    }

    /// What a provider proved of a session; `None` for one that began with a password, or is over.
    pub async fn proof(&self, secret: &Secret) -> Result<Option<Proof>> {
        let row = sqlx::query("SELECT subject, person, level, provider_session, id_token FROM sessions WHERE hash = $1 AND subject IS NOT NULL")
            .bind(secret.hash())
            .fetch_optional(self.state.pool())
            .await
            .map_err(fault("sessions.proof"))?;
        let Some(row) = row else { return Ok(None) };
        let text = |column: &str| row.try_get::<Option<String>, _>(column).map_err(fault("sessions.proof"));
        let opened = self.seal()?.open(&label(secret), &text("id_token")?.unwrap_or_default()).map_err(|e| Error::internal("sessions.open", e))?;
        Ok(Some(Proof {
            subject: text("subject")?.unwrap_or_default(),
            person: text("person")?,
            level: row.try_get("level").map_err(fault("sessions.proof"))?,
            provider_session: text("provider_session")?,
            id_token: String::from_utf8(opened).map_err(|e| Error::internal("sessions.open", e))?,
        }))
    }

    /// The accounts in which the person of a session may work: those an administrator gave them, and the provider's own.
    pub async fn capacities(&self, proof: &Proof) -> Result<Vec<Account>> {
        let mut all = match &proof.person {
            Some(person) => self.of_person(person).await?,
            None => Vec::new(),
        };
        if let Some(row) = self.row(&proof.subject).await? {
            all.push(account(&row)?);
        }
        Ok(all)
    }

    /// Ends sessions because the provider says so: all of a subject, or those of one session there.
    pub async fn end_proven(&self, subject: Option<&str>, provider_session: Option<&str>) -> Result<u64> {
        let sql = match provider_session {
            Some(_) => "DELETE FROM sessions WHERE provider_session = $2 AND ($1 = '' OR subject = $1)",
            None => "DELETE FROM sessions WHERE subject = $1 AND $2 = ''",
        };
        let query = sqlx::query(sql).bind(subject.unwrap_or_default()).bind(provider_session.unwrap_or_default());
        Ok(query.execute(self.state.pool()).await.map_err(fault("sessions.end"))?.rows_affected())
    }
}

fn label(secret: &Secret) -> String {
    format!("{ID_TOKEN} {}", secret.hash())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::accounts::tests::{catalog, comune};
    use crate::state::State;
    use crate::state::tests::Postgres;

    const PERSON: &str = "0123456789abcdef0123456789abcdef";

    async fn follows_the_provider(url: &str) {
        let accounts = Accounts::new(State::open(url).await.unwrap()).await.unwrap().with_seal(ingest::vault::Secret::fresh().unwrap());
        let catalog = catalog();
        accounts.add(&catalog, &comune("ufficio")).await.unwrap();
        accounts.set_person("ufficio", Some(PERSON)).await.unwrap();
        assert!(accounts.set_person("nessuno", Some(PERSON)).await.is_err());
        let citizen = |name: &'static str| NewAccount { name, role: "cittadino", facts: BTreeMap::from([("persona".into(), PERSON.into())]), password: None };
        accounts.keep(&catalog, &citizen("id-1")).await.unwrap();
        accounts.keep(&catalog, &citizen("id-1")).await.unwrap();
        let proof = Proof { subject: "id-1".into(), person: Some(PERSON.into()), level: 2, provider_session: Some("s".into()), id_token: "a.b.c".into() };
        let names = async |proof: &Proof| accounts.capacities(proof).await.unwrap().into_iter().map(|a| a.name).collect::<Vec<_>>();
        assert_eq!(names(&proof).await, ["ufficio", "id-1"]);
        assert_eq!(names(&Proof { person: None, ..proof.clone() }).await, ["id-1"]);

        let (one, other) = (accounts.begin_session("ufficio").await.unwrap(), accounts.begin_session("id-1").await.unwrap());
        assert_eq!(accounts.proof(&one).await.unwrap(), None, "nothing proven yet");
        accounts.prove(&one, &proof).await.unwrap();
        accounts.prove(&other, &Proof { provider_session: Some("t".into()), ..proof.clone() }).await.unwrap();
        assert_eq!(accounts.proof(&one).await.unwrap(), Some(proof.clone()));
        let row = sqlx::query("SELECT id_token FROM sessions WHERE hash = $1").bind(one.hash()).fetch_one(accounts.state.pool()).await.unwrap();
        assert!(!row.try_get::<String, _>("id_token").unwrap().contains("a.b.c"), "the token is sealed");

        assert_eq!(accounts.end_proven(None, None).await.unwrap(), 0);
        assert_eq!(accounts.end_proven(Some("id-2"), Some("s")).await.unwrap(), 0, "another's session of the same name");
        assert_eq!(accounts.end_proven(Some("id-1"), Some("s")).await.unwrap(), 1);
        assert!(accounts.session(&one).await.unwrap().is_none() && accounts.session(&other).await.unwrap().is_some());
        assert_eq!(accounts.end_proven(Some("id-1"), None).await.unwrap(), 1);

        assert_eq!(accounts.forget_person(PERSON).await.unwrap(), 2);
        assert!(accounts.principal("id-1").await.unwrap().is_none() && accounts.of_person(PERSON).await.unwrap().is_empty());
        assert!(accounts.principal("ufficio").await.unwrap().is_some(), "the office's account stays");
        accounts.close().await;
    }

    #[tokio::test]
    async fn accounts_follow_the_provider_in_sqlite() {
        let dir = tempfile::tempdir().unwrap();
        follows_the_provider(&crate::state::sqlite_url(&dir.path().join("siss.db")).unwrap()).await;
        let kept: Vec<u8> = std::fs::read_dir(dir.path()).unwrap().flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
        assert!(!kept.windows(PERSON.len()).any(|part| part == PERSON.as_bytes()), "a forgotten person is in no byte");
    }

    #[tokio::test]
    async fn accounts_follow_the_provider_in_postgres() {
        let Some(server) = Postgres::start().await else { return };
        follows_the_provider(&server.url()).await;
    }
}
