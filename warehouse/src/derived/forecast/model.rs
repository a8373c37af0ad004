//! A series' next months and how far the same model erred on past ones. STL takes the season away (Cleveland and others 1990), damped exponential
//! smoothing goes on with the rest, and whoever repeats the year before is the measure (Hyndman, Koehler 2006).

use stlrs::Stl;

use super::series::Series;
use super::smoothing::Smoothing;
use super::{FEWEST, HORIZON};

/// Months in a season.
const SEASON: usize = 12;
/// Years that the seasonal smoother looks at (MSTL's choice, Bandara and others 2021).
const SEASONAL: usize = 11;
/// Quantiles of the normal distribution for 80 and 95 per cent in the middle.
const LIKELY: f64 = 1.281_551_565_544_600_4;
const SURE: f64 = 1.959_963_984_540_054;
/// The series is cut this many months before its end, as far as two seasons remain to learn from.
const CUTS: [usize; 5] = [12, 15, 18, 21, 24];
const LEARNED: usize = 2 * SEASON;

/// What came of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// `None` where the estimate is refused, see `state`.
    pub estimates: Vec<Estimate>,
    /// Code of `stati_previsione`.
    pub state: &'static str,
    pub test: Option<BackTest>,
}

/// One month, never below nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    pub value: f64,
    /// Lower and upper bound of 80 and of 95 per cent.
    pub likely: (f64, f64),
    pub sure: (f64, f64),
}

/// What the model would have said in the past.
#[derive(Clone, Debug, PartialEq)]
pub struct BackTest {
    /// For each cut: how many values were known, and the estimates of the next [`HORIZON`].
    pub past: Vec<(usize, Vec<f64>)>,
    /// Mean absolute error of the model, and of repeating the year before.
    pub error: f64,
    pub repeating: f64,
    /// Mean absolute change over twelve months of the whole series.
    pub change: f64,
    /// How many times wider the errors were than the model thought, at least once: STL takes some of the chance for season.
    pub widened: f64,
}

/// The estimates of a series, or why there are none.
pub fn outcome(series: &Series) -> Outcome {
    let none = |state, test| Outcome { estimates: Vec::new(), state, test };
    let y = &series.values;
    if !series.is_monthly() || y.len() < FEWEST {
        return none("storia_breve", None);
    }
    let Some(test) = back_test(y) else { return none("senza_modello", None) };
    let Some(estimates) = estimates(y, test.widened) else { return none("senza_modello", None) };
    // What only rounding tells apart is no loss.
    if test.error > test.repeating + 1e-9 * (1.0 + test.change) {
        return none("peggio_dell_anno_prima", Some(test));
    }
    Outcome { estimates, state: "stima", test: Some(test) }
}

/// Estimates with bounds `widened` so many times.
fn estimates(y: &[f64], widened: f64) -> Option<Vec<Estimate>> {
    let bounds = |value: f64, width: f64| ((value - widened * width).max(0.0), (value + widened * width).max(0.0));
    let estimate =
        |(value, deviation): (f64, f64)| Estimate { value: value.max(0.0), likely: bounds(value, LIKELY * deviation), sure: bounds(value, SURE * deviation) };
    Some(predict(y)?.into_iter().map(estimate).collect())
}

/// Errors over all cuts and the months after each.
fn back_test(y: &[f64]) -> Option<BackTest> {
    let (mut error, mut repeating, mut squares, mut thought, mut past) = (0.0, 0.0, 0.0, 0.0, Vec::new());
    for known in CUTS.iter().filter_map(|cut| y.len().checked_sub(*cut)).filter(|known| *known >= LEARNED) {
        let mut estimates = Vec::with_capacity(HORIZON);
        for (month, (value, deviation)) in (known..).zip(predict(&y[..known])?) {
            error += (y[month] - value.max(0.0)).abs();
            repeating += (y[month] - y[month - SEASON]).abs();
            squares += (y[month] - value.max(0.0)).powi(2);
            thought += deviation.powi(2);
            estimates.push(value.max(0.0));
        }
        past.push((known, estimates));
    }
    let all = (past.len() * HORIZON) as f64;
    let changes: Vec<f64> = y.windows(SEASON + 1).map(|year| (year[SEASON] - year[0]).abs()).collect();
    let widened = if thought > 0.0 { (squares / thought).sqrt().max(1.0) } else { 1.0 };
    Some(BackTest { past, error: error / all, repeating: repeating / all, change: changes.iter().sum::<f64>() / changes.len() as f64, widened })
}

/// Estimates of the [`HORIZON`] months after `y` with their standard deviations; `None` when no model fits.
fn predict(y: &[f64]) -> Option<Vec<(f64, f64)>> {
    // Evaluated at every month: with jumps between them results are quicker and rougher.
    let parts = Stl::params().seasonal_length(SEASONAL).seasonal_jump(1).trend_jump(1).low_pass_jump(1).inner_loops(2).outer_loops(0).fit(y, SEASON).ok()?;
    let seasonal = parts.seasonal();
    let rest: Vec<f64> = y.iter().zip(seasonal).map(|(value, season)| value - season).collect();
    let last = &seasonal[seasonal.len() - SEASON..];
    let ahead = Smoothing::fit(&rest)?.ahead(HORIZON);
    let found: Vec<(f64, f64)> = ahead.iter().zip(last.iter().cycle()).map(|((value, deviation), season)| (value + season, *deviation)).collect();
    found.iter().all(|(value, deviation)| value.is_finite() && deviation.is_finite()).then_some(found)
}

#[cfg(test)]
mod tests;
