//! Vertical bars, side by side or stacked: a few years or bands.

use crate::chart::Chart;
use crate::draw::axes::{Frame, rect};
use crate::draw::{Swatch, fill, legend, patterns};
use crate::number::Number;
use crate::write::{Anchor, Sheet, wide};

pub fn draw(chart: &Chart, sheet: &mut Sheet, stacked: bool) {
    patterns(sheet, chart.series.len());
    legend(chart, sheet, Swatch::Fill);
    let target = chart.target.as_ref().map(|t| t.value.position());
    let tops: Vec<f64> = (0..chart.categories.len()).flat_map(|c| heights(chart, c, stacked)).collect();
    let frame = Frame::new(chart, sheet, tops.into_iter().chain(target), true);
    let step = (frame.right - frame.left) / chart.categories.len() as f64;
    let across = if stacked { 1 } else { chart.series.len() };
    let bar = (step * 0.78 / across as f64).min(46.0);

    for (c, category) in chart.categories.iter().enumerate() {
        let first = frame.left + step * (c as f64 + 0.5) - bar * across as f64 / 2.0;
        sheet.open(&[("data-k", &category.code)]);
        let mut from = 0.0;
        for (s, series) in chart.series.iter().enumerate() {
            let Some(value) = series.value(c) else { continue };
            let (x, low) = if stacked { (first, from) } else { (first + bar * s as f64, 0.0) };
            let high = low + value.position();
            rect(sheet, (x, x + bar - 1.0), (frame.y.at(low), frame.y.at(high)), &fill(&sheet.id, s), chart.says(c, s).as_deref());
            let text = chart.unit.short(value, chart.language);
            if !stacked && wide(&text) <= bar - 1.0 {
                sheet.text(x + bar / 2.0, frame.y.at(high.max(0.0)) - 4.0, Anchor::Middle, &text);
            }
            from = high;
        }
        let sum = if stacked { total(chart, c) } else { None };
        if let Some(text) = sum.map(|sum| chart.unit.short(sum, chart.language)).filter(|text| wide(text) <= step) {
            sheet.text_with(first + bar / 2.0, frame.y.at(from.max(0.0)) - 4.0, Anchor::Middle, &text, &[("font-weight", "600")]);
        }
        sheet.close();
    }
    frame.target(chart, sheet);
    frame.foot(chart, sheet, |c| frame.left + step * (c as f64 + 0.5));
}

/// The exact sum of a category; `None` without a value.
fn total(chart: &Chart, category: usize) -> Option<Number> {
    chart
        .series
        .iter()
        .filter_map(|series| series.value(category))
        .try_fold(None, |sum: Option<Number>, value| Some(Some(sum.unwrap_or(Number::ZERO).plus(value)?)))?
}

fn heights(chart: &Chart, category: usize, stacked: bool) -> Vec<f64> {
    let values = chart.series.iter().filter_map(|series| series.value(category)).map(|value| value.position());
    if stacked { vec![values.sum()] } else { values.collect() }
}
