use std::path::Path;

use oxrdfxml::RdfXmlParser;
use oxttl::TurtleParser;

use super::rdf::Syntax;
use super::*;
use crate::catalog::Catalog;

fn portal() -> Portal {
    Portal { base: "https://dati.example.org".into(), contact: "ufficio@example.org".into(), profile: Profile::Three }
}

fn published(contract: &Contract) -> Published<'_> {
    let day = |d| NaiveDate::from_ymd_opt(2026, 11, d).unwrap();
    let file = |format: &str, media: &str| File {
        name: format!("{}.{format}", contract.name),
        format: format.into(),
        media_type: media.into(),
        latest: format!("/open/latest/{format}"),
        path: format!("/open/2026/{format}"),
        bytes: Some(12),
        sha256: Some("ab".repeat(32)),
    };
    Published {
        contract,
        release: "2026-11-20-0123456789ab".into(),
        first: Some(day(1)),
        issued: day(20),
        notes: Some(Text::new("Nuovi dati", "New data")),
        files: vec![file("csv", "text/csv"), file("ndjson", "application/x-ndjson"), file("zip", "application/zip")],
    }
}

fn with_catalog(test: impl Fn(&Catalog)) {
    test(&Catalog::load(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap());
}

#[test]
fn all_three_syntaxes_say_the_same() {
    with_catalog(|catalog| {
        let contract = catalog.get(&"assa.strutture".parse().unwrap()).unwrap();
        let rdf = catalogue(&portal(), &[published(contract)], NaiveDate::MIN);
        let turtle = rdf.write(Syntax::Turtle).unwrap();
        let xml = rdf.write(Syntax::RdfXml).unwrap();
        let sorted = |mut all: Vec<String>| {
            all.sort();
            all
        };
        let of_turtle = sorted(TurtleParser::new().for_slice(&turtle).map(|t| t.unwrap().to_string()).collect());
        let of_xml = sorted(RdfXmlParser::new().for_slice(&xml).map(|t| t.unwrap().to_string()).collect());
        assert!(of_turtle.len() > 100);
        assert_eq!(of_turtle, of_xml);
        let json: serde_json::Value = serde_json::from_slice(&rdf.write(Syntax::JsonLd).unwrap()).unwrap();
        assert!(json["@graph"].as_array().unwrap().len() > 10);
    });
}

#[test]
fn every_distribution_has_its_licence_and_its_hash() {
    with_catalog(|catalog| {
        let contract = catalog.get(&"assa.strutture".parse().unwrap()).unwrap();
        let text = String::from_utf8(dataset(&portal(), &published(contract)).write(Syntax::Turtle).unwrap()).unwrap();
        assert_eq!(text.matches("dcatapit:Distribution").count(), 3);
        assert_eq!(text.matches("spdx:checksumValue").count(), 3);
        assert_eq!(text.matches("dcat:byteSize").count(), 3);
        let every = Portal { profile: Profile::Every, ..portal() };
        let text = String::from_utf8(dataset(&every, &published(contract)).write(Syntax::Turtle).unwrap()).unwrap();
        assert!(text.contains("dcat:downloadURL") && !text.contains("spdx:checksumValue") && !text.contains("dcat:byteSize"));
        let text = String::from_utf8(dataset(&portal(), &published(contract)).write(Syntax::Turtle).unwrap()).unwrap();
        assert_eq!(text.matches("dct:license <https://creativecommons.org/licenses/by/4.0/>").count(), 4, "three files and the API");
    });
}

#[test]
fn only_high_value_datasets_say_so() {
    with_catalog(|catalog| {
        let says = |name: &str| {
            let contract = catalog.get(&name.parse().unwrap()).unwrap();
            let text = String::from_utf8(dataset(&portal(), &published(contract)).write(Syntax::Turtle).unwrap()).unwrap();
            text.contains("hvdCategory")
        };
        assert!(says("territorio.popolazione") && !says("assa.strutture"));
    });
}

#[test]
fn nothing_in_a_block_of_json_ends_its_element() {
    let text = schema_org::embeddable(&serde_json::json!({ "a": "</script><b>&" }));
    assert!(!text.contains(['<', '>', '&']));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap()["a"], "</script><b>&");
}
