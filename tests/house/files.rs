//! What no file of the repository may hold.

use regex::{Regex, RegexBuilder};
use tests::{shipped, texts};

/// Lock files name where packages come from; that is their work.
fn is_lock(file: &str) -> bool {
    file.ends_with(".lock") || file.ends_with("package-lock.json")
}

#[test]
fn no_host_of_a_registry_and_no_path_of_a_machine() {
    // Written in pieces, so that this file passes its own test.
    let hosts = [["static.", "crates.io"], ["index.", "crates.io"], ["registry.", "npmjs"], ["files.", "pythonhosted"], ["py", "pi.org"], ["deb.", "debian"]];
    let paths = [["/wo", "rk/main"], ["/ro", "ot/"], ["/far", "m/"], ["/ho", "me/"]];
    for (file, text) in texts().iter().filter(|(file, _)| !is_lock(file)) {
        for pieces in hosts.iter().chain(&paths) {
            assert!(!text.contains(&pieces.concat()), "{file} holds {}", pieces.concat());
        }
    }
}

#[test]
fn no_secret() {
    let secret = RegexBuilder::new(concat!(
        r"-----BEGIN ([A-Z]+ )?PRIVATE ",
        r"KEY-----\n[A-Za-z0-9+/]{40}|\bAKIA[0-9A-Z]{16}\b|\bsiss_[A-Za-z0-9_-]{43}\b|\bghp_[A-Za-z0-9]{36}\b"
    ))
    .build()
    .unwrap();
    for (file, text) in texts() {
        assert!(!secret.is_match(&text), "{file} holds a key or token");
    }
}

#[test]
fn rust_files_stay_short() {
    for (file, text) in texts().iter().filter(|(file, _)| file.ends_with(".rs")) {
        let lines = text.lines().count();
        assert!(lines <= 400, "{file} has {lines} lines: split it by noun or verb");
    }
}

#[test]
fn nothing_is_left_half_done() {
    let marks = Regex::new(concat!(r"\b(to", r"do|unimple", r"mented|db", r"g)!\(|#\[ig", r"nore|FIX", r"ME|XX", r"X")).unwrap();
    for (file, text) in texts().iter().filter(|(file, _)| file.ends_with(".rs") || file.ends_with(".py")) {
        if let Some(mark) = marks.find(text) {
            panic!("{file}: {}", mark.as_str());
        }
    }
}

#[test]
fn every_module_says_what_it_is() {
    for (file, text) in shipped() {
        assert!(text.starts_with("//! "), "{file} opens without a word on what it is");
    }
}
