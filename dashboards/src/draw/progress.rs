//! How far each place is from what it has to reach.

use crate::chart::Chart;
use crate::draw::axes::rect;
use crate::draw::{LINE, Swatch, aim, none, write_legend};
use crate::scale::{Scale, extent};
use crate::theme::{GRID, color};
use crate::write::{Anchor, Sheet, fit, n, wide};

const BAR: f64 = 14.0;
/// Of those that reached it; the mark tells it without the colour.
const REACHED: usize = 2;

pub fn draw(chart: &Chart, sheet: &mut Sheet) {
    let Some(values) = chart.series.first() else { return };
    let target = |c: usize| chart.series.get(1).and_then(|s| s.value(c)).or(chart.target.as_ref().map(|t| t.value));
    let own = chart.series.get(1).map(|s| (Swatch::Target, s.name.clone()));
    write_legend(sheet, &own.or(aim(chart)).into_iter().collect::<Vec<_>>());

    let all = (0..chart.categories.len()).flat_map(|c| [values.value(c), target(c)]).flatten().map(|v| v.position());
    let high = extent(all).map_or(1.0, |(_, high)| high);
    let texts: Vec<String> = (0..chart.categories.len()).map(|c| text(chart, c, target(c).map(|t| t.position()))).collect();
    let widest = chart.categories.iter().map(|c| wide(&c.label)).fold(0.0, f64::max);
    let above = widest > sheet.width * 0.36;
    let left = if above { 4.0 } else { widest + 10.0 };
    let right = sheet.width - texts.iter().map(|t| wide(t)).fold(0.0, f64::max) - 8.0;
    let x = Scale::new(0.0, high, left, right.max(left + 40.0));

    // All grounds are one line each of one path, below the bars; a target that all share is one line too.
    let (mut y, mut grounds, at) = (sheet.height + 4.0, String::new(), sheet.body.len());
    let (top, shared) = (y, if chart.series.len() < 2 && !above { target(0) } else { None });
    for (c, category) in chart.categories.iter().enumerate() {
        sheet.open(&[("data-k", &category.code)]);
        if above {
            sheet.text(left, y + 11.0, Anchor::Start, &fit(&category.label, sheet.width - left));
            y += LINE * 0.9;
        } else {
            sheet.text(left - 6.0, y + BAR - 3.0, Anchor::End, &category.label);
        }
        grounds.push_str(&format!("M{} {}H{}", n(left), n(y + BAR / 2.0), n(x.at(x.high()))));
        if let Some(value) = values.value(c) {
            let reached = target(c).is_some_and(|t| value.position() >= t.position());
            rect(sheet, (left, x.at(value.position())), (y + 1.0, y + BAR - 1.0), color(if reached { REACHED } else { 0 }), chart.says(c, 0).as_deref());
        }
        if let Some(target) = target(c).filter(|_| shared.is_none()) {
            let (at, ink) = (x.at(target.position()), sheet.ink);
            sheet.line((at, y - 1.5), (at, y + BAR + 1.5), ink, &[("stroke-width", "2.2")]);
        }
        sheet.text(x.at(x.high()) + 6.0, y + BAR - 3.0, Anchor::Start, &texts[c]);
        sheet.close();
        y += BAR + 7.0;
    }
    let ground = format!("<path d=\"{grounds}\" stroke=\"{GRID}\" stroke-width=\"{}\"/>", n(BAR - 2.0));
    sheet.body.insert_str(at, &ground);
    if let Some(target) = shared {
        let (at, ink) = (x.at(target.position()), sheet.ink);
        sheet.line((at, top - 1.5), (at, y - 5.5), ink, &[("stroke-width", "1.6"), ("stroke-dasharray", "4 2")]);
    }
    sheet.height = y;
}

/// The value, with a tick where the target is reached.
fn text(chart: &Chart, category: usize, target: Option<f64>) -> String {
    let Some(value) = chart.series.first().and_then(|s| s.value(category)) else { return none(chart.language).to_owned() };
    let tick = if target.is_some_and(|t| value.position() >= t) { " ✓" } else { "" };
    format!("{}{tick}", chart.unit.short(value, chart.language))
}
