//! Datasets that the service computes: from datasets that are there, by one SELECT, and sent by nobody.

use crate::contract::tables;
use crate::duties::DUTIES;
use crate::forecast::{COLUMNS, SOURCE};
use crate::indicator::YEARS;
use crate::model::{Contract, Mode, Sender, Type};

use super::sets::not_select;
use super::{Add, World};

/// The column that tells a row's district.
const DISTRICT: &str = "ambito";

pub fn check(world: &World, contract: &Contract, add: Add) {
    let Some(derived) = &contract.derived else { return };
    if derived.from.is_empty() {
        add("derived.from", "'from' is empty: it names the datasets that are read".into());
    }
    for (i, name) in derived.from.iter().enumerate() {
        let path = format!("derived.from.{i}");
        if *name == contract.name {
            add(&path, format!("dataset '{name}' is computed from itself"));
        } else if !world.contracts.contains_key(name) && !world.unread.contains(&name.to_string()) {
            add(&path, format!("dataset '{name}' does not exist"));
        } else if derived.from[..i].contains(name) {
            add(&path, format!("dataset '{name}' appears twice"));
        }
    }
    if contract.feed.senders != Sender::Regione {
        add("feed.senders", "a derived dataset is sent by nobody: its senders are \"regione\"".into());
    }
    for (i, column) in contract.columns.iter().enumerate() {
        if column.lookup.is_some() {
            add(&format!("column.{i}.lookup"), format!("column '{}' of a derived dataset comes from its query, not from a lookup", column.name));
        }
    }
    if contract.mode != Mode::Versions {
        add("mode", "a derived dataset is in mode \"versions\": what a change of its inputs does not touch stays as it is".into());
    }
    if let Some(by) = &derived.by {
        let there = contract.column(DISTRICT).is_some();
        if by != DISTRICT || !there {
            add("derived.by", format!("'by' is \"{DISTRICT}\", a column of the dataset: rows then follow from rows of their own district alone"));
        }
    }
    if derived.forecast { estimates(world, contract, add) } else { query(contract, &derived.sql, add) }
}

/// Estimates are computed from series, without a query, and are always the same columns.
fn estimates(world: &World, contract: &Contract, add: Add) {
    let Some(derived) = &contract.derived else { return };
    if derived.by.is_some() || !derived.sql.is_empty() {
        add("derived.forecast", "estimates have neither 'by' nor a query: the region's follow from all districts".into());
    }
    let columns: Vec<(&str, Type)> = contract.columns.iter().map(|column| (column.name.as_str(), column.r#type)).collect();
    if columns != COLUMNS {
        add("derived.forecast", format!("the columns of estimates are, in this order, {}", shown(&COLUMNS)));
    }
    let [source] = derived.from.as_slice() else { return add("derived.from", "estimates have one source: the dataset of the series".into()) };
    let Some(source) = world.contracts.get(source) else { return };
    let lacks = |(name, kind): &(&str, Type)| source.column(name).is_none_or(|column| column.r#type != *kind);
    if SOURCE.iter().any(lacks) {
        add("derived.from", format!("the series of estimates have the columns {}", shown(&SOURCE)));
    }
}

fn shown(columns: &[(&str, Type)]) -> String {
    columns.iter().map(|(name, kind)| format!("{name} {}", String::from(*kind))).collect::<Vec<_>>().join(", ")
}

fn query(contract: &Contract, sql: &str, add: Add) {
    let file = format!("{}.sql", contract.name.name);
    let Some(derived) = &contract.derived else { return };
    if sql.trim().is_empty() {
        return add("derived", format!("the file {file} with the query is missing or empty"));
    }
    if let Some(message) = not_select(sql) {
        return add("derived", format!("{file} {message}"));
    }
    let from: Vec<String> = derived.from.iter().map(ToString::to_string).collect();
    for table in tables(sql).iter().filter(|table| !from.contains(table) && ![DUTIES, YEARS].contains(&table.as_str())) {
        add("derived.from", format!("{file} reads '{table}', which 'from' does not name"));
    }
    for name in from.iter().filter(|name| !tables(sql).contains(*name)) {
        add("derived.from", format!("{file} does not read '{name}'"));
    }
}
