//! What the valid rows of other datasets say, so that a fault breaks the one rule it is meant to break.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::synthetic::assa::Facility;
use crate::synthetic::assa::history::History;
use crate::synthetic::childcare::Service;

#[derive(Default)]
pub struct Known {
    /// Inspections that a sanction may name.
    pub inspections: Vec<String>,
    /// Facilities that work today, whose history a later act continues, by code.
    pub working: BTreeMap<String, Working>,
    /// Facilities whose history has ended.
    pub ended: BTreeSet<String>,
    /// Education services by code.
    pub services: BTreeMap<String, Education>,
}

pub struct Working {
    pub codice_istat: String,
    pub opened: NaiveDate,
    pub accredited: bool,
}

pub struct Education {
    pub kind: &'static str,
    pub owner: &'static str,
    /// First educational year told of it: its places and enrolments are not delivered for that one.
    pub since: i64,
    pub accredited: Option<i64>,
}

impl Known {
    pub fn facilities(&mut self, facilities: &[Facility], histories: &[History]) {
        let suspended: BTreeSet<&String> = histories.iter().flat_map(|h| &h.suspended).collect();
        for facility in facilities {
            if facility.closed.is_some() {
                self.ended.insert(facility.code.clone());
            } else if !suspended.contains(&facility.code) {
                let working = Working { codice_istat: facility.codice_istat.clone(), opened: facility.opened, accredited: facility.accredited.is_some() };
                self.working.insert(facility.code.clone(), working);
            }
        }
        self.inspections = histories.iter().flat_map(|h| &h.inspections).map(|i| i.id.clone()).collect();
    }

    /// The working facility that opened last, and when.
    pub fn newest_facility(&self) -> Option<(&String, NaiveDate)> {
        self.working.iter().map(|(code, working)| (code, working.opened)).max_by_key(|(_, opened)| *opened)
    }

    pub fn services(&mut self, services: &[Service]) {
        let education = |s: &Service| (s.code.clone(), Education { kind: s.kind, owner: s.owner(), since: s.since, accredited: s.accredited });
        self.services = services.iter().map(education).collect();
    }
}
