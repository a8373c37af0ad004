//! Search over the contracts of this repository.

use datasets::catalog::Catalog;

use super::words::{likeness, of};
use super::*;

fn search() -> Search {
    let catalog = Catalog::load(&Catalog::find_dir(None).unwrap()).unwrap();
    Search::new(&catalog)
}

fn names(search: &Search, question: &str) -> Vec<String> {
    search.find(question, |_, _| true).into_iter().map(|hit| hit.dataset.to_string()).collect()
}

#[test]
fn words_are_compared_as_people_write_them() {
    assert_eq!(of("L'età dei MINORI, di più"), ["eta", "minori", "piu"]);
    assert_eq!(likeness("nidi", "nido"), Some(0.9));
    assert_eq!(likeness("structures", "structure"), Some(0.9));
    assert_eq!(likeness("strutt", "strutture"), Some(0.7));
    assert_eq!(likeness("struttrue", "strutture"), Some(0.5));
    assert_eq!(likeness("527", "528"), None);
    assert_eq!(likeness("asilo", "esito"), None);
}

#[test]
fn titles_come_first_in_either_language_with_and_without_errors() {
    let search = search();
    for question in ["strutture", "struttrue", "STRUTTURÈ", "facilities"] {
        assert!(names(&search, question).iter().take(3).any(|name| name == "assa.strutture"), "{question}: {:?}", names(&search, question));
    }
    assert!(names(&search, "copertura nido").first().is_some_and(|name| name == "leps.copertura_nido"));
    assert!(names(&search, "zzzzqqq").is_empty() && names(&search, " ,, ").is_empty());
}

#[test]
fn what_is_not_seen_is_not_found() {
    let search = search();
    let hidden = |name: &DatasetName, column: Option<&str>| name.area != "sigess" && column != Some("responsabile");
    assert!(search.find("accessi", hidden).iter().all(|hit| hit.dataset.area != "sigess"));
    let all = search.find("responsabile", |_, _| true);
    assert!(all.iter().any(|hit| hit.dataset.to_string() == "assa.strutture" && hit.columns.contains(&"responsabile".to_owned())));
    assert!(search.find("responsabile", hidden).iter().all(|hit| !hit.columns.contains(&"responsabile".to_owned())));
}
