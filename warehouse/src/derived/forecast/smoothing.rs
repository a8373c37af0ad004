//! Exponential smoothing of a level and a damped slope with additive errors, ETS(A,Ad,N) (Hyndman and others 2008, chapters 2 and 6).
//! Parameters are the best of a fixed grid, so that the same series gives the same estimate on every machine.

/// Weights of a new value in the level, and of the level's error in the slope as a part of the former.
const LEVELS: usize = 19;
const SLOPES: [f64; 7] = [0.0, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4];
/// What is left of a slope after each month; 1 keeps it.
const DAMPINGS: [f64; 4] = [0.8, 0.9, 0.98, 1.0];
/// Values that the first level and slope are drawn through.
const START: usize = 24;

/// A model fitted to a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Smoothing {
    alpha: f64,
    beta: f64,
    phi: f64,
    /// After the last value.
    level: f64,
    slope: f64,
    /// Mean square of the errors one step ahead.
    variance: f64,
}

impl Smoothing {
    /// The model with the least square errors one step ahead; the first of the grid where several have the same. `None` for fewer than
    /// two values or for values that are no numbers.
    pub fn fit(y: &[f64]) -> Option<Self> {
        let (level, slope) = line(y.get(..START.min(y.len())).filter(|start| start.len() > 1)?);
        let grid = (1..=LEVELS).flat_map(|n| SLOPES.map(move |slope| (n as f64 * 0.05, slope))).flat_map(|(a, b)| DAMPINGS.map(move |phi| (a, a * b, phi)));
        let fitted = grid.map(|(alpha, beta, phi)| Self { alpha, beta, phi, level, slope, variance: 0.0 }.run(y));
        fitted.filter(|model| model.variance.is_finite()).reduce(|best, one| if one.variance < best.variance { one } else { best })
    }

    fn run(mut self, y: &[f64]) -> Self {
        for value in y {
            let expected = self.level + self.phi * self.slope;
            let error = value - expected;
            self.level = expected + self.alpha * error;
            self.slope = self.phi * self.slope + self.beta * error;
            self.variance += error * error / y.len() as f64;
        }
        self
    }

    /// Estimates of the next `horizon` values and their standard deviations.
    pub fn ahead(&self, horizon: usize) -> Vec<(f64, f64)> {
        let (mut damped, mut power, mut spread) = (0.0, 1.0, 1.0);
        let mut ahead = Vec::with_capacity(horizon);
        for _ in 0..horizon {
            power *= self.phi;
            damped += power;
            ahead.push((self.level + damped * self.slope, (self.variance * spread).sqrt()));
            // The error of each month on the way weighs on all that follow.
            spread += (self.alpha + self.beta * damped).powi(2);
        }
        ahead
    }
}

/// Level before the first value and slope of the line of least squares.
fn line(y: &[f64]) -> (f64, f64) {
    let n = y.len() as f64;
    let (middle, mean) = ((n + 1.0) / 2.0, y.iter().sum::<f64>() / n);
    let (mut both, mut square) = (0.0, 0.0);
    for (place, value) in (1..).map(f64::from).zip(y) {
        both += (place - middle) * (value - mean);
        square += (place - middle).powi(2);
    }
    let slope = both / square;
    (mean - slope * middle, slope)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_on() {
        let y: Vec<f64> = (0..60).map(|n| 100.0 + 3.0 * f64::from(n)).collect();
        assert!((line(&y).0 - 97.0).abs() < 1e-9 && (line(&y).1 - 3.0).abs() < 1e-9);
        let ahead = Smoothing::fit(&y).unwrap().ahead(12);
        assert!(ahead.iter().zip(60..).all(|((value, deviation), n)| (value - (100.0 + 3.0 * f64::from(n))).abs() < 1e-6 && *deviation < 1e-6), "{ahead:?}");
    }

    #[test]
    fn the_spread_is_that_of_the_book() {
        // Simple smoothing: the variance of the h-th value is 1 + (h - 1) alpha².
        let model = Smoothing { alpha: 0.5, beta: 0.0, phi: 1.0, level: 10.0, slope: 0.0, variance: 4.0 };
        let spread = |model: Smoothing| model.ahead(3).into_iter().map(|(_, deviation)| deviation * deviation).collect::<Vec<_>>();
        assert!(spread(model).iter().zip([4.0, 5.0, 6.0]).all(|(found, wanted)| (found - wanted).abs() < 1e-9));
        // With a slope: 1 + sum of (alpha + beta j)² for j below h.
        let model = Smoothing { beta: 0.1, ..model };
        let found = spread(model)[2];
        assert!((found - 4.0 * (1.0 + 0.6_f64.powi(2) + 0.7_f64.powi(2))).abs() < 1e-9, "{found}");
    }
}
