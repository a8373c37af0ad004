//! Small multiples: one small line for each series, all on the same axes, so that shapes and sizes compare.

use crate::chart::Chart;
use crate::draw::{LINE, aim, lines_of, write_legend};
use crate::scale::{Scale, extent};
use crate::theme::{GREY, GRID, TEXT, color};
use crate::write::{Anchor, Sheet, fit, n, wide};

const HEIGHT: f64 = 56.0;
const GAP: f64 = 18.0;
/// Room of the last value, beside the name.
const VALUE: f64 = 52.0;

pub fn draw(chart: &Chart, sheet: &mut Sheet) {
    write_legend(sheet, &aim(chart).into_iter().collect::<Vec<_>>());
    let across = (sheet.width / 170.0).floor().max(1.0) as usize;
    let width = (sheet.width - GAP * (across as f64 - 1.0)) / across as f64;
    let values = chart.series.iter().flat_map(|s| s.values.iter().flatten()).map(|v| v.position());
    let target = chart.target.as_ref().map(|t| t.value.position());
    let (low, high) = extent(values.chain(target)).unwrap_or((0.0, 1.0));
    let start = sheet.height + 4.0;
    let head = if chart.series.iter().any(|s| wide(&s.name) > width - VALUE) { 2.0 * LINE } else { LINE };
    let tall = head + HEIGHT + LINE + 8.0;
    for s in 0..chart.series.len() {
        let (left, top) = ((width + GAP) * (s % across) as f64, start + tall * (s / across) as f64);
        one(chart, sheet, s, (left, top, width), Scale::new(low.min(0.0), high, top + head + HEIGHT, top + head));
    }
    sheet.height = start + tall * chart.series.len().div_ceil(across) as f64;
}

/// One of them: `(left, top, width)` is its place, `y` where its values are.
fn one(chart: &Chart, sheet: &mut Sheet, s: usize, (left, top, width): (f64, f64, f64), y: Scale) {
    let series = &chart.series[s];
    let (bottom, right) = (y.at(y.low()), left + width);
    let last = series.values.iter().rposition(Option::is_some);
    let shown = last.and_then(|c| series.value(c)).map(|v| chart.unit.short(v, chart.language)).unwrap_or_default();
    let mut lines = lines_of(&series.name, width - VALUE);
    if lines.len() > 2 {
        lines = vec![lines[0].clone(), fit(&lines[1..].join(" "), width - VALUE)];
    }
    for (i, line) in lines.iter().enumerate() {
        sheet.text(left, top + TEXT + LINE * i as f64, Anchor::Start, &fit(line, width - VALUE));
    }
    sheet.text_with(right, top + TEXT, Anchor::End, &shown, &[("font-weight", "700")]);
    sheet.line((left, bottom), (right, bottom), GREY, &[("stroke-width", "1")]);
    sheet.line((left, y.at(y.high())), (right, y.at(y.high())), GRID, &[("stroke-width", "1")]);
    if let Some(target) = &chart.target {
        let (at, ink) = (y.at(target.value.position()), sheet.ink);
        sheet.line((left, at), (right, at), ink, &[("stroke-width", "1"), ("stroke-dasharray", "4 2")]);
    }
    let count = chart.categories.len().saturating_sub(1).max(1) as f64;
    let x = |c: usize| left + 4.0 + (width - 8.0) * c as f64 / count;
    let at: Vec<(usize, f64, f64)> = (0..chart.categories.len()).filter_map(|c| series.value(c).map(|v| (c, x(c), y.at(v.position())))).collect();
    let points: Vec<String> = at.iter().map(|(_, x, y)| format!("{},{}", n(*x), n(*y))).collect();
    sheet.element("polyline", &[("points", &points.join(" ")), ("fill", "none"), ("stroke", color(0)), ("stroke-width", "2")], None);
    for (c, x, y) in &at {
        sheet.open(&[("data-k", &chart.categories[*c].code)]);
        let says = chart.says(*c, s);
        sheet.element("circle", &[("cx", &n(*x)), ("cy", &n(*y)), ("r", "2.6"), ("fill", color(0))], says.as_deref());
        sheet.close();
    }
    if let (Some(first), Some(end)) = (chart.categories.first(), chart.categories.last()) {
        sheet.text_with(left, bottom + TEXT + 1.0, Anchor::Start, &first.label, &[("fill", GREY)]);
        if chart.categories.len() > 1 {
            sheet.text_with(right, bottom + TEXT + 1.0, Anchor::End, &end.label, &[("fill", GREY)]);
        }
    }
}
