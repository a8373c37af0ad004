//! `piani_zona.risorse_umane`: social workers and others, of the real population's size: their ratio to residents is what the law asks for.

use rand::Rng;

use super::{Dataset, Files};
use crate::synthetic::Output;
use crate::synthetic::cell::Cell;
use crate::synthetic::error::Result;
use crate::synthetic::random::stream;
use crate::synthetic::social::size::{District, Size};

/// Who works for all areas: access, first contact, plan office.
const ALL: &str = "multiutenza";

/// Areas of intervention with the share of a kind's persons that each takes; what is left over by rounding is in the first.
type Areas = &'static [(&'static str, f64)];

const SOCIAL: Areas = &[
    (ALL, 0.4),
    ("famiglia_minori", 0.25),
    ("anziani_non_autosufficienti", 0.1),
    ("disabili", 0.1),
    ("poverta", 0.1),
    ("disagio_adulti", 0.03),
    ("donne_vittime_violenza", 0.02),
];
const EDUCATORS: Areas = &[("famiglia_minori", 0.6), ("disabili", 0.35), ("donne_vittime_violenza", 0.05)];
const PSYCHOLOGISTS: Areas = &[("famiglia_minori", 0.7), ("donne_vittime_violenza", 0.2), ("disagio_adulti", 0.1)];
const CARERS: Areas = &[("anziani_non_autosufficienti", 0.55), ("disabili", 0.3), ("anziani_autosufficienti", 0.15)];
const MEDIATORS: Areas = &[("immigrati_rom_sinti", 1.0)];
const OFFICE: Areas = &[(ALL, 1.0)];

/// Profile, contract, body, persons for each permanent social worker, cost of a year in euro, areas.
const KINDS: [(&str, &str, &str, f64, i64, Areas); 8] = [
    ("assistente_sociale", "indeterminato", "comune", 1.0, 36_000, SOCIAL),
    ("assistente_sociale", "determinato", "comune", 0.22, 34_000, SOCIAL),
    ("educatore", "esterno", "terzo_settore", 0.8, 29_000, EDUCATORS),
    ("psicologo", "collaborazione", "comune", 0.18, 31_000, PSYCHOLOGISTS),
    ("oss", "esterno", "terzo_settore", 1.1, 26_000, CARERS),
    ("amministrativo", "indeterminato", "comune", 0.5, 32_000, OFFICE),
    ("mediatore", "collaborazione", "terzo_settore", 0.08, 24_000, MEDIATORS),
    ("dirigente", "indeterminato", "comune", 0.06, 70_000, OFFICE),
];

pub fn positions(out: &mut Output, files: &mut Files, district: &District, year: i32, size: Size) -> Result<()> {
    // One of 8,000 residents ten years ago, one of 5,000 today; a district is better or worse off than another and stays so.
    let place: f64 = stream(size.seed, &format!("staff {}", district.ambito)).random_range(0.75..1.3);
    let residents_each = (8_000.0 - 300.0 * f64::from(year - 2016)) / place;
    let workers = (f64::from(district.residents) / residents_each).max(1.0);
    let lead = district.comuni.iter().max_by_key(|c| c.residenti).map_or("", |c| c.nome.as_str());
    let mut rng = stream(size.seed, &format!("staff {} {year}", district.ambito));
    let kinds = KINDS.iter().flat_map(|(profile, contract, body, each, euro, areas)| {
        let persons = ((workers * each).round() as i64).max(i64::from(*each >= 0.5));
        divided(persons, areas).map(move |(area, persons)| (*profile, *contract, *body, *euro, area, persons))
    });
    for (profile, contract, body, euro, area, persons) in kinds.filter(|(.., persons)| *persons > 0) {
        let hours = if contract == "indeterminato" { 3_600 } else { 3_000 };
        let hours = persons * hours - rng.random_range(0..=persons) * 200;
        let social = profile == "assistente_sociale";
        // Supervision is an essential level since 2022.
        let share = if year < 2022 { 0.1 } else { (0.3 + 0.15 * f64::from(year - 2022)).min(0.95) };
        let supervised = ((persons as f64 * share * rng.random_range(0.7..1.2)).round() as i64).min(persons).max(i64::from(social && year >= 2022));
        let supervised = if social || profile == "educatore" { supervised } else { 0 };
        let employer = match body {
            "comune" => format!("Comune di {lead}"),
            _ => format!("Enti gestori del distretto {}", district.ambito),
        };
        files.of(Dataset::Staff).push(
            out,
            [
                ("ambito", district.ambito.into()),
                ("anno", i64::from(year).into()),
                ("ente", employer.into()),
                ("tipo_ente", body.into()),
                ("area", area.into()),
                ("profilo", profile.into()),
                ("assistente_sociale", social.into()),
                ("contratto", contract.into()),
                ("persone", persons.into()),
                ("ore_settimanali", Cell::cents(hours)),
                ("tempo_pieno", Cell::cents((hours + 18) / 36)),
                ("persone_supervisione", supervised.into()),
                ("ore_supervisione", Cell::cents(supervised * rng.random_range(1_200..2_000))),
                ("costo", Cell::cents(hours / 36 * euro)),
            ],
        )?;
    }
    Ok(())
}

/// Persons of each area, all of them together `persons`.
fn divided(persons: i64, areas: Areas) -> impl Iterator<Item = (&'static str, i64)> {
    let of = move |share: f64| (persons as f64 * share).floor() as i64;
    let rest = persons - areas.iter().map(|(_, share)| of(*share)).sum::<i64>();
    areas.iter().enumerate().map(move |(at, (area, share))| (*area, of(*share) + if at == 0 { rest } else { 0 }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_lost_between_areas() {
        for (.., areas) in KINDS {
            assert!((areas.iter().map(|(_, share)| share).sum::<f64>() - 1.0).abs() < 1e-9);
            for persons in [0, 1, 2, 7, 100, 1_234] {
                let divided: Vec<_> = divided(persons, areas).collect();
                assert_eq!(divided.iter().map(|(_, persons)| persons).sum::<i64>(), persons);
                assert!(divided.iter().all(|(_, persons)| *persons >= 0), "{divided:?}");
            }
        }
    }
}
