//! The district plans: what was programmed, committed and reported agrees with what SIGeSS delivered; staff follows the real population.

use std::collections::BTreeMap;

use super::Output;
use super::error::Result;
use super::social::size::{District, Size};
use super::stream::Stream;

mod acts;
mod money;
mod programme;
mod staff;
mod steps;

#[cfg(test)]
pub use money::phases;

/// What the deliveries of one district and year cost.
#[derive(Debug, Default)]
pub struct Spent {
    /// By fund, macro-activity and user group: cents of body, user, health service, others.
    pub money: BTreeMap<[&'static str; 3], [i64; 4]>,
    /// By item, macro-activity and user group: cents in all, and persons served.
    pub items: BTreeMap<[&'static str; 3], (i64, i64)>,
}

impl Spent {
    pub fn add(&mut self, fund: &'static str, activity: &'static str, utenza: &'static str, shares: [i64; 4]) {
        let sums = self.money.entry([fund, activity, utenza]).or_default();
        sums.iter_mut().zip(shares).for_each(|(sum, share)| *sum += share);
    }

    /// `person` when the line is the first of somebody.
    pub fn cost(&mut self, (item, activity, utenza): (&'static str, &'static str, &'static str), shares: [i64; 4], person: bool) {
        let (cost, persons) = self.items.entry([item, activity, utenza]).or_default();
        *cost += shares.iter().sum::<i64>();
        *persons += i64::from(person);
    }
}

const DATASETS: [&str; 6] =
    ["piani_zona.piani", "piani_zona.interventi_programmati", "piani_zona.importi", "piani_zona.risorse_umane", "piani_zona.atti", "piani_zona.adempimenti"];

#[derive(Clone, Copy)]
enum Dataset {
    Plans,
    Programme,
    Money,
    Staff,
    Acts,
    Obligations,
}

/// The six files of a district, by their place in [`DATASETS`].
pub struct Files {
    streams: Vec<Stream>,
}

impl Files {
    pub fn open(out: &Output, ambito: &str, period: &str) -> Result<Self> {
        let mut streams = vec![];
        for dataset in DATASETS {
            streams.push(Stream::new(out, dataset, ambito, period)?);
        }
        Ok(Self { streams })
    }

    pub fn close(self, out: &mut Output) -> Result<()> {
        self.streams.into_iter().try_for_each(|stream| stream.close(out))
    }

    fn of(&mut self, dataset: Dataset) -> &mut Stream {
        &mut self.streams[dataset as usize]
    }
}

/// Writes a district's year.
pub fn year(out: &mut Output, files: &mut Files, district: &District, year: i32, spent: &Spent, size: Size) -> Result<()> {
    steps::plan(out, files, district, year, size.seed)?;
    money::amounts(out, files, district, year, spent, size)?;
    if district.all {
        programme::items(out, files, district, year, spent, size)?;
        staff::positions(out, files, district, year, size)?;
        acts::acts(out, files, district, year, size.seed)?;
    }
    Ok(())
}

/// The three years a year belongs to.
fn cycle(year: i32) -> &'static str {
    match year {
        ..2018 => "2015-2017",
        2018..2021 => "2018-2020",
        2021..2024 => "2021-2023",
        2024..2027 => "2024-2026",
        _ => "2027-2029",
    }
}
