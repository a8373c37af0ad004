//! `sigess.erogazioni`: the lines of each intervention, and what they add to the accounts of the year.

use chrono::{Datelike, Days, Months, NaiveDate};

use super::items::Rhythm;
use super::story::Intervention;
use super::{Dataset, Social, Told, interventions};
use crate::synthetic::Output;
use crate::synthetic::assa::today;
use crate::synthetic::cell::Cell;
use crate::synthetic::error::Result;
use crate::synthetic::plans::Spent;
use crate::synthetic::random::day;

/// Percent of a month's usual quantity, from January: little in August, less at Christmas.
const SEASON: [i64; 12] = [98, 100, 104, 102, 104, 100, 90, 62, 100, 106, 104, 86];

pub fn rows(out: &mut Output, files: &mut Social, told: &Told, year: i32, spent: &mut Spent) -> Result<()> {
    let mut served = vec![];
    for (k, _, intervention) in interventions::each(told) {
        let Some(from) = intervention.from else { continue };
        let to = intervention.to.unwrap_or_else(today);
        if from.year() > year || to.year() < year {
            continue;
        }
        let id = interventions::id(told, k, intervention);
        let lines = Lines { told, intervention, chance: told.chance("delivery", k), from, to };
        for (number, first, last) in lines.periods(year) {
            if let Some(line) = lines.line(number, first, last) {
                spent.add(intervention.fund, intervention.item.macro_activity, told.person.utenza, line.shares);
                let served_by = (intervention.item.label, intervention.item.macro_activity, told.person.utenza);
                spent.cost(served_by, line.shares, !served.contains(&served_by));
                served.push(served_by);
                files.of(Dataset::Deliveries).row(out, line.cells(told, intervention, &id, number))?;
            }
        }
    }
    Ok(())
}

struct Lines<'a> {
    told: &'a Told<'a>,
    intervention: &'a Intervention,
    chance: u64,
    from: NaiveDate,
    to: NaiveDate,
}

struct Line {
    first: NaiveDate,
    last: NaiveDate,
    /// Hundredths of a unit.
    quantity: i64,
    /// Cents of body, user, health service, others.
    shares: [i64; 4],
    frequency: &'static str,
}

impl Lines<'_> {
    /// The parts of a year that lines cover, with their number since the start.
    fn periods(&self, year: i32) -> Vec<(usize, NaiveDate, NaiveDate)> {
        let (rhythm, months) = (self.intervention.item.rhythm, self.told.size.months);
        if rhythm == Rhythm::Once {
            return vec![(1, self.from, self.from)];
        }
        let parts = match rhythm {
            Rhythm::Monthly(parts) if months == 1 => parts,
            _ => 1,
        };
        let mut periods = vec![];
        for month in (1..=12).step_by(months as usize) {
            let start = day(year, month, 1);
            let end = start + Months::new(months) - Days::new(1);
            for part in 0..parts {
                let first = if part == 0 { start } else { start + Days::new(u64::from(part * (28 / parts))) };
                let last = if part + 1 == parts { end } else { start + Days::new(u64::from((part + 1) * (28 / parts)) - 1) };
                if first > self.to || last < self.from {
                    continue;
                }
                let elapsed = (year - self.from.year()) * 12 + month as i32 - 1;
                periods.push((1 + (elapsed as usize / months as usize) * parts as usize + part as usize, first.max(self.from), last.min(self.to)));
            }
        }
        periods
    }

    /// `None` for a month without a delivery of something that comes now and then.
    fn line(&self, number: usize, first: NaiveDate, last: NaiveDate) -> Option<Line> {
        let (item, chance) = (self.intervention.item, mix(self.chance ^ number as u64));
        let days = (last - first).num_days() + 1;
        let within = |(low, high): (i64, i64), by: u64| low + (by % (high - low + 1) as u64) as i64;
        let price = within(item.price, self.chance >> 7);
        match item.rhythm {
            Rhythm::Once => Some(self.paid(first, first, price, price, "U")),
            Rhythm::Sometimes => {
                let months = i64::from(self.told.size.months);
                if months == 1 && number > 1 && chance.is_multiple_of(2) {
                    return None;
                }
                let amount = price * (1 + (months - 1) / 2) * (80 + (chance >> 9) as i64 % 40) / 100;
                let on = if months == 1 { first + Days::new((chance >> 20) % days as u64) } else { first };
                Some(self.paid(on, if months == 1 { on } else { last }, amount, amount, "O"))
            }
            Rhythm::Monthly(_) => {
                let monthly = within(item.units, self.chance >> 17) * 100;
                let season = if item.unit == "mesi" { 100 } else { SEASON[first.month0() as usize] * (85 + (chance >> 9) as i64 % 30) / 100 };
                let quantity = (monthly * days * season / 3_040).max(25);
                Some(self.paid(first, last, quantity, quantity * price / 100, "P"))
            }
        }
    }

    fn paid(&self, first: NaiveDate, last: NaiveDate, quantity: i64, amount: i64, frequency: &'static str) -> Line {
        let (user, health) = self.intervention.item.shares;
        let percent = |most: i64, by: u64| if most == 0 { 0 } else { by as i64 % (most + 1) };
        let user = amount * percent(user, self.chance >> 30 & 0xffff) / 100;
        let health = amount * percent(health, self.chance >> 40 & 0xffff) / 100;
        let others = if self.chance.is_multiple_of(50) { amount * 3 / 100 } else { 0 };
        Line { first, last, quantity, shares: [amount - user - health - others, user, health, others], frequency }
    }
}

impl Line {
    /// In the order of the contract's columns.
    fn cells(&self, told: &Told, intervention: &Intervention, id: &str, number: usize) -> Vec<Cell> {
        let item = intervention.item;
        let [body, user, health, others] = self.shares;
        let paid = self.last + Months::new(2) <= today();
        let charge = match told.chance("charge", number) % 100 {
            0 | 1 => "non_noto",
            2..=4 if item.benefit != Some("A2.16") => "no",
            _ => "si",
        };
        let charge = if item.benefit == Some("A2.16") { "si" } else { charge };
        vec![
            format!("{id}/{number:03}").into(),
            id.into(),
            told.person.code.as_str().into(),
            told.person.codice_istat.as_str().into(),
            self.first.into(),
            self.last.into(),
            Cell::cents(self.quantity),
            item.unit.into(),
            if item.unit == "ore" { Cell::cents(self.quantity) } else { Cell::Empty },
            Cell::cents(self.shares.iter().sum()),
            Cell::cents(body),
            Cell::cents(user),
            Cell::cents(health),
            Cell::cents(others),
            item.benefit.into(),
            self.frequency.into(),
            if paid { "liquidata" } else { "erogata" }.into(),
            charge.into(),
        ]
    }
}

/// The columns that [`Line::cells`] gives, which a test holds against the contract.
#[cfg(test)]
pub const COLUMNS: [&str; 18] = [
    "id_erogazione",
    "id_intervento",
    "id_persona",
    "codice_istat",
    "data_inizio",
    "data_fine",
    "quantita",
    "unita",
    "ore",
    "importo",
    "quota_ente",
    "quota_utente",
    "quota_ssn",
    "quota_altre",
    "codice_prestazione",
    "frequenza",
    "stato",
    "in_carico",
];

/// Spreads a number over all bits (SplitMix64).
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
