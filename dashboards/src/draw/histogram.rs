//! How many places have how much.

use datasets::language::Language;

use crate::chart::Chart;
use crate::draw::axes::{Frame, label, rect};
use crate::draw::{aim, remark, write_legend};
use crate::table::classes;
use crate::theme::color;
use crate::write::{Anchor, Sheet, wide};

pub fn draw(chart: &Chart, sheet: &mut Sheet) {
    write_legend(sheet, &aim(chart).into_iter().collect::<Vec<_>>());
    let bins = classes(chart);
    // Heights are counts: they have the unit of nothing.
    let counts = Chart { unit: Default::default(), ..chart.clone() };
    let frame = Frame::new(&counts, sheet, bins.iter().map(|bin| bin.count as f64), true);
    let step = (frame.right - frame.left) / bins.len().max(1) as f64;
    let every = (bins.iter().map(|bin| wide(&label(chart, bin.low))).fold(0.0, f64::max) + 10.0) / step;
    let every = every.ceil().max(1.0) as usize;
    for (i, bin) in bins.iter().enumerate() {
        let x = frame.left + step * i as f64;
        let says = format!("{}: {}", bin.label, bin.count);
        rect(sheet, (x + 0.7, x + step - 0.7), (frame.y.at(0.0), frame.y.at(bin.count as f64)), color(0), Some(&says));
        if bin.count > 0 {
            sheet.text(x + step / 2.0, frame.y.at(bin.count as f64) - 4.0, Anchor::Middle, &bin.count.to_string());
        }
        if i % every == 0 {
            sheet.text(x, frame.bottom + 17.0, Anchor::Middle, &label(chart, bin.low));
        }
    }
    if let Some(target) = &chart.target
        && let (Some(first), Some(last)) = (bins.first(), bins.last())
    {
        let x = frame.left + (target.value.position() - first.low) / (last.high - first.low) * (frame.right - frame.left);
        if (frame.left..=frame.right).contains(&x) {
            let ink = sheet.ink;
            sheet.line((x, frame.top), (x, frame.bottom), ink, &[("stroke-width", "1.6"), ("stroke-dasharray", "4 2")]);
        }
    }
    sheet.height = frame.bottom + 22.0;
    let text = match chart.language {
        Language::It => format!("In ascissa: {}{}; in ordinata: quanti.", name(chart), unit(chart)),
        Language::En => format!("Across: {}{}; up: how many.", name(chart), unit(chart)),
    };
    remark(sheet, &text);
}

fn name(chart: &Chart) -> &str {
    chart.series.first().map_or("", |series| &series.name)
}

fn unit(chart: &Chart) -> String {
    if chart.unit.name.is_empty() || name(chart).contains(&chart.unit.name) { String::new() } else { format!(" ({})", chart.unit.name) }
}
