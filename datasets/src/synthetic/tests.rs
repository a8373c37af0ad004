use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::*;
use crate::derive::checks::checks;

const SMALL: Options = Options { scale: 0.01, seed: 7 };

fn catalog() -> Catalog {
    Catalog::load(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("the contracts load")
}

fn made(options: Options) -> (tempfile::TempDir, Manifest) {
    let dir = tempfile::tempdir().unwrap();
    let manifest = write(&catalog(), &dir.path().join("region"), options, &mut |_| {}).unwrap();
    (dir, manifest)
}

fn digests(dir: &tempfile::TempDir, manifest: &Manifest) -> Vec<(PathBuf, Vec<u8>)> {
    manifest.files.iter().map(|f| (f.path.clone(), Sha256::digest(fs::read(dir.path().join("region").join(&f.path)).unwrap()).to_vec())).collect()
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let ((one_dir, one), (two_dir, two)) = (made(SMALL), made(SMALL));
    assert_eq!(digests(&one_dir, &one), digests(&two_dir, &two));
    let read = |dir: &tempfile::TempDir| fs::read(dir.path().join("region.manifest").join("faults.csv")).unwrap();
    assert_eq!(read(&one_dir), read(&two_dir));
    let (other_dir, other) = made(Options { seed: 8, ..SMALL });
    assert_ne!(digests(&one_dir, &one), digests(&other_dir, &other));
}

#[test]
fn every_check_of_every_delivered_contract_is_broken_and_named() {
    let catalog = catalog();
    let (_dir, manifest) = made(SMALL);
    let delivered: BTreeSet<_> = manifest.files.iter().map(|f| f.dataset.clone()).collect();
    assert_eq!(delivered.len(), 10);
    let dataset: BTreeMap<_, _> = manifest.files.iter().map(|f| (&f.path, &f.dataset)).collect();
    let planted: BTreeSet<_> = manifest.faults.iter().map(|f| (dataset[&f.path].to_string(), f.rule.clone())).collect();
    let expected: BTreeSet<_> =
        delivered.iter().flat_map(|name| checks(&catalog.contracts[name]).into_iter().map(|c| (name.to_string(), c.rule))).collect();
    assert_eq!(planted, expected);
}

#[test]
fn a_fault_stands_on_the_line_the_manifest_says() {
    let (dir, manifest) = made(SMALL);
    let mut seen = 0;
    for fault in manifest.faults.iter().filter(|f| f.path.extension().is_some_and(|e| e == "ndjson") && !f.value.is_empty()) {
        let text = fs::read_to_string(dir.path().join("region").join(&fault.path)).unwrap();
        let line = text.lines().nth(fault.line as usize - 1).unwrap();
        assert!(line.contains(&fault.value) || !fault.value.parse::<f64>().is_err(), "{fault:?}: {line}");
        seen += 1;
    }
    assert!(seen > 0);
}

#[test]
fn files_are_of_every_form_and_comuni_exist() {
    let (_dir, manifest) = made(Options { scale: 0.1, seed: 1 });
    let forms: BTreeSet<_> = manifest.files.iter().filter_map(|f| f.path.extension()?.to_str()).collect();
    assert_eq!(forms, BTreeSet::from(["csv", "gz", "json", "ndjson", "xlsx", "zip"]));
    let catalog = catalog();
    let comuni: BTreeSet<_> = Territory::read(&catalog).unwrap().comuni.into_iter().map(|c| c.codice_istat).collect();
    assert_eq!(comuni.len(), 378);
    let senders = manifest.files.iter().filter(|f| matches!(f.dataset.area.as_str(), "assa" | "sirse"));
    assert!(senders.map(|f| &f.sender).all(|sender| comuni.contains(sender)));
    for demo in ["058091", "058120"] {
        assert!(manifest.files.iter().any(|f| f.sender == demo && f.dataset.to_string() == "assa.strutture"), "{demo}");
    }
}

#[test]
fn money_never_overtakes_the_phase_before() {
    let catalog = catalog();
    let territory = Territory::read(&catalog).unwrap();
    let mut sums: BTreeMap<Vec<String>, [i64; 3]> = BTreeMap::new();
    for sheet in money::sheets(&catalog, &territory, 7).unwrap() {
        for row in &sheet.rows {
            let text = |name: &str| format!("{:?}", sheet.cell(row, name).unwrap());
            let Some(cell::Cell::Decimal { units, .. }) = sheet.cell(row, "importo") else { panic!("an amount is a decimal") };
            let phase = ["programmato", "impegnato", "rendicontato"].iter().position(|p| text("fase").contains(p)).unwrap();
            sums.entry(["ambito", "anno", "fondo", "macro_attivita", "utenza"].map(text).to_vec()).or_default()[phase] += units;
        }
    }
    assert!(sums.len() > 1_000);
    assert!(sums.values().all(|[programmed, committed, reported]| reported <= committed && committed <= programmed));
}

#[test]
fn places_sum_to_the_capacity_of_their_facility() {
    let catalog = catalog();
    let territory = Territory::read(&catalog).unwrap();
    let facilities = assa::facilities(&territory, Options { scale: 0.2, seed: 3 });
    let capacity: BTreeMap<_, _> = facilities.iter().map(|f| (f.code.clone(), f.places)).collect();
    let mut places: BTreeMap<String, i64> = BTreeMap::new();
    for sheet in assa::places::sheets(&catalog, &facilities, 3).unwrap() {
        for row in sheet.rows.iter().filter(|row| sheet.cell(row, "tipo_posto") != Some(&"emergenza".into())) {
            let (Some(cell::Cell::Text(code)), Some(cell::Cell::Integer(n))) = (sheet.cell(row, "codice_struttura"), sheet.cell(row, "posti_autorizzati")) else { panic!() };
            *places.entry(code.clone()).or_default() += n;
        }
    }
    assert!(places.iter().all(|(code, n)| capacity[code] == *n));
}
