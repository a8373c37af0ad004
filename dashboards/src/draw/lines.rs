//! Lines over time. What is an estimate is dashed and has its band.

use crate::chart::{Chart, Series};
use crate::draw::axes::Frame;
use crate::draw::{Swatch, legend, marker};
use crate::theme::{color, dash};
use crate::write::{Sheet, n};

/// Above so many points a line has no marks: they would be the line.
const MARKED: usize = 40;

pub fn draw(chart: &Chart, sheet: &mut Sheet) {
    legend(chart, sheet, Swatch::Line);
    let target = chart.target.as_ref().map(|t| t.value.position());
    let ends = chart.series.iter().flat_map(|s| s.bands.iter().flatten()).flat_map(|(low, high)| [low.position(), high.position()]);
    let values = chart.series.iter().flat_map(|s| s.values.iter().flatten()).map(|v| v.position());
    let frame = Frame::new(chart, sheet, values.chain(ends).chain(target).collect::<Vec<_>>().into_iter(), false);
    let last = chart.categories.len().saturating_sub(1).max(1) as f64;
    let inset = if chart.categories.len() > MARKED { 0.0 } else { 10.0 };
    let x = |c: usize| frame.left + inset + (frame.right - frame.left - 2.0 * inset) * c as f64 / last;

    for (s, series) in chart.series.iter().enumerate() {
        band(&frame, sheet, series, s, &x);
        let estimated = |c: usize| series.band(c).is_some();
        for run in runs(series) {
            let split = run.iter().position(|c| estimated(*c)).unwrap_or(run.len());
            // The dashes of an estimate start where the last observed value ends.
            path(&frame, sheet, series, &run[..split], s, dash(s), &x);
            path(&frame, sheet, series, &run[split.saturating_sub(1)..], s, "2 2", &x);
        }
        for (c, category) in chart.categories.iter().enumerate() {
            let Some(value) = series.value(c) else { continue };
            let (at, says) = (frame.y.at(value.position()), chart.says(c, s));
            sheet.open(&[("data-k", &category.code)]);
            if chart.categories.len() <= MARKED {
                marker(sheet, s, x(c), at, says.as_deref());
            } else {
                // Nothing to see, but there to be pointed at.
                sheet.element("circle", &[("cx", &n(x(c))), ("cy", &n(at)), ("r", "4"), ("fill-opacity", "0")], says.as_deref());
            }
            sheet.close();
        }
    }
    frame.target(chart, sheet);
    frame.foot(chart, sheet, x);
}

/// Categories with values that follow each other: a line does not bridge a gap.
fn runs(series: &Series) -> Vec<Vec<usize>> {
    let mut runs: Vec<Vec<usize>> = Vec::new();
    for c in (0..series.values.len()).filter(|c| series.value(*c).is_some()) {
        match runs.last_mut() {
            Some(run) if run.last() == Some(&(c.wrapping_sub(1))) => run.push(c),
            _ => runs.push(vec![c]),
        }
    }
    runs
}

fn path(frame: &Frame, sheet: &mut Sheet, series: &Series, run: &[usize], s: usize, dashes: &str, x: &dyn Fn(usize) -> f64) {
    if run.len() < 2 {
        return;
    }
    let at = |c: &usize| series.value(*c).map(|v| format!("{},{}", n(x(*c)), n(frame.y.at(v.position()))));
    let points: Vec<String> = run.iter().filter_map(at).collect();
    let attributes = [("points", points.join(" ")), ("fill", "none".into()), ("stroke", color(s).into()), ("stroke-dasharray", dashes.into())];
    let attributes: Vec<(&str, &str)> = attributes.iter().map(|(name, value)| (*name, value.as_str())).chain([("stroke-width", "2.2")]).collect();
    sheet.element("polyline", &attributes, None);
}

fn band(frame: &Frame, sheet: &mut Sheet, series: &Series, s: usize, x: &dyn Fn(usize) -> f64) {
    let bands: Vec<(usize, f64, f64)> = (0..series.bands.len()).filter_map(|c| series.band(c).map(|(l, h)| (c, l.position(), h.position()))).collect();
    if bands.len() < 2 {
        return;
    }
    let point = |c: usize, v: f64| format!("{},{}", n(x(c)), n(frame.y.at(v)));
    let over = bands.iter().map(|(c, _, high)| point(*c, *high));
    let under = bands.iter().rev().map(|(c, low, _)| point(*c, *low));
    let points = over.chain(under).collect::<Vec<_>>().join(" ");
    sheet.element("polygon", &[("points", &points), ("fill", color(s)), ("fill-opacity", "0.18")], None);
}
