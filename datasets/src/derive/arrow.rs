//! The Arrow schema of a dataset, as it is delivered, as users see it and as it is stored.

use std::collections::HashMap;

use arrow_schema::{DataType, Field, Schema, TimeUnit};

use crate::model::{Class, Column, Contract, Type};
use crate::system;

/// The contract's columns in their order, as a sender delivers them and with those that are looked up; nullable where not required. Field metadata: `title.it`, `title.en`, `description.it`,
/// `description.en`, `class`, and where there is one `unit`, `code_list`, `references`. Schema metadata: `dataset`, `version`, titles.
pub fn schema(contract: &Contract) -> Schema {
    let fields: Vec<Field> = contract.columns.iter().map(field).collect();
    let metadata = [
        ("dataset", contract.name.to_string()),
        ("version", contract.version.clone()),
        ("title.it", contract.title.it.clone()),
        ("title.en", contract.title.en.clone()),
        ("description.it", contract.description.it.clone()),
        ("description.en", contract.description.en.clone()),
    ];
    Schema::new_with_metadata(fields, metadata.map(|(k, v)| (k.to_owned(), v)).into())
}

/// The columns of the lake: those of [`schema`] without what is kept in the vault.
pub fn lake_schema(contract: &Contract) -> Schema {
    let Schema { metadata, .. } = schema(contract);
    Schema::new_with_metadata(contract.in_lake().map(field).collect::<Vec<_>>(), metadata)
}

/// [`lake_schema`] followed by the system columns.
pub fn stored_schema(contract: &Contract) -> Schema {
    let Schema { fields, metadata } = lake_schema(contract);
    let moment = data_type(Type::Timestamp);
    let system = [
        Field::new(system::DELIVERY, DataType::Utf8, false),
        Field::new(system::LINE, DataType::Int64, false),
        Field::new(system::SENDER, DataType::Utf8, false),
        Field::new(system::PERIOD, DataType::Utf8, false),
        Field::new(system::RECORDED_FROM, moment.clone(), false),
        Field::new(system::RECORDED_TO, moment, true),
    ];
    let fields: Vec<Field> = fields.iter().map(|f| f.as_ref().clone()).chain(system).collect();
    Schema::new_with_metadata(fields, metadata)
}

/// The Arrow type of a contract's type.
pub fn data_type(of: Type) -> DataType {
    match of {
        Type::Text => DataType::Utf8,
        Type::Integer => DataType::Int64,
        Type::Decimal(precision, scale) => DataType::Decimal128(precision, scale),
        Type::Double => DataType::Float64,
        Type::Boolean => DataType::Boolean,
        Type::Date => DataType::Date32,
        Type::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
    }
}

/// The class as contracts write it.
pub fn class_name(class: Class) -> &'static str {
    match class {
        Class::Public => "public",
        Class::Internal => "internal",
        Class::Personal => "personal",
        Class::Special => "special",
    }
}

fn field(column: &Column) -> Field {
    let mut metadata: HashMap<String, String> = HashMap::from([
        ("title.it".to_owned(), column.title.it.clone()),
        ("title.en".to_owned(), column.title.en.clone()),
        ("description.it".to_owned(), column.description.it.clone()),
        ("description.en".to_owned(), column.description.en.clone()),
        ("class".to_owned(), class_name(column.class).to_owned()),
    ]);
    for (name, value) in [("unit", &column.unit), ("code_list", &column.code_list), ("references", &column.references)] {
        if let Some(value) = value {
            metadata.insert(name.to_owned(), value.clone());
        }
    }
    Field::new(&column.name, data_type(column.r#type), !column.required).with_metadata(metadata)
}
