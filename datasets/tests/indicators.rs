//! The indicators of the essential levels, their contracts, and what keeps an indicator from being loaded.

use std::fs;
use std::path::{Path, PathBuf};

use datasets::catalog::{Catalog, STRANGER};
use datasets::indicator::Level;
use datasets::model::Class;

fn dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_catalogue_of_the_law_is_whole() {
    let catalog = Catalog::load(&dir()).expect("the catalog loads");
    let mut ids: Vec<&str> = catalog.indicators.values().map(|indicator| indicator.id.as_str()).collect();
    ids.sort_unstable();
    assert_eq!(ids, (1..=24).map(|n| format!("LEPS-{n:02}")).collect::<Vec<_>>());
    for (name, indicator) in &catalog.indicators {
        let contract = catalog.get(name).expect("its contract");
        let mut columns: Vec<&str> = contract.columns.iter().map(|c| c.name.as_str()).collect();
        columns.sort_unstable();
        columns.dedup();
        assert_eq!(columns.len(), contract.columns.len(), "{name}: a column appears twice");
        assert!(contract.key.iter().all(|key| contract.column(key).is_some_and(|c| c.required)), "{name}");
        for list in contract.columns.iter().filter_map(|c| c.code_list.as_ref()) {
            assert!(catalog.code_lists.contains_key(list), "{name}: {list}");
        }
        // Who is not signed in sees no figure that counts persons, and every other.
        assert_eq!(contract.access_for(STRANGER).is_some(), !indicator.persons, "{name}");
        assert!(contract.columns.iter().all(|c| c.class == if indicator.persons { Class::Internal } else { Class::Public }), "{name}");
        assert!(indicator.levels.contains(&Level::Regione) && indicator.formula(2025).is_some(), "{name}");
    }
    let order: Vec<String> = catalog.load_order().iter().map(|contract| contract.name.to_string()).collect();
    let place = |name: &str| order.iter().position(|other| other == name).expect(name);
    assert!(place("assa.provvedimenti") < place("assa.stati") && place("assa.stati") < place("leps.posti_strutture"));
}

#[test]
fn a_target_holds_until_the_next() {
    let catalog = Catalog::load(&dir()).expect("the catalog loads");
    let nido = &catalog.indicators[&"leps.copertura_nido".parse().expect("a name")];
    let value = |year| nido.target(year).map(|target| target.value);
    assert_eq!((value(2021), value(2022), value(2026), value(2027), value(2031)), (None, Some(28.88), Some(28.88), Some(33.0), Some(33.0)));
}

#[test]
fn estimates_have_one_source_and_the_columns_of_estimates() {
    let file = "previsioni/stime.toml";
    assert!(mistakes(file, "name = \"verifica\"", "name = \"prove\"").contains("the columns of estimates are, in this order, serie text"));
    assert!(mistakes(file, "from = [\"previsioni.serie\"]", "from = [\"assa.posti\"]").contains("the series of estimates have the columns"));
    assert!(mistakes(file, "from = [\"previsioni.serie\"]", "from = [\"assa.posti\", \"previsioni.serie\"]").contains("estimates have one source"));
    assert!(mistakes(file, "forecast = true", "by = \"ambito\"").contains("the file stime.sql with the query is missing"));
}

/// Mistakes after `from` became `to` in a copy of the contracts' folder.
fn mistakes(file: &str, from: &str, to: &str) -> String {
    let copy = tempfile::tempdir().expect("a folder");
    copy_folder(&dir(), copy.path());
    let path = copy.path().join(file);
    let text = fs::read_to_string(&path).expect("the file");
    assert!(text.contains(from), "{from}");
    fs::write(&path, text.replacen(from, to, 1)).expect("written");
    let found = Catalog::load(copy.path()).expect_err("a mistake");
    found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").map(|e| e.expect("an entry")) {
        let name = entry.file_name();
        if entry.path().is_dir() {
            if !["src", "tests", "data"].contains(&name.to_string_lossy().as_ref()) {
                copy_folder(&entry.path(), &to.join(name));
            }
        } else {
            fs::copy(entry.path(), to.join(name)).expect("copied");
        }
    }
}

#[test]
fn faulty_indicators_are_refused_with_the_reason() {
    const FILE: &str = "leps/copertura_nido.toml";
    for (from, to, message) in [
        ("base = \"comune\"", "base = \"asl\"", "base is comune or ambito"),
        ("levels = [\"comune\", ", "levels = [", "the base level is missing"),
        ("inputs = [\"sirse.posti\", ", "inputs = [", "a query reads 'sirse.posti', which 'inputs' does not name"),
        ("inputs = [\"sirse.posti\", ", "inputs = [\"sirse.posti\", \"sirse.servizi\", ", "no query reads 'sirse.servizi'"),
        ("from = 2027", "from = 2022", "two targets begin in 2022"),
        ("valid_from = 2016", "valid_from = 2016\nvalid_to = 2015", "ends before it begins"),
        ("direction = \"up\"", "direction = \"sideways\"", "direction"),
        ("kind = \"ratio\"", "kind = \"count\"", "a factor multiplies a ratio"),
    ] {
        let found = mistakes(FILE, from, to);
        assert!(found.contains(message) && found.contains(FILE), "{message}:\n{found}");
    }
    let found = mistakes("leps/copertura_nido.sql", "WITH distretti", "DELETE FROM x; WITH distretti");
    assert!(found.contains("one SELECT"), "{found}");
}
