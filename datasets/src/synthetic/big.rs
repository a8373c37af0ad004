//! One large file for benches.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use rand::Rng;

use super::random::stream;

/// Every so many rows one has no places, which `posti.min` refuses.
const FAULTY_EVERY: u64 = 1_000;
const KINDS: [(&str, &str); 6] = [
    ("casa_riposo_anziani", "anziani_autosufficienti"),
    ("comunita_alloggio_disabili", "disabili"),
    ("centro_diurno_minori", "famiglia_minori"),
    ("mensa_sociale", "poverta"),
    ("semiautonomia", "disagio_adulti"),
    ("accoglienza_notturna", "immigrati_rom_sinti"),
];
const NATURES: [&str; 4] = ["terzo_settore", "impresa", "religioso", "pubblico"];

/// Writes `rows` rows of `assa.strutture` as sender `058091` would, in 12 columns, comma-separated UTF-8, with flat memory; gives how
/// many of them are faulty. Codes have eight digits: at most 99,999,999 rows. Errors: the disk refuses.
pub fn big_csv(path: &Path, rows: u64, seed: u64) -> std::io::Result<u64> {
    let mut rng = stream(seed, "big");
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    writeln!(
        out,
        "codice_struttura,denominazione,codice_istat,tipo,utenza,indirizzo,indirizzo_riservato,gestore,natura_gestore,codice_fiscale_gestore,posti,data_attivazione"
    )?;
    let mut faulty = 0;
    for n in 1..=rows {
        let draw: u64 = rng.random();
        let part = |shift: u32, of: u64| (draw >> shift) % of;
        let (kind, users) = KINDS[part(0, 6) as usize];
        let places = if n % FAULTY_EVERY == 0 { 0 } else { 13 + part(8, 60) };
        faulty += u64::from(places == 0);
        writeln!(
            out,
            "S058091-{n:08},Struttura {},058091,{kind},{users},\"Via dei Girasoli, {}\",false,Cooperativa sociale {},{},0000{:07},{places},20{:02}-{:02}-{:02}",
            part(16, 50_000),
            1 + part(20, 300),
            part(24, 2_000),
            NATURES[part(28, 4) as usize],
            part(30, 10_000_000),
            16 + part(40, 10),
            1 + part(44, 12),
            1 + part(48, 28),
        )?;
    }
    out.flush()?;
    Ok(faulty)
}
