//! Every place as a dot on one axis: spread and outliers, the ends by name.

use std::collections::BTreeMap;

use crate::chart::Chart;
use crate::draw::axes::label;
use crate::draw::{LINE, aim, write_legend};
use crate::scale::{Scale, extent};
use crate::theme::{GREY, GRID, color};
use crate::write::{Anchor, Sheet, fit, n, wide};

const DOT: f64 = 4.0;

pub fn draw(chart: &Chart, sheet: &mut Sheet) {
    write_legend(sheet, &aim(chart).into_iter().collect::<Vec<_>>());
    let values = chart.series.iter().flat_map(|s| s.values.iter().flatten()).map(|v| v.position());
    let target = chart.target.as_ref().map(|t| t.value.position());
    let (low, high) = extent(values.chain(target)).unwrap_or((0.0, 1.0));
    let x = Scale::new(low.min(0.0), high, 14.0, sheet.width - 24.0);
    let top = sheet.height;
    for (s, series) in chart.series.iter().enumerate() {
        if chart.series.len() > 1 {
            sheet.height += LINE;
            sheet.text_with(4.0, sheet.height, Anchor::Start, &series.name, &[("font-weight", "600")]);
        }
        row(chart, sheet, s, &x);
    }
    let bottom = sheet.height + 4.0;
    for step in x.steps(6) {
        sheet.line((x.at(step), top + 4.0), (x.at(step), bottom), GRID, &[("stroke-width", "1")]);
        let text = label(chart, step);
        let at = x.at(step).clamp(wide(&text) / 2.0, sheet.width - wide(&text) / 2.0);
        sheet.text_with(at, bottom + 14.0, Anchor::Middle, &text, &[("fill", GREY)]);
    }
    if let Some(target) = target {
        let ink = sheet.ink;
        sheet.line((x.at(target), top + 4.0), (x.at(target), bottom), ink, &[("stroke-width", "1.6"), ("stroke-dasharray", "4 2")]);
    }
    sheet.height = bottom + 20.0;
}

/// Dots that would lie on each other are piled up and down from the middle.
fn row(chart: &Chart, sheet: &mut Sheet, s: usize, x: &Scale) {
    let mut piles: BTreeMap<i64, usize> = BTreeMap::new();
    let mut dots: Vec<(usize, f64, i64)> = Vec::new();
    let mut order: Vec<(usize, f64)> = (0..chart.categories.len()).filter_map(|c| Some((c, chart.series[s].value(c)?.position()))).collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    for (c, value) in &order {
        let place = (x.at(*value) / (2.0 * DOT)).round() as i64;
        let pile = piles.entry(place).or_default();
        let level = if pile.is_multiple_of(2) { *pile as i64 / 2 } else { -(*pile as i64 + 1) / 2 };
        *pile += 1;
        dots.push((*c, x.at(*value), level));
    }
    let highest = piles.values().max().copied().unwrap_or(1) as f64;
    // A pile is squeezed before it grows out of the page.
    let step = (2.0 * DOT).min(150.0 / highest);
    let middle = sheet.height + LINE + highest * step / 2.0 + 6.0;
    for (c, at, level) in dots {
        sheet.open(&[("data-k", &chart.categories[c].code)]);
        let (cx, cy) = (n(at), n(middle + level as f64 * step));
        let circle = [
            ("cx", cx.as_str()),
            ("cy", &cy),
            ("r", &n(DOT - 0.4)),
            ("fill", color(s)),
            ("fill-opacity", "0.7"),
            ("stroke", "#ffffff"),
            ("stroke-width", "0.6"),
        ];
        sheet.element("circle", &circle, chart.says(c, s).as_deref());
        sheet.close();
    }
    if let (Some((first, _)), Some((last, _))) = (order.first(), order.last()) {
        let y = middle - highest * step / 2.0 - 9.0;
        let says = |c: usize| fit(&chart.categories[c].label, sheet.width * 0.45);
        let (first, last) = (says(*first), says(*last));
        let left = order.first().map_or(0.0, |o| x.at(o.1));
        let right = order.last().map_or(0.0, |o| x.at(o.1));
        if order.len() > 1 && right - left > wide(&first) / 2.0 + wide(&last) + 10.0 {
            sheet.text_with((left - 4.0).max(2.0), y, Anchor::Start, &first, &[("fill", GREY)]);
        }
        sheet.text_with((right + 4.0).min(sheet.width - 2.0).max(wide(&last)), y, Anchor::End, &last, &[("fill", GREY)]);
    }
    sheet.height = middle + highest * step / 2.0 + 8.0;
}
