//! One broken rule, between columns or between rows, for each rule of each contract.

use super::draft::Draft;
use super::known::Known;
use super::{assa, childcare, plans, social, territory};
use crate::synthetic::error::{Error, Result};
use crate::synthetic::sheet::{Row, Sheet};

/// Whether a fault of the rule can be made of a row.
pub fn usable(sheet: &Sheet, row: &Row, rule: &str, known: &Known) -> bool {
    match sheet.dataset.area.as_str() {
        "assa" => assa::usable(sheet, row, rule, known),
        "sirse" => childcare::usable(sheet, row, rule, known),
        "sigess" => social::usable(sheet, row, rule, known),
        "piani_zona" => plans::usable(sheet, row, rule),
        _ => true,
    }
}

pub fn break_rule(draft: &mut Draft, rule: &str) -> Result<()> {
    match draft.sheet.dataset.area.as_str() {
        "territorio" => territory::break_rule(draft, rule),
        "assa" => assa::break_rule(draft, rule),
        "sirse" => childcare::break_rule(draft, rule),
        "sigess" => social::break_rule(draft, rule),
        _ => plans::break_rule(draft, rule),
    }
}

pub fn unwritten(draft: &Draft, rule: &str) -> Error {
    Error::contract(&draft.sheet.dataset, format!("no fault is written for rule {rule}"))
}
