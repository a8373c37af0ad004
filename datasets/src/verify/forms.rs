//! What a form asks: each column once, nothing that is needed left out.

use std::collections::{BTreeMap, BTreeSet};

use crate::form::{Form, Given, Part};
use crate::model::{Column, Contract, Mode, Type};

use super::{Add, World, names};

pub fn check(world: &World, contract: &Contract, add: Add) {
    let Some(form) = &contract.form else { return };
    if contract.mode != Mode::Versions || contract.key.len() != 1 || contract.derived.is_some() {
        add("form", "a form writes one row by its key: mode = \"versions\" and a key of one column".into());
    }
    for (i, role) in form.roles.iter().enumerate() {
        if world.roles.is_some_and(|roles| !roles.contains_key(role)) {
            add(&format!("form.roles.{i}"), format!("'{role}' is not a role"));
        }
    }
    if let Some(office) = form.office.as_deref().filter(|office| contract.column(office).is_none()) {
        add("form.office", format!("column '{office}' does not exist"));
    }
    code(contract, form, add);
    let mut filled: BTreeSet<&str> = contract.key.iter().map(String::as_str).collect();
    for (name, given) in &form.given {
        let path = format!("form.given.{name}");
        let fits = |column: &Column| match given {
            Given::Oggi | Given::DataStato => column.r#type == Type::Date,
            Given::Anno => column.r#type == Type::Integer,
            Given::Stato => column.code_list.is_some(),
        };
        match contract.column(name) {
            None => add(&path, format!("column '{name}' does not exist")),
            Some(column) if !fits(column) => add(&path, format!("column '{name}' is of another type")),
            Some(_) if !filled.insert(name) => add(&path, format!("column '{name}' is filled in twice")),
            Some(_) => {}
        }
    }
    for (name, roles) in form.for_role.iter().filter(|(name, _)| !form.asked().any(|asked| asked == name.as_str())) {
        add(&format!("form.for_role.{name}"), format!("the form does not ask '{name}', which would be {roles:?}"));
    }
    for (i, attachment) in form.attachments.iter().enumerate() {
        if !names::is_word(&attachment.name) {
            add(&format!("form.attachment.{i}.name"), format!("'{}' is not a name in lower case", attachment.name));
        }
        if let Some(column) = &attachment.hash
            && (contract.column(column).is_none_or(|c| c.r#type != Type::Text) || !filled.insert(column))
        {
            add(&format!("form.attachment.{i}.hash"), format!("'{column}' is no column of text, or filled in twice"));
        }
    }
    for (i, section) in form.sections.iter().enumerate() {
        for (j, name) in section.columns.iter().enumerate() {
            asked(contract.column(name), name, &mut filled, &format!("form.section.{i}.columns.{j}"), add);
        }
    }
    missing(contract, &filled, "form.section", add);
    for (i, part) in form.parts.iter().enumerate() {
        of_part(world, contract, part, &format!("form.part.{i}"), add);
    }
}

fn code(contract: &Contract, form: &Form, add: Add) {
    let names: Vec<&str> = form.code.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect();
    if !names.contains(&"n") {
        add("form.code", "the code needs {n}, the number that makes it unique".into());
    }
    for name in names.into_iter().filter(|name| !["anno", "n"].contains(name) && contract.column(name).is_none()) {
        add("form.code", format!("'{{{name}}}' is neither {{anno}}, {{n}} nor a column"));
    }
}

fn asked<'a>(column: Option<&Column>, name: &'a str, filled: &mut BTreeSet<&'a str>, path: &str, add: Add) {
    match column {
        None => add(path, format!("column '{name}' does not exist")),
        Some(column) if column.lookup.is_some() => add(path, format!("column '{name}' is looked up: it is not asked")),
        Some(_) if !filled.insert(name) => add(path, format!("column '{name}' is filled in twice")),
        Some(_) => {}
    }
}

fn missing(contract: &Contract, filled: &BTreeSet<&str>, path: &str, add: Add) {
    let needed = contract.columns.iter().filter(|c| c.required && c.lookup.is_none() && !filled.contains(c.name.as_str()));
    let names: Vec<&str> = needed.map(|c| c.name.as_str()).collect();
    if !names.is_empty() {
        add(path, format!("{} needs {}, which the form does not ask", contract.name, names.join(", ")));
    }
}

fn of_part(world: &World, contract: &Contract, part: &Part, path: &str, add: Add) {
    let Some(target) = world.contracts.get(&part.dataset) else {
        return add(&format!("{path}.dataset"), format!("dataset '{}' does not exist", part.dataset));
    };
    if target.mode != Mode::Versions || target.feed.senders != contract.feed.senders || target.feed.frequency != contract.feed.frequency {
        add(&format!("{path}.dataset"), format!("'{}' comes from other senders or at other times, or not by its key", part.dataset));
    }
    let mut filled: BTreeSet<&str> = BTreeSet::new();
    let link: &BTreeMap<String, String> = &part.link;
    for (name, main) in link {
        if target.column(name).is_none() || contract.column(main).is_none() || !filled.insert(name) {
            add(&format!("{path}.link.{name}"), format!("'{name}' and '{main}' are not columns of the two datasets"));
        }
    }
    for (j, name) in part.columns.iter().enumerate() {
        asked(target.column(name), name, &mut filled, &format!("{path}.columns.{j}"), add);
    }
    missing(target, &filled, &format!("{path}.columns"), add);
}
