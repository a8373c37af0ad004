//! A key for a copied row that no valid row has and nothing refers to.

use super::draft::Draft;
use super::{assa, childcare, plans, social, territory};
use crate::synthetic::error::Result;

pub const GROUPS: [&str; 8] = [
    "famiglia_minori",
    "anziani_autosufficienti",
    "disabili",
    "anziani_non_autosufficienti",
    "poverta",
    "disagio_adulti",
    "donne_vittime_violenza",
    "immigrati_rom_sinti",
];

pub fn fresh(draft: &mut Draft) -> Result<()> {
    match draft.sheet.dataset.area.as_str() {
        "territorio" => territory::fresh(draft),
        "assa" => assa::fresh(draft),
        "sirse" => childcare::fresh(draft),
        "sigess" => social::fresh(draft),
        _ => plans::fresh(draft),
    }
}
