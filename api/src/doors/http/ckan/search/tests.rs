use std::path::Path;

use chrono::NaiveDate;
use datasets::catalog::Catalog;
use datasets::derive::dcat::File;

use super::*;

fn with_dataset(test: impl Fn(&Published<'_>)) {
    let catalog = Catalog::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../datasets")).unwrap();
    let contract = catalog.get(&"assa.strutture".parse().unwrap()).unwrap();
    let file = File {
        name: "assa.strutture.csv".into(),
        format: "csv".into(),
        media_type: "text/csv".into(),
        latest: "/l".into(),
        path: "/p".into(),
        bytes: None,
        sha256: None,
    };
    let issued = NaiveDate::from_ymd_opt(2026, 11, 20).unwrap();
    test(&Published { contract, release: "1".into(), first: None, issued, notes: None, files: vec![file] });
}

/// What `ckanext-harvest`, CKAN's own pages and people write.
#[test]
fn conditions_of_harvesters_hold_or_not() {
    with_dataset(|dataset| {
        let holds = |fq: &str| fq::conditions(fq, None).map(|all| all.iter().all(|one| one.holds(dataset)));
        for yes in [
            "organization:r_lazio",
            "organization:(altra OR r_lazio) -organization:nessuna",
            "metadata_modified:[2026-11-01T00:00:00Z TO *]",
            "+res_format:CSV AND state:active",
            "name:assa-* NOT groups:econ",
            "dataset_type:\"dataset\" +capacity:public",
            "title:*",
        ] {
            assert_eq!(holds(yes).ok(), Some(true), "{yes}");
        }
        for no in ["organization:(altra OR nessuna)", "metadata_modified:[2026-12-01T00:00:00Z TO *]", "-res_format:csv", "!state:active"] {
            assert_eq!(holds(no).ok(), Some(false), "{no}");
        }
        for wrong in ["colour:red", "name:\"open", "metadata_modified:[NOW-1DAY TO *]", "metadata_modified:[2026-01-01]", "loose words"] {
            assert!(holds(wrong).is_err(), "{wrong}");
        }
    });
}

#[test]
fn words_beside_conditions_stay_words() {
    let mut said = Vec::new();
    let conditions = fq::conditions("nido tags:infanzia posti", Some(&mut said)).ok().unwrap();
    assert_eq!((conditions.len(), words(&said.join(" "))), (1, vec!["nido".to_owned(), "posti".to_owned()]));
    assert!(words("*:*").is_empty());
}

#[test]
fn facets_count_what_was_found() {
    with_dataset(|dataset| {
        let with: Parameters = serde_json::from_str(r#"{"facet.field": "[\"res_format\", \"organization\"]"}"#).unwrap();
        let (plain, titled) = facets(&with, &[(1, dataset)]).ok().unwrap();
        assert_eq!(plain["res_format"]["CSV"], 1);
        assert_eq!(titled["organization"]["items"][0]["display_name"], "Regione Lazio");
    });
}
