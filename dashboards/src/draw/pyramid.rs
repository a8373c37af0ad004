//! Two series back to back over bands of age, the youngest at the foot.

use crate::chart::Chart;
use crate::draw::axes::{label, rect};
use crate::draw::{LINE, fill, patterns};
use crate::scale::{Scale, extent};
use crate::theme::{GREY, GRID};
use crate::write::{Anchor, Sheet, wide};

const BAR: f64 = 13.0;

pub fn draw(chart: &Chart, sheet: &mut Sheet) {
    patterns(sheet, 2.min(chart.series.len()));
    let middle = chart.categories.iter().map(|c| wide(&c.label)).fold(0.0, f64::max) + 12.0;
    let half = (sheet.width - middle) / 2.0 - 8.0;
    let values = chart.series.iter().take(2).flat_map(|s| s.values.iter().flatten()).map(|v| v.position());
    let high = extent(values).map_or(1.0, |(_, high)| high);
    let sides = [Scale::new(0.0, high, 8.0 + half, 8.0), Scale::new(0.0, high, 8.0 + half + middle, sheet.width - 8.0)];

    sheet.height += LINE;
    for (s, series) in chart.series.iter().take(2).enumerate() {
        let (at, anchor) = if s == 0 { (8.0 + half, Anchor::End) } else { (8.0 + half + middle, Anchor::Start) };
        sheet.text_with(at, sheet.height, anchor, &series.name, &[("font-weight", "600")]);
    }
    let top = sheet.height + 6.0;
    let bottom = top + chart.categories.len() as f64 * BAR;
    for side in &sides {
        for step in side.steps(3) {
            sheet.line((side.at(step), top), (side.at(step), bottom + 2.0), GRID, &[("stroke-width", "1")]);
            let text = label(chart, step);
            let x = side.at(step).clamp(wide(&text) / 2.0, sheet.width - wide(&text) / 2.0);
            sheet.text_with(x, bottom + LINE, Anchor::Middle, &text, &[("fill", GREY)]);
        }
    }
    for (c, category) in chart.categories.iter().enumerate() {
        let y = bottom - (c as f64 + 1.0) * BAR;
        sheet.open(&[("data-k", &category.code)]);
        sheet.text(8.0 + half + middle / 2.0, y + BAR - 2.5, Anchor::Middle, &category.label);
        for (s, side) in sides.iter().enumerate() {
            let Some(value) = chart.series.get(s).and_then(|series| series.value(c)) else { continue };
            rect(sheet, (side.at(0.0), side.at(value.position())), (y, y + BAR - 1.0), &fill(&sheet.id, s), chart.says(c, s).as_deref());
        }
        sheet.close();
    }
    sheet.height = bottom + LINE + 4.0;
}
