//! Each worker's own folder for what it spills: a killed worker cannot clean up after itself.

use std::io;
use std::path::Path;

use tempfile::TempDir;

const PREFIX: &str = "siss-worker-";

/// A folder that goes away with the value.
pub fn folder() -> io::Result<TempDir> {
    tempfile::Builder::new().prefix(&format!("{PREFIX}{}-", std::process::id())).tempdir()
}

/// Removes the folders of servers that run no more.
pub fn sweep() {
    let Ok(entries) = std::fs::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let server = name.to_str().and_then(|n| n.strip_prefix(PREFIX)).and_then(|rest| rest.split_once('-')).map(|(id, _)| id);
        let is_left = server.is_some_and(|id| id.bytes().all(|b| b.is_ascii_digit()) && !Path::new("/proc").join(id).exists());
        if is_left && let Err(error) = std::fs::remove_dir_all(entry.path()) {
            tracing::warn!(%error, "the folder of an earlier worker could not be removed");
        }
    }
}
