//! Takes deliveries from bytes to reports. An acknowledged delivery survives a crash: at the next start it is finished, once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::Utc;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use warehouse::Warehouse;
use warehouse::audit::{Action, Event, Outcome};
use warehouse::lake::Lake;
use warehouse::system::SystemLog;

use crate::check::Rules;
use crate::error::{Error, Kind, Result};
use crate::identity::tells_persons;
use crate::incoming::{self, Incoming, Receipt};
use crate::landing::Landing;
use crate::pipeline::{self, Progress};
use crate::read::Bounds;
use crate::record;
use crate::report::{self, Report};
use crate::vault::{Clear, Sealer, Secret, Vault, reseal};

/// Who delivers at the command line on nobody's behalf.
pub const OPERATOR: &str = "operatore";

/// Bytes that are hashed and written while as many are read.
const CHUNK: usize = 512 << 10;

/// The delivery service of one lake; cloning is cheap.
#[derive(Clone)]
pub struct Deliveries {
    lake: Lake,
    landing: Landing,
    system: SystemLog,
    vault: Vault,
    bounds: Bounds,
    spool: PathBuf,
    /// One delivery of a dataset at a time: their commits would only get in each other's way.
    turns: Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>>,
    /// Deliveries whose rows in `sistema.*` are not yet flushed: their receipts stay open till then.
    unrecorded: Arc<Mutex<Vec<String>>>,
    /// Rules of the datasets that were delivered, compiled: contracts do not change while the service runs.
    rules: Arc<Mutex<HashMap<String, Arc<Rules>>>>,
}

impl Deliveries {
    /// `spool` is a local folder for files on their way in; it is made if missing.
    pub fn new(warehouse: &Warehouse, system: SystemLog, vault: Vault, bounds: Bounds, spool: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&spool)?;
        let lake = warehouse.lake().clone();
        let landing = Landing::new(lake.store());
        Ok(Self { lake, landing, system, vault, bounds, spool, turns: Arc::default(), unrecorded: Arc::default(), rules: Arc::default() })
    }

    pub fn landing(&self) -> &Landing {
        &self.landing
    }

    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    pub(crate) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    pub(crate) fn spool(&self) -> &Path {
        &self.spool
    }

    pub fn lake(&self) -> &Lake {
        &self.lake
    }

    /// Whether files of a dataset tell who persons are.
    pub fn tells_persons(&self, dataset: &str) -> bool {
        dataset.parse().ok().and_then(|name| self.lake.catalog().get(&name)).is_some_and(tells_persons)
    }

    /// Takes in a stream; what tells who persons are is sealed before it touches a disk. When the receipt is returned the bytes are durable. The same delivery again gives the same receipt.
    pub async fn receive(&self, mut incoming: Incoming, mut body: impl AsyncRead + Unpin) -> Result<Receipt> {
        let contract = incoming::check(self.lake.catalog(), &self.lake, &incoming).await?;
        // `assa/strutture` names it too; what is kept is one name.
        incoming.dataset = contract.name.to_string();
        let mut sealer = if tells_persons(contract) { Some(Sealer::new(Secret::fresh()?)) } else { None };
        let (file, spooled) = tempfile::NamedTempFile::new_in(&self.spool)?.into_parts();
        let mut file = tokio::fs::File::from_std(file);
        let (mut digest, mut bytes, mut sealed) = (Sha256::new(), 0u64, Vec::new());
        let (mut here, mut coming) = (vec![0; CHUNK], vec![0; CHUNK]);
        let mut read = body.read(&mut here).await?;
        while read > 0 {
            bytes += read as u64;
            if bytes > self.bounds.bytes {
                return Err(Error::new(Kind::Limit, "delivery.too_large", &self.bounds.bytes.to_string()));
            }
            let keep = async {
                digest.update(&here[..read]);
                let Some(sealer) = &mut sealer else { return Ok(file.write_all(&here[..read]).await?) };
                sealer.push(&here[..read], &mut sealed)?;
                file.write_all(&sealed).await?;
                sealed.clear();
                Ok::<_, Error>(())
            };
            // What follows is read meanwhile.
            let (next, kept) = tokio::join!(body.read(&mut coming), keep);
            kept?;
            read = next?;
            std::mem::swap(&mut here, &mut coming);
        }
        let key = sealer.map(|sealer| sealer.finish(&mut sealed)).transpose()?;
        file.write_all(&sealed).await?;
        file.flush().await?;
        if bytes == 0 {
            return Err(Error::new(Kind::Invalid, "delivery.empty", ""));
        }
        self.acknowledge(incoming, &spooled, key, bytes, hex::encode(digest.finalize())).await
    }

    /// As [`Self::receive`] for a file on the local disk, which is left as it is.
    pub async fn receive_file(&self, incoming: Incoming, path: &Path) -> Result<Receipt> {
        self.receive(incoming, tokio::fs::File::open(path).await?).await
    }

    async fn acknowledge(&self, incoming: Incoming, file: &Path, key: Option<Secret>, bytes: u64, hash: String) -> Result<Receipt> {
        // What was refused whole left nothing behind, and may stand today: what its rows refer to has come, a limit was raised. It is judged anew.
        let mut before = 0;
        let id = loop {
            let id = incoming::id(&incoming, &hash, before);
            match self.landing.report(&id).await? {
                Some(report) if report.outcome == report::Outcome::Rifiutata => before += 1,
                Some(report) => return Ok(Receipt::of(report)),
                None => break id,
            }
        };
        if let Some(receipt) = self.landing.receipt(&id).await? {
            return Ok(Receipt { duplicate: true, ..receipt });
        }
        // Its key is durable before the file is. One that stands already was kept by who delivered the same at the same time.
        let other = match &key {
            Some(key) => self.vault.keep_key(&id, key).await?.map(|kept| reseal(file, key, kept, &self.spool)).transpose()?,
            None => None,
        };
        let file = other.as_deref().unwrap_or(file);
        let Incoming { dataset, sender, period, account, file_name, mapping } = incoming;
        let receipt = Receipt { id, dataset, sender, period, account, file: file_name, mapping, received: Utc::now(), bytes, hash, duplicate: false };
        self.landing.receive(&receipt, file).await?;
        self.vault.audit().record(act(Action::Delivery, &receipt)).await?;
        tracing::info!(delivery = receipt.id, dataset = receipt.dataset, sender = receipt.sender, bytes, "delivery received");
        Ok(receipt)
    }

    /// Reads, checks and loads a received delivery, and gives its report; the report that already stands if it was done before.
    pub async fn process(&self, id: &str, progress: Progress<'_>) -> Result<Report> {
        if let Some(report) = self.landing.report(id).await? {
            return Ok(Report { duplicate: true, ..report });
        }
        let receipt = self.landing.receipt(id).await?.ok_or_else(|| Error::new(Kind::NotFound, "delivery.unknown", id))?;
        let turn = self.turn(&receipt.dataset);
        let _turn = turn.lock().await;
        if let Some(report) = self.landing.report(id).await? {
            return Ok(Report { duplicate: true, ..report });
        }
        let rules = self.rules(&receipt.dataset)?;
        let raw = self.landing.raw(&receipt).await?;
        let clear = if tells_persons(&rules.contract) { Some(self.vault.clear(id, &raw.path, &self.spool).await?) } else { None };
        let path = clear.as_ref().map_or_else(|| raw.path.clone(), Clear::path);
        let done = pipeline::run(&self.lake, &self.vault, rules, &receipt, &path, &self.bounds, progress).await?;
        // Before the report: a crash in between records it twice rather than never.
        let outcome = if done.report.outcome == report::Outcome::Rifiutata { Outcome::Refused } else { Outcome::Ok };
        self.vault.audit().record(act(Action::Processing, &receipt).outcome(outcome).count(done.report.accepted)).await?;
        self.landing.finish(&receipt, &done.report, &done.files.violations, &done.files.refused).await?;
        self.record(&done.report, &done.files.violations)?;
        let report = done.report;
        tracing::info!(
            delivery = id,
            dataset = report.dataset,
            outcome = report.outcome.as_str(),
            rows = report.rows,
            refused = report.refused,
            "delivery processed"
        );
        Ok(report)
    }

    /// Held while a delivery of the dataset is worked.
    pub(crate) fn turn(&self, dataset: &str) -> Arc<tokio::sync::Mutex<()>> {
        self.turns.lock().entry(dataset.to_owned()).or_default().clone()
    }

    pub(crate) fn rules(&self, dataset: &str) -> Result<Arc<Rules>> {
        let mut known = self.rules.lock();
        if let Some(rules) = known.get(dataset) {
            return Ok(rules.clone());
        }
        let unknown = || Error::new(Kind::NotFound, "dataset.unknown", dataset);
        let contract = dataset.parse().ok().and_then(|name| self.lake.catalog().get(&name)).ok_or_else(unknown)?;
        let rules = Arc::new(Rules::new(contract)?);
        known.insert(dataset.to_owned(), rules.clone());
        Ok(rules)
    }

    /// The receipt of a delivery that came before.
    pub async fn receipt(&self, id: &str) -> Result<Option<Receipt>> {
        if let Some(report) = self.landing.report(id).await? {
            return Ok(Some(Receipt::of(report)));
        }
        Ok(self.landing.receipt(id).await?.map(|receipt| Receipt { duplicate: true, ..receipt }))
    }

    pub async fn report(&self, id: &str) -> Result<Option<Report>> {
        self.landing.report(id).await
    }

    /// Finishes what a crash left open; gives how many deliveries were finished. One that cannot be worked (its mapping is gone, say) stays open
    /// and keeps nothing else from starting: it is tried again at the next start.
    pub async fn recover(&self) -> Result<usize> {
        let unfinished = self.landing.unfinished().await?;
        if unfinished.is_empty() {
            return Ok(0);
        }
        let table = "sistema.deliveries".parse().map_err(|e: String| Error::internal("deliver.recover", e))?;
        let recorded = self.lake.distinct(&table, "consegna").await?;
        let mut finished = unfinished.len();
        for receipt in &unfinished {
            match self.landing.report(&receipt.id).await? {
                Some(_) if recorded.contains(&receipt.id) => self.landing.close(&receipt.id).await?,
                Some(report) => {
                    let list = self.landing.list(&report, "violations.csv").await?;
                    let file = tempfile::NamedTempFile::new_in(&self.spool)?;
                    std::fs::write(file.path(), &list)?;
                    self.record(&report, file.path())?;
                }
                None => {
                    if let Err(error) = self.process(&receipt.id, &|_| {}).await {
                        finished -= 1;
                        tracing::error!(delivery = receipt.id, dataset = receipt.dataset, %error, "a delivery that was left open could not be finished");
                    }
                }
            }
        }
        self.flush().await?;
        Ok(finished)
    }

    fn record(&self, report: &Report, violations: &Path) -> Result<()> {
        record::append(&self.system, self.lake.catalog(), report, violations)?;
        self.unrecorded.lock().push(report.id.clone());
        Ok(())
    }

    /// Makes the rows of finished deliveries durable in `sistema.*` and closes their receipts. Called every few seconds and at the end.
    pub async fn flush(&self) -> Result<()> {
        let ids = std::mem::take(&mut *self.unrecorded.lock());
        if ids.is_empty() {
            return Ok(());
        }
        if let Err(e) = self.system.flush().await {
            self.unrecorded.lock().extend(ids);
            return Err(e.into());
        }
        for id in ids {
            self.landing.close(&id).await?;
        }
        Ok(())
    }
}

/// What a delivery is in the audit log.
fn act(action: Action, receipt: &Receipt) -> Event {
    let why = format!("{}, {}", receipt.sender, receipt.period);
    let event = Event::new(action, format!("{} {}", receipt.dataset, receipt.id)).why(why);
    // At the command line who gave the command is known better.
    if receipt.account == OPERATOR { event } else { event.account(&receipt.account) }
}
