//! The shapes name exactly the fields that the structs of `model` have, and require exactly those that they require.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use toml::Table;

use super::*;
use crate::form::{Attachment, Form, Part, Section};
use crate::indicator::Indicator;
use crate::indicator::shape::INDICATOR;
use crate::model::{Access, Announced, Column, Contract, Derived, Feed, Lookup, Publication, Role, Rule, SetRule, Text};
use crate::read::sample_table;
use crate::workflow::{MOVE, Move, STEP, Step, WORKFLOW, Workflow};

#[test]
fn shapes_agree_with_structs() {
    agree::<Contract>(&CONTRACT);
    agree::<Feed>(&FEED);
    agree::<Access>(&ACCESS);
    agree::<Publication>(&PUBLICATION);
    agree::<Announced>(&ANNOUNCED);
    agree::<Lookup>(&LOOKUP);
    agree::<Column>(&COLUMN);
    agree::<Rule>(&RULE);
    agree::<SetRule>(&RULE);
    agree::<Derived>(&DERIVED);
    agree::<Role>(&ROLE);
    agree::<Text>(&TEXT);
    agree::<Indicator>(&INDICATOR);
    agree::<Form>(&FORM);
    agree::<Section>(&SECTION);
    agree::<Attachment>(&ATTACHMENT);
    agree::<Part>(&PART);
    agree::<Workflow>(&WORKFLOW);
    agree::<Step>(&STEP);
    agree::<Move>(&MOVE);
}

fn agree<T: DeserializeOwned>(shape: &Shape) {
    let sample = || match sample_table(shape) {
        Value::Table(table) => table,
        other => panic!("a sample is a table, not {other}"),
    };
    read::<T>(sample()).expect("a sample is read");
    for field in shape.fields.iter().filter(|f| f.required) {
        let mut table = sample();
        table.remove(field.name);
        assert!(read::<T>(table).is_err(), "{} is not required", field.name);
    }
    let mut table = sample();
    table.insert("unheard_of".into(), Value::Boolean(true));
    let message = read::<T>(table).err().expect("unknown fields are refused");
    // Serde lists the struct's fields between backquotes, after the unknown one.
    let known: BTreeSet<&str> = message.split('`').skip(1).step_by(2).skip(1).collect();
    assert_eq!(known, shape.fields.iter().map(|f| f.name).collect(), "{message}");
}

fn read<T: DeserializeOwned>(table: Table) -> Result<T, String> {
    T::deserialize(Value::Table(table)).map_err(|e| e.message().to_owned())
}
