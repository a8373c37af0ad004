//! A row to which no conditional rule applies, so that spoiling one cell breaks one check.

use super::draft::Draft;
use super::{assa, childcare, plans, social, territory};
use crate::synthetic::error::Result;

pub fn settle(draft: &mut Draft) -> Result<()> {
    match draft.sheet.dataset.area.as_str() {
        "territorio" => territory::settle(draft),
        "assa" => assa::settle(draft),
        "sirse" => childcare::settle(draft),
        "sigess" => social::settle(draft),
        _ => plans::settle(draft),
    }
}
