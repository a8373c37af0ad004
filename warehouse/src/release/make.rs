//! Makes releases: every open dataset as a stranger sees it, all at one moment. What is equal to the release before makes none.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{DateTime, SubsecRound, Utc};
use datasets::catalog::STRANGER;
use datasets::model::{Contract, DatasetName};
use object_store::{Error as StoreError, PutMode, PutOptions, PutPayload};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::sync::Arc;

use crate::error::{Error, Kind, Result};
use crate::principal::Principal;
use crate::release::judge::{Refusal, breaks, refusal, untimely};
use crate::release::manifest::{Change, Difference, FILE, Manifest, Source};
use crate::release::shelf::{failed, folder};
use crate::release::spool::Spool;
use crate::release::words::word;
use crate::release::{Releases, bundle, put, view};
use crate::session::Session;

/// What became of one dataset.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    pub dataset: DatasetName,
    #[serde(flatten)]
    pub done: Done,
}

#[derive(Clone, Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub enum Done {
    Released { release: String, change: Change, rows: u64, difference: Option<Difference> },
    Unchanged { release: String },
    Refused(Refusal),
}

impl Releases {
    /// Releases these datasets, or all; one that cannot be released does not keep the others, and is said with its reason. Of all those
    /// that no contract speaks of publishing nothing is said. Nobody else may be making releases with the same scratch folder.
    /// Errors: `NotFound` for a name without a contract.
    pub async fn make(&self, only: &[DatasetName]) -> Result<Vec<Outcome>> {
        let _alone = self.inner.making.lock().await;
        self.refresh().await?;
        let warehouse = &self.inner.warehouse;
        let catalog = warehouse.catalog().clone();
        let issued = Utc::now().trunc_subsecs(0);
        let (mut outcomes, mut wanted) = (Vec::new(), Vec::new());
        let published = |contract: &&Contract| contract.publication.is_some();
        let names: Vec<DatasetName> =
            if only.is_empty() { catalog.contracts.values().filter(published).map(|c| c.name.clone()).collect() } else { only.to_vec() };
        for name in names {
            let contract = catalog.get(&name).ok_or_else(|| Error::new(Kind::NotFound, "release.dataset", format!("there is no dataset '{name}'")))?;
            match refusal(&catalog, contract) {
                Some(reason) => outcomes.push(Outcome { dataset: name, done: Done::Refused(reason) }),
                None => wanted.push(name),
            }
        }
        let moment = warehouse.moment(wanted.iter().cloned()).await?;
        let versions: BTreeMap<DatasetName, u64> = moment.versions().map(|(name, version)| (name.clone(), version)).collect();
        let session = warehouse.session(&Principal::new(STRANGER, STRANGER)).await?.at(&moment);
        self.clear().await?;
        for name in wanted {
            let done = match self.one(&session, versions.get(&name).copied().unwrap_or_default(), &name, issued).await {
                Ok(done) => done,
                Err(error) => {
                    tracing::error!(dataset = %name, %error, "a release could not be made");
                    Done::Refused(Refusal { code: "failed", reason: word("failed") })
                }
            };
            outcomes.push(Outcome { dataset: name, done });
        }
        self.mark(issued).await?;
        Ok(outcomes)
    }

    async fn one(&self, session: &Session, snapshot: u64, name: &DatasetName, issued: DateTime<Utc>) -> Result<Done> {
        let catalog = self.inner.warehouse.catalog();
        let view = view::view(&session.dataset(name)?);
        let (columns, hash) = (view::columns(&view), view::hash(catalog, &view));
        let before = self.latest(name);
        if let Some(same) = before.as_ref().filter(|m| m.snapshot == snapshot && m.contract_hash == hash) {
            return Ok(Done::Unchanged { release: same.release.clone() });
        }
        let broken = before.as_ref().map(|m| breaks(m, &columns, &view.key)).unwrap_or_default();
        if let Some(reason) = untimely(&view, &broken, issued.date_naive()) {
            return Ok(Done::Refused(reason));
        }
        self.sweep(name).await?;
        let order: Vec<String> = view.sort.iter().chain(view.key.iter().filter(|k| !view.sort.contains(k))).cloned().collect();
        let mut spool = Spool::take(&self.inner.scratch, &view, &order, session.whole(name, &order).await?).await?;
        if before.is_none() && spool.rows == 0 {
            return Ok(Done::Refused(Refusal { code: "empty", reason: word("empty") }));
        }
        let exact = spool.file("raw.csv").map(|f| f.sha256.as_str()).unwrap_or_default();
        let content = hex::encode(Sha256::digest(format!("{hash} {exact}")));
        if let Some(same) = before.as_ref().filter(|m| m.content == content) {
            return Ok(Done::Unchanged { release: same.release.clone() });
        }
        spool.complete(&columns).await?;
        let mut manifest = Manifest {
            dataset: name.clone(),
            release: String::new(),
            issued,
            title: view.title.clone(),
            snapshot,
            contract_version: view.version.clone(),
            contract_hash: hash,
            content,
            change: Change::First,
            previous: before.as_ref().map(|m| m.release.clone()),
            difference: None,
            rows: spool.rows,
            key: view.key.clone(),
            columns,
            files: spool.files.clone(),
            sources: self.sources(&view).await?,
            licence: view.publication.as_ref().map(|p| p.licence.clone()).unwrap_or_default(),
        };
        manifest.release = manifest.name_of();
        self.store(&view, &mut manifest, &mut spool, before.as_deref(), !broken.is_empty()).await
    }

    /// Puts the files where the manifest will name them, compares with the release before, and writes the manifest: only then it is there.
    async fn store(&self, view: &Contract, manifest: &mut Manifest, spool: &mut Spool, before: Option<&Manifest>, broken: bool) -> Result<Done> {
        let catalog = self.inner.warehouse.catalog();
        let texts = bundle::texts(catalog, view, manifest).map_err(fault)?;
        let rows: Vec<(String, PathBuf)> = bundle::FORMATS.iter().map(|format| (spool.name(format), spool.path(format))).collect();
        let zip = spool.path("zip");
        tokio::task::spawn_blocking(move || bundle::write(&zip, &texts, &rows)).await.map_err(fault)?.map_err(fault)?;
        spool.add("zip").await?;
        manifest.files = spool.files.clone();
        let (objects, home) = (self.objects(), folder(&manifest.dataset, &manifest.release));
        for file in &manifest.files {
            put::put(objects.as_ref(), &spool.path(&file.format), &home.clone().join(file.name.as_str())).await?;
        }
        if let Some(before) = before {
            let counts = self.count(before, manifest).await?;
            let Difference { corrected, .. } = counts;
            manifest.difference = Some(counts);
            manifest.change = match () {
                () if broken => Change::Break,
                () if before.contract_hash != manifest.contract_hash => Change::Method,
                () if corrected > 0 => Change::Correction,
                () => Change::Data,
            };
        }
        let text = serde_json::to_vec_pretty(manifest).map_err(fault)?;
        match objects.put_opts(&home.join(FILE), PutPayload::from(text), PutOptions::from(PutMode::Create)).await {
            Ok(_) => {}
            // Another process released the same content at the same moment.
            Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. }) => return Ok(Done::Unchanged { release: manifest.release.clone() }),
            Err(e) => return Err(failed(e)),
        }
        self.add(Arc::new(manifest.clone()));
        tracing::info!(dataset = %manifest.dataset, release = manifest.release, rows = manifest.rows, change = manifest.change.as_str(), "released");
        Ok(Done::Released { release: manifest.release.clone(), change: manifest.change, rows: manifest.rows, difference: manifest.difference })
    }

    /// An empty scratch folder: what is in it is of a making that did not end.
    async fn clear(&self) -> Result<()> {
        let scratch = self.inner.scratch.clone();
        let work = move || {
            match std::fs::remove_dir_all(&scratch) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
            std::fs::create_dir_all(&scratch)
        };
        tokio::task::spawn_blocking(work).await.map_err(fault)?.map_err(fault)
    }

    async fn sources(&self, view: &Contract) -> Result<Vec<Source>> {
        let Some(derived) = &view.derived else { return Ok(vec![Source { name: view.feed.subsystem.clone(), version: None }]) };
        let origin = self.inner.warehouse.lake().origin(&view.name).await?.unwrap_or_default();
        let source = |name: &DatasetName| Source { name: name.to_string(), version: origin.inputs.get(&name.to_string()).copied() };
        Ok(derived.from.iter().map(source).collect())
    }
}

fn fault(e: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::internal("release.make", e)
}
