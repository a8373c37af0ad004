//! Horizontal bars, side by side or stacked: places by name, each value written at its end.

use crate::chart::Chart;
use crate::draw::axes::rect;
use crate::draw::{LINE, Swatch, fill, legend, none, patterns};
use crate::number::Number;
use crate::scale::{Scale, extent};
use crate::theme::GREY;
use crate::write::{Anchor, Sheet, fit, wide};

const BAR: f64 = 14.5;

pub fn draw(chart: &Chart, sheet: &mut Sheet, stacked: bool) {
    patterns(sheet, chart.series.len());
    legend(chart, sheet, Swatch::Fill);
    let ends: Vec<Vec<(usize, f64, f64, String)>> = (0..chart.categories.len()).map(|c| if stacked { pile(chart, c) } else { apart(chart, c) }).collect();
    let target = chart.target.as_ref().map(|t| t.value.position());
    let marks = ends.iter().flatten().flat_map(|(_, from, to, _)| [*from, *to]).chain(target);
    let (low, high) = extent(marks).unwrap_or((0.0, 1.0));

    // Long names stand above their bars, where there is room for them.
    let widest = chart.categories.iter().map(|c| wide(&c.label)).fold(0.0, f64::max);
    let above = widest > sheet.width * 0.36;
    let left = if above { 4.0 } else { widest + 10.0 };
    let values = ends.iter().flatten().map(|(.., text)| wide(text)).fold(0.0, f64::max);
    let before = if low < 0.0 { values + 6.0 } else { 0.0 };
    let x = Scale::new(low.min(0.0), high.max(0.0), left + before, (sheet.width - values - 10.0).max(left + before + 40.0));

    let top = sheet.height + 4.0;
    let mut y = top;
    for (category, bars) in chart.categories.iter().zip(&ends) {
        let rows = if stacked { 1 } else { chart.series.len() };
        sheet.open(&[("data-k", &category.code)]);
        if above {
            sheet.text(left, y + 11.0, Anchor::Start, &fit(&category.label, sheet.width - left));
            y += LINE * 0.9;
        } else {
            sheet.text(left - 6.0, y + (rows as f64 * BAR) / 2.0 + 4.5, Anchor::End, &category.label);
        }
        let c = chart.categories.iter().position(|other| std::ptr::eq(other, category)).unwrap_or_default();
        for (series, from, to, text) in bars {
            let says = chart.says(c, *series);
            let row = if stacked { y } else { y + *series as f64 * BAR };
            rect(sheet, (x.at(*from), x.at(*to)), (row, row + BAR - 1.0), &fill(&sheet.id, *series), says.as_deref());
            let (at, anchor) = if *to < 0.0 { (x.at(*to) - 4.0, Anchor::End) } else { (x.at(*to) + 4.0, Anchor::Start) };
            sheet.text(at, row + BAR - 3.0, anchor, text);
        }
        if bars.is_empty() {
            sheet.text_with(x.at(0.0) + 4.0, y + BAR - 3.0, Anchor::Start, none(chart.language), &[("fill", GREY)]);
        }
        sheet.close();
        y += rows as f64 * BAR + if above || rows > 1 { 8.0 } else { 5.0 };
    }
    sheet.line((x.at(0.0), top - 2.0), (x.at(0.0), y - 3.0), GREY, &[("stroke-width", "1")]);
    if let Some(target) = target {
        let ink = sheet.ink;
        sheet.line((x.at(target), top - 2.0), (x.at(target), y - 3.0), ink, &[("stroke-width", "1.6"), ("stroke-dasharray", "4 2")]);
    }
    sheet.height = y;
}

/// Series, start, end and text of each bar of a category.
fn apart(chart: &Chart, category: usize) -> Vec<(usize, f64, f64, String)> {
    let value = |(i, series): (usize, &crate::chart::Series)| {
        let value = series.value(category)?;
        Some((i, 0.0, value.position(), chart.unit.short(value, chart.language)))
    };
    chart.series.iter().enumerate().filter_map(value).collect()
}

/// The same one after the other; the last says the sum, which is exact.
fn pile(chart: &Chart, category: usize) -> Vec<(usize, f64, f64, String)> {
    let (mut bars, mut sum): (Vec<(usize, f64, f64, String)>, Number) = (Vec::new(), Number::ZERO);
    for (i, series) in chart.series.iter().enumerate() {
        let Some(value) = series.value(category) else { continue };
        let from = sum.position();
        sum = sum.plus(value).unwrap_or(sum);
        bars.push((i, from, sum.position(), String::new()));
    }
    if let Some(last) = bars.last_mut() {
        last.3 = chart.unit.short(sum, chart.language);
    }
    bars
}
