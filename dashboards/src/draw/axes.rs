//! The frame of charts that stand upright: values up the left side, categories along the foot.

use crate::chart::Chart;
use crate::number::Number;
use crate::scale::{Scale, extent};
use crate::theme::{GREY, GRID};
use crate::write::{Anchor, Sheet, n, wide};

/// Where the marks go.
pub struct Frame {
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
    pub y: Scale,
}

const HEIGHT: f64 = 190.0;

impl Frame {
    /// Draws grid and labels of values between the extremes of `values`, zero always among them if `from_zero`.
    pub fn new(chart: &Chart, sheet: &mut Sheet, values: impl Iterator<Item = f64>, from_zero: bool) -> Self {
        let (low, high) = extent(values).unwrap_or((0.0, 1.0));
        // A line may start above zero where its changes would vanish otherwise.
        let low = if from_zero || low < high * 0.6 { low.min(0.0) } else { low };
        let top = sheet.height + 14.0;
        let bottom = top + HEIGHT;
        let y = Scale::new(low, high.max(if from_zero { 0.0 } else { low }), bottom, top);
        let steps = y.steps(6);
        let labels: Vec<String> = steps.iter().map(|step| label(chart, *step)).collect();
        let left = labels.iter().map(|text| wide(text)).fold(0.0, f64::max) + 8.0;
        let right = sheet.width - 8.0;
        for (step, text) in steps.iter().zip(&labels) {
            let at = y.at(*step);
            sheet.line((left, at), (right, at), if *step == 0.0 { GREY } else { GRID }, &[("stroke-width", "1")]);
            sheet.text_with(left - 6.0, at + 4.0, Anchor::End, text, &[("fill", GREY)]);
        }
        Self { left, right, top, bottom, y }
    }

    /// Writes the categories below, as many as fit, the last always.
    pub fn foot(&self, chart: &Chart, sheet: &mut Sheet, at: impl Fn(usize) -> f64) {
        let count = chart.categories.len();
        let room = (self.right - self.left) / count.max(1) as f64;
        let widest = chart.categories.iter().map(|c| wide(&c.label)).fold(0.0, f64::max) + 8.0;
        // The last one may have to stand further left than its place.
        let shifted = (at(count.saturating_sub(1)) + widest / 2.0 - sheet.width).max(0.0);
        let every = ((widest + shifted) / room).ceil().max(1.0) as usize;
        for (i, category) in chart.categories.iter().enumerate().filter(|(i, _)| (count - 1 - i).is_multiple_of(every)) {
            let half = wide(&category.label) / 2.0;
            let x = at(i).clamp(half, (sheet.width - half).max(half));
            sheet.text(x, self.bottom + 17.0, Anchor::Middle, &category.label);
        }
        sheet.height = self.bottom + 22.0;
    }

    /// The line of the target, across.
    pub fn target(&self, chart: &Chart, sheet: &mut Sheet) {
        let Some(target) = &chart.target else { return };
        let (at, ink) = (self.y.at(target.value.position()), sheet.ink);
        sheet.line((self.left, at), (self.right, at), ink, &[("stroke-width", "1.6"), ("stroke-dasharray", "4 2")]);
    }
}

/// A step of an axis.
pub fn label(chart: &Chart, step: f64) -> String {
    let text = format!("{:.6}", step);
    let number = Number::parse(text.trim_end_matches('0').trim_end_matches('.')).unwrap_or(Number::ZERO);
    chart.unit.short(number, chart.language)
}

/// A rectangle from `a` to `b`, whichever way round.
pub fn rect(sheet: &mut Sheet, x: (f64, f64), y: (f64, f64), fill: &str, title: Option<&str>) {
    let (x, width) = (x.0.min(x.1), (x.1 - x.0).abs());
    let (y, height) = (y.0.min(y.1), (y.1 - y.0).abs());
    sheet.element("rect", &[("x", &n(x)), ("y", &n(y)), ("width", &n(width)), ("height", &n(height)), ("fill", fill)], title);
}
