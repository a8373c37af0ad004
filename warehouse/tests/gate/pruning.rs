//! Policy and leak-proof predicates reach the files: those without a permitted row are never opened.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::support::{World, district, person, role};

fn data_files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.join("data/tables/prova/persone")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("folder").flatten() {
            let path = entry.path();
            if path.is_dir() && !path.ends_with("_delta_log") {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "parquet") {
                found.insert(path);
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_hidden_rows_are_not_opened() {
    let world = World::new(&[]).await;
    let own = data_files(world.folder.path());
    world.persons(&[person(500, "FR B")]).await;
    for hidden in data_files(world.folder.path()).difference(&own) {
        std::fs::remove_file(hidden).expect("removed");
    }
    // By the policy.
    assert_eq!(world.ask(&district(), "SELECT sum(id) FROM prova.persone").await, Ok(vec!["4950".into()]));
    // By a leak-proof predicate of the user's, beside one that is not, where all rows are permitted.
    assert_eq!(world.ask(&role("regione"), "SELECT sum(id) FROM prova.persone WHERE ambito = 'RM 1' AND 10/(posti-200) < 5").await, Ok(vec!["4950".into()]));
    assert_eq!(world.ask(&role("regione"), "SELECT count(*) FROM prova.persone WHERE id BETWEEN 3 AND 5 AND length(ambito) = 4").await, Ok(vec!["3".into()]));
    for predicate in [
        "importo < 130.5",
        "importo < 130",
        "nato < '1970-05-01'",
        "nato < date '1970-05-01'",
        "id IN (1, 2, 3, 4, 5)",
        "id = 7 OR id = 8",
        "NOT id > 200",
        "ambito LIKE 'RM%' AND id < 100",
    ] {
        let answer = world.ask(&role("regione"), &format!("SELECT id FROM prova.persone WHERE {predicate}")).await;
        assert!(answer.is_ok_and(|rows| !rows.is_empty()), "{predicate}");
    }
    // Without one the missing file is missed: the test can fail.
    assert_eq!(world.ask(&role("regione"), "SELECT sum(id) FROM prova.persone").await, Err("query.run".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn current_rows_are_whole_files_and_need_no_barrier() {
    let world = World::new(&[]).await;
    let staff = role("amministratore");
    let plan = || world.ask(&staff, "EXPLAIN SELECT codice FROM prova.registro WHERE posti > 3");
    world.registry(&[("A", "RM 1", 10), ("B", "FR B", 20), ("C", "FR B", 30)]).await;
    let text = plan().await.expect("plan").join("\n");
    assert!(!text.contains("registrato_al") && !text.contains("BarrierExec"), "{text}");
    world.registry(&[("A", "RM 1", 11), ("B", "FR B", 20)]).await;
    let text = plan().await.expect("plan").join("\n");
    assert!(!text.contains("registrato_al") && !text.contains("BarrierExec"), "{text}");
    let current = Ok(vec!["A|11".to_owned(), "B|20".into(), "C|30".into()]);
    assert_eq!(world.ask(&role("regione"), "SELECT codice, posti FROM prova.registro").await, current);
    assert_eq!(world.ask(&role("regione"), "SELECT count(*) FROM prova.registro").await, Ok(vec!["3".into()]));
    assert_eq!(world.ask(&role("regione"), "SELECT count(*) FROM prova.registro_storia").await, Ok(vec!["4".into()]));
    assert_eq!(world.ask(&district(), "SELECT codice, posti FROM prova.registro").await, Ok(vec!["A|11".into()]));
}
