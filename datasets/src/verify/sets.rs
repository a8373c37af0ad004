//! Rules of rows together: one SELECT each, over tables that are there.

use crate::contract::{names_column, tables, without_literals};
use crate::derive::checks::{AFTER, TABLE};
use crate::model::{Contract, DatasetName};
use crate::system;

use super::{Add, World, names};

pub fn check(world: &World, contract: &Contract, add: Add) {
    for (i, rule) in contract.set_rules.iter().enumerate() {
        let (id, sql) = (format!("set_rule.{i}.id"), format!("set_rule.{i}.sql"));
        if !names::is_word(&rule.id) {
            add(&id, format!("rule id '{}' is not lower case ascii with underscores", rule.id));
        }
        if contract.rules.iter().any(|other| other.id == rule.id) || contract.set_rules[..i].iter().any(|other| other.id == rule.id) {
            add(&id, format!("rule id '{}' appears twice", rule.id));
        }
        if contract.derived.is_some() {
            add(&id, format!("rule '{}' stands in a derived dataset: nobody delivers it", rule.id));
        }
        if let Some(message) = not_select(&rule.sql) {
            add(&sql, format!("rule '{}' {message}", rule.id));
            continue;
        }
        if !names_column(&rule.sql, system::LINE) {
            add(&sql, format!("rule '{}' does not answer {}: it says which delivered rows break it", rule.id, system::LINE));
        }
        for table in tables(&rule.sql) {
            if let Some(message) = unknown(world, contract, &table) {
                add(&sql, format!("rule '{}' {message}", rule.id));
            }
        }
    }
}

/// What keeps a text from being one SELECT.
pub fn not_select(sql: &str) -> Option<String> {
    let sql = without_literals(sql);
    let first: String = sql.trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
    if sql.contains(';') {
        return Some("is one SELECT: it has no semicolon".into());
    }
    (!first.eq_ignore_ascii_case("select") && !first.eq_ignore_ascii_case("with")).then(|| "is one SELECT".into())
}

fn unknown(world: &World, contract: &Contract, table: &str) -> Option<String> {
    match table.parse::<DatasetName>() {
        Err(_) if table == TABLE || table == AFTER => None,
        Err(_) => Some(format!("reads '{table}': its tables are {TABLE}, {AFTER} and other datasets by their full name")),
        Ok(name) if name == contract.name => Some(format!("reads '{name}', its own dataset: that is {AFTER}, with what is delivered in its place")),
        Ok(name) if world.contracts.contains_key(&name) || world.unread.contains(table) => None,
        Ok(name) => Some(format!("reads dataset '{name}', which does not exist")),
    }
}
