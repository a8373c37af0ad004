//! From numbers to places on a picture. Round steps of axes are plotters' own.

use plotters::coord::ranged1d::Ranged;
use plotters::coord::types::RangedCoordf64;

/// A straight scale from values to units of the picture.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// Values from `low` to `high`, the latter rounded up to a whole step, drawn from `from` to `to`.
    pub fn new(low: f64, high: f64, from: f64, to: f64) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        let scale = Self { low, high, from, to };
        match scale.steps(5).as_slice() {
            [first, second, ..] => {
                let step = second - first;
                Self { low: (low / step).floor() * step, high: (high / step - 1e-9).ceil() * step, ..scale }
            }
            _ => scale,
        }
    }

    pub fn at(&self, value: f64) -> f64 {
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// At most `most` round values within the scale.
    pub fn steps(&self, most: usize) -> Vec<f64> {
        RangedCoordf64::from(self.low..self.high).key_points(most)
    }

    pub fn low(&self) -> f64 {
        self.low
    }

    pub fn high(&self) -> f64 {
        self.high
    }
}

/// Round bounds of classes that hold all values: at most a dozen.
pub fn bounds(values: &[f64]) -> Vec<f64> {
    let Some((low, high)) = extent(values.iter().copied()) else { return Vec::new() };
    let scale = Scale::new(if low > 0.0 && low < high * 0.5 { 0.0 } else { low }, high, 0.0, 1.0);
    let steps = scale.steps(12);
    let [first, second, ..] = steps.as_slice() else { return vec![scale.low(), scale.high()] };
    let step = second - first;
    let count = ((scale.high() - first) / step).round() as usize;
    (0..=count).map(|i| first + step * i as f64).collect()
}

/// Least and greatest of some values, `None` without any.
pub fn extent(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |all, v| match all {
        None => Some((v, v)),
        Some((low, high)) => Some((low.min(v), high.max(v))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_round() {
        let scale = Scale::new(0.0, 87.3, 0.0, 100.0);
        assert!(scale.high() >= 87.3 && scale.high() <= 120.0, "{}", scale.high());
        let steps = scale.steps(5);
        assert!((2..=5).contains(&steps.len()), "{steps:?}");
        assert_eq!(scale.at(0.0), 0.0);
    }

    #[test]
    fn one_value_and_none_are_drawn_too() {
        assert!(Scale::new(0.0, 0.0, 0.0, 100.0).at(0.0).is_finite());
        assert_eq!(extent(std::iter::empty()), None);
    }
}
