//! Information debt: which periods of which dataset are owed by when. It follows from the contracts' feeds alone; the service makes it
//! a table ([`DUTIES`]) that queries of derived datasets may read, and crosses it with the bodies that send.

use chrono::{Datelike, Days, Months, NaiveDate};
use serde::Serialize;

use crate::catalog::Catalog;
use crate::indicator::AREA;
use crate::model::{Contract, DatasetName, Feed, Frequency, Sender};

/// The engine's table of duties: `dataset`, `sottosistema`, `mittenti`, `periodo`, `inizio`, `fine`, `scadenza`, and `scaduta`, whether
/// the due date is over.
pub const DUTIES: &str = "dovute";
/// The first month that is owed where a feed does not say (`since`): the one in which the service began.
pub const SINCE: &str = "2026-01";
/// Area of the service's own tables, which nobody sends.
const OWN: &str = "sistema";

/// One period of one dataset, owed by every body of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Duty {
    pub dataset: DatasetName,
    pub subsystem: String,
    pub senders: Sender,
    /// As deliveries name it: `2026`, `2026-Q3`, `2026-10`.
    pub period: String,
    pub first: NaiveDate,
    pub last: NaiveDate,
    /// Last day on which a delivery is in time.
    pub due: NaiveDate,
}

/// Whether bodies owe the dataset: somebody sends it, again and again.
pub fn is_owed(contract: &Contract) -> bool {
    contract.derived.is_none() && ![OWN, AREA].contains(&contract.name.area.as_str()) && contract.feed.frequency != Frequency::Once
}

/// Every period that is owed, up to the one under way on `today`, by dataset and time.
pub fn duties(catalog: &Catalog, today: NaiveDate) -> Vec<Duty> {
    catalog.contracts.values().filter(|contract| is_owed(contract)).flat_map(|contract| of(contract, today)).collect()
}

fn of(contract: &Contract, today: NaiveDate) -> Vec<Duty> {
    let feed = &contract.feed;
    let Some(months) = length(feed.frequency) else { return Vec::new() };
    let mut duties = Vec::new();
    let mut next = feed.since.as_deref().or(Some(SINCE)).and_then(month).and_then(|since| start(since, months));
    while let Some(first) = next.filter(|first| *first <= today) {
        next = first.checked_add_months(Months::new(months));
        let Some(last) = next.and_then(|after| after.pred_opt()) else { break };
        duties.push(Duty {
            dataset: contract.name.clone(),
            subsystem: feed.subsystem.clone(),
            senders: feed.senders,
            period: name(feed, first),
            first,
            last,
            due: last.checked_add_days(Days::new(feed.due_days.into())).unwrap_or(last),
        });
    }
    duties
}

/// Months of a period; `None` for what is sent once.
fn length(frequency: Frequency) -> Option<u32> {
    match frequency {
        Frequency::Once => None,
        Frequency::Monthly => Some(1),
        Frequency::Quarterly => Some(3),
        Frequency::Yearly => Some(12),
    }
}

/// First day of the first period that begins on or after a month.
fn start(since: NaiveDate, months: u32) -> Option<NaiveDate> {
    let into = since.month0() % months;
    since.checked_add_months(Months::new(if into == 0 { 0 } else { months - into }))
}

fn name(feed: &Feed, first: NaiveDate) -> String {
    match feed.frequency {
        Frequency::Once | Frequency::Yearly => first.format("%Y").to_string(),
        Frequency::Quarterly => format!("{}-Q{}", first.format("%Y"), first.quarter()),
        Frequency::Monthly => first.format("%Y-%m").to_string(),
    }
}

/// First day of a month written `2026-01`.
pub fn month(text: &str) -> Option<NaiveDate> {
    let written = text.len() == 7 && text.bytes().enumerate().all(|(i, b)| if i == 4 { b == b'-' } else { b.is_ascii_digit() });
    if written { format!("{text}-01").parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a day")
    }

    fn periods(frequency: Frequency, since: Option<&str>, today: &str) -> Vec<(String, NaiveDate)> {
        let catalog = Catalog::load(&Catalog::find_dir(None).expect("contracts")).expect("valid contracts");
        let mut contract = catalog.contracts[&"assa.strutture".parse().expect("a name")].clone();
        contract.feed = Feed { frequency, since: since.map(str::to_owned), due_days: 20, ..contract.feed };
        of(&contract, day(today)).into_iter().map(|duty| (duty.period, duty.due)).collect()
    }

    #[test]
    fn periods_go_from_the_first_owed_to_the_one_under_way() {
        let owed = |names: &[(&str, &str)]| names.iter().map(|(name, due)| ((*name).to_owned(), day(due))).collect::<Vec<_>>();
        assert_eq!(periods(Frequency::Monthly, None, "2026-02-01"), owed(&[("2026-01", "2026-02-20"), ("2026-02", "2026-03-20")]));
        assert_eq!(periods(Frequency::Quarterly, Some("2025-11"), "2026-06-30"), owed(&[("2026-Q1", "2026-04-20"), ("2026-Q2", "2026-07-20")]));
        assert_eq!(periods(Frequency::Yearly, Some("2025-01"), "2026-11-23"), owed(&[("2025", "2026-01-20"), ("2026", "2027-01-20")]));
        // A year that began before the first month is not owed.
        assert_eq!(periods(Frequency::Yearly, Some("2025-02"), "2025-12-31"), []);
        assert_eq!(periods(Frequency::Once, None, "2026-11-23"), []);
    }

    #[test]
    fn only_what_somebody_sends_is_owed() {
        let catalog = Catalog::load(&Catalog::find_dir(None).expect("contracts")).expect("valid contracts");
        let all = duties(&catalog, day("2026-11-23"));
        let of = |name: &str| all.iter().filter(|duty| duty.dataset.to_string() == name).count();
        assert_eq!((of("assa.strutture"), of("sigess.accessi"), of("territorio.comuni")), (11, 1, 1));
        assert_eq!((of("assa.stati"), of("sistema.deliveries"), of("leps.supervisione"), of("riferimenti.consultori")), (0, 0, 0, 0));
        assert!(all.iter().all(|duty| duty.first <= duty.last && duty.last <= duty.due));
    }

    #[test]
    fn a_month_has_one_way_to_be_written() {
        assert_eq!(month("2026-01"), Some(day("2026-01-01")));
        for wrong in ["2026", "2026-13", "2026-1", "26-01", "2026-01-01", "2026/01", "+026-01"] {
            assert_eq!(month(wrong), None, "{wrong}");
        }
    }
}
