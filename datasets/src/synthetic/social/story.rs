//! What happens to a person: contacts, a case, assessments, plans and interventions, each within the one before.

use chrono::{Datelike, Days, Duration, Months, NaiveDate, NaiveDateTime};
use rand::Rng;
use rand::rngs::StdRng;

use super::homes::Homes;
use super::items::{self, Item, Rhythm};
use super::people::Person;
use crate::synthetic::assa::today;
use crate::synthetic::random::{between, day, shifted, weighted};

#[derive(Debug, Default)]
pub struct Story {
    pub contacts: Vec<Contact>,
    pub cases: Vec<Case>,
    pub died: Option<NaiveDate>,
}

#[derive(Debug)]
pub struct Contact {
    pub on: NaiveDate,
    pub closed: Option<(NaiveDate, &'static str)>,
}

#[derive(Debug)]
pub struct Case {
    pub opened: NaiveDate,
    pub closed: Option<(NaiveDate, &'static str)>,
    /// Which contact it comes from.
    pub contact: Option<usize>,
    pub complex: bool,
    /// Digital pact, first meeting, inclusion pact.
    pub allowance: Option<(NaiveDate, Option<NaiveDate>, Option<NaiveDate>)>,
    pub assessments: Vec<Assessment>,
    pub plans: Vec<Plan>,
    pub interventions: Vec<Intervention>,
}

#[derive(Debug)]
pub struct Assessment {
    pub asked: NaiveDate,
    pub done: NaiveDate,
    /// 0 self-sufficient … 4 very severe.
    pub level: usize,
}

#[derive(Debug)]
pub struct Plan {
    pub kind: &'static str,
    pub signed: NaiveDate,
    pub to: NaiveDate,
    pub reviews: i64,
    pub reviewed: Option<NaiveDate>,
    pub closed: Option<(NaiveDate, &'static str)>,
    /// Cents.
    pub budget: Option<i64>,
    pub financed: bool,
}

#[derive(Debug)]
pub struct Intervention {
    pub item: &'static Item,
    pub plan: Option<usize>,
    pub asked: NaiveDate,
    /// Granted or refused, with the reason.
    pub decided: Option<(NaiveDate, Option<&'static str>)>,
    pub fund: &'static str,
    pub from: Option<NaiveDate>,
    pub to: Option<NaiveDate>,
    pub facility: Option<String>,
    pub discharged: Option<NaiveDateTime>,
    pub supported: Option<NaiveDateTime>,
}

impl Case {
    /// Last day on which something may happen.
    pub fn end(&self) -> NaiveDate {
        self.closed.map_or_else(today, |(on, _)| on)
    }
}

pub fn story(rng: &mut StdRng, person: &Person, homes: &Homes) -> Story {
    let mut story = Story::default();
    let first = contact(rng, person.met);
    let taken = matches!(first.closed, Some((_, "presa_in_carico" | "uvm")));
    let opened = first.closed.map(|(on, _)| on);
    story.contacts.push(first);
    if rng.random_bool(0.25) {
        let again = person.met + Days::new(rng.random_range(40..900));
        if again <= today() {
            // Somebody known comes to be informed or sent on; who is taken in charge was so the first time.
            let mut back = contact(rng, again);
            back.closed = back.closed.map(|(on, outcome)| (on, if matches!(outcome, "presa_in_carico" | "uvm") { "informazione" } else { outcome }));
            story.contacts.push(back);
        }
    }
    if let Some(opened) = opened.filter(|_| taken) {
        let case = case(rng, person, homes, opened, Some(0));
        let closed = case.closed;
        story.cases.push(case);
        match closed {
            Some((on, "decesso")) => story.died = Some(on),
            Some((on, _)) if rng.random_bool(0.2) => {
                let again = on + Days::new(rng.random_range(90..900));
                if again <= today() {
                    story.cases.push(self::case(rng, person, homes, again, None));
                }
            }
            _ => {}
        }
    }
    story.contacts.retain(|contact| story.died.is_none_or(|died| contact.on <= died));
    story
}

fn contact(rng: &mut StdRng, on: NaiveDate) -> Contact {
    // The quality target is thirty days (LEPS-08); sheets of the last weeks may be open.
    let closed = Some(shifted(rng, on, 0, 30)).filter(|closed| *closed <= today() && rng.random_bool(0.93));
    let outcome = [("presa_in_carico", 52), ("informazione", 24), ("invio", 11), ("uvm", 9), ("rinuncia", 4)];
    Contact { on, closed: closed.map(|on| (on, weighted(rng, &outcome))) }
}

fn case(rng: &mut StdRng, person: &Person, homes: &Homes, opened: NaiveDate, contact: Option<usize>) -> Case {
    let old = person.utenza.starts_with("anziani");
    let months = if old || person.utenza == "disabili" { rng.random_range(14..110) } else { rng.random_range(5..60) };
    let closed = Some(opened + Months::new(months) + Days::new(rng.random_range(0..27))).filter(|on| *on < today());
    let reason = closed.map(|on| (on, reason(rng, person, on, old)));
    let complex = match person.utenza {
        "anziani_non_autosufficienti" | "disabili" => rng.random_bool(0.85),
        "famiglia_minori" => rng.random_bool(0.35),
        _ => rng.random_bool(0.15),
    };
    let allowance = (person.utenza == "poverta" || rng.random_bool(0.03)).then(|| allowance(rng, opened, closed.unwrap_or_else(today))).flatten();
    let mut case = Case { opened, closed: reason, contact, complex, allowance, assessments: vec![], plans: vec![], interventions: vec![] };
    assess(rng, person, &mut case);
    plan(rng, person, &mut case);
    for _ in 0..weighted(rng, &[(1, 26), (2, 34), (3, 24), (4, 11), (5, 5)]) {
        if let Some(intervention) = intervention(rng, person, homes, &case) {
            case.interventions.push(intervention);
        }
    }
    case
}

fn reason(rng: &mut StdRng, person: &Person, on: NaiveDate, old: bool) -> &'static str {
    if person.utenza == "famiglia_minori" && person.age(on) >= 18 && person.age(on) < 21 {
        return "maggiore_eta";
    }
    if old && rng.random_bool(0.55) {
        return "decesso";
    }
    weighted(rng, &[("obiettivi_raggiunti", 55), ("rinuncia", 10), ("trasferimento", 12), ("altro_servizio", 14), ("irreperibile", 6), ("decesso", 3)])
}

/// The allowance of DL 48/2023: met within 120 days of the digital pact, or not yet.
fn allowance(rng: &mut StdRng, opened: NaiveDate, end: NaiveDate) -> Option<(NaiveDate, Option<NaiveDate>, Option<NaiveDate>)> {
    let first = opened.max(day(2023, 12, 18));
    if end < first + Days::new(30) || rng.random_bool(0.3) {
        return None;
    }
    let signed = between(rng, first, end.min(first + Days::new(200)));
    let met = Some(shifted(rng, signed, 10, 118)).filter(|on| *on <= end && rng.random_bool(0.86));
    let pact = met.map(|met| shifted(rng, met, 5, 120)).filter(|on| *on <= end && rng.random_bool(0.8));
    Some((signed, met, pact))
}

fn assess(rng: &mut StdRng, person: &Person, case: &mut Case) {
    let needed = case.complex || matches!(person.utenza, "anziani_non_autosufficienti" | "disabili");
    if !needed || rng.random_bool(0.12) {
        return;
    }
    let mut asked = case.opened + Days::new(rng.random_range(0..15));
    let mut level = match person.utenza {
        "anziani_non_autosufficienti" => rng.random_range(1..5),
        "anziani_autosufficienti" => 0,
        "disabili" => rng.random_range(1..5),
        _ => rng.random_range(0..2),
    };
    loop {
        let done = asked + Days::new(rng.random_range(7..80));
        if done > case.end() {
            return;
        }
        case.assessments.push(Assessment { asked, done, level });
        // Again every two years or so; who is old gets no better.
        asked = done + Days::new(rng.random_range(500..900));
        level = (level + usize::from(person.utenza.starts_with("anziani_non") && rng.random_bool(0.4))).min(4);
    }
}

fn plan(rng: &mut StdRng, person: &Person, case: &mut Case) {
    if rng.random_bool(0.18) {
        return;
    }
    let after = case.assessments.first().map_or(case.opened, |assessment| assessment.done);
    let kind = match person.utenza {
        "poverta" if after.year() >= 2018 => "patto_inclusione",
        "famiglia_minori" if person.age(after) < 18 => weighted(rng, &[("pei", 70), ("pippi", 12), ("pai", 18)]),
        "disabili" if person.age(after) >= 18 => {
            weighted(rng, &[("pai", 70), ("dopo_di_noi", 10), ("vita_indipendente", 12), (if after.year() >= 2025 { "progetto_vita" } else { "pai" }, 8)])
        }
        _ => "pai",
    };
    let mut signed = shifted(rng, after, 3, 60);
    while signed <= case.end() {
        let from = signed + Days::new(1);
        let to = from + Days::new(rng.random_range(300..380));
        let ended = to.min(case.end());
        let closed =
            (to < today() || case.closed.is_some_and(|(on, _)| on <= to)).then(|| (ended.max(signed), weighted(rng, &[("1", 14), ("2", 40), ("3", 46)])));
        let half = from + Days::new(180);
        let reviewed = Some(half).filter(|on| *on < ended && rng.random_bool(0.8));
        let project = matches!(kind, "dopo_di_noi" | "vita_indipendente" | "progetto_vita");
        let budget = (project || rng.random_bool(0.15)).then(|| rng.random_range(2_000..24_000) * 100);
        let financed = budget.is_some() && rng.random_bool(0.8);
        case.plans.push(Plan { kind, signed, to, reviews: i64::from(reviewed.is_some()), reviewed, closed, budget, financed });
        // Nobody renews every plan.
        if rng.random_bool(0.2) {
            return;
        }
        signed = to + Days::new(rng.random_range(1..40));
    }
}

fn intervention(rng: &mut StdRng, person: &Person, homes: &Homes, case: &Case) -> Option<Intervention> {
    let end = case.end();
    let asked = between(rng, case.opened, (case.opened + Days::new(240)).min(end));
    let item = items::suited(rng, person.utenza, person.age(asked) < 18, asked.year());
    let fund = items::fund(rng, item, asked.year());
    let plan = case.plans.iter().rposition(|plan| plan.signed <= asked);
    let nothing = Intervention { item, plan, asked, decided: None, fund, from: None, to: None, facility: None, discharged: None, supported: None };
    let leaves = asked.and_hms_opt(rng.random_range(8..15), rng.random_range(0..60), 0)?;
    let protected = item.label == "prov-dimissioni_protette";
    let discharged = protected.then_some(leaves);
    let decided = if protected { asked } else { shifted(rng, asked, 2, 45) };
    if decided > end || rng.random_bool(0.04) {
        return Some(Intervention { discharged, ..nothing });
    }
    if rng.random_bool(0.11) {
        let why = weighted(rng, &[("requisiti", 30), ("isee_alto", 25), ("risorse_esaurite", 25), ("rinuncia", 12), ("altra_misura", 8)]);
        return Some(Intervention { decided: Some((decided, Some(why))), discharged, ..nothing });
    }
    let granted = Intervention { decided: Some((decided, None)), discharged, ..nothing };
    let supported = discharged.filter(|_| rng.random_bool(0.88)).map(|left| left + Duration::minutes(rng.random_range(120..47 * 60)));
    let from = if protected { supported?.date() } else { shifted(rng, decided, 1, 40) };
    if from > end {
        return Some(granted);
    }
    let facility = item.facility.and_then(|kind| homes.one(rng, kind, person.utenza, from));
    let months = if item.rhythm == Rhythm::Once { 0 } else { rng.random_range(item.months.0..=item.months.1) };
    let last = from + Months::new(months) - Days::new(u64::from(months > 0));
    // A case takes its interventions with it when it closes.
    let to = if item.rhythm == Rhythm::Once { Some(from) } else { Some(last.min(end)).filter(|to| *to < today()) };
    Some(Intervention { from: Some(from), to, facility, supported, ..granted })
}
