//! Certification: who answers for a body declares what it delivered for a dataset and period final. What is signed is a digest of the rows
//! with the version of the table, so that it can be found again; a later delivery supersedes it and keeps it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use datasets::duties::is_owed;
use datasets::model::{Contract, DatasetName, Sender};
use datasets::system::LINE;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use warehouse::audit::{Action, Event, Outcome};
use warehouse::lake::{Lake, Load, RefusedLines};
use warehouse::principal::Principal;

use crate::deliver::Deliveries;
use crate::error::{Error, Kind, Result};
use crate::incoming::period_fits;
use crate::record;

mod digest;
mod standing;

pub use self::digest::Digest;
use self::digest::Rows;

/// How long a signature waits for deliveries that are being finished.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(100);
/// The register that tells the municipalities of a district.
const REGISTER: &str = "territorio.comuni";
/// The region as a body that sends.
const REGION: &str = "lazio";

/// The certifications of one lake. Cloning is cheap.
#[derive(Clone)]
pub struct Certifications {
    lake: Lake,
    deliveries: Deliveries,
    /// One signature at a time: each names the one before it.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// What is signed. Its id is a hash of the rest, see [`Certification::id`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certification {
    pub dataset: DatasetName,
    /// Who signs: a municipality, a district, `lazio`.
    pub body: String,
    pub period: String,
    /// Version of the table whose rows are signed.
    pub version: u64,
    pub digest: Digest,
    pub account: String,
    pub signed: DateTime<Utc>,
    /// The body's former certification of the same dataset and period.
    pub former: Option<String>,
}

impl Certification {
    /// SHA-256 of the fields, one on a line, in lower-case hexadecimal.
    pub fn id(&self) -> String {
        let fields = [
            self.dataset.to_string(),
            self.body.clone(),
            self.period.clone(),
            self.version.to_string(),
            self.digest.rows.to_string(),
            self.digest.sha256.clone(),
            self.account.clone(),
            self.moment(),
            self.former.clone().unwrap_or_default(),
        ];
        hex::encode(Sha256::digest(fields.map(|field| field + "\n").concat()))
    }

    fn moment(&self) -> String {
        self.signed.to_rfc3339_opts(SecondsFormat::Micros, true)
    }
}

/// What came of a wish to sign.
#[derive(Debug)]
pub enum Signed {
    Done(Certification),
    /// The municipalities of the district that have not certified, or whose certification is superseded.
    Missing(Vec<String>),
}

impl Certifications {
    pub fn new(deliveries: &Deliveries) -> Self {
        Self { lake: deliveries.lake().clone(), deliveries: deliveries.clone(), turn: Arc::default() }
    }

    /// Signs what the body of `who` delivered; when this returns the certification is durable.
    /// Errors: `Forbidden` when `body` is not that of the account; `Conflict` when nothing valid is there, when deliveries are still being
    /// worked, or when the last certification still holds.
    pub async fn sign(&self, who: &Principal, dataset: &str, period: &str, body: Option<&str>) -> Result<Signed> {
        let signed = self.signed(who, dataset, period, body).await;
        let event = Event::new(Action::Certification, format!("{dataset} {period}")).by(who);
        let event = match &signed {
            Ok(Signed::Done(one)) => event.why(format!("{}, {}", one.body, one.id())).count(one.digest.rows),
            Ok(Signed::Missing(_)) => event.outcome(Outcome::Refused),
            Err(error) if error.kind == Kind::Internal => event.outcome(Outcome::Failed),
            Err(_) => event.outcome(Outcome::Refused),
        };
        self.deliveries.vault().audit().record(event).await?;
        signed
    }

    async fn signed(&self, who: &Principal, dataset: &str, period: &str, body: Option<&str>) -> Result<Signed> {
        let unknown = || Error::new(Kind::NotFound, "dataset.unknown", dataset);
        let name: DatasetName = dataset.parse().map_err(|_| unknown())?;
        let contract = self.lake.catalog().get(&name).filter(|contract| is_owed(contract)).ok_or_else(unknown)?;
        if !period_fits(contract.feed.frequency, period) {
            return Err(Error::new(Kind::Invalid, "period.invalid", period));
        }
        let own = self.body_of(who, body)?;
        let senders = self.senders(contract, &own).await?;
        let _turn = self.turn.lock().await;
        self.settle(&name, &senders).await?;
        // From here on no delivery of the dataset is worked: what was received before the signature is in, what comes after it is not.
        let busy = self.deliveries.turn(&name.to_string());
        let _busy = busy.lock().await;
        let signed = Utc::now().trunc_subsecs(6);
        if self.open(&name, &senders).await? {
            return Err(Error::new(Kind::Conflict, "certification.pending", period));
        }
        if contract.feed.senders == Sender::Comune && senders != [own.clone()] {
            let holding = standing::holding(&self.lake, Some((&name, period))).await?;
            let missing: Vec<String> = senders.iter().filter(|sender| !holding.values().any(|body| body == *sender)).cloned().collect();
            if !missing.is_empty() {
                return Ok(Signed::Missing(missing));
            }
        } else if !standing::valid(&self.lake, &name, period).await?.contains(&own) {
            return Err(Error::new(Kind::Conflict, "certification.nothing", period));
        }
        let former = standing::last(&self.lake, &name, period, &own).await?;
        if let Some(former) = &former
            && standing::holding(&self.lake, Some((&name, period))).await?.contains_key(former)
        {
            return Err(Error::new(Kind::Conflict, "certification.standing", former));
        }
        let snapshot = self.lake.refresh(&name).await?;
        let digest = Rows { contract, senders: &senders, period }.digest(&self.lake, &snapshot).await?;
        let certification = Certification {
            dataset: name,
            body: own,
            period: period.to_owned(),
            version: snapshot.version,
            digest,
            account: who.account.clone(),
            signed,
            former,
        };
        self.write(&certification).await?;
        tracing::info!(id = certification.id(), dataset, body = certification.body, period, rows = certification.digest.rows, "certified");
        Ok(Signed::Done(certification))
    }

    /// The digest of what a certification signed, computed again; `None` when its rows are not kept any more.
    pub async fn again(&self, certification: &Certification) -> Result<Option<Digest>> {
        let unknown = || Error::new(Kind::NotFound, "dataset.unknown", &certification.dataset.to_string());
        let contract = self.lake.catalog().get(&certification.dataset).ok_or_else(unknown)?;
        let senders = self.senders(contract, &certification.body).await?;
        Rows { contract, senders: &senders, period: &certification.period }.digest_then(&self.lake, certification.version, certification.signed).await
    }

    /// Ids of the certifications that hold.
    pub async fn holding(&self) -> Result<std::collections::BTreeSet<String>> {
        Ok(standing::holding(&self.lake, None).await?.into_keys().collect())
    }

    /// The body an account answers for: its own, and no other.
    fn body_of(&self, who: &Principal, asked: Option<&str>) -> Result<String> {
        let right = self.lake.catalog().roles.get(&who.role).and_then(|role| role.deliver.as_deref());
        let own = match right {
            Some("own") => ["codice_istat", "ambito"].iter().find_map(|fact| who.facts.get(*fact)).map(String::as_str),
            Some("any") => Some(REGION),
            _ => None,
        };
        match own {
            Some(own) if asked.is_none_or(|asked| asked == own) => Ok(own.to_owned()),
            _ => Err(Error::new(Kind::Forbidden, "certification.forbidden", asked.unwrap_or(&who.account))),
        }
    }

    /// Whose rows a body signs: its own, or as a district those of its municipalities.
    async fn senders(&self, contract: &Contract, body: &str) -> Result<Vec<String>> {
        let register: DatasetName = REGISTER.parse().map_err(|e: String| Error::internal("certification.register", e))?;
        let places = self.lake.lookup(&register, "codice_istat", "ambito").await?;
        let mut senders: Vec<String> = match contract.feed.senders {
            Sender::Regione if body == REGION => vec![REGION.to_owned()],
            Sender::Comune if places.contains_key(body) => vec![body.to_owned()],
            Sender::Comune => places.iter().filter(|(_, district)| *district == body).map(|(comune, _)| comune.clone()).collect(),
            Sender::Ambito if places.values().any(|district| district == body) => vec![body.to_owned()],
            Sender::Regione | Sender::Ambito => Vec::new(),
        };
        senders.sort();
        if senders.is_empty() { Err(Error::new(Kind::Invalid, "sender.unknown", body)) } else { Ok(senders) }
    }

    /// Gives deliveries under way a moment to end.
    async fn settle(&self, dataset: &DatasetName, senders: &[String]) -> Result<()> {
        let since = tokio::time::Instant::now();
        while self.open(dataset, senders).await? && since.elapsed() < PATIENCE {
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Whether a delivery of the dataset by one of the senders is not done, or not yet in `sistema.deliveries`. Of any period: it may
    /// change the same rows.
    async fn open(&self, dataset: &DatasetName, senders: &[String]) -> Result<bool> {
        self.deliveries.flush().await?;
        let dataset = dataset.to_string();
        let open = self.deliveries.landing().unfinished().await?;
        Ok(open.iter().any(|receipt| receipt.dataset == dataset && senders.contains(&receipt.sender)))
    }

    async fn write(&self, one: &Certification) -> Result<()> {
        let table: DatasetName = "sistema.certifications".parse().map_err(|e: String| Error::internal("certification.table", e))?;
        let contract = self.lake.catalog().get(&table).ok_or_else(|| Error::internal("certification.table", table.to_string()))?;
        let register: DatasetName = REGISTER.parse().map_err(|e: String| Error::internal("certification.register", e))?;
        let places = self.lake.lookup(&register, "codice_istat", "ambito").await?;
        let district = places.get(&one.body).or_else(|| places.values().find(|district| **district == one.body));
        let id = one.id();
        let row = json!({
            "certificazione": id,
            "dataset": one.dataset.to_string(),
            "ente": one.body,
            "periodo_dati": one.period,
            "ambito": district,
            "versione_tabella": one.version,
            "righe": one.digest.rows,
            "impronta": one.digest.sha256,
            "account": one.account,
            "firmata_il": one.moment(),
            "precedente": one.former,
            LINE: 1,
        });
        let load = Load {
            delivery: format!("certificazione-{id}"),
            sender: one.body.clone(),
            period: one.period.clone(),
            account: one.account.clone(),
            recorded: one.signed,
            content_hash: id,
            contract_version: contract.version.clone(),
        };
        let mut writer = self.lake.writer(&table, load).await?;
        writer.write(record::batch(&record::lake_schema(contract), &[row])?).await?;
        writer.commit(&RefusedLines::none()).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_follows_from_every_field() {
        let one = Certification {
            dataset: "assa.strutture".parse().expect("a name"),
            body: "058091".into(),
            period: "2026-10".into(),
            version: 12,
            digest: Digest { rows: 3, sha256: "ab".into() },
            account: "comune_058091".into(),
            signed: "2026-11-03T09:15:00.5Z".parse().expect("a moment"),
            former: None,
        };
        let text = "assa.strutture\n058091\n2026-10\n12\n3\nab\ncomune_058091\n2026-11-03T09:15:00.500000Z\n\n";
        assert_eq!(one.id(), hex::encode(Sha256::digest(text)));
        assert_ne!(one.id(), Certification { former: Some(one.id()), ..one.clone() }.id());
    }
}
