//! `sigess.accessi`: first-contact sheets of each district, about one per 60 residents over two years. Persons are pseudonyms
//! drawn at random.

use rand::Rng;
use rand::rngs::StdRng;

use super::Options;
use super::error::Result;
use super::random::{around, between, day, shifted, stream, weighted};
use super::sheet::Sheet;
use super::territory::{Comune, Territory};
use crate::catalog::Catalog;

const RESIDENTS_PER_SHEET: f64 = 60.0;
/// Share of each year; the second is not over.
const YEARS: [(i32, f64); 2] = [(2025, 0.54), (2026, 0.46)];

pub fn sheets(catalog: &Catalog, territory: &Territory, options: Options) -> Result<Vec<Sheet>> {
    let mut sheets = vec![];
    for (ambito, comuni) in territory.districts() {
        let residents: u32 = comuni.iter().map(|c| c.residenti).sum();
        let total = f64::from(residents) / RESIDENTS_PER_SHEET * options.scale;
        for (year, share) in YEARS {
            let mut rng = stream(options.seed, &format!("access {ambito} {year}"));
            let mut sheet = Sheet::new(catalog, "sigess.accessi", ambito, &year.to_string())?;
            // Some come back: fewer persons than sheets.
            let count = around(&mut rng, total * share).max(1);
            let persons: Vec<String> = (0..count * 7 / 10 + 1).map(|_| format!("{:016x}", rng.random::<u64>())).collect();
            for n in 0..count {
                let person = &persons[rng.random_range(0..persons.len())];
                one(&mut sheet, &mut rng, &comuni, year, n + 1, person)?;
            }
            sheets.push(sheet);
        }
    }
    Ok(sheets)
}

fn one(sheet: &mut Sheet, rng: &mut StdRng, comuni: &[&Comune], year: i32, n: usize, person: &str) -> Result<()> {
    let places: Vec<(&str, u32)> = comuni.iter().map(|c| (c.codice_istat.as_str(), c.residenti)).collect();
    let (utenza, age, need) = who(rng);
    let last = if year == 2026 { day(2026, 10, 31) } else { day(year, 12, 31) };
    let date = between(rng, day(year, 1, 2), last);
    // The quality target is thirty days (LEPS-08); sheets of the last weeks may be open.
    let closed = Some(shifted(rng, date, 0, 30)).filter(|closed| *closed <= last && rng.random_bool(0.93));
    let outcome = closed.map(|_| weighted(rng, &[("presa_in_carico", 45), ("informazione", 28), ("invio", 15), ("uvm", 8), ("rinuncia", 4)]));
    sheet.push([
        ("id_scheda", format!("A{}-{year}-{n:06}", district_code(&sheet.sender)).into()),
        ("id_persona", person.into()),
        ("codice_istat", weighted(rng, &places).into()),
        ("punto_contatto", weighted(rng, &[(Some("PUA Casa della comunità"), 5), (Some("Segretariato sociale"), 4), (None, 1)]).into()),
        ("data_accesso", date.into()),
        ("modalita", weighted(rng, &[("di_persona", 62), ("segnalazione_telefonica", 18), ("e_mail", 9), ("segnalazione_scritta", 5), ("a_domicilio", 4), ("altra_distanza", 2)]).into()),
        ("motivo_accesso", weighted(rng, &[("spontaneo", 60), ("inviato", 28), ("convocato", 9), ("decreto", 3)]).into()),
        ("interlocutore", weighted(rng, &[(Some("utente"), 60), (Some("parente"), 22), (Some("istituzionale"), 7), (Some("organizzazione"), 5), (Some("autorita_giudiziaria"), 2), (None, 4)]).into()),
        ("utenza", utenza.into()),
        ("fascia_eta", age.into()),
        ("sesso", weighted(rng, &[(Some("F"), 56), (Some("M"), 43), (None, 1)]).into()),
        ("cittadinanza", weighted(rng, &[(Some("italiana"), 80), (Some("extra_ue"), 12), (Some("ue"), 5), (Some("apolide"), 1), (None, 2)]).into()),
        ("senza_fissa_dimora", weighted(rng, &[(Some(false), 93), (Some(true), 3), (None, 4)]).into()),
        ("bisogno", need.into()),
        ("esito", outcome.into()),
        ("data_esito", closed.into()),
    ])
}

/// User group, age band and need that go together.
fn who(rng: &mut StdRng) -> (&'static str, &'static str, &'static str) {
    let utenza = weighted(
        rng,
        &[
            ("famiglia_minori", 24),
            ("anziani_autosufficienti", 12),
            ("disabili", 14),
            ("anziani_non_autosufficienti", 20),
            ("poverta", 16),
            ("disagio_adulti", 7),
            ("donne_vittime_violenza", 2),
            ("immigrati_rom_sinti", 5),
        ],
    );
    let (ages, needs): (&[(&str, u32)], &[(&str, u32)]) = match utenza {
        "famiglia_minori" => (&[("00-02", 2), ("03-05", 2), ("06-13", 4), ("14-17", 3), ("30-64", 4)], &[("genitorialita", 5), ("economico", 3), ("informazione", 2)]),
        "anziani_autosufficienti" => (&[("65-74", 5), ("75-84", 5), ("85+", 1)], &[("informazione", 3), ("autonomia", 3), ("economico", 2)]),
        "anziani_non_autosufficienti" => (&[("65-74", 1), ("75-84", 4), ("85+", 6)], &[("autonomia", 8), ("disabilita", 2)]),
        "disabili" => (&[("06-13", 2), ("14-17", 1), ("18-29", 3), ("30-64", 6)], &[("disabilita", 7), ("autonomia", 3), ("lavoro", 1)]),
        "donne_vittime_violenza" => (&[("18-29", 3), ("30-64", 6)], &[("violenza", 9), ("casa", 1)]),
        "disagio_adulti" => (&[("18-29", 3), ("30-64", 7)], &[("dipendenze", 4), ("salute_mentale", 4), ("casa", 2)]),
        _ => (&[("18-29", 3), ("30-64", 8)], &[("economico", 5), ("casa", 3), ("lavoro", 3)]),
    };
    (utenza, weighted(rng, ages), weighted(rng, needs))
}

/// `RM 5.1` as `RM51`.
fn district_code(ambito: &str) -> String {
    ambito.chars().filter(char::is_ascii_alphanumeric).collect()
}
