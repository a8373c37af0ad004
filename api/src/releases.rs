//! Making releases, one maker at a time on a home folder: the server on its schedule, or `siss release`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;
use datasets::model::DatasetName;
use warehouse::audit::{Action, Audit, Event};
use warehouse::release::Releases;
use warehouse::release::make::{Done, Outcome};

use crate::lock::Lock;

/// How long one maker waits for another.
const WAIT: Duration = Duration::from_secs(600);

/// Where files of releases are made before they go to the store.
pub fn scratch(home: &Path) -> PathBuf {
    home.join("release.part")
}

/// Releases these datasets, or all. Waits for another process that does the same.
pub async fn make(releases: &Releases, home: &Path, audit: &Audit, only: &[DatasetName]) -> anyhow::Result<Vec<Outcome>> {
    let folder = home.to_owned();
    let alone = tokio::task::spawn_blocking(move || Lock::own_releases(&folder, WAIT)).await??;
    let Some(_alone) = alone else { bail!("another process makes releases on {}: try again when it has ended", home.display()) };
    let outcomes = releases.make(only).await?;
    for one in &outcomes {
        if let Done::Released { release, rows, .. } = &one.done {
            audit.record(Event::new(Action::Release, format!("{} {release}", one.dataset)).count(*rows)).await?;
        }
    }
    Ok(outcomes)
}

/// Whether somebody has to look: the dataset is open, and yet what it holds today is not published.
pub fn held_up(outcome: &Outcome) -> bool {
    matches!(&outcome.done, Done::Refused(refusal) if ["failed", "unannounced", "too_early"].contains(&refusal.code))
}
