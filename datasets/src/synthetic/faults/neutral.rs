//! A row to which no conditional rule applies, so that spoiling one cell breaks one check.

use chrono::Days;

use super::draft::Draft;
use crate::synthetic::cell::Cell;
use crate::synthetic::error::Result;

pub fn settle(draft: &mut Draft) -> Result<()> {
    match draft.dataset().as_str() {
        "territorio.ambiti" => draft.all([("provincia", "RM".into()), ("forma_gestione", "consorzio".into()), ("comuni", 3.into())]),
        "assa.strutture" => draft.all([("tipo", "mensa_sociale".into()), ("utenza", "poverta".into()), ("indirizzo_riservato", false.into()), ("data_cessazione", Cell::Empty)]),
        "assa.posti" => draft.all([
            ("posti_autorizzati", 10.into()),
            ("posti_accreditati", 5.into()),
            ("posti_convenzionati", 2.into()),
            ("posti_occupati", 3.into()),
            ("eta_minima", 18.into()),
            ("eta_massima", 65.into()),
        ]),
        "assa.ispezioni" => {
            let done = draft.date("data_prevista")?;
            draft.all([("data_esecuzione", done.into()), ("esito", "conforme".into()), ("termine_prescrizioni", Cell::Empty), ("numero_verbale", "2025/000123".into())])
        }
        "assa.provvedimenti" => {
            let from = draft.date("data_atto")? + Days::new(10);
            draft.all([
                ("tipo", "variazione".into()),
                ("data_effetto", from.into()),
                ("data_fine_effetto", Cell::Empty),
                ("termine_adempimento", Cell::Empty),
                ("id_ispezione", Cell::Empty),
            ])
        }
        "sigess.accessi" => draft.all([("utenza", "poverta".into()), ("fascia_eta", "30-64".into()), ("esito", Cell::Empty), ("data_esito", Cell::Empty)]),
        // Nothing is spent on the copy, so that a warning, which is loaded, moves no sum.
        "piani_zona.importi" => {
            let day = crate::synthetic::random::day(draft.number("anno")? as i32, 9, 15);
            draft.all([
                ("importo", Cell::cents(0)),
                ("quota_utenti", Cell::cents(0)),
                ("quota_ssn", Cell::cents(0)),
                ("atto", "Determinazione 901".into()),
                ("data_atto", day.into()),
            ])
        }
        "sirse.servizi" => draft.all([
            ("tipo", "micronido".into()),
            ("titolarita", "privata".into()),
            ("gestione", "privata".into()),
            ("posti_autorizzati", 20.into()),
            ("posti_lattanti", 5.into()),
            ("posti_convenzionati", 0.into()),
            ("iscritti", 18.into()),
            ("ore_giornaliere", Cell::Decimal { units: 800, scale: 2 }),
            ("mesi_apertura", 11.into()),
            ("accreditato", true.into()),
        ]),
        _ => Ok(()),
    }
}
