use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::*;
use crate::derive::checks::{checks, set_checks};

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
    assert!(delivered.len() >= 18, "{delivered:?}");
    let dataset: BTreeMap<_, _> = manifest.files.iter().map(|f| (&f.path, &f.dataset)).collect();
    let planted: BTreeSet<_> = manifest.faults.iter().map(|f| (dataset[&f.path].to_string(), f.rule.clone())).collect();
    let all = |contract: &crate::model::Contract| checks(contract).into_iter().chain(set_checks(contract));
    let expected: BTreeSet<_> = delivered.iter().flat_map(|name| all(&catalog.contracts[name]).map(|c| (name.to_string(), c.rule))).collect();
    assert_eq!(planted, expected);
}

#[test]
fn a_fault_stands_on_the_line_the_manifest_says() {
    let (dir, manifest) = made(SMALL);
    let mut seen = 0;
    for fault in manifest.faults.iter().filter(|f| f.path.extension().is_some_and(|e| e == "ndjson") && !f.value.is_empty()) {
        let text = fs::read_to_string(dir.path().join("region").join(&fault.path)).unwrap();
        let line = text.lines().nth(fault.line as usize - 1).unwrap();
        assert!(line.contains(&fault.value) || fault.value.parse::<f64>().is_ok(), "{fault:?}: {line}");
        seen += 1;
    }
    assert!(seen > 0);
}

#[test]
fn files_are_of_every_form_and_comuni_exist() {
    let (_dir, manifest) = made(Options { scale: 0.05, seed: 1 });
    let forms: BTreeSet<_> = manifest.files.iter().filter_map(|f| f.path.extension()?.to_str()).collect();
    assert_eq!(forms, BTreeSet::from(["csv", "gz", "json", "ndjson", "xlsx", "zip"]));
    let catalog = catalog();
    let comuni: BTreeSet<_> = Territory::read(&catalog).unwrap().comuni.into_iter().map(|c| c.codice_istat).collect();
    assert_eq!(comuni.len(), 378);
    let senders = manifest.files.iter().filter(|f| matches!(f.dataset.area.as_str(), "assa" | "sirse") && f.sender != "lazio");
    assert!(senders.map(|f| &f.sender).all(|sender| comuni.contains(sender)));
    for demo in ["058091", "058120"] {
        assert!(manifest.files.iter().any(|f| f.sender == demo && f.dataset.to_string() == "assa.strutture"), "{demo}");
    }
}

#[test]
fn money_never_overtakes_the_phase_before() {
    let mut rng = random::stream(1, "phases");
    for year in 2016..=2026 {
        for cost in [0, 1, 99, 12_345, 1_000_000_007] {
            let [programmed, committed, reported] = plans::phases(&mut rng, year, cost);
            assert!(reported <= committed && committed <= programmed && (reported == cost || year >= 2025));
        }
    }
}

#[test]
fn places_sum_to_the_capacity_of_their_facility_and_grow() {
    let catalog = catalog();
    let territory = Territory::read(&catalog).unwrap();
    let facilities = assa::facilities(&territory, Options { scale: 0.2, seed: 3 });
    let mut sums: BTreeMap<(String, chrono::NaiveDate), i64> = BTreeMap::new();
    for sheet in assa::places::sheets(&catalog, &facilities, 3).unwrap() {
        for row in sheet.rows.iter().filter(|row| sheet.cell(row, "tipo_posto") != Some(&"emergenza".into())) {
            let (Some(cell::Cell::Text(code)), Some(cell::Cell::Integer(n)), Some(cell::Cell::Date(day))) =
                (sheet.cell(row, "codice_struttura"), sheet.cell(row, "posti_autorizzati"), sheet.cell(row, "data_rilevazione"))
            else {
                panic!("{row:?}")
            };
            *sums.entry((code.clone(), *day)).or_default() += n;
        }
    }
    let of: BTreeMap<_, _> = facilities.iter().map(|f| (&f.code, f)).collect();
    assert!(sums.iter().all(|((code, day), n)| of[code].places_on(*day) == *n));
    let on = |date| sums.iter().filter(|((_, day), _)| *day == date).map(|(_, n)| n).sum::<i64>();
    assert!(on(random::day(2016, 12, 31)) * 5 < on(random::day(2025, 12, 31)) * 4, "places grow");
}

/// State and outcome by act, as `assa/data/transizioni.csv` says.
#[test]
fn no_facility_has_an_impossible_history() {
    let catalog = catalog();
    let machine = territory::Data::read(&catalog.dir, "assa/data/transizioni.csv").unwrap();
    let step: BTreeMap<[&str; 3], [&str; 2]> = machine.rows.iter().map(|r| ([&r[0], &r[1], &r[2]], [&r[3], &r[4]])).collect();
    let territory = Territory::read(&catalog).unwrap();
    let histories = assa::history::histories(&assa::facilities(&territory, Options { scale: 0.5, seed: 5 }), 5);
    let mut met = BTreeSet::new();
    for acts in histories.iter().flat_map(|h| h.acts.chunk_by(|a, b| a.facility == b.facility)) {
        for axis in ["autorizzazione", "accreditamento"] {
            let mut state = ("nessuno", "", None);
            for act in acts.iter().filter(|act| step.keys().any(|k| k[0] == axis && k[2] == act.kind)) {
                let now = if state.2.is_some_and(|last| last + chrono::Days::new(1) < act.from) && !state.1.is_empty() { state.1 } else { state.0 };
                let found = step.get(&[axis, now, act.kind]);
                let [to, then] = found.unwrap_or_else(|| {
                    panic!(
                        "{} of {} on {} from {now}: {acts:#?}",
                        act.kind,
                        act.facility,
                        act.from,
                        acts = acts.iter().map(|a| (a.kind, a.from, a.to)).collect::<Vec<_>>()
                    )
                });
                met.insert(act.kind);
                if now != *to || !then.is_empty() {
                    state = (to, then, if act.kind == "diffida" { act.comply_by } else { act.to });
                }
            }
        }
    }
    let all = [
        "accreditamento",
        "autorizzazione",
        "cessione",
        "chiusura",
        "decadenza",
        "diffida",
        "revoca",
        "rinnovo_accreditamento",
        "ripresa",
        "sospensione",
        "variazione",
    ];
    assert!(met.into_iter().eq(all));
}
