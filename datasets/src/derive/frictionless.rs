//! Frictionless Data Package 1.0: `datapackage.json` for a folder of published CSV files (`<area>/<name>.csv`, comma, UTF-8).

use serde_json::{Map, Value, json};

use crate::bound::bound;
use crate::catalog::Catalog;
use crate::contract::PSEUDONYM;
use crate::model::{Class, Column, Contract, Identity, Type};
use crate::verify::columns::anchored;

/// A package of one dataset with all its columns.
pub fn frictionless(catalog: &Catalog, contract: &Contract) -> Value {
    package(catalog, &[contract], &[Class::Public, Class::Internal, Class::Personal, Class::Special])
}

/// A package of several datasets, of each the columns of some classes. References become foreign keys where their target is in the package.
pub fn package(catalog: &Catalog, contracts: &[&Contract], classes: &[Class]) -> Value {
    let resources: Vec<Value> = contracts.iter().map(|contract| resource(catalog, contract, contracts, classes)).collect();
    let name = match contracts {
        [one] => slug(one),
        _ => "siss".to_owned(),
    };
    let title = match contracts {
        [one] => json!(one.title.it),
        _ => json!("SISS, Regione Lazio"),
    };
    json!({ "profile": "tabular-data-package", "name": name, "title": title, "resources": resources })
}

fn resource(catalog: &Catalog, contract: &Contract, contracts: &[&Contract], classes: &[Class]) -> Value {
    let shown = |column: &&Column| classes.contains(&column.class);
    let fields: Vec<Value> = contract.in_lake().filter(shown).map(|column| field(catalog, column)).collect();
    let mut schema = Map::new();
    schema.insert("fields".into(), fields.into());
    schema.insert("missingValues".into(), json!([""]));
    let key_shown = contract.key.iter().all(|name| contract.column(name).is_some_and(|c| shown(&c)));
    if !contract.key.is_empty() && key_shown {
        schema.insert("primaryKey".into(), json!(contract.key));
    }
    let foreign: Vec<Value> = contract.in_lake().filter(shown).filter_map(|column| foreign_key(column, contracts, classes)).collect();
    if !foreign.is_empty() {
        schema.insert("foreignKeys".into(), foreign.into());
    }
    let mut resource = Map::new();
    resource.insert("profile".into(), "tabular-data-resource".into());
    resource.insert("name".into(), slug(contract).into());
    resource.insert("path".into(), format!("{}/{}.csv", contract.name.area, contract.name.name).into());
    resource.insert("title".into(), contract.title.it.clone().into());
    resource.insert("description".into(), contract.description.it.clone().into());
    resource.insert("format".into(), "csv".into());
    resource.insert("mediatype".into(), "text/csv".into());
    resource.insert("encoding".into(), "utf-8".into());
    resource.insert("dialect".into(), json!({ "delimiter": ",", "quoteChar": "\"", "doubleQuote": true }));
    if let Some(publication) = &contract.publication {
        resource.insert("licenses".into(), json!([{ "name": publication.licence }]));
    }
    resource.insert("x-title".into(), json!(contract.title));
    resource.insert("x-description".into(), json!(contract.description));
    resource.insert("x-version".into(), contract.version.clone().into());
    resource.insert("schema".into(), schema.into());
    resource.into()
}

fn field(catalog: &Catalog, column: &Column) -> Value {
    let kind = match column.r#type {
        Type::Text => "string",
        Type::Integer => "integer",
        Type::Decimal(..) | Type::Double => "number",
        Type::Boolean => "boolean",
        Type::Date => "date",
        Type::Timestamp => "datetime",
    };
    let pattern = if column.identity == Some(Identity::Pseudonym) { Some(PSEUDONYM) } else { column.pattern.as_deref() };
    let mut constraints = Map::new();
    let mut put = |name: &str, value: Option<Value>| value.map(|value| constraints.insert(name.into(), value));
    put("required", column.required.then_some(true.into()));
    put("pattern", pattern.map(|pattern| anchored(pattern).into()));
    put("maxLength", column.max_length.map(Value::from));
    for (name, value) in [("minimum", &column.min), ("maximum", &column.max)] {
        put(name, value.as_ref().and_then(|value| bound(column.r#type, value).ok()).map(|bound| bound.json));
    }
    let list = column.code_list.as_ref().and_then(|name| catalog.code_lists.get(name));
    put("enum", list.map(|list| list.codes.iter().map(|code| code.code.clone()).collect::<Vec<_>>().into()));
    let mut field = Map::new();
    field.insert("name".into(), column.name.clone().into());
    field.insert("type".into(), kind.into());
    field.insert("title".into(), column.title.it.clone().into());
    field.insert("description".into(), column.description.it.clone().into());
    if let Some(example) = column.example.as_ref().filter(|_| column.identity.is_none()) {
        field.insert("example".into(), example.clone().into());
    }
    if !constraints.is_empty() {
        field.insert("constraints".into(), constraints.into());
    }
    field.insert("x-title".into(), json!(column.title));
    field.insert("x-description".into(), json!(column.description));
    field.into()
}

fn foreign_key(column: &Column, contracts: &[&Contract], classes: &[Class]) -> Option<Value> {
    let (dataset, target) = column.reference()?;
    let contract = contracts.iter().find(|contract| contract.name == dataset)?;
    if !classes.contains(&contract.column(&target)?.class) {
        return None;
    }
    Some(json!({ "fields": [column.name], "reference": { "resource": slug(contract), "fields": [target] } }))
}

/// A resource name: lower case, digits and `-`, `_`, `.` only.
fn slug(contract: &Contract) -> String {
    contract.name.to_string()
}
