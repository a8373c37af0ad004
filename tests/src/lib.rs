//! What the tests share: the tree they look at.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the root").to_path_buf()
}

/// A text file of the repository, by its path from the root.
pub fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Every file that git tracks, or would on the next `git add`, from the root, in order.
pub fn tracked() -> Vec<String> {
    let listed = Command::new("git").args(["ls-files", "--cached", "--others", "--exclude-standard"]).current_dir(root()).output().expect("git runs");
    assert!(listed.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listed.stderr));
    let mut files: Vec<String> = String::from_utf8_lossy(&listed.stdout).lines().map(String::from).collect();
    files.retain(|file| root().join(file).is_file());
    files.sort();
    files.dedup();
    assert!(files.len() > 20, "a repository of {} files", files.len());
    files
}

/// The tracked files whose text is UTF-8, with it.
pub fn texts() -> Vec<(String, String)> {
    tracked().into_iter().filter_map(|file| std::fs::read_to_string(root().join(&file)).ok().map(|text| (file, text))).collect()
}

/// Rust source that ships: without test modules and the tests crate.
pub fn shipped() -> Vec<(String, String)> {
    let test = |file: &str| file.starts_with("tests/") || file.ends_with("/tests.rs") || file.contains("/tests/") || file.contains("/examples/");
    let sources = texts().into_iter().filter(|(file, _)| file.ends_with(".rs") && !test(file));
    sources.map(|(file, text)| (file, text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_string())).collect()
}
