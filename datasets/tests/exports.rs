//! Writes every export of every contract under `tmp/exports` of the target folder, where `tests/python/test_contract_exports.py`
//! lets other people's tools judge them. What can be judged without them is judged here.

use std::fs;
use std::path::{Path, PathBuf};

use datasets::catalog::Catalog;
use datasets::derive::checks::violations_sql;
use datasets::derive::frictionless::{frictionless, package};
use datasets::derive::json_schema::{example, json_schema};
use datasets::derive::odcs::odcs;
use datasets::model::{Class, Column, Contract, Type};

/// A pseudonym as the lake holds it.
const PSEUDONYM: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn every_export_of_every_contract() {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("exports");
    let _ = fs::remove_dir_all(&root);
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let real = Catalog::load(manifest).expect("the contracts load");
    let fixture = Catalog::load(&manifest.join("tests/fixtures/good")).expect("the fixture loads");
    for (catalog, contract) in [&real, &fixture].into_iter().flat_map(|catalog| catalog.contracts.values().map(move |c| (catalog, c))) {
        let dir = root.join("single").join(contract.name.to_string());
        export(catalog, contract, &dir);
        write(dir.join(format!("{}/{}.csv", contract.name.area, contract.name.name)), &csv(contract, true));
        write(dir.join("datapackage.json"), &frictionless(catalog, contract).to_string());
    }
    let dir = root.join("package");
    let all: Vec<&Contract> = real.contracts.values().collect();
    let classes = [Class::Public, Class::Internal, Class::Personal, Class::Special];
    write(dir.join("datapackage.json"), &package(&real, &all, &classes).to_string());
    for contract in all {
        write(dir.join(format!("{}/{}.csv", contract.name.area, contract.name.name)), &csv(contract, false));
    }
}

fn export(catalog: &Catalog, contract: &Contract, dir: &Path) {
    let yaml = odcs(catalog, contract).expect("plain values");
    assert!(yaml.starts_with("apiVersion: v3."));
    write(dir.join("odcs.yaml"), &yaml);
    let schema = json_schema(catalog, contract);
    assert_eq!(schema["properties"].as_object().map(|p| p.len()), Some(contract.delivered().count()));
    write(dir.join("schema.json"), &schema.to_string());
    let row: serde_json::Map<_, _> = contract.delivered().filter_map(|c| Some((c.name.clone(), example(c.r#type, c.example.as_deref()?)?))).collect();
    write(dir.join("row.json"), &serde_json::Value::from(row).to_string());
    write(dir.join("violations.sql"), &violations_sql(contract));
    let columns: Vec<String> = contract.columns.iter().flat_map(sql_columns).collect();
    for rule in &contract.set_rules {
        write(dir.join(format!("set_rules/{}.sql", rule.id)), &rule.sql);
    }
    if let Some(derived) = contract.derived.as_ref().filter(|derived| !derived.forecast) {
        write(dir.join("derived.sql"), &derived.sql);
    }
    let lake: Vec<String> = contract.in_lake().map(|c| sql_columns(c).remove(0)).collect();
    write(dir.join("lake.sql"), &format!("CREATE SCHEMA IF NOT EXISTS {}; CREATE TABLE {} ({})", contract.name.area, contract.name, lake.join(", ")));
    write(dir.join("table.sql"), &format!("CREATE TABLE consegna (riga_consegna BIGINT, {})", columns.join(", ")));
}

/// The columns of the table of rows to check that come from one column of the contract.
fn sql_columns(column: &Column) -> Vec<String> {
    let of = match column.r#type {
        Type::Text => return vec![format!("\"{}\" VARCHAR", column.name)],
        Type::Integer => "BIGINT".to_owned(),
        Type::Double => "DOUBLE".to_owned(),
        Type::Boolean => "BOOLEAN".to_owned(),
        Type::Date => "DATE".to_owned(),
        Type::Timestamp => "TIMESTAMP WITH TIME ZONE".to_owned(),
        decimal @ Type::Decimal(..) => String::from(decimal),
    };
    vec![format!("\"{}\" {of}", column.name), format!("\"{}__testo\" VARCHAR", column.name)]
}

/// All columns with their header and, when `example` and every required column has one, a line of examples.
fn csv(contract: &Contract, example: bool) -> String {
    let mut writer = csv::Writer::from_writer(vec![]);
    writer.write_record(contract.in_lake().map(|c| &c.name)).expect("memory");
    if example && contract.in_lake().all(|c| c.example.is_some() || !c.required) {
        let cells = contract.in_lake().map(|c| if c.identity.is_some() { PSEUDONYM } else { c.example.as_deref().unwrap_or_default() });
        writer.write_record(cells).expect("memory");
    }
    String::from_utf8(writer.into_inner().expect("memory")).expect("text")
}

fn write(path: PathBuf, text: &str) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(path, text).expect("a file");
}
