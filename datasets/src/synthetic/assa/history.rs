//! Ten years of a facility: inspections, and acts in an order that the state machine of `assa.transizioni` allows (authorised before
//! accredited, warned before suspended, suspended before resumed or revoked, nothing after the end).

use chrono::{Datelike, Days, NaiveDate};
use rand::Rng;
use rand::rngs::StdRng;

use super::{Facility, today};
use crate::synthetic::names;
use crate::synthetic::random::{between, day, shifted, stream, weighted};

/// Days for which an accreditation holds: three years.
const TERM: u64 = 3 * 365 - 1;

pub struct History {
    pub codice_istat: String,
    pub inspections: Vec<Inspection>,
    pub acts: Vec<Act>,
    /// Facilities of the comune that are suspended today.
    pub suspended: Vec<String>,
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
        let mut history = History { codice_istat: group[0].codice_istat.clone(), inspections: vec![], acts: vec![], suspended: vec![] };
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
    let first = history.inspections.len();
    inspect(rng, facility, history);
    let mut story = Story { facility, acts: vec![], halts: vec![], end: facility.end() };
    story.acts.push(Act { places: Some(facility.places_on(facility.opened)), ..act(rng, facility, "autorizzazione", facility.opened) });
    for inspection in history.inspections[first..].iter().filter(|i| i.outcome == Some("diffida")) {
        story.sanction(rng, inspection);
    }
    story.accredit(rng);
    if let Some((day, _)) = facility.grown {
        story.change(rng, "variazione", day, Some(facility.places));
    }
    if rng.random_bool(0.25) {
        let kind = weighted(rng, &[("variazione", 3), ("cessione", 1)]);
        let from = between(rng, facility.opened.max(day(2016, 1, 1)) + Days::new(30), story.end);
        story.change(rng, kind, from, None);
    }
    let halted = story.halted().cloned();
    if let Some(closed) = facility.closed {
        let kind = if halted.is_some() { "revoca" } else { weighted(rng, &[("chiusura", 9), ("decadenza", 1)]) };
        let reason = history.inspections[first..].iter().rev().find(|i| i.done.is_some_and(|done| done < closed)).map(|i| i.id.clone());
        let inspection = halted.and_then(|halt| halt.inspection).or(reason).filter(|_| kind != "chiusura");
        // Nothing was found, so the facility simply closes.
        let kind = if kind == "decadenza" && inspection.is_none() { "chiusura" } else { kind };
        story.acts.push(Act { inspection, ..act(rng, facility, kind, closed) });
    } else if halted.is_some() {
        history.suspended.push(facility.code.clone());
    }
    story.acts.sort_by_key(|a| (a.from, a.adopted));
    history.acts.append(&mut story.acts);
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

/// A facility's acts while they are made up.
struct Story<'a> {
    facility: &'a Facility,
    acts: Vec<Act>,
    /// Suspensions: the first day, and the day of resumption if there was one.
    halts: Vec<Halt>,
    end: NaiveDate,
}

#[derive(Clone)]
struct Halt {
    from: NaiveDate,
    back: Option<NaiveDate>,
    inspection: Option<String>,
}

impl Story<'_> {
    /// The suspension that never ended.
    fn halted(&self) -> Option<&Halt> {
        self.halts.iter().find(|halt| halt.back.is_none())
    }

    /// The first day from `date` on which the facility is not suspended, before its end.
    fn free(&self, date: NaiveDate) -> Option<NaiveDate> {
        let mut date = date;
        for halt in &self.halts {
            if halt.from <= date && halt.back.is_none_or(|back| date <= back) {
                date = halt.back? + Days::new(1);
            }
        }
        (date < self.end).then_some(date)
    }

    /// A warning, and sometimes a suspension with the resumption after it.
    fn sanction(&mut self, rng: &mut StdRng, inspection: &Inspection) {
        let Some(warned) = inspection.done.map(|done| done + Days::new(60)) else { return };
        let busy = self.acts.iter().filter_map(|a| a.comply_by).chain(self.halts.iter().filter_map(|h| h.back)).max();
        if warned >= self.end || self.halted().is_some() || busy.is_some_and(|until| warned <= until + Days::new(50)) {
            return;
        }
        let id = Some(inspection.id.clone());
        let comply_by = shifted(rng, warned, 30, 60);
        self.acts.push(Act { comply_by: Some(comply_by), inspection: id.clone(), ..act(rng, self.facility, "diffida", warned) });
        let from = comply_by + Days::new(50);
        let to = shifted(rng, from, 30, 120);
        if from >= self.end || !rng.random_bool(0.35) {
            return;
        }
        self.acts.push(Act { to: Some(to), inspection: id.clone(), ..act(rng, self.facility, "sospensione", from) });
        // One in six never opens again; the facility's own end decides how its history ends.
        let back = Some(to + Days::new(1)).filter(|back| *back < self.end && !(self.facility.closed.is_some() && rng.random_bool(0.5)));
        if let Some(back) = back {
            self.acts.push(act(rng, self.facility, "ripresa", back));
        }
        self.halts.push(Halt { from, back, inspection: id });
    }

    /// Three years, renewed while the facility is open; a renewal that falls in a suspension is lost, and accreditation begins anew.
    fn accredit(&mut self, rng: &mut StdRng) {
        let mut from = self.facility.accredited.and_then(|since| self.free(since));
        let mut kind = "accreditamento";
        while let Some(start) = from {
            let to = (start + Days::new(TERM)).min(self.end.max(start + Days::new(1)));
            let to = if self.facility.closed.is_some() { to } else { start + Days::new(TERM) };
            self.acts.push(Act { to: Some(to), places: Some(self.facility.places_on(start)), ..act(rng, self.facility, kind, start) });
            let next = to + Days::new(1);
            from = self.free(next);
            kind = "rinnovo_accreditamento";
            if from.is_some_and(|day| day > next) {
                from = from.and_then(|day| self.free(day + Days::new(40)));
                kind = "accreditamento";
            }
        }
    }

    fn change(&mut self, rng: &mut StdRng, kind: &'static str, from: NaiveDate, places: Option<i64>) {
        if let Some(from) = self.free(from) {
            self.acts.push(Act { places, ..act(rng, self.facility, kind, from) });
        }
    }
}

/// An inspection every year and a half, fewer in summer.
fn inspect(rng: &mut StdRng, facility: &Facility, history: &mut History) {
    let end = facility.end();
    let mut planned = shifted(rng, facility.opened.max(day(2016, 1, 1)), 40, 500);
    while planned < end {
        if matches!(planned.month(), 7 | 8) && rng.random_bool(0.7) {
            planned = planned + Days::new(60);
            continue;
        }
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
            guests: rng.random_range(0..=facility.places_on(planned)),
            inspector: names::person(rng),
            remark: rng.random_bool(0.2).then(|| weighted(rng, &REMARKS)),
        });
        planned = shifted(rng, planned, 250, 900);
    }
    // What is planned beyond today has not been done.
    if facility.closed.is_none() && rng.random_bool(0.1) {
        history.inspections.push(planned_only(rng, facility, history.inspections.len() + 1));
    }
}

fn planned_only(rng: &mut StdRng, facility: &Facility, n: usize) -> Inspection {
    Inspection {
        id: format!("I{}-{n:05}", facility.codice_istat),
        facility: facility.code.clone(),
        body: "comune",
        reason: "programmata",
        planned: shifted(rng, today(), 5, 60),
        done: None,
        outcome: None,
        deadline: None,
        guests: 0,
        inspector: names::person(rng),
        remark: None,
    }
}

/// Remarks; some hold a line break, as text from a form does.
const REMARKS: [(&str, u32); 4] = [
    ("Registro degli ospiti aggiornato; igiene buona", 4),
    ("Piani individuali da completare per due ospiti\nRisentire il responsabile entro il mese", 3),
    ("Personale presente inferiore al previsto; \"turni\" da rivedere", 2),
    ("Nessun rilievo, eccetto l'età di un ospite", 3),
];
