//! From sums to figures: division last, in whole numbers, so that every engine that follows the definition finds the same digits.

use std::collections::BTreeMap;

use datasets::indicator::{Contribution, Direction, Indicator, Kind, SCALE};

use crate::derived::base::Sum;

/// One unit of a fixed-point number.
pub const ONE: i128 = 10_i128.pow(SCALE as u32);

/// The value of a sum, if there is one: of nothing there is no ratio and no median.
pub fn value(indicator: &Indicator, sum: &Sum) -> Option<i128> {
    match indicator.kind {
        Kind::Count => Some(sum.numerator),
        Kind::Ratio => (sum.denominator > 0).then(|| rounded(sum.numerator * i128::from(indicator.factor) * ONE, sum.denominator)),
        Kind::Median => median(&sum.values),
    }
}

/// What a value rests on: the denominator, or how many values there are.
pub fn weight(indicator: &Indicator, sum: &Sum) -> Option<i128> {
    match indicator.kind {
        Kind::Count => None,
        Kind::Ratio => Some(sum.denominator),
        Kind::Median => Some(i128::from(sum.values.values().sum::<u64>()) * ONE),
    }
}

/// The middle value, or the mean of the two middle ones.
fn median(values: &BTreeMap<i64, u64>) -> Option<i128> {
    let all: u64 = values.values().sum();
    let at = |place: u64| {
        let mut before = 0;
        values.iter().find(|(_, count)| {
            before += **count;
            place < before
        })
    };
    let (low, high) = (at(all.checked_sub(1)? / 2)?.0, at(all / 2)?.0);
    Some((i128::from(*low) + i128::from(*high)) * ONE / 2)
}

/// `a / b`, halves away from zero; `b` is positive.
fn rounded(a: i128, b: i128) -> i128 {
    (2 * a.abs() + b) / (2 * b) * a.signum()
}

/// State of a value against the target of its year (code list `stati_leps`).
pub fn state(indicator: &Indicator, sum: &Sum, value: Option<i128>, target: Option<i128>) -> &'static str {
    let Some(value) = value else { return "dati_insufficienti" };
    if let Some(rule) = &indicator.contribution {
        let reaches = |people: u32| sum.numerator * i128::from(people) >= sum.denominator;
        return match () {
            () if reaches(rule.objective) => "obiettivo_di_servizio",
            () if reaches(rule.level) => "lep_raggiunto",
            () if reaches(rule.entry) => "in_avvicinamento",
            () => "sotto_soglia",
        };
    }
    match (target, indicator.direction) {
        (None, _) | (_, Direction::None) => "senza_obiettivo",
        (Some(target), Direction::Up) if value >= target => "raggiunto",
        (Some(target), Direction::Down) if value <= target => "raggiunto",
        _ => "non_raggiunto",
    }
}

/// State contribution of a district in cents: so much per unit above one to `entry` inhabitants up to one to `level`, and so much per
/// unit above that up to one to `objective` (L. 178/2020 art. 1 c. 797). Exact but for the last rounding; that of the ministry is not known.
pub fn contribution(rule: &Contribution, sum: &Sum) -> i128 {
    let (entry, level, objective) = (i128::from(rule.entry), i128::from(rule.level), i128::from(rule.objective));
    // All terms over one common denominator: units × entry × level × objective.
    let common = entry * level * objective;
    let units = sum.numerator * common;
    let steps = [sum.denominator * level * objective, sum.denominator * entry * objective, sum.denominator * entry * level];
    let first = (units.min(steps[1]) - steps[0]).max(0) * i128::from(rule.euro_to_level);
    let second = (units.min(steps[2]) - steps[1]).max(0) * i128::from(rule.euro_to_objective);
    rounded((first + second) * 100, common * ONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> Contribution {
        Contribution { entry: 6500, level: 5000, objective: 4000, euro_to_level: 40_000, euro_to_objective: 20_000 }
    }

    fn staff(units: i128, people: i128) -> Sum {
        Sum { numerator: units * ONE, denominator: people * ONE, ..Sum::default() }
    }

    /// Amounts in cents, grouped as euros and cents.
    #[test]
    #[allow(clippy::inconsistent_digit_grouping)]
    fn the_contribution_follows_the_law_at_every_step() {
        // 130 000 inhabitants: 20 units are one to 6500, 26 one to 5000, 32.5 one to 4000.
        let euro = |units| contribution(&rule(), &staff(units, 130_000));
        assert_eq!(euro(0), 0);
        assert_eq!(euro(20), 0);
        assert_eq!(euro(21), 40_000_00);
        assert_eq!(euro(26), 6 * 40_000_00);
        assert_eq!(euro(27), 6 * 40_000_00 + 20_000_00);
        assert_eq!(euro(40), 6 * 40_000_00 + 130_000_00);
        // A third of a unit (0.3333) above the entry.
        assert_eq!(contribution(&rule(), &Sum { numerator: 203_333, denominator: 130_000 * ONE, ..Sum::default() }), 13_332_00);
    }

    #[test]
    fn medians_are_those_of_all_values() {
        let of = |pairs: &[(i64, u64)]| median(&pairs.iter().copied().collect());
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[(7, 1)]), Some(7 * ONE));
        assert_eq!(of(&[(7, 1), (8, 1)]), Some(75_000));
        assert_eq!(of(&[(1, 2), (5, 1), (9, 2)]), Some(5 * ONE));
        assert_eq!(of(&[(1, 3), (9, 3)]), Some(5 * ONE));
    }

    #[test]
    fn halves_are_rounded_away_from_zero() {
        assert_eq!((rounded(5, 2), rounded(-5, 2), rounded(1, 3), rounded(2, 3)), (3, -3, 0, 1));
    }
}
