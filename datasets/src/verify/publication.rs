//! What a contract promises the public: a licence, a theme, something to see, and changes told ahead.

use chrono::NaiveDate;

use crate::catalog::STRANGER;
use crate::model::{Announced, Class, Contract};

use super::{Add, World};

/// EU data themes: http://publications.europa.eu/resource/authority/data-theme
const THEMES: [&str; 13] = ["AGRI", "ECON", "EDUC", "ENER", "ENVI", "GOVE", "HEAL", "INTR", "JUST", "REGI", "SOCI", "TECH", "TRAN"];

pub fn check(world: &World, contract: &Contract, add: Add) {
    let Some(publication) = &contract.publication else { return };
    if publication.licence.trim().is_empty() {
        add("publication.licence", "the licence is empty: name one by its SPDX identifier, such as CC-BY-4.0".into());
    }
    if !THEMES.contains(&publication.theme.as_str()) {
        add("publication.theme", format!("'{}' is not an EU data theme: one of {}", publication.theme, THEMES.join(", ")));
    }
    if publication.open {
        let seen = contract.access_for(STRANGER);
        if !contract.columns.iter().any(|c| c.class == Class::Public) {
            add("publication.open", "an open dataset needs at least one public column".into());
        } else if seen.is_none() && world.roles.is_some() {
            add("publication.open", format!("open = true, yet role '{STRANGER}' sees nothing: give it an [[access]], or write open = false"));
        }
    }
    for (i, change) in publication.changes.iter().enumerate() {
        announced(change, &publication.changes[..i], &format!("publication.change.{i}"), add);
    }
}

fn announced(change: &Announced, before: &[Announced], path: &str, add: Add) {
    if semver::Version::parse(&change.version).is_err() {
        add(&format!("{path}.version"), format!("version '{}' is not semantic: write it as 2.0.0", change.version));
    }
    if before.iter().any(|other| other.version == change.version) {
        add(&format!("{path}.version"), format!("version '{}' is announced twice", change.version));
    }
    let days: Vec<Option<NaiveDate>> = [("announced", &change.announced), ("from", &change.from)]
        .map(|(field, text)| {
            let day = text.parse().ok();
            if day.is_none() {
                add(&format!("{path}.{field}"), format!("'{text}' is not a day such as 2027-01-31"));
            }
            day
        })
        .into();
    if let [Some(announced), Some(from)] = days[..]
        && from <= announced
    {
        add(&format!("{path}.from"), format!("the change comes on {from}, not after its announcement on {announced}: nobody could prepare for it"));
    }
}
