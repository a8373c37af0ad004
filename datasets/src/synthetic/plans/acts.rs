//! `piani_zona.atti` and `piani_zona.adempimenti`: the signed acts of each year, and the obligations they meet.

use chrono::{Days, NaiveDate};
use rand::Rng;
use rand::rngs::StdRng;
use sha2::{Digest, Sha256};

use super::steps::adopted;
use super::{Dataset, Files};
use crate::synthetic::Output;
use crate::synthetic::assa::today;
use crate::synthetic::cell::Cell;
use crate::synthetic::error::Result;
use crate::synthetic::names;
use crate::synthetic::random::{day, shifted, stream};
use crate::synthetic::social::size::District;

pub fn acts(out: &mut Output, files: &mut Files, district: &District, year: i32, seed: u64) -> Result<()> {
    let mut rng = stream(seed, &format!("acts {} {year}", district.ambito));
    let plan = adopted(year, rng.random_range(0..90));
    let decided = act(out, files, &mut rng, district, year, 1, "deliberazione_comitato", plan)?;
    obligation(out, files, &mut rng, district, year, 1, "deliberazione", day(year, 3, 31), decided)?;
    // The agreement of associated management holds for three years.
    if year % 3 == 0 {
        let on = shifted(&mut rng, day(year, 1, 10), 0, 50);
        let agreed = act(out, files, &mut rng, district, year, 2, "convenzione", on)?;
        obligation(out, files, &mut rng, district, year, 2, "convenzione", day(year, 3, 31), agreed)?;
    }
    let committed = shifted(&mut rng, day(year, 4, 5), 0, 150);
    act(out, files, &mut rng, district, year, 3, "determinazione", committed)?;
    let closing = shifted(&mut rng, day(year + 1, 2, 1), 0, 120);
    let closed = act(out, files, &mut rng, district, year, 4, "rendiconto", closing)?;
    obligation(out, files, &mut rng, district, year, 4, "rendiconto", day(year + 1, 6, 30), closed)?;
    for (k, kind, due) in [(5, "trasmissione", day(year, 6, 30)), (6, "monitoraggio", day(year, 10, 31)), (7, "sioss", day(year + 1, 5, 31))] {
        let met = Some(due - Days::new(rng.random_range(0..60))).filter(|on| *on <= today());
        obligation(out, files, &mut rng, district, year, k, kind, due, met.map(|on| (on, None)))?;
    }
    Ok(())
}

type Met = Option<(NaiveDate, Option<String>)>;

/// Gives the day and the identifier of the act, unless that day is still to come.
#[expect(clippy::too_many_arguments, reason = "one row, told in one place")]
fn act(out: &mut Output, files: &mut Files, rng: &mut StdRng, district: &District, year: i32, k: usize, kind: &'static str, on: NaiveDate) -> Result<Met> {
    if on > today() {
        return Ok(None);
    }
    let id = format!("Z{}-{year}-{k:04}", district.code);
    let digest: String = Sha256::digest(format!("{id} {kind}")).iter().map(|byte| format!("{byte:02x}")).collect();
    let (body, subject) = match kind {
        "deliberazione_comitato" => ("comitato_istituzionale", format!("Adozione del piano sociale di zona {year}")),
        "convenzione" => ("comitato_istituzionale", format!("Convenzione per la gestione associata {year}-{}", year + 2)),
        "determinazione" => ("ufficio_piano", format!("Impegno delle risorse del piano sociale di zona {year}")),
        _ => ("ufficio_piano", format!("Rendiconto del piano sociale di zona {year}")),
    };
    files.of(Dataset::Acts).push(
        out,
        [
            ("id_atto", id.as_str().into()),
            ("ambito", district.ambito.into()),
            ("anno", i64::from(year).into()),
            ("tipo", kind.into()),
            ("numero", format!("{}/{}", rng.random_range(1..400), chrono::Datelike::year(&on)).into()),
            ("data_atto", on.into()),
            ("organo", body.into()),
            ("oggetto", subject.into()),
            ("impronta", digest.into()),
            ("data_firma", (on + Days::new(rng.random_range(0..4))).into()),
            ("firmatario", names::person(rng).into()),
            ("valido_al", if kind == "convenzione" { day(year + 2, 12, 31).into() } else { Cell::Empty }),
        ],
    )?;
    Ok(Some((on, Some(id))))
}

#[expect(clippy::too_many_arguments, reason = "one row, told in one place")]
fn obligation(
    out: &mut Output,
    files: &mut Files,
    rng: &mut StdRng,
    district: &District,
    year: i32,
    k: usize,
    kind: &'static str,
    due: NaiveDate,
    met: Met,
) -> Result<()> {
    // Some have not been met yet; what is met is met in time.
    let met = met.filter(|(on, _)| *on <= due && rng.random_bool(0.9));
    let (on, act) = met.map_or((None, None), |(on, act)| (Some(on), act));
    let note = (on.is_none() && due < today()).then_some("Sollecito inviato");
    files.of(Dataset::Obligations).push(
        out,
        [
            ("id_adempimento", format!("Y{}-{year}-{k:02}", district.code).into()),
            ("ambito", district.ambito.into()),
            ("anno", i64::from(year).into()),
            ("tipo", kind.into()),
            ("scadenza", due.into()),
            ("adempiuto_il", on.into()),
            ("id_atto", act.into()),
            ("note", note.into()),
        ],
    )
}
