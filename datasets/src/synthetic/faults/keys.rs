//! A key for a copied row that no valid row has and nothing refers to.

use rand::Rng;

use super::draft::Draft;
use crate::synthetic::cell::Cell;
use crate::synthetic::error::{Error, Result};

const GROUPS: [&str; 8] = [
    "famiglia_minori", "anziani_autosufficienti", "disabili", "anziani_non_autosufficienti", "poverta", "disagio_adulti", "donne_vittime_violenza", "immigrati_rom_sinti",
];

pub fn fresh(draft: &mut Draft) -> Result<()> {
    let n = draft.n;
    match draft.dataset().as_str() {
        "territorio.comuni" => {
            let province: String = draft.text("codice_istat")?.chars().take(3).collect();
            draft.set("codice_istat", format!("{province}{}", 900 + n % 100))
        }
        // Two-figure districts of Rome's province that are not there.
        "territorio.ambiti" => draft.set("ambito", format!("RM {}.{}", 7 + n / 9 % 3, 1 + n % 9)),
        // Years before the two that are delivered.
        "territorio.popolazione" => draft.set("anno", 2021 - n as i64 % 15),
        "assa.strutture" => coded(draft, "codice_struttura", 'S', 90_000),
        "assa.ispezioni" => coded(draft, "id_ispezione", 'I', 900_000),
        "assa.provvedimenti" => coded(draft, "id_provvedimento", 'P', 900_000),
        "sirse.servizi" => coded(draft, "codice_servizio", 'E', 90_000),
        "assa.posti" => {
            let group = GROUPS[draft.rng.random_range(0..GROUPS.len())];
            draft.all([("tipo_posto", "servizio".into()), ("utenza", group.into())])
        }
        "sigess.accessi" => {
            let (head, _) = draft.text("id_scheda")?.rsplit_once('-').unwrap_or_default();
            let id = format!("{head}-{}", 90_000_000 + n);
            draft.set("id_scheda", id)
        }
        "piani_zona.importi" => {
            let group = GROUPS[draft.rng.random_range(0..GROUPS.len())];
            let activity = ["A", "B", "C", "D", "E"][draft.rng.random_range(0..5)];
            draft.all([("utenza", group.into()), ("macro_attivita", activity.into()), ("fase", "impegnato".into())])
        }
        _ => Err(Error::contract(&draft.sheet.dataset, "no fresh key is written for it")),
    }
}

fn coded(draft: &mut Draft, column: &str, letter: char, from: usize) -> Result<()> {
    let code = format!("{letter}{}-{}", draft.sheet.sender, from + draft.n);
    draft.set(column, Cell::Text(code))
}
