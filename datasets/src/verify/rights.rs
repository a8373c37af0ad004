//! Rights: who is named exists, facts are there for every role, and a stranger never reaches personal data.

use std::collections::BTreeMap;

use crate::catalog::STRANGER;
use crate::contract::facts;
use crate::model::{Access, Class, Contract};

use super::{Add, World};

pub fn check(world: &World, contract: &Contract, add: Add) {
    let mut granted: BTreeMap<&str, usize> = BTreeMap::new();
    for (i, access) in contract.access.iter().enumerate() {
        let path = format!("access.{i}");
        if access.roles.is_empty() {
            add(&format!("{path}.roles"), "no role is named".into());
        }
        for (j, role) in access.roles.iter().enumerate() {
            let here = format!("{path}.roles.{j}");
            if world.roles.is_some_and(|roles| !roles.contains_key(role)) {
                add(&here, format!("role '{role}' does not exist in roles.toml"));
            }
            if granted.insert(role, i).is_some() {
                add(&here, format!("role '{role}' has more than one access entry: one decides"));
            }
        }
        rows(world, access, &path, add);
        mask(world, contract, access, &path, add);
        if access.roles.iter().any(|role| role == STRANGER) && access.classes.iter().any(|class| *class >= Class::Personal) {
            add(&format!("{path}.classes"), format!("role '{STRANGER}' may not see personal or special columns"));
        }
    }
}

fn rows(world: &World, access: &Access, path: &str, add: Add) {
    let path = format!("{path}.rows");
    if access.rows.trim().is_empty() {
        add(&path, "the row condition is empty: write \"true\" for all rows".into());
    }
    known_facts(world, access, &access.rows, &path, add);
}

/// Every `$fact` of an expression is one that each of the roles carries; `$account`, the caller's name, every role has.
fn known_facts(world: &World, access: &Access, sql: &str, path: &str, add: Add) {
    for role in &access.roles {
        let Some(known) = world.roles.and_then(|roles| roles.get(role)) else { continue };
        for fact in facts(sql).iter().filter(|fact| *fact != "account" && !known.facts.contains(fact)) {
            add(path, format!("role '{role}' has no fact '{fact}'"));
        }
    }
}

fn mask(world: &World, contract: &Contract, access: &Access, path: &str, add: Add) {
    for (column, expression) in &access.mask {
        let here = format!("{path}.mask.{column}");
        if contract.column(column).is_none() {
            add(&here, format!("masked column '{column}' does not exist"));
        }
        if expression.trim().is_empty() {
            add(&here, format!("the mask of column '{column}' is empty"));
        }
        known_facts(world, access, expression, &here, add);
    }
}
