//! What an indicator must satisfy beyond its shape.

use std::collections::{BTreeMap, BTreeSet};

use crate::contract::tables;
use crate::indicator::contract::{COLUMNS, DISTRIBUTION};
use crate::indicator::{Indicator, Kind, Level, RESIDENTS, RESIDENTS_FROM, YEARS};
use crate::model::{Contract, DatasetName};
use crate::read::Findings;
use crate::source::Source;
use crate::verify::not_select;

pub fn check(contracts: &BTreeMap<&DatasetName, &Contract>, indicator: &Indicator, source: &Source, findings: &mut Findings) {
    let mut add = |path: &str, message: String| findings.add(source, path, message);
    if semver::Version::parse(&indicator.version).is_err() {
        add("version", format!("version '{}' is not semantic: write it as 1.0.0", indicator.version));
    }
    if indicator.factor == 0 || (indicator.factor != 1 && indicator.kind != Kind::Ratio) {
        add("factor", "a factor multiplies a ratio and is at least 1".into());
    }
    if indicator.base > Level::Ambito {
        add("base", "base is comune or ambito: what lies above is summed up from there".into());
    }
    if !indicator.levels.contains(&indicator.base) {
        add("levels", "the base level is missing: the levels above are summed up from its rows".into());
    }
    if indicator.levels.iter().any(|level| *level < indicator.base) || indicator.levels.iter().collect::<BTreeSet<_>>().len() < indicator.levels.len() {
        add("levels", "each level stands once, and none below the base".into());
    }
    for (i, part) in indicator.parts.iter().enumerate() {
        if COLUMNS.contains(&part.name.as_str()) || part.name == DISTRIBUTION || indicator.parts[..i].iter().any(|other| other.name == part.name) {
            add(&format!("part.{i}.name"), format!("'{}' is the name of another column", part.name));
        }
    }
    if indicator.contribution.as_ref().is_some_and(|c| !(c.objective > 0 && c.objective < c.level && c.level < c.entry)) {
        add("contribution", "steps go from many inhabitants per unit to few: entry > level > objective".into());
    }
    for (i, target) in indicator.targets.iter().enumerate() {
        if indicator.targets[..i].iter().any(|other| other.from == target.from) {
            add(&format!("target.{i}.from"), format!("two targets begin in {}", target.from));
        }
    }
    formulas(indicator, &mut add);
    inputs(contracts, indicator, &mut add);
}

fn formulas(indicator: &Indicator, add: &mut dyn FnMut(&str, String)) {
    for (i, formula) in indicator.formulas.iter().enumerate() {
        let path = format!("formula.{i}");
        if formula.valid_to.is_some_and(|to| to < formula.valid_from) {
            add(&format!("{path}.valid_to"), "ends before it begins".into());
        }
        let meets = |other: &&crate::indicator::Formula| {
            let end = |f: &crate::indicator::Formula| f.valid_to.unwrap_or(i64::MAX);
            other.valid_from <= end(formula) && formula.valid_from <= end(other)
        };
        if indicator.formulas[..i].iter().any(|other| meets(&other) || other.version == formula.version) {
            add(&path, format!("formula '{}' holds for the same years as another, or has its version", formula.version));
        }
        if formula.sql.trim().is_empty() {
            add(&path, "the file with its query is missing or empty".into());
        } else if let Some(message) = not_select(&formula.sql) {
            add(&path, format!("its query {message}"));
        }
    }
}

/// `inputs` are exactly the datasets behind the queries, each with a column that tells its district or none at all.
fn inputs(contracts: &BTreeMap<&DatasetName, &Contract>, indicator: &Indicator, add: &mut dyn FnMut(&str, String)) {
    let mut read: BTreeSet<String> = indicator.formulas.iter().flat_map(|formula| tables(&formula.sql)).collect();
    read.remove(YEARS);
    if read.remove(RESIDENTS) {
        read.extend(RESIDENTS_FROM.map(str::to_owned));
    }
    for (i, name) in indicator.inputs.iter().enumerate() {
        let path = format!("inputs.{i}");
        if !contracts.contains_key(name) {
            add(&path, format!("dataset '{name}' does not exist"));
        } else if !read.contains(&name.to_string()) {
            add(&path, format!("no query reads '{name}'"));
        }
    }
    let named: BTreeSet<String> = indicator.inputs.iter().map(ToString::to_string).collect();
    for table in read.iter().filter(|table| !named.contains(*table)) {
        add("inputs", format!("a query reads '{table}', which 'inputs' does not name"));
    }
}
