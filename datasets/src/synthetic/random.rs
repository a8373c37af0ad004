//! Chance that repeats: every part of the region draws from its own stream, named by seed and label.

use chrono::{Days, NaiveDate};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

pub fn stream(seed: u64, label: &str) -> StdRng {
    let digest = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(label).finalize();
    StdRng::from_seed(digest.into())
}

pub fn pick<'a, T: ?Sized>(rng: &mut StdRng, from: &[&'a T]) -> &'a T {
    from[rng.random_range(0..from.len())]
}

/// One of `from`, each as likely as its weight; at least one weight is positive.
pub fn weighted<T: Copy>(rng: &mut StdRng, from: &[(T, u32)]) -> T {
    let mut left = rng.random_range(0..from.iter().map(|(_, weight)| weight).sum());
    for (value, weight) in from {
        if left < *weight {
            return *value;
        }
        left -= weight;
    }
    from[0].0
}

/// A whole number near `expected`: its fraction is the chance of one more.
pub fn around(rng: &mut StdRng, expected: f64) -> usize {
    expected.floor() as usize + usize::from(rng.random_bool(expected.fract().clamp(0.0, 1.0)))
}

pub fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default()
}

/// A day from `first` to `last`, both included; `first` when they are reversed.
pub fn between(rng: &mut StdRng, first: NaiveDate, last: NaiveDate) -> NaiveDate {
    let span = (last - first).num_days().max(0) as u64;
    first + Days::new(rng.random_range(0..=span))
}

/// `date` moved by a number of days drawn from `from..=to`, which may be negative.
pub fn shifted(rng: &mut StdRng, date: NaiveDate, from: i64, to: i64) -> NaiveDate {
    date + chrono::Duration::days(rng.random_range(from..=to))
}
