//! What one contract says of another: references and lookups, and that they never lead back.

use std::collections::{BTreeMap, VecDeque};

use crate::model::{Column, Contract, DatasetName, Type};

use super::{Add, World};

pub fn check(world: &World, contract: &Contract, column: &Column, path: &str, add: Add) {
    if let Some(text) = &column.references {
        let path = format!("{path}.references");
        match column.reference() {
            None => add(&path, format!("'{text}' is not area.name.column")),
            Some((dataset, target)) => {
                if let Some(found) = find(world, contract, &dataset, &target, &path, add)
                    && found.r#type != column.r#type
                {
                    add(&path, format!("column '{}' and '{text}' are of different types", column.name));
                }
            }
        }
    }
    lookup(world, contract, column, &format!("{path}.lookup"), add);
}

fn lookup(world: &World, contract: &Contract, column: &Column, path: &str, add: Add) {
    let Some(lookup) = &column.lookup else { return };
    let by = contract.column(&lookup.by);
    if by.is_none() {
        add(&format!("{path}.by"), format!("column '{}' does not exist", lookup.by));
    }
    if by.is_some_and(|by| by.lookup.is_some()) {
        add(&format!("{path}.by"), format!("column '{}' is itself looked up", lookup.by));
    }
    let Some(found) = find(world, contract, &lookup.dataset, &lookup.column, &format!("{path}.column"), add) else { return };
    if found.r#type != Type::Text || column.r#type != Type::Text {
        add(path, format!("column '{}' is looked up, so it and '{}.{}' must be text", column.name, lookup.dataset, lookup.column));
    }
    if column.class < found.class {
        add(path, format!("column '{}' is less protected than '{}.{}', from which it is looked up", column.name, lookup.dataset, lookup.column));
    }
    let key = world.contracts.get(&lookup.dataset).and_then(|target| target.column(target.key.first()?));
    match key {
        None => add(path, format!("dataset '{}' has no key to look up by", lookup.dataset)),
        Some(key) if key.r#type != Type::Text || by.is_some_and(|by| by.r#type != Type::Text) => {
            add(path, format!("'{}' and the key of '{}' must be text", lookup.by, lookup.dataset));
        }
        Some(_) => {}
    }
}

fn find<'a>(world: &World<'a>, contract: &Contract, dataset: &DatasetName, column: &str, path: &str, add: Add) -> Option<&'a Column> {
    if *dataset == contract.name {
        add(path, format!("dataset '{dataset}' refers to itself: a delivery could not be checked against what it brings"));
        return None;
    }
    let Some(target) = world.contracts.get(dataset) else {
        if !world.unread.contains(&dataset.to_string()) {
            add(path, format!("dataset '{dataset}' does not exist"));
        }
        return None;
    };
    let found = target.column(column);
    if found.is_none() {
        add(path, format!("dataset '{dataset}' has no column '{column}'"));
    }
    found
}

/// Reports a cycle once, in the first dataset by name that is part of it.
pub fn cycles(world: &World, contract: &Contract, add: Add) {
    let Some(way) = way_back(world, contract) else { return };
    if way.iter().any(|name| *name < contract.name) || way.len() < 2 {
        return;
    }
    let next = &way[0];
    let names: Vec<String> = way.iter().map(DatasetName::to_string).collect();
    add(&through(contract, next), format!("datasets refer to each other in a circle: {} → {}", contract.name, names.join(" → ")));
}

/// The place in a contract that leads to a dataset.
fn through(contract: &Contract, next: &DatasetName) -> String {
    let column = contract.columns.iter().position(|c| c.targets().any(|target| target == *next)).map(|i| format!("column.{i}.name"));
    let rule = || contract.set_rules.iter().position(|rule| rule.datasets().any(|target| target == *next)).map(|i| format!("set_rule.{i}.sql"));
    column.or_else(rule).unwrap_or_else(|| "derived.from".into())
}

/// The shortest way from a dataset along its references back to itself; it ends with the dataset's own name.
fn way_back(world: &World, contract: &Contract) -> Option<Vec<DatasetName>> {
    let mut came_from: BTreeMap<DatasetName, DatasetName> = BTreeMap::new();
    let mut queue = VecDeque::from([contract.name.clone()]);
    while let Some(here) = queue.pop_front() {
        for next in world.contracts.get(&here).map(|c| c.targets()).unwrap_or_default() {
            if next == contract.name {
                let mut way = vec![next];
                let mut step = here;
                while step != contract.name {
                    way.push(step.clone());
                    step = came_from.get(&step)?.clone();
                }
                way.reverse();
                return Some(way);
            }
            if !came_from.contains_key(&next) {
                came_from.insert(next.clone(), here.clone());
                queue.push_back(next);
            }
        }
    }
    None
}
