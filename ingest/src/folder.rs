//! The watched landing folder: `<inbox>/<area>.<name>/<sender>/<period>/<file>`. A file is taken when it has stopped growing;
//! it then moves to `<inbox>/_done/…` with its report beside it; one that tells who persons are is removed instead. Files still being copied may be named `*.part`.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::deliver::Deliveries;
use crate::error::{Error, Result};
use crate::incoming::Incoming;

/// How often the folder is looked at.
const PERIOD: Duration = Duration::from_secs(1);

/// Watches until `stop`. A file that cannot be delivered moves to `_refused` with the reason, and the watch goes on.
pub async fn watch(deliveries: Deliveries, inbox: PathBuf, stop: CancellationToken) -> Result<()> {
    tokio::fs::create_dir_all(&inbox).await?;
    let mut sizes: HashMap<PathBuf, u64> = HashMap::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(PERIOD) => {}
        }
        let (root, before) = (inbox.clone(), sizes);
        let found = tokio::task::spawn_blocking(move || files(&root)).await.map_err(|e| Error::internal("folder.list", e))?;
        for (path, size) in &found {
            if before.get(path) == Some(size) {
                take(&deliveries, &inbox, path).await?;
            }
        }
        sizes = found.into_iter().collect();
    }
}

fn files(root: &Path) -> Vec<(PathBuf, u64)> {
    let mut out = Vec::new();
    let children = |p: &Path| {
        std::fs::read_dir(p).into_iter().flatten().flatten().filter(|e| e.file_type().is_ok_and(|t| !t.is_symlink())).map(|e| e.path()).collect::<Vec<_>>()
    };
    let ours = |p: &Path| p.file_name().is_some_and(|n| !n.to_string_lossy().starts_with(['_', '.']));
    for dataset in children(root).into_iter().filter(|p| ours(p)) {
        for period in children(&dataset).iter().flat_map(|sender| children(sender)) {
            for file in children(&period).into_iter().filter(|p| ours(p) && p.extension().is_none_or(|e| e != "part")) {
                if let Ok(meta) = std::fs::metadata(&file) {
                    out.push((file, meta.len()));
                }
            }
        }
    }
    out.sort();
    out
}

async fn take(deliveries: &Deliveries, inbox: &Path, path: &Path) -> Result<()> {
    let relative = path.strip_prefix(inbox).map_err(|e| Error::internal("folder.path", e))?;
    let parts: Vec<String> =
        relative.components().filter_map(|c| if let Component::Normal(s) = c { Some(s.to_string_lossy().into_owned()) } else { None }).collect();
    let [dataset, sender, period, file_name] = parts.as_slice() else { return Ok(()) };
    let incoming = Incoming {
        dataset: dataset.clone(),
        sender: sender.clone(),
        period: period.clone(),
        account: "cartella".into(),
        file_name: file_name.clone(),
        mapping: None,
    };
    let outcome = match deliveries.receive_file(incoming, path).await {
        Ok(receipt) => deliveries.process(&receipt.id, &|_| {}).await,
        Err(e) => Err(e),
    };
    let (folder, note) = match &outcome {
        Ok(report) => ("_done", serde_json::to_vec_pretty(report)),
        Err(e) if e.kind == crate::error::Kind::Internal => {
            tracing::error!(file = file_name, error = %e, "a file of the inbox could not be taken; it stays where it is");
            return Ok(());
        }
        Err(e) => ("_refused", serde_json::to_vec_pretty(&serde_json::json!({ "code": e.code, "it": e.message.it, "en": e.message.en }))),
    };
    let to = inbox.join(folder).join(relative);
    if let Some(parent) = to.parent() {
        tokio::fs::create_dir_all(parent).await?;
    }
    let report = to.with_file_name(format!("{file_name}.report.json"));
    tokio::fs::write(report, note.map_err(|e| Error::internal("folder.report", e))?).await?;
    // Beside a report nobody may find who the persons are: the file itself is kept sealed.
    if outcome.is_ok() && deliveries.tells_persons(dataset) {
        tokio::fs::remove_file(path).await?;
    } else {
        tokio::fs::rename(path, &to).await?;
    }
    Ok(())
}
