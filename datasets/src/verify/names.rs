//! Names: well formed, unique, and not taken by SQL or by the system's own columns.

use std::collections::BTreeMap;

use crate::model::Contract;
use crate::system;

use super::Add;

/// Words that SQL keeps for itself: a column so named would have to be quoted in every query.
const RESERVED: [&str; 75] = [
    "all",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "between",
    "both",
    "by",
    "case",
    "cast",
    "check",
    "collate",
    "column",
    "constraint",
    "create",
    "cross",
    "current_date",
    "current_time",
    "current_timestamp",
    "current_user",
    "default",
    "desc",
    "distinct",
    "else",
    "end",
    "except",
    "exists",
    "false",
    "fetch",
    "for",
    "from",
    "full",
    "grant",
    "group",
    "having",
    "in",
    "inner",
    "insert",
    "intersect",
    "interval",
    "into",
    "is",
    "join",
    "lateral",
    "leading",
    "left",
    "like",
    "limit",
    "natural",
    "not",
    "null",
    "offset",
    "on",
    "or",
    "order",
    "outer",
    "primary",
    "references",
    "right",
    "select",
    "session_user",
    "some",
    "table",
    "then",
    "to",
    "trailing",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "when",
    "where",
    "with",
];

/// Longest identifier of PostgreSQL, less room for `__testo`.
const LONGEST: usize = 56;

pub fn is_word(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

pub fn check(contract: &Contract, add: Add) {
    dataset(contract, add);
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for (i, column) in contract.columns.iter().enumerate() {
        let path = format!("column.{i}.name");
        let name = column.name.as_str();
        if !is_word(name) || name.contains("__") || name.len() > LONGEST {
            add(&path, format!("column name '{name}' is not lower case ascii with single underscores, such as codice_istat"));
        }
        if RESERVED.contains(&name) {
            add(&path, format!("column name '{name}' is a reserved word of SQL"));
        }
        if system::ALL.contains(&name) {
            add(&path, format!("column name '{name}' is a system column's: every stored table has it"));
        }
        if names.insert(name, i).is_some() {
            add(&path, format!("column '{name}' appears twice"));
        }
    }
    aliases(contract, add);
    rules(contract, add);
}

fn dataset(contract: &Contract, add: Add) {
    let name = &contract.name;
    if name.name.ends_with("_storia") {
        add("", format!("dataset name '{name}' ends in _storia: that is how the versions of a dataset are queried"));
    }
    for word in [&name.area, &name.name] {
        if RESERVED.contains(&word.as_str()) || word.starts_with("pg_") || matches!(word.as_str(), "public" | "information_schema") {
            add("", format!("'{word}' in dataset name '{name}' is a reserved word of SQL"));
        }
    }
}

/// A header as it is compared: case, spaces and signs do not count.
pub fn header(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn aliases(contract: &Contract, add: Add) {
    let mut owners: BTreeMap<String, &str> = contract.columns.iter().map(|c| (header(&c.name), c.name.as_str())).collect();
    // A title is a header too: who sends a form with titles must not fill two columns at once.
    for (i, column) in contract.columns.iter().enumerate() {
        for title in [&column.title.it, &column.title.en] {
            match owners.get(&header(title)) {
                Some(owner) if *owner != column.name => add(&format!("column.{i}.title"), format!("title '{title}' is already a header of column '{owner}'")),
                _ => drop(owners.insert(header(title), &column.name)),
            }
        }
    }
    for (i, column) in contract.columns.iter().enumerate() {
        for (j, alias) in column.aliases.iter().enumerate() {
            let path = format!("column.{i}.aliases.{j}");
            if header(alias).is_empty() {
                add(&path, "alias without a letter or digit".into());
                continue;
            }
            match owners.get(&header(alias)) {
                Some(owner) if *owner != column.name => add(&path, format!("alias '{alias}' is already a header of column '{owner}'")),
                Some(_) if column.aliases[..j].contains(alias) => add(&path, format!("alias '{alias}' appears twice")),
                _ => drop(owners.insert(header(alias), &column.name)),
            }
        }
    }
}

fn rules(contract: &Contract, add: Add) {
    for (i, rule) in contract.rules.iter().enumerate() {
        let path = format!("rule.{i}.id");
        if !is_word(&rule.id) {
            add(&path, format!("rule id '{}' is not lower case ascii with underscores", rule.id));
        }
        if contract.rules[..i].iter().any(|other| other.id == rule.id) {
            add(&path, format!("rule id '{}' appears twice", rule.id));
        }
        if rule.sql.trim().is_empty() {
            add(&format!("rule.{i}.sql"), format!("rule '{}' has no condition", rule.id));
        }
        if rule.sql.contains(';') {
            add(&format!("rule.{i}.sql"), format!("rule '{}' is one condition: it has no semicolon", rule.id));
        }
    }
}
