//! What the model finds in series whose make is known.

use chrono::NaiveDate;
use datasets::forecast::MONTHLY;
use datasets::indicator::Level;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;

fn series(values: Vec<f64>) -> Series {
    let from = NaiveDate::from_ymd_opt(2016, 1, 1).unwrap();
    let text = |text: &str| text.to_owned();
    Series { name: text("accessi"), level: Level::Ambito, code: text("RM 5.1"), unit: text("accessi"), frequency: text(MONTHLY), from, values }
}

/// A trend, a season of `swing` and noise of standard deviation about `noise`.
fn made(months: usize, swing: f64, noise: f64, seed: u64) -> Vec<f64> {
    let mut rng = StdRng::seed_from_u64(seed);
    let season = |month: usize| swing * (std::f64::consts::TAU * month as f64 / 12.0).sin();
    // Twelve uniform numbers, less six, are nearly a normal one.
    let mut normal = || (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
    (0..months).map(|month| 500.0 + 2.0 * month as f64 + season(month) + noise * normal()).collect()
}

#[test]
fn a_season_and_a_trend_are_found_again() {
    let known = made(120, 80.0, 4.0, 1);
    let next = made(132, 80.0, 0.0, 1).split_off(120);
    let found = outcome(&series(known));
    let test = found.test.expect("a test");
    assert_eq!((found.state, found.estimates.len(), test.past.len()), ("stima", 12, 5));
    for (estimate, truth) in found.estimates.iter().zip(&next) {
        assert!((estimate.value - truth).abs() < 15.0, "{} is not {truth}", estimate.value);
        let bounds = [estimate.sure.0, estimate.likely.0, estimate.value, estimate.likely.1, estimate.sure.1];
        assert!(bounds.is_sorted(), "{bounds:?}");
    }
    // Repeating the year before misses a trend of 24 a year.
    assert!(test.error < test.repeating && (20.0..30.0).contains(&test.change), "{test:?}");
}

#[test]
fn bounds_hold_about_as_often_as_they_say() {
    let (mut likely, mut sure, mut all) = (0, 0, 0);
    for seed in 0..60 {
        let whole = made(132, 60.0, 20.0, seed);
        for (estimate, truth) in outcome(&series(whole[..120].to_vec())).estimates.iter().zip(&whole[120..]) {
            all += 1;
            likely += usize::from((estimate.likely.0..=estimate.likely.1).contains(truth));
            sure += usize::from((estimate.sure.0..=estimate.sure.1).contains(truth));
        }
    }
    let share = |n: usize| n as f64 / all as f64;
    assert!(all > 500 && (0.74..=0.88).contains(&share(likely)) && (0.90..=0.985).contains(&share(sure)), "{} {}", share(likely), share(sure));
}

#[test]
fn a_past_estimate_knows_nothing_of_what_came_after() {
    let mut y = made(120, 80.0, 10.0, 3);
    let test = back_test(&y).unwrap();
    y[108..].iter_mut().for_each(|value| *value *= 10.0);
    let disturbed = back_test(&y).unwrap();
    assert_eq!(test.past[0].0, 108);
    assert_eq!(test.past[0], disturbed.past[0]);
    assert_eq!(test.past[0].1, predict(&y[..108]).unwrap().into_iter().map(|(value, _)| value).collect::<Vec<_>>());
}

#[test]
fn what_cannot_be_estimated_is_refused_with_the_reason() {
    assert_eq!(outcome(&series(made(35, 80.0, 4.0, 1))).state, "storia_breve");
    assert_eq!(outcome(&series(made(36, 80.0, 4.0, 1))).test.map(|test| test.past.len()), Some(1));
    let yearly = Series { frequency: "anno".into(), ..series(made(60, 0.0, 1.0, 1)) };
    assert_eq!(outcome(&yearly).state, "storia_breve");
    // Seven years without a rule, then three alike: repeating the year before is right, whoever learns from all years is not.
    let mut rng = StdRng::seed_from_u64(5);
    let mut years: Vec<Vec<f64>> = (0..8).map(|_| (0..12).map(|_| f64::from(rng.random_range(0..1000))).collect()).collect();
    years.extend([years[7].clone(), years[7].clone()]);
    let repeated = outcome(&series(years.concat()));
    assert_eq!((repeated.state, repeated.estimates.len()), ("peggio_dell_anno_prima", 0));
    assert!(repeated.test.is_some_and(|test| test.repeating == 0.0 && test.error > 10.0));
}

#[test]
fn series_without_life_are_no_fault() {
    for values in [vec![0.0; 60], vec![7.0; 60], (0..60).map(|month| f64::from(month % 30 == 29)).collect()] {
        let found = outcome(&series(values));
        assert!(found.estimates.iter().all(|estimate| estimate.value.is_finite() && estimate.value >= 0.0), "{found:?}");
    }
}
