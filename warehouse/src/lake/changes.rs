//! Whose rows changed between two versions of a table, told by its log: what is computed from them is computed anew, the rest stays.

use std::collections::{BTreeMap, BTreeSet};

use deltalake::logstore::commit_uri_from_version;
use object_store::{Error as StoreError, ObjectStoreExt};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::lake::table::Table;

/// Log entries read back at most to find what a table was computed from.
const BACK: u64 = 500;

/// Whose rows a span of commits changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// Rows sent by these (a comune, a district) or about them, or computed for these districts; none when no row changed.
    By(BTreeSet<String>),
    /// Not known: the log is not kept that far back, or a commit of ours does not say.
    Perhaps,
}

/// What a computed table's rows came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Origin {
    /// Hash of what computes them.
    pub definition: String,
    /// Versions of the inputs, by dataset.
    pub inputs: BTreeMap<String, u64>,
}

/// What a commit says of itself.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    siss: Option<Info>,
    #[serde(rename = "sissRows")]
    rows: Counts,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Info {
    sender: Option<String>,
    maintenance: Option<serde_json::Value>,
    contract_version: Option<String>,
    /// Districts that a computed commit is about.
    districts: Option<BTreeSet<String>>,
    /// Bodies that rows of the service's own are about.
    bodies: Option<BTreeSet<String>>,
    origin: Option<Origin>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Counts {
    added: u64,
    closed: u64,
    replaced: u64,
}

/// Changes after version `from` up to `to`.
pub async fn changed(table: &Table, from: u64, to: u64) -> Result<Changed> {
    let mut senders = BTreeSet::new();
    for version in from + 1..=to {
        let Some(Entry { siss: Some(info), rows }) = entry(table, version).await? else { return Ok(Changed::Perhaps) };
        if info.maintenance.is_some() || (rows.added == 0 && rows.closed == 0 && rows.replaced == 0 && info.contract_version.is_some()) {
            continue;
        }
        match (info.districts.or(info.bodies), info.sender) {
            (Some(some), _) => senders.extend(some),
            (None, Some(sender)) => drop(senders.insert(sender)),
            (None, None) => return Ok(Changed::Perhaps),
        }
    }
    Ok(Changed::By(senders))
}

/// What the newest computed commit says; `None` when there is none in the log that is kept.
pub async fn origin(table: &Table) -> Result<Option<Origin>> {
    let newest = table.current().version;
    for version in (newest.saturating_sub(BACK)..=newest).rev() {
        match entry(table, version).await? {
            Some(Entry { siss: Some(Info { origin: Some(origin), .. }), .. }) => return Ok(Some(origin)),
            Some(_) => {}
            None => return Ok(None),
        }
    }
    Ok(None)
}

/// The information of a commit; `None` when its entry is not kept any more.
async fn entry(table: &Table, version: u64) -> Result<Option<Entry>> {
    let failed = |e: StoreError| Error::internal("lake.log", e);
    let text = match table.objects().get(&commit_uri_from_version(Some(version))).await {
        Ok(object) => object.bytes().await.map_err(failed)?,
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(e) => return Err(failed(e)),
    };
    #[derive(Deserialize)]
    struct Line {
        #[serde(rename = "commitInfo")]
        info: Option<Entry>,
    }
    let lines = text.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    let info = lines.filter_map(|line| serde_json::from_slice::<Line>(line).ok()).find_map(|line| line.info);
    Ok(Some(info.unwrap_or_default()))
}
