//! Checks that need more than one field: names, types, rights, and what contracts say of each other.

pub mod columns;
mod derived;
mod forms;
mod identity;
mod links;
mod names;
mod publication;
mod rights;
mod sets;

use std::collections::{BTreeMap, BTreeSet};

use crate::code_list::CodeList;
use crate::duties;
use crate::model::{Contract, DatasetName, Mode, Role, Sender, Type};
use crate::read::Findings;
use crate::source::Source;

/// What a contract may refer to.
pub struct World<'a> {
    pub contracts: BTreeMap<DatasetName, &'a Contract>,
    pub roles: Option<&'a BTreeMap<String, Role>>,
    pub code_lists: &'a BTreeMap<String, CodeList>,
    /// Names of datasets and code lists whose files cannot be read.
    pub unread: &'a BTreeSet<String>,
}

pub use sets::not_select;

pub fn contract(world: &World, contract: &Contract, source: &Source, findings: &mut Findings) {
    let mut add = |path: &str, message: String| findings.add(source, path, message);
    head(contract, &mut add);
    names::check(contract, &mut add);
    for (i, column) in contract.columns.iter().enumerate() {
        columns::check(world, column, &format!("column.{i}"), &mut add);
        links::check(world, contract, column, &format!("column.{i}"), &mut add);
    }
    links::cycles(world, contract, &mut add);
    rights::check(world, contract, &mut add);
    publication::check(world, contract, &mut add);
    sets::check(world, contract, &mut add);
    identity::check(world, contract, &mut add);
    derived::check(world, contract, &mut add);
    forms::check(world, contract, &mut add);
}

/// Receives a path and what is wrong there.
type Add<'a> = &'a mut dyn FnMut(&str, String);

pub fn role(source: &Source, name: &str, role: &Role, findings: &mut Findings) {
    let mut add = |field: &str, message: String| findings.add(source, &format!("{name}.{field}"), message);
    if !names::is_word(name) {
        add("title", format!("role '{name}' is not a name in lower case such as pianificatore"));
    }
    for (i, fact) in role.facts.iter().enumerate() {
        if !names::is_word(fact) {
            add(&format!("facts.{i}"), format!("fact '{fact}' is not a name in lower case such as codice_istat"));
        }
    }
    match role.deliver.as_deref() {
        None | Some("any") => {}
        Some("own") if role.facts.iter().any(|f| f == "codice_istat" || f == "ambito") => {}
        Some("own") => add("deliver", "deliver = \"own\" needs the fact codice_istat or ambito: it says which body is its own".into()),
        Some(other) => add("deliver", format!("deliver is \"own\" or \"any\", not \"{other}\"")),
    }
}

fn head(contract: &Contract, add: Add) {
    if semver::Version::parse(&contract.version).is_err() {
        add("version", format!("version '{}' is not semantic: write it as 1.0.0", contract.version));
    }
    for (i, name) in contract.key.iter().enumerate() {
        let path = format!("key.{i}");
        match contract.column(name) {
            None => add(&path, format!("key column '{name}' does not exist")),
            Some(column) if !column.required => add(&path, format!("key column '{name}' is not required: a row without it has no key")),
            Some(_) if contract.key[..i].contains(name) => add(&path, format!("key column '{name}' appears twice")),
            Some(_) => {}
        }
    }
    if contract.key.is_empty() && contract.mode == Mode::Versions {
        add("key", "mode versions needs a key: without one no row can take another's place".into());
    }
    for (i, name) in contract.sort.iter().enumerate() {
        if contract.column(name).is_none() {
            add(&format!("sort.{i}"), format!("sort column '{name}' does not exist"));
        } else if contract.sort[..i].contains(name) {
            add(&format!("sort.{i}"), format!("sort column '{name}' appears twice"));
        }
    }
    feed(contract, add);
}

fn feed(contract: &Contract, add: Add) {
    if contract.feed.subsystem.trim().is_empty() {
        add("feed.subsystem", "the subsystem is empty".into());
    }
    if let Some(since) = contract.feed.since.as_deref().filter(|since| duties::month(since).is_none()) {
        add("feed.since", format!("'{since}' is not a month such as {}", duties::SINCE));
    }
    let Some(name) = &contract.feed.sender_column else {
        if contract.feed.senders != Sender::Regione {
            add("feed", "sender_column is missing: it says which rows a sender may send".into());
        }
        return;
    };
    match contract.column(name) {
        None => add("feed.sender_column", format!("sender column '{name}' does not exist")),
        Some(column) if column.r#type != Type::Text => add("feed.sender_column", format!("sender column '{name}' is not text")),
        Some(column) if !column.required && column.lookup.is_none() => {
            add("feed.sender_column", format!("sender column '{name}' is not required: a row without it has no sender"));
        }
        Some(_) => {}
    }
}
