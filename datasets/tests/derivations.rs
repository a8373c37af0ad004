//! Everything derived from a contract, as snapshots: a change of a contract or of a derivation shows its whole effect in the diff.

use std::path::Path;

use arrow_schema::Schema;
use datasets::catalog::Catalog;
use datasets::derive::checks::{CheckKind, checks, set_checks, violations_sql};
use datasets::derive::csv_template::{csv_example, csv_template};
use datasets::derive::{arrow, dictionary, frictionless, json_schema, odcs};
use datasets::language::Language;
use datasets::model::Contract;

#[test]
fn derivations_of_strutture() {
    snapshot_all("", "assa.strutture");
}

#[test]
fn derivations_of_every_type_and_condition() {
    snapshot_all("tests/fixtures/good", "prova.tutto");
}

#[test]
fn derivations_of_persons_kept_in_the_vault() {
    snapshot_all("tests/fixtures/good", "prova.persone");
}

#[test]
fn derivations_of_a_derived_dataset() {
    snapshot_all("tests/fixtures/good", "prova.conteggi");
}

fn snapshot_all(dir: &str, name: &str) {
    let catalog = Catalog::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join(dir)).expect("the catalog loads");
    let contract = catalog.get(&name.parse().expect("a name")).expect("the contract is there");
    let snap = |kind: &str, text: &str| {
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("{name}__{kind}"), text);
        })
    };
    snap("arrow", &show(&arrow::schema(contract)));
    snap("arrow_lake", &show_types(&arrow::lake_schema(contract)));
    snap("arrow_stored", &show_types(&arrow::stored_schema(contract)));
    snap("checks", &show_checks(contract));
    snap("violations_sql", &violations_sql(contract));
    for (language, code) in [(Language::It, "it"), (Language::En, "en")] {
        let dictionary = dictionary::dictionary(&catalog, contract, language);
        snap(&format!("dictionary_{code}_md"), &dictionary::markdown(&dictionary, language));
    }
    let dictionary = dictionary::dictionary(&catalog, contract, Language::It);
    snap("dictionary_json", &pretty(&serde_json::to_value(&dictionary).expect("plain values")));
    snap("csv_template", &format!("{:?}", csv_template(contract)));
    snap("csv_example", &csv_example(contract).replace('\u{feff}', "<mark>").replace('\r', ""));
    snap("json_schema", &pretty(&json_schema::json_schema(&catalog, contract)));
    snap("odcs_yaml", &odcs::odcs(&catalog, contract).expect("plain values"));
    snap("frictionless", &pretty(&frictionless::frictionless(&catalog, contract)));
}

fn pretty(value: &serde_json::Value) -> String {
    serde_json::to_string_pretty(value).expect("plain values")
}

fn show(schema: &Schema) -> String {
    let sorted = |map: &std::collections::HashMap<String, String>| {
        let mut lines: Vec<String> = map.iter().map(|(k, v)| format!("    {k}: {v}\n")).collect();
        lines.sort();
        lines.concat()
    };
    let fields =
        schema.fields().iter().map(|f| format!("{}: {}{}\n{}", f.name(), f.data_type(), if f.is_nullable() { "" } else { " NOT NULL" }, sorted(f.metadata())));
    format!("schema\n{}{}", sorted(schema.metadata()), fields.collect::<String>())
}

fn show_types(schema: &Schema) -> String {
    schema.fields().iter().map(|f| format!("{}: {}{}\n", f.name(), f.data_type(), if f.is_nullable() { "" } else { " NOT NULL" })).collect()
}

fn show_checks(contract: &Contract) -> String {
    let mut text = String::new();
    for check in checks(contract).into_iter().chain(set_checks(contract)) {
        let kind = match &check.kind {
            CheckKind::Sql(sql) => format!("sql {}", sql.replace('\n', " ")),
            CheckKind::Set(sql) => format!("set {}", sql.replace('\n', " ")),
            other => format!("{other:?}"),
        };
        let column = check.column.as_deref().unwrap_or("-");
        text.push_str(&format!("{} [{column}, {:?}]\n  {kind}\n  it: {}\n  en: {}\n", check.rule, check.severity, check.message.it, check.message.en));
    }
    text
}
