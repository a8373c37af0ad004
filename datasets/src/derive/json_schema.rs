//! A delivered row as JSON Schema, draft 2020-12: what a program that sends JSON checks itself against.

use serde_json::{Map, Value, json};

use crate::bound::bound;
use crate::catalog::Catalog;
use crate::fiscal_code;
use crate::model::{Column, Contract, Identity, Type};
use crate::verify::columns::anchored;

/// The schema of one row as delivered, without the columns that are looked up.
pub fn json_schema(catalog: &Catalog, contract: &Contract) -> Value {
    let properties: Map<String, Value> = contract.delivered().map(|column| (column.name.clone(), property(catalog, column))).collect();
    let required: Vec<&str> = contract.delivered().filter(|column| column.required).map(|column| column.name.as_str()).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("urn:siss:dataset:{}:{}", contract.name, contract.version),
        "title": contract.title.it,
        "description": contract.description.it,
        "x-title": contract.title,
        "x-description": contract.description,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn property(catalog: &Catalog, column: &Column) -> Value {
    let (kind, format) = match column.r#type {
        Type::Text => ("string", None),
        Type::Integer => ("integer", None),
        Type::Decimal(..) | Type::Double => ("number", None),
        Type::Boolean => ("boolean", None),
        Type::Date => ("string", Some("date")),
        Type::Timestamp => ("string", Some("date-time")),
    };
    let mut property = Map::new();
    property.insert("type".into(), if column.required { json!(kind) } else { json!([kind, "null"]) });
    property.insert("title".into(), column.title.it.clone().into());
    property.insert("description".into(), column.description.it.clone().into());
    property.insert("x-title".into(), json!(column.title));
    property.insert("x-description".into(), json!(column.description));
    property.insert("x-class".into(), json!(column.class));
    let mut put = |name: &str, value: Option<Value>| value.map(|value| property.insert(name.into(), value));
    put("format", format.map(Value::from));
    put("x-type", matches!(column.r#type, Type::Decimal(..)).then(|| json!(column.r#type)));
    let pattern = if column.identity == Some(Identity::Pseudonym) { Some(fiscal_code::PATTERN) } else { column.pattern.as_deref() };
    put("pattern", pattern.map(|pattern| anchored(pattern).into()));
    put("minLength", (column.required && column.r#type == Type::Text).then(|| 1.into()));
    put("maxLength", column.max_length.map(Value::from));
    for (numeric, day, value) in [("minimum", "x-minimum", &column.min), ("maximum", "x-maximum", &column.max)] {
        let bound = value.as_ref().and_then(|value| bound(column.r#type, value).ok()).map(|bound| bound.json);
        let name = if matches!(column.r#type, Type::Date | Type::Timestamp) { day } else { numeric };
        put(name, bound);
    }
    put("enum", codes(catalog, column));
    put("x-code-list", column.code_list.clone().map(Value::from));
    put("x-references", column.references.clone().map(Value::from));
    put("x-unit", column.unit.clone().map(Value::from));
    put("examples", column.example.as_deref().and_then(|example| self::example(column.r#type, example)).map(|example| json!([example])));
    Value::Object(property)
}

fn codes(catalog: &Catalog, column: &Column) -> Option<Value> {
    let list = catalog.code_lists.get(column.code_list.as_ref()?)?;
    let mut codes: Vec<Value> = list.codes.iter().map(|code| code.code.clone().into()).collect();
    if !column.required {
        codes.push(Value::Null);
    }
    Some(codes.into())
}

/// An example in its JSON type.
pub fn example(of: Type, text: &str) -> Option<Value> {
    match of {
        Type::Integer => text.parse::<i64>().ok().map(Value::from),
        Type::Decimal(..) | Type::Double => text.parse::<f64>().ok().map(Value::from),
        Type::Boolean => text.parse::<bool>().ok().map(Value::from),
        Type::Text | Type::Date | Type::Timestamp => Some(text.into()),
    }
}
