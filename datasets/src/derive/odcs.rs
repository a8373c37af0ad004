//! Open Data Contract Standard 3.1 (Bitol): the contract for other people's tools, as YAML.

use serde_json::{Map, Value, json};

use crate::bound::bound;
use crate::catalog::Catalog;
use crate::contract::{PSEUDONYM, names_column, quoted};
use crate::derive::arrow::class_name;
use crate::derive::checks::{AFTER, CheckKind, TABLE, checks, set_checks};
use crate::derive::json_schema::example;
use crate::model::{Column, Contract, Frequency, Identity, Severity, Type};
use crate::verify::columns::anchored;

/// The contract as ODCS YAML. References name the file of the other contract in the same layout: `<area>/<name>.yaml`.
/// Errors: the serialiser's own, which a map of plain values does not cause.
pub fn odcs(catalog: &Catalog, contract: &Contract) -> Result<String, serde_saphyr::ser::Error> {
    serde_saphyr::to_string(&document(catalog, contract))
}

fn document(catalog: &Catalog, contract: &Contract) -> Value {
    let legal: Vec<String> = contract.legal_basis.iter().map(|basis| basis.it.clone()).collect();
    let mut description = Map::new();
    description.insert("purpose".into(), contract.description.it.clone().into());
    description.insert("usage".into(), format!("Base giuridica: {}", legal.join("; ")).into());
    if let Some(provisional) = &contract.provisional {
        description.insert("limitations".into(), provisional.it.clone().into());
    }
    json!({
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": format!("urn:siss:dataset:{}", contract.name),
        "name": contract.title.it,
        "version": contract.version,
        "status": "active",
        "domain": contract.name.area,
        "dataProduct": contract.feed.subsystem,
        "description": description,
        "schema": [table(catalog, contract)],
        "roles": roles(contract),
        "slaProperties": service_levels(contract),
        "customProperties": [
            { "property": "titleEn", "value": contract.title.en },
            { "property": "descriptionEn", "value": contract.description.en },
            { "property": "legalBasisEn", "value": contract.legal_basis.iter().map(|basis| &basis.en).collect::<Vec<_>>() },
            { "property": "mode", "value": contract.mode },
            { "property": "senders", "value": contract.feed.senders },
        ],
    })
}

fn table(catalog: &Catalog, contract: &Contract) -> Value {
    json!({
        "id": contract.name.name,
        "name": contract.name.name,
        "logicalType": "object",
        "physicalName": contract.name.to_string(),
        "physicalType": "table",
        "businessName": contract.title.it,
        "description": contract.description.it,
        "properties": contract.in_lake().map(|column| property(catalog, contract, column)).collect::<Vec<_>>(),
        "quality": quality(contract),
    })
}

fn property(catalog: &Catalog, contract: &Contract, column: &Column) -> Value {
    let mut property = Map::new();
    let mut put = |name: &str, value: Option<Value>| value.map(|value| property.insert(name.into(), value));
    put("id", Some(column.name.clone().into()));
    put("name", Some(column.name.clone().into()));
    put("businessName", Some(column.title.it.clone().into()));
    put("description", Some(column.description.it.clone().into()));
    put("logicalType", Some(logical_type(column.r#type).into()));
    put("physicalType", Some(physical_type(column.r#type).into()));
    put("required", Some(column.required.into()));
    put("classification", Some(class_name(column.class).into()));
    if let Some(position) = contract.key.iter().position(|name| *name == column.name) {
        put("primaryKey", Some(true.into()));
        put("primaryKeyPosition", Some((position + 1).into()));
    }
    let options = options(column);
    put("logicalTypeOptions", (!options.is_empty()).then(|| options.into()));
    let example_shown = column.example.as_deref().filter(|_| column.identity.is_none());
    put("examples", example_shown.and_then(|text| example(column.r#type, text)).map(|example| json!([example])));
    if let Some((dataset, target)) = column.reference() {
        let to = format!("{}/{}.yaml#/schema/{}/properties/{target}", dataset.area, dataset.name, dataset.name);
        put("relationships", Some(json!([{ "type": "foreignKey", "to": to }])));
    }
    if let Some(list) = column.code_list.as_ref().and_then(|name| catalog.code_lists.get(name)) {
        let codes: Vec<&str> = list.codes.iter().map(|code| code.code.as_str()).collect();
        put(
            "quality",
            Some(
                json!([{ "type": "library", "name": format!("{}.code_list", column.name), "metric": "invalidValues", "arguments": { "validValues": codes }, "mustBe": 0, "dimension": "conformity" }]),
            ),
        );
    }
    let mut custom = vec![json!({ "property": "titleEn", "value": column.title.en }), json!({ "property": "descriptionEn", "value": column.description.en })];
    custom.extend(column.unit.as_ref().map(|unit| json!({ "property": "unit", "value": unit })));
    custom.extend(column.code_list.as_ref().map(|list| json!({ "property": "codeList", "value": list })));
    custom.extend(column.lookup.as_ref().map(|lookup| json!({ "property": "lookup", "value": lookup })));
    put("customProperties", Some(custom.into()));
    property.into()
}

fn options(column: &Column) -> Map<String, Value> {
    let mut options = Map::new();
    if column.identity == Some(Identity::Pseudonym) {
        options.insert("pattern".into(), anchored(PSEUDONYM).into());
    } else if let Some(pattern) = &column.pattern {
        options.insert("pattern".into(), anchored(pattern).into());
    }
    if let Some(max) = column.max_length {
        options.insert("maxLength".into(), max.into());
    }
    for (name, value) in [("minimum", &column.min), ("maximum", &column.max)] {
        if let Some(bound) = value.as_ref().and_then(|value| bound(column.r#type, value).ok()) {
            options.insert(name.into(), bound.json);
        }
    }
    options
}

/// The contract's rules, as queries that count violating rows. What a column says of itself stands with the column.
fn quality(contract: &Contract) -> Vec<Value> {
    let mut quality = vec![];
    for check in checks(contract).into_iter().chain(set_checks(contract)) {
        let severity = match check.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        match &check.kind {
            // What tells who a person is stands in the lake otherwise than it was checked.
            CheckKind::Sql(violation) if contract.columns.iter().any(|c| c.identity.is_some() && names_column(violation, &c.name)) => {}
            CheckKind::Sql(violation) if check.column.is_none() => quality.push(json!({
                "type": "sql", "name": check.rule, "description": check.message.it, "severity": severity, "dimension": "consistency",
                "query": format!("SELECT count(*) FROM {}.{} WHERE {violation}", quoted(&contract.name.area), quoted(&contract.name.name)), "mustBe": 0,
            })),
            CheckKind::Set(sql) => quality.push(json!({
                "type": "sql", "name": check.rule, "description": check.message.it, "severity": severity, "dimension": "consistency",
                "query": of_all(contract, sql), "mustBe": 0,
            })),
            CheckKind::Unique => quality.push(json!({
                "type": "library", "name": check.rule, "description": check.message.it, "severity": severity, "dimension": "uniqueness",
                "metric": "duplicateValues", "arguments": { "properties": contract.key }, "mustBe": 0,
            })),
            _ => {}
        }
    }
    quality
}

/// A set rule asked of everything there is: the dataset stands for what is delivered and for what will be.
fn of_all(contract: &Contract, sql: &str) -> String {
    let table = format!("{}.{}", quoted(&contract.name.area), quoted(&contract.name.name));
    format!("WITH {TABLE} AS (SELECT * FROM {table}), {AFTER} AS (SELECT * FROM {table}) SELECT count(*) FROM (\n{sql}\n) AS violations")
}

/// Roles and the classes they see. Row conditions and masks stay out: they name columns that do not exist for the reader of the export.
fn roles(contract: &Contract) -> Vec<Value> {
    let mut roles = vec![];
    for access in &contract.access {
        for role in &access.roles {
            let classes: Vec<&str> = access.classes.iter().map(|class| class_name(*class)).collect();
            roles.push(json!({
                "role": role,
                "access": "read",
                "customProperties": [{ "property": "classes", "value": classes }],
            }));
        }
    }
    roles
}

fn service_levels(contract: &Contract) -> Vec<Value> {
    let every = match contract.feed.frequency {
        Frequency::Once => None,
        Frequency::Monthly => Some((1, "m")),
        Frequency::Quarterly => Some((3, "m")),
        Frequency::Yearly => Some((1, "y")),
    };
    let mut levels: Vec<Value> =
        every.map(|(value, unit)| json!({ "property": "frequency", "value": value, "unit": unit, "driver": "regulatory" })).into_iter().collect();
    levels.push(json!({ "property": "latency", "value": contract.feed.due_days, "unit": "d", "driver": "regulatory" }));
    levels
}

fn logical_type(of: Type) -> &'static str {
    match of {
        Type::Text => "string",
        Type::Integer => "integer",
        Type::Decimal(..) | Type::Double => "number",
        Type::Boolean => "boolean",
        Type::Date => "date",
        Type::Timestamp => "timestamp",
    }
}

fn physical_type(of: Type) -> String {
    match of {
        Type::Text => "VARCHAR".into(),
        Type::Integer => "BIGINT".into(),
        Type::Decimal(precision, scale) => format!("DECIMAL({precision},{scale})"),
        Type::Double => "DOUBLE".into(),
        Type::Boolean => "BOOLEAN".into(),
        Type::Date => "DATE".into(),
        Type::Timestamp => "TIMESTAMP WITH TIME ZONE".into(),
    }
}
