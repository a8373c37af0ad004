//! What may be released and what not, with the reason.

use chrono::NaiveDate;
use datasets::catalog::{Catalog, STRANGER};
use datasets::model::{Class, Contract, Text};
use serde::Serialize;

use crate::release::manifest::{ColumnOf, Manifest};
use crate::release::words::{filled, word};

/// The area whose every dataset is about persons.
const PERSONS: &str = "sigess";

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Stable: `not_open`, `no_access`, `persons`, `empty`, `unannounced`, `too_early`, `failed`.
    pub code: &'static str,
    pub reason: Text,
}

/// Why a dataset is not released at all; `None` when it may be.
/// A personal column may be shown through a mask, which is the contract's word on whose it is (the address of a facility, not of a
/// home); as it is stored, or of a special category, or a pseudonym, never.
pub fn refusal(catalog: &Catalog, contract: &Contract) -> Option<Refusal> {
    let refuse = |code, reason| Some(Refusal { code, reason });
    if contract.name.area == PERSONS {
        return refuse("persons", filled("area_of_persons", &[("area", PERSONS)]));
    }
    if catalog.indicators.get(&contract.name).is_some_and(|indicator| indicator.persons) {
        return refuse("persons", word("counts_persons"));
    }
    if !contract.publication.as_ref().is_some_and(|p| p.open) {
        return refuse("not_open", word("not_open"));
    }
    let Some(access) = contract.access_for(STRANGER) else { return refuse("no_access", word("no_access")) };
    let bare = |name: &str| access.mask.get(name).is_none_or(|mask| mask.trim() == name);
    let personal = contract.columns.iter().filter(|c| access.shows(c)).filter(|c| match c.class {
        _ if c.identity.is_some() => true,
        Class::Special => true,
        Class::Personal => bare(&c.name),
        Class::Public | Class::Internal => false,
    });
    let personal: Vec<&str> = personal.map(|c| c.name.as_str()).collect();
    if !personal.is_empty() {
        return refuse("persons", filled("shows_persons", &[("columns", &personal.join(", "))]));
    }
    None
}

/// What a reader of the earlier release would stumble over.
pub fn breaks(before: &Manifest, columns: &[ColumnOf], key: &[String]) -> Vec<Text> {
    let mut breaks = Vec::new();
    for old in &before.columns {
        match columns.iter().find(|c| c.name == old.name) {
            None => breaks.push(filled("column_gone", &[("column", &old.name)])),
            Some(new) if new.r#type != old.r#type => {
                breaks.push(filled("type_changed", &[("column", &old.name), ("old", &old.r#type), ("new", &new.r#type)]));
            }
            Some(_) => {}
        }
    }
    if before.key != key {
        breaks.push(filled("key_changed", &[("old", &before.key.join(", ")), ("new", &key.join(", "))]));
    }
    breaks
}

/// Whether a contract may break what its readers know, today.
pub fn untimely(contract: &Contract, breaks: &[Text], today: NaiveDate) -> Option<Refusal> {
    if breaks.is_empty() {
        return None;
    }
    let joined = |language: fn(&Text) -> &String| breaks.iter().map(|b| language(b).as_str()).collect::<Vec<_>>().join("; ");
    let breaks = Text::new(joined(|t| &t.it), joined(|t| &t.en));
    let announced = contract.publication.iter().flat_map(|p| &p.changes).find(|change| change.version == contract.version);
    let (code, from) = match announced.map(|change| (change.first_day(), change)) {
        None => ("unannounced", ""),
        Some((Some(first), _)) if today >= first => return None,
        Some((_, change)) => ("too_early", change.from.as_str()),
    };
    Some(Refusal { code, reason: filled(code, &[("version", &contract.version), ("from", from)]).fill("breaks", &breaks) })
}
