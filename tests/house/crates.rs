//! The one order of crates, and who may know what.

use std::collections::BTreeSet;

use regex::Regex;
use tests::{read, shipped};

/// A crate uses only those before it.
const ORDER: [&str; 6] = ["datasets", "dashboards", "warehouse", "ingest", "api", "tests"];

fn dependencies(of: &str) -> BTreeSet<String> {
    let manifest: toml::Table = read(&format!("{of}/Cargo.toml")).parse().unwrap();
    let tables = ["dependencies", "dev-dependencies", "build-dependencies"];
    tables.iter().filter_map(|table| manifest.get(*table)?.as_table()).flat_map(|table| table.keys().cloned()).collect()
}

#[test]
fn workspace_members_stand_in_their_order() {
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let mut members: Vec<&str> = manifest["workspace"]["members"].as_array().unwrap().iter().filter_map(|m| m.as_str()).collect();
    // The stack holds no code: it names the features of the heavy crates, so that every build shares one set.
    members.retain(|member| *member != "warehouse/stack");
    assert_eq!(members, ORDER);
}

#[test]
fn dependencies_point_backwards_only() {
    for (place, name) in ORDER.iter().enumerate() {
        let used = dependencies(name);
        for later in &ORDER[place..] {
            assert!(!used.contains(*later), "{name} depends on {later}, which comes after it");
        }
    }
}

#[test]
fn only_the_warehouse_knows_the_engine() {
    for name in ORDER.iter().filter(|name| **name != "warehouse") {
        for engine in ["datafusion", "deltalake", "deltalake-core"] {
            assert!(!dependencies(name).contains(engine), "{name} depends on {engine}");
        }
    }
    let engine = Regex::new(r"\b(datafusion|deltalake)::").unwrap();
    for (file, text) in shipped().iter().filter(|(file, _)| !file.starts_with("warehouse/")) {
        assert!(!engine.is_match(text), "{file} names the engine");
    }
}

#[test]
fn only_the_api_knows_wires() {
    for name in ["datasets", "dashboards", "warehouse", "ingest"] {
        for wire in ["axum", "hyper", "http", "tonic", "arrow-flight", "pgwire", "clap"] {
            assert!(!dependencies(name).contains(wire), "{name} depends on {wire}");
        }
    }
}

#[test]
fn only_national_flows_and_erasure_ask_who_persons_are() {
    let asks = Regex::new(r"\.identify\((?i:purpose)").unwrap();
    for (file, text) in shipped() {
        let may = file.starts_with("ingest/src/siuss/") || file == "ingest/src/erase.rs";
        assert!(may || !asks.is_match(&text), "{file} opens the vault");
    }
}

#[test]
fn only_the_command_line_reads_the_environment() {
    let variables = Regex::new(r"\benv::(var|vars|var_os|vars_os)\b").unwrap();
    for (file, text) in shipped() {
        let may = file == "api/src/main.rs" || file == "api/src/commands.rs" || file.starts_with("api/src/commands/");
        assert!(may || !variables.is_match(&text), "{file} reads the environment");
    }
}

#[test]
fn heavy_crates_are_pinned_once() {
    for name in ORDER {
        let manifest: toml::Table = read(&format!("{name}/Cargo.toml")).parse().unwrap();
        for (dependency, value) in manifest["dependencies"].as_table().unwrap() {
            let shared = value.get("workspace").and_then(|w| w.as_bool()) == Some(true);
            assert!(shared, "{name}: {dependency} must take its version from the root manifest");
        }
    }
}
