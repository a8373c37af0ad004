//! Columns that tell who a person is: protected, keyed by one pseudonym, and named by nothing that others can read.

use crate::contract::names_column;
use crate::fiscal_code;
use crate::model::{Class, Column, Contract, Identity, Type};

use super::{Add, World};

pub fn check(world: &World, contract: &Contract, add: Add) {
    let pseudonyms = contract.columns.iter().filter(|c| c.identity == Some(Identity::Pseudonym)).count();
    for (i, column) in contract.columns.iter().enumerate() {
        let Some(identity) = column.identity else { continue };
        let (path, name) = (format!("column.{i}"), &column.name);
        let field = format!("{path}.identity");
        if column.class < Class::Personal {
            add(&format!("{path}.class"), format!("column '{name}' tells who a person is: its class is personal or special"));
        }
        if column.lookup.is_some() {
            add(&field, format!("column '{name}' is looked up, so no sender delivers it"));
        }
        match identity {
            Identity::Pseudonym => pseudonym(column, &path, add),
            Identity::Vault => {
                if pseudonyms != 1 {
                    add(&field, format!("column '{name}' goes to the vault, which needs exactly one pseudonym column in the contract, not {pseudonyms}"));
                } else if contract.pseudonym().is_some_and(|p| !p.required) {
                    add(&field, format!("column '{name}' goes to the vault under a pseudonym that is not required"));
                }
                in_vault(world, contract, column, &path, add);
            }
        }
    }
}

fn pseudonym(column: &Column, path: &str, add: Add) {
    let name = &column.name;
    if column.r#type != Type::Text {
        add(&format!("{path}.identity"), format!("column '{name}' is a pseudonym, which is text"));
    }
    for (field, there) in [("pattern", column.pattern.is_some()), ("max_length", column.max_length.is_some()), ("code_list", column.code_list.is_some())] {
        if there {
            add(&format!("{path}.{field}"), format!("{field} on column '{name}': a pseudonym is delivered as a fiscal code, which is checked already"));
        }
    }
    if let Some(example) = column.example.as_deref().filter(|example| fiscal_code::normal(example).as_deref() != Some(*example)) {
        add(&format!("{path}.example"), format!("example '{example}' of column '{name}' is not a fiscal code"));
    }
}

/// What is in the vault cannot be a key, an order, a condition of rights or another dataset's reference.
fn in_vault(world: &World, contract: &Contract, column: &Column, path: &str, add: Add) {
    let name = &column.name;
    let mut uses: Vec<&str> = vec![];
    if contract.key.contains(name) {
        uses.push("key");
    }
    if contract.sort.contains(name) {
        uses.push("sort");
    }
    if contract.feed.sender_column.as_ref() == Some(name) {
        uses.push("sender_column");
    }
    if contract.access.iter().any(|access| names_column(&access.rows, name) || access.mask.iter().any(|(of, sql)| of == name || names_column(sql, name))) {
        uses.push("access");
    }
    if contract.set_rules.iter().any(|rule| names_column(&rule.sql, name)) {
        uses.push("set_rule");
    }
    let referred = |other: &&Contract| other.columns.iter().any(|c| c.reference().is_some_and(|(dataset, target)| dataset == contract.name && target == *name));
    if world.contracts.values().any(referred) {
        uses.push("references");
    }
    for used in uses {
        add(&format!("{path}.identity"), format!("column '{name}' goes to the vault, so '{used}' cannot name it"));
    }
}
