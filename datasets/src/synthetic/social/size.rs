//! How much of the region a scale stands for.

use chrono::{Datelike, NaiveDate};

use crate::synthetic::Options;
use crate::synthetic::territory::{Comune, Territory};

/// First year from which persons who are told of may have come: what began before the first file is in it.
pub const BEFORE: i32 = 2012;
/// First year told, and the last, which is not over.
pub const FIRST: i32 = 2016;
pub const LAST: i32 = 2026;
/// Residents for each person who turns to the services in 2016.
const RESIDENTS_PER_PERSON: f64 = 190.0;
/// Growth of demand, year by year.
const GROWTH: f64 = 1.032;
/// Part of the last year that has gone by.
const GONE: f64 = 10.0 / 12.0;

/// Whether something of a day is told in the file of a year.
pub fn told_in(on: NaiveDate, year: i32) -> bool {
    on.year().max(FIRST) == year
}

/// A small region is not a thin copy of a large one: persons shrink faster than the scale, their benefits are accounted for by longer
/// periods, a district sends one file for all years, and below a tenth only some districts send everything.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub seed: u64,
    /// Part of the persons of the real region.
    pub persons: f64,
    /// Months that one line of a periodic benefit covers at least.
    pub months: u32,
    /// Whether a district sends a file for each year.
    pub yearly: bool,
    /// Whether every district sends everything.
    pub whole: bool,
}

impl Size {
    pub fn of(options: Options) -> Self {
        let scale = options.scale;
        let months = if scale >= 0.5 {
            1
        } else if scale >= 0.1 {
            3
        } else {
            12
        };
        Self { seed: options.seed, persons: if scale < 1.0 { scale.powf(1.7) } else { scale }, months, yearly: scale >= 0.5, whole: scale >= 0.1 }
    }

    /// Persons who first turn to a district's services in a year.
    pub fn entering(&self, residents: f64, year: i32) -> f64 {
        let grown = residents / RESIDENTS_PER_PERSON * GROWTH.powi(year - FIRST) * self.persons;
        (if year == LAST { grown * GONE } else { grown }).max(3.0)
    }

    /// Whether the district sends every dataset, or only persons, accesses, plans and amounts.
    pub fn sends_all(&self, n: usize, ambito: &str) -> bool {
        self.whole || n.is_multiple_of(4) || matches!(ambito, "RM 5.1" | "RM 3.1" | "ROMA")
    }
}

/// A district with its comuni.
pub struct District<'a> {
    pub ambito: &'a str,
    /// `RM 5.1` as `RM51`, for identifiers.
    pub code: String,
    pub comuni: Vec<&'a Comune>,
    pub residents: u32,
    pub all: bool,
}

pub fn districts<'a>(territory: &'a Territory, size: &Size) -> Vec<District<'a>> {
    let district = |(n, (ambito, comuni)): (usize, (&'a str, Vec<&'a Comune>))| District {
        ambito,
        code: ambito.chars().filter(char::is_ascii_alphanumeric).collect(),
        residents: comuni.iter().map(|c| c.residenti).sum(),
        comuni,
        all: size.sends_all(n, ambito),
    };
    territory.districts().into_iter().enumerate().map(district).collect()
}
