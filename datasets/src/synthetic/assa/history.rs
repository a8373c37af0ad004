//! Ten years of a facility: inspections, and acts in an order that the law allows (authorised before accredited, warned before
//! suspended, suspended before resumed or revoked, nothing after closing).

use chrono::{Days, NaiveDate};
use rand::Rng;
use rand::rngs::StdRng;

use super::{Facility, today};
use crate::synthetic::names;
use crate::synthetic::random::{between, shifted, stream, weighted};

/// Acts that one facility has at most, closing apart.
const MOST: usize = 5;

pub struct History {
    pub codice_istat: String,
    pub inspections: Vec<Inspection>,
    pub acts: Vec<Act>,
}

pub struct Inspection {
    pub id: String,
    pub facility: String,
    pub body: &'static str,
    pub reason: &'static str,
    pub planned: NaiveDate,
    pub done: Option<NaiveDate>,
    pub outcome: Option<&'static str>,
    pub deadline: Option<NaiveDate>,
    pub guests: i64,
    pub inspector: String,
    pub remark: Option<&'static str>,
}

#[derive(Clone)]
pub struct Act {
    pub id: String,
    pub facility: String,
    pub kind: &'static str,
    pub adopted: NaiveDate,
    pub from: NaiveDate,
    pub to: Option<NaiveDate>,
    pub comply_by: Option<NaiveDate>,
    pub places: Option<i64>,
    pub inspection: Option<String>,
    pub official: String,
}

/// One history per comune, in the order of facilities.
pub fn histories(facilities: &[Facility], seed: u64) -> Vec<History> {
    let of_comune = |group: &[Facility]| {
        let mut history = History { codice_istat: group[0].codice_istat.clone(), inspections: vec![], acts: vec![] };
        let mut rng = stream(seed, &format!("history {}", history.codice_istat));
        for facility in group {
            one(&mut rng, facility, &mut history);
        }
        for (n, act) in history.acts.iter_mut().enumerate() {
            act.id = format!("P{}-{:05}", history.codice_istat, n + 1);
        }
        history
    };
    facilities.chunk_by(|a, b| a.codice_istat == b.codice_istat).map(of_comune).collect()
}

fn one(rng: &mut StdRng, facility: &Facility, history: &mut History) {
    let end = facility.closed.unwrap_or_else(today);
    let first = history.inspections.len();
    inspect(rng, facility, end, history);
    let mut acts = vec![Act { places: Some(facility.places), ..act(rng, facility, "autorizzazione", facility.opened) }];
    if facility.accredited {
        accredit(rng, facility, end, &mut acts);
    }
    let mut suspended = None;
    for inspection in history.inspections[first..].iter().filter(|i| i.outcome == Some("diffida")) {
        suspended = suspended.or_else(|| sanction(rng, facility, inspection, end, &mut acts));
    }
    if acts.len() < 2 || (acts.len() < MOST && rng.random_bool(0.2)) {
        let kind = weighted(rng, &[("variazione", 4), ("cessione", 1)]);
        let from = between(rng, facility.opened + Days::new(30), end);
        acts.push(act(rng, facility, kind, from.min(end)));
    }
    if let Some(closed) = facility.closed {
        let kind = if suspended.is_some() { "revoca" } else { "chiusura" };
        acts.push(Act { inspection: suspended, ..act(rng, facility, kind, closed) });
    }
    acts.sort_by_key(|a| a.from);
    history.acts.append(&mut acts);
}

fn act(rng: &mut StdRng, facility: &Facility, kind: &'static str, from: NaiveDate) -> Act {
    Act {
        id: String::new(),
        facility: facility.code.clone(),
        kind,
        adopted: shifted(rng, from, -45, 0),
        from,
        to: None,
        comply_by: None,
        places: None,
        inspection: None,
        official: names::person(rng),
    }
}

/// Three years, renewed while the facility is open.
fn accredit(rng: &mut StdRng, facility: &Facility, end: NaiveDate, acts: &mut Vec<Act>) {
    let mut from = shifted(rng, facility.opened, 60, 400);
    let mut kind = "accreditamento";
    while from < end && acts.len() < 4 {
        let to = from + Days::new(3 * 365 - 1);
        acts.push(Act { to: Some(to.min(facility.closed.unwrap_or(to))), places: Some(facility.places), ..act(rng, facility, kind, from) });
        from = to + Days::new(1);
        kind = "rinnovo_accreditamento";
    }
}

/// A warning, and sometimes a suspension with the resumption after it. Gives the inspection when the facility stays suspended.
fn sanction(rng: &mut StdRng, facility: &Facility, inspection: &Inspection, end: NaiveDate, acts: &mut Vec<Act>) -> Option<String> {
    let warned = inspection.done? + Days::new(60);
    if warned >= end || acts.len() >= MOST {
        return None;
    }
    let id = Some(inspection.id.clone());
    let comply_by = shifted(rng, warned, 30, 60);
    acts.push(Act { comply_by: Some(comply_by), inspection: id.clone(), ..act(rng, facility, "diffida", warned) });
    let from = comply_by + Days::new(50);
    let to = shifted(rng, from, 30, 120);
    if !rng.random_bool(0.3) || to >= end || acts.len() >= MOST {
        return None;
    }
    acts.push(Act { to: Some(to), inspection: id.clone(), ..act(rng, facility, "sospensione", from) });
    let back = to + Days::new(1);
    if facility.closed.is_some() || back >= end {
        return id;
    }
    acts.push(act(rng, facility, "ripresa", back));
    None
}

fn inspect(rng: &mut StdRng, facility: &Facility, end: NaiveDate, history: &mut History) {
    for _ in 0..weighted(rng, &[(0, 15), (1, 25), (2, 30), (3, 20), (4, 10)]) {
        let planned = between(rng, facility.opened + Days::new(40), end);
        let done = Some(shifted(rng, planned, 0, 12)).filter(|done| *done <= end);
        let outcome = done.map(|_| weighted(rng, &[("conforme", 74), ("prescrizioni", 18), ("diffida", 8)]));
        let deadline = done.filter(|_| outcome == Some("prescrizioni")).map(|done| shifted(rng, done, 15, 120));
        history.inspections.push(Inspection {
            id: format!("I{}-{:05}", facility.codice_istat, history.inspections.len() + 1),
            facility: facility.code.clone(),
            body: weighted(rng, &[("comune", 60), ("asl", 30), ("nas", 10)]),
            reason: weighted(rng, &[("programmata", 70), ("segnalazione", 20), ("verifica_prescrizioni", 10)]),
            planned,
            done,
            outcome,
            deadline,
            guests: rng.random_range(0..=facility.places),
            inspector: names::person(rng),
            remark: rng.random_bool(0.2).then(|| weighted(rng, &REMARKS)),
        });
    }
}

/// Remarks; some hold a line break, as text from a form does.
const REMARKS: [(&str, u32); 4] = [
    ("Registro degli ospiti aggiornato; igiene buona", 4),
    ("Piani individuali da completare per due ospiti\nRisentire il responsabile entro il mese", 3),
    ("Personale presente inferiore al previsto; \"turni\" da rivedere", 2),
    ("Nessun rilievo, eccetto l'età di un ospite", 3),
];
