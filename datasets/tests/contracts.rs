//! What holds for every contract under `datasets/`.

use std::collections::BTreeSet;
use std::path::Path;

use datasets::catalog::{Catalog, STRANGER};
use datasets::derive::checks::{CheckKind, checks, set_checks, violations_sql};
use datasets::derive::{arrow, dictionary, frictionless, json_schema, odcs};
use datasets::language::Language;
use datasets::model::Class;
use datasets::system;

fn catalog() -> Catalog {
    Catalog::load(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap_or_else(|mistakes| {
        let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        panic!("{} mistakes:\n{}", lines.len(), lines.join("\n"))
    })
}

/// Staff may work for all user groups together; else areas of intervention are the user groups, in the same words.
#[test]
fn areas_of_intervention_are_the_user_groups_and_one_for_all() {
    let catalog = catalog();
    let words = |list: &str| catalog.code_lists[list].codes.iter().map(|c| (c.code.clone(), c.it.clone(), c.en.clone(), c.valid_from)).collect::<Vec<_>>();
    let (areas, groups) = (words("aree_intervento"), words("fasce_utenza"));
    assert_eq!(areas[..groups.len()], groups[..]);
    assert_eq!(areas[groups.len()..].iter().map(|area| area.0.as_str()).collect::<Vec<_>>(), ["multiutenza"]);
}

#[test]
fn all_contracts_load() {
    let names: BTreeSet<String> = catalog().contracts.keys().map(ToString::to_string).collect();
    let first = [
        "territorio.comuni",
        "territorio.ambiti",
        "territorio.popolazione",
        "assa.strutture",
        "assa.posti",
        "assa.provvedimenti",
        "assa.ispezioni",
        "sigess.accessi",
        "piani_zona.importi",
        "sirse.servizi",
        "sistema.deliveries",
        "sistema.violations",
        "sistema.queries",
    ];
    for name in first {
        assert!(names.contains(name), "{name} is missing");
    }
}

#[test]
fn checks_are_unique_and_speak_both_languages() {
    for contract in catalog().contracts.values() {
        let mut seen = BTreeSet::new();
        for check in checks(contract).into_iter().chain(set_checks(contract)) {
            let name = format!("{} {}", contract.name, check.rule);
            assert!(seen.insert(check.rule.clone()), "{name} appears twice");
            for message in [&check.message.it, &check.message.en] {
                let rest = message.replace("{value}", "");
                assert!(rest.contains(' ') && !rest.contains(['{', '}']), "{name}: {message}");
            }
        }
    }
}

#[test]
fn violations_query_names_every_sql_check() {
    for contract in catalog().contracts.values() {
        let sql = violations_sql(contract);
        for check in checks(contract) {
            let named = sql.contains(&format!(" AS \"{}\"", check.rule));
            assert_eq!(named, matches!(check.kind, CheckKind::Sql(_)), "{} {}", contract.name, check.rule);
        }
    }
}

#[test]
fn stored_schema_adds_the_system_columns() {
    for contract in catalog().contracts.values() {
        let names: Vec<String> = arrow::stored_schema(contract).fields().iter().map(|f| f.name().clone()).collect();
        let (own, system) = names.split_at(contract.in_lake().count());
        assert!(contract.in_lake().map(|c| &c.name).eq(own));
        assert_eq!(system, system::ALL);
    }
}

#[test]
fn every_export_is_made() {
    let catalog = catalog();
    for contract in catalog.contracts.values() {
        assert!(odcs::odcs(&catalog, contract).is_ok());
        assert_eq!(json_schema::json_schema(&catalog, contract)["properties"].as_object().map(|p| p.len()), Some(contract.delivered().count()));
        for language in [Language::It, Language::En] {
            assert_eq!(dictionary::dictionary(&catalog, contract, language).columns.len(), contract.columns.len());
        }
    }
}

#[test]
fn open_package_holds_public_columns_only() {
    let catalog = catalog();
    let open: Vec<_> = catalog.contracts.values().filter(|c| c.publication.as_ref().is_some_and(|p| p.open)).collect();
    let package = frictionless::package(&catalog, &open, &[Class::Public]);
    for (resource, contract) in package["resources"].as_array().into_iter().flatten().zip(&open) {
        let names: Vec<&str> = resource["schema"]["fields"].as_array().into_iter().flatten().filter_map(|f| f["name"].as_str()).collect();
        let public: Vec<&str> = contract.in_lake().filter(|c| c.class == Class::Public).map(|c| c.name.as_str()).collect();
        assert_eq!(names, public, "{}", contract.name);
    }
}

#[test]
fn a_stranger_sees_no_personal_column_unmasked() {
    let catalog = catalog();
    for (contract, access) in catalog.visible(STRANGER) {
        for column in contract.columns.iter().filter(|c| c.class >= Class::Personal && access.shows(c)) {
            assert!(access.mask.contains_key(&column.name), "{}.{}", contract.name, column.name);
        }
    }
}

#[test]
fn silence_means_no_access() {
    let catalog = catalog();
    assert_eq!(catalog.visible("nessuno").count(), 0);
    assert!(catalog.visible(STRANGER).all(|(contract, _)| contract.access.iter().any(|a| a.roles.iter().any(|r| r == STRANGER))));
}

#[test]
fn load_order_puts_targets_first() {
    let catalog = catalog();
    let order = catalog.load_order();
    assert_eq!(order.len(), catalog.contracts.len());
    for (i, contract) in order.iter().enumerate() {
        for target in contract.targets() {
            assert!(order[..i].iter().any(|earlier| earlier.name == target), "{} before {target}", contract.name);
        }
    }
}
