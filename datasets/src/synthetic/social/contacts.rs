//! `sigess.persone`, `sigess.accessi` and `sigess.emergenze`.

use chrono::{Datelike, Duration, NaiveDate};
use rand::Rng;
use rand::rngs::StdRng;

use super::people::Person;
use super::size::{District, LAST, Size, told_in};
use super::story::Contact;
use super::{Dataset, Social, Told};
use crate::synthetic::Output;
use crate::synthetic::assa::today;
use crate::synthetic::cell::Cell;
use crate::synthetic::error::Result;
use crate::synthetic::random::{around, between, day, shifted, stream, weighted};

/// Contacts without a name, for each person who gives one.
const ANONYMOUS: f64 = 0.08;
/// Residents for each emergency in 2016, in the real region.
const RESIDENTS_PER_EMERGENCY: f64 = 2_600.0;

pub fn person(out: &mut Output, files: &mut Social, told: &Told) -> Result<()> {
    let person = told.person;
    files.of(Dataset::Persons).push(
        out,
        [
            ("id_persona", person.code.as_str().into()),
            ("cognome", person.last.into()),
            ("nome", person.first.into()),
            ("data_nascita", person.born.into()),
            ("luogo_nascita", person.place.as_str().into()),
            ("codice_cittadinanza", person.country.into()),
            ("indirizzo", person.address.as_str().into()),
            ("codice_istat", person.codice_istat.as_str().into()),
            ("anno_nascita", person.born_year().into()),
            ("sesso", if person.female { "F" } else { "M" }.into()),
            ("cittadinanza", person.citizenship.into()),
            ("anno_decesso", told.story.died.map(|on| i64::from(on.year())).into()),
        ],
    )
}

pub fn contacts(out: &mut Output, files: &mut Social, told: &Told, year: i32) -> Result<()> {
    for (k, contact) in told.story.contacts.iter().enumerate().filter(|(_, contact)| told_in(contact.on, year)) {
        let mut rng = stream(told.size.seed, &format!("contact {} {k}", told.person.code));
        sheet(out, files, &mut rng, &sheet_id(told, k), told.person, contact)?;
    }
    Ok(())
}

/// The first contact of a person has the plain number of the year.
pub fn sheet_id(told: &Told, k: usize) -> String {
    if k == 0 { format!("A{}-{}-{:06}", told.district.code, told.entry, told.n + 1) } else { told.id('A', told.story.contacts[k].on.year(), k) }
}

/// Contacts of the year in which nobody gave a name.
pub fn anonymous(out: &mut Output, files: &mut Social, district: &District, size: &Size, year: i32, persons: usize) -> Result<()> {
    let mut rng = stream(size.seed, &format!("anonymous {} {year}", district.ambito));
    for n in 0..around(&mut rng, persons as f64 * ANONYMOUS) {
        let last = if year == LAST { today() } else { day(year, 12, 31) };
        let on = between(&mut rng, day(year, 1, 2), last);
        let closed = Some(shifted(&mut rng, on, 0, 3)).filter(|closed| *closed <= today()).map(|on| (on, "informazione"));
        let id = format!("A{}-{year}-99{n:05}0", district.code);
        anonymous_sheet(out, files, &mut rng, &id, district, &Contact { on, closed })?;
    }
    Ok(())
}

fn anonymous_sheet(out: &mut Output, files: &mut Social, rng: &mut StdRng, id: &str, district: &District, contact: &Contact) -> Result<()> {
    let places: Vec<(&str, u32)> = district.comuni.iter().map(|c| (c.codice_istat.as_str(), c.residenti)).collect();
    let place = weighted(rng, &places);
    let mut cells = common(rng, id, place, contact);
    cells.extend([("utenza", "poverta".into()), ("fascia_eta", weighted(rng, &[("18-29", 3), ("30-64", 7)]).into()), ("bisogno", "informazione".into())]);
    files.of(Dataset::Contacts).push(out, cells)
}

fn sheet(out: &mut Output, files: &mut Social, rng: &mut StdRng, id: &str, person: &Person, contact: &Contact) -> Result<()> {
    let mut cells = common(rng, id, &person.codice_istat, contact);
    let homeless = if matches!(person.utenza, "poverta" | "disagio_adulti" | "immigrati_rom_sinti") { 6 } else { 0 };
    cells.extend([
        ("id_persona", person.code.as_str().into()),
        ("utenza", person.utenza.into()),
        ("fascia_eta", band(person, contact.on).into()),
        ("sesso", weighted(rng, &[(Some(if person.female { "F" } else { "M" }), 99), (None, 1)]).into()),
        ("cittadinanza", weighted(rng, &[(Some(person.citizenship), 98), (None, 2)]).into()),
        ("senza_fissa_dimora", weighted(rng, &[(Some(false), 94 - homeless), (Some(true), homeless), (None, 6)]).into()),
        ("bisogno", person.need.into()),
    ]);
    files.of(Dataset::Contacts).push(out, cells)
}

fn common(rng: &mut StdRng, id: &str, place: &str, contact: &Contact) -> Vec<(&'static str, Cell)> {
    // Single access points in community health centres came with the plan of 2022.
    let centre = if contact.on.year() < 2022 { "PUA distrettuale" } else { "PUA Casa della comunità" };
    vec![
        ("id_scheda", id.into()),
        ("codice_istat", place.into()),
        ("punto_contatto", weighted(rng, &[(Some(centre), 5), (Some("Segretariato sociale"), 4), (None, 1)]).into()),
        ("data_accesso", contact.on.into()),
        (
            "modalita",
            weighted(
                rng,
                &[("di_persona", 62), ("segnalazione_telefonica", 18), ("e_mail", 9), ("segnalazione_scritta", 5), ("a_domicilio", 4), ("altra_distanza", 2)],
            )
            .into(),
        ),
        ("motivo_accesso", weighted(rng, &[("spontaneo", 60), ("inviato", 28), ("convocato", 9), ("decreto", 3)]).into()),
        (
            "interlocutore",
            weighted(
                rng,
                &[
                    (Some("utente"), 60),
                    (Some("parente"), 22),
                    (Some("istituzionale"), 7),
                    (Some("organizzazione"), 5),
                    (Some("autorita_giudiziaria"), 2),
                    (None, 4),
                ],
            )
            .into(),
        ),
        ("esito", contact.closed.map(|(_, outcome)| outcome).into()),
        ("data_esito", contact.closed.map(|(on, _)| on).into()),
    ]
}

fn band(person: &Person, on: NaiveDate) -> &'static str {
    match person.age(on) {
        0..=2 => "00-02",
        3..=5 => "03-05",
        6..=13 => "06-13",
        14..=17 => "14-17",
        18..=29 => "18-29",
        30..=64 => "30-64",
        65..=74 => "65-74",
        75..=84 => "75-84",
        _ => "85+",
    }
}

/// Emergencies of the year: more every year, more in winter, better and better covered out of hours.
pub fn emergencies(out: &mut Output, files: &mut Social, district: &District, size: &Size, year: i32, known: &[(String, String)]) -> Result<()> {
    let mut rng = stream(size.seed, &format!("emergencies {} {year}", district.ambito));
    let expected = f64::from(district.residents) / RESIDENTS_PER_EMERGENCY * size.persons * 1.06_f64.powi(year - 2016);
    let cover = (0.35 + 0.06 * f64::from(year - 2016)).min(0.97);
    let places: Vec<(&str, u32)> = district.comuni.iter().map(|c| (c.codice_istat.as_str(), c.residenti)).collect();
    for n in 0..around(&mut rng, expected.max(1.0)) {
        let months = if year == LAST { 10 } else { 12 };
        let winter: Vec<(u32, u32)> = [13, 12, 9, 7, 6, 6, 6, 7, 7, 8, 10, 12].into_iter().enumerate().take(months).map(|(m, w)| (m as u32 + 1, w)).collect();
        let hour = weighted(&mut rng, &[(2, 6), (7, 10), (10, 16), (13, 14), (17, 18), (20, 20), (23, 16)]);
        let minute = rng.random_range(0..60);
        let Some(at) = day(year, weighted(&mut rng, &winter), rng.random_range(1..=28)).and_hms_opt(hour, minute, 0) else { continue };
        let closed = !(8..17).contains(&hour);
        let covered = !closed || rng.random_bool(cover);
        let wait = if covered { rng.random_range(12..180) } else { rng.random_range(300..1_400) };
        let reached = (rng.random_bool(0.93) && at.date() < today()).then(|| at + Duration::minutes(wait));
        let outcomes = [("collocamento", 28), ("sostegno", 26), ("invio", 20), ("presa_in_carico", 18), ("rifiuto", 8)];
        let outcome =
            reached.map(|_| weighted(&mut rng, &outcomes)).or_else(|| weighted(&mut rng, &[(Some("non_reperita"), 5), (Some("non_emergenza"), 3), (None, 2)]));
        let person = if known.is_empty() || rng.random_bool(0.6) { None } else { Some(&known[rng.random_range(0..known.len())]) };
        let place = person.map_or_else(|| weighted(&mut rng, &places), |(_, place)| place.as_str());
        files.of(Dataset::Emergencies).push(
            out,
            [
                ("id_emergenza", format!("E{}-{year}-{:06}", district.code, n + 1).into()),
                ("id_persona", person.map(|(code, _)| code.as_str()).into()),
                ("codice_istat", place.into()),
                ("segnalata_il", at.into()),
                ("contatto_il", reached.into()),
                (
                    "tipo",
                    weighted(
                        &mut rng,
                        &[("senza_dimora", 28), ("minore_solo", 18), ("violenza", 16), ("anziano_solo", 18), ("sfratto", 12), ("evento", 3), ("altro", 5)],
                    )
                    .into(),
                ),
                (
                    "segnalante",
                    weighted(&mut rng, &[("forze_ordine", 34), ("sanita", 22), ("cittadino", 16), ("interessato", 10), ("servizio", 12), ("terzo_settore", 6)])
                        .into(),
                ),
                ("fuori_orario", closed.into()),
                ("in_copertura", covered.into()),
                ("esito", outcome.into()),
            ],
        )?;
    }
    Ok(())
}
