//! One file per form of chart; here what they share: legend, patterns, the empty chart, the sentence that sums it up.

mod axes;
mod bars;
mod columns;
mod histogram;
mod lines;
mod multiples;
mod progress;
mod pyramid;
mod strip;

use datasets::language::Language;

use crate::chart::{Chart, Kind};
use crate::theme::{GREY, TEXT, Theme, color, dash};
use crate::write::{Anchor, Sheet, n, wide};

/// Height of a line of text.
pub const LINE: f64 = TEXT * 1.45;
/// How much wider a heading is than text.
const BOLD: f64 = 1.35;

pub fn draw(chart: &Chart, theme: &Theme) -> String {
    let mut sheet = Sheet::new(&chart.id, theme);
    if theme.standalone {
        heading(&mut sheet, &chart.title);
    }
    if chart.is_empty() {
        empty(&mut sheet, chart.language);
        return finish(sheet, chart, theme);
    }
    match chart.kind {
        Kind::Bars => bars::draw(chart, &mut sheet, false),
        Kind::StackedBars => bars::draw(chart, &mut sheet, true),
        Kind::Columns => columns::draw(chart, &mut sheet, false),
        Kind::StackedColumns => columns::draw(chart, &mut sheet, true),
        Kind::Lines => lines::draw(chart, &mut sheet),
        Kind::Histogram => histogram::draw(chart, &mut sheet),
        Kind::Strip => strip::draw(chart, &mut sheet),
        Kind::Multiples => multiples::draw(chart, &mut sheet),
        Kind::Pyramid => pyramid::draw(chart, &mut sheet),
        Kind::Progress => progress::draw(chart, &mut sheet),
    }
    finish(sheet, chart, theme)
}

fn finish(mut sheet: Sheet, chart: &Chart, theme: &Theme) -> String {
    sheet.height += 6.0;
    sheet.finish(&chart.title, &format!("{} {}", chart.description, summary(chart)), theme)
}

/// A file of its own says what it is; within a page the heading around it does.
pub fn heading(sheet: &mut Sheet, title: &str) {
    for line in lines_of(title, (sheet.width - 12.0) / BOLD) {
        sheet.height += LINE * 1.2;
        sheet.text_with(4.0, sheet.height, Anchor::Start, &line, &[("font-weight", "700"), ("font-size", &n(TEXT * 1.15))]);
    }
    sheet.height += LINE * 0.6;
}

/// The text in lines no wider than `room`.
pub fn lines_of(text: &str, room: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if wide(line) + wide(word) + 4.0 <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// What stands where there is no value.
pub fn none(language: Language) -> &'static str {
    match language {
        Language::It => "nessun dato",
        Language::En => "no data",
    }
}

/// The target as an entry of a legend.
pub fn aim(chart: &Chart) -> Option<(Swatch, String)> {
    let target = chart.target.as_ref()?;
    Some((Swatch::Target, format!("{}: {}", target.label, chart.unit.short(target.value, chart.language))))
}

pub fn empty(sheet: &mut Sheet, language: Language) {
    let text = match language {
        Language::It => "Nessun dato per questa scelta.",
        Language::En => "No data for this choice.",
    };
    sheet.height += LINE * 2.0;
    sheet.text(4.0, sheet.height, Anchor::Start, text);
    sheet.height += LINE;
}

/// Least and greatest value with their places, for those who do not see the picture.
fn summary(chart: &Chart) -> String {
    let mut found: Vec<(f64, usize, usize)> = Vec::new();
    for (s, series) in chart.series.iter().enumerate() {
        found.extend((0..chart.categories.len()).filter_map(|c| Some((series.value(c)?.position(), c, s))));
    }
    let least = found.iter().min_by(|a, b| a.0.total_cmp(&b.0));
    let most = found.iter().max_by(|a, b| a.0.total_cmp(&b.0));
    let say = |mark: Option<&(f64, usize, usize)>| mark.and_then(|(_, c, s)| chart.says(*c, *s));
    match (say(least), say(most), chart.language) {
        (Some(least), Some(most), Language::It) if found.len() > 1 => format!("Il valore minore: {least}. Il maggiore: {most}."),
        (Some(least), Some(most), Language::En) if found.len() > 1 => format!("Least value: {least}. Greatest: {most}."),
        (Some(only), ..) => format!("{only}."),
        _ => String::new(),
    }
}

/// How a series is told apart in a legend.
#[derive(Clone, Copy)]
pub enum Swatch {
    Fill(usize),
    Line(usize),
    Target,
    Band,
}

/// Which swatches a chart's legend needs; none for a single series without a target.
pub fn legend(chart: &Chart, sheet: &mut Sheet, swatch: fn(usize) -> Swatch) {
    let mut items: Vec<(Swatch, String)> = Vec::new();
    if chart.series.len() > 1 {
        items.extend(chart.series.iter().enumerate().map(|(i, series)| (swatch(i), series.name.clone())));
    }
    if chart.series.iter().any(|series| series.bands.iter().any(Option::is_some)) {
        let text = match chart.language {
            Language::It => "stima, con il suo intervallo",
            Language::En => "estimate, with its interval",
        };
        items.push((Swatch::Band, text.to_owned()));
    }
    items.extend(aim(chart));
    write_legend(sheet, &items);
}

pub fn write_legend(sheet: &mut Sheet, items: &[(Swatch, String)]) {
    if items.is_empty() {
        return;
    }
    let (mut x, mut y) = (4.0, sheet.height + LINE);
    for (swatch, text) in items {
        let room = wide(text) + 36.0;
        if x > 4.0 && x + room > sheet.width {
            (x, y) = (4.0, y + LINE);
        }
        let top = y - 9.5;
        match swatch {
            Swatch::Fill(i) => {
                let fill = fill(&sheet.id, *i);
                sheet.element("rect", &[("x", &n(x)), ("y", &n(top)), ("width", "18"), ("height", "11"), ("fill", &fill)], None);
            }
            Swatch::Line(i) => {
                sheet.line((x, y - 4.0), (x + 18.0, y - 4.0), color(*i), &[("stroke-width", "2.4"), ("stroke-dasharray", dash(*i))]);
                marker(sheet, *i, x + 9.0, y - 4.0, None);
            }
            Swatch::Target => {
                let ink = sheet.ink;
                sheet.line((x + 9.0, top - 1.0), (x + 9.0, y + 3.0), ink, &[("stroke-width", "2"), ("stroke-dasharray", "4 2")]);
            }
            Swatch::Band => {
                sheet.element("rect", &[("x", &n(x)), ("y", &n(top)), ("width", "18"), ("height", "11"), ("fill", color(0)), ("fill-opacity", "0.18")], None);
                sheet.line((x, y - 4.0), (x + 18.0, y - 4.0), color(0), &[("stroke-width", "2"), ("stroke-dasharray", "2 2")]);
            }
        }
        sheet.text(x + 23.0, y, Anchor::Start, text);
        x += room;
    }
    sheet.height = y + 8.0;
}

/// The fill of series `i`: its colour, from the second on with a pattern that [`patterns`] defines.
pub fn fill(id: &str, i: usize) -> String {
    if i == 0 { color(0).to_owned() } else { format!("url(#{id}-p{i})") }
}

/// White lines and dots over the colours of all series but the first.
pub fn patterns(sheet: &mut Sheet, series: usize) {
    const SHAPES: [&str; 5] = ["M0 6L6 0M-1 1L1 -1M5 7L7 5", "M0 3H6", "M3 0V6", "M0 0L6 6M-1 5L1 7M5 -1L7 1", "M0 0L6 6M0 6L6 0"];
    if series < 2 {
        return;
    }
    sheet.body.push_str("<defs>");
    for i in 1..series {
        let (id, color, shape) = (&sheet.id, color(i), SHAPES[(i - 1) % SHAPES.len()]);
        let pattern = format!(
            "<pattern id=\"{id}-p{i}\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\"><rect width=\"6\" height=\"6\" fill=\"{color}\"/>\
             <path d=\"{shape}\" stroke=\"#ffffff\" stroke-opacity=\"0.75\" stroke-width=\"1.1\"/></pattern>"
        );
        sheet.body.push_str(&pattern);
    }
    sheet.body.push_str("</defs>");
}

/// The mark of a point of series `i`: circle, square, triangle, diamond.
pub fn marker(sheet: &mut Sheet, i: usize, x: f64, y: f64, title: Option<&str>) {
    let fill = color(i);
    let points = |list: [(f64, f64); 4]| list.map(|(dx, dy)| format!("{},{}", n(x + dx), n(y + dy))).join(" ");
    match i % 4 {
        0 => sheet.element("circle", &[("cx", &n(x)), ("cy", &n(y)), ("r", "3.2"), ("fill", fill)], title),
        1 => sheet.element("rect", &[("x", &n(x - 3.0)), ("y", &n(y - 3.0)), ("width", "6"), ("height", "6"), ("fill", fill)], title),
        2 => sheet.element("polygon", &[("points", &points([(0.0, -4.2), (4.0, 3.2), (-4.0, 3.2), (0.0, -4.2)])), ("fill", fill)], title),
        _ => sheet.element("polygon", &[("points", &points([(0.0, -4.4), (4.4, 0.0), (0.0, 4.4), (-4.4, 0.0)])), ("fill", fill)], title),
    }
}

/// A quiet remark below a chart.
pub fn remark(sheet: &mut Sheet, text: &str) {
    for line in lines_of(text, sheet.width - 8.0) {
        sheet.height += LINE;
        sheet.text_with(4.0, sheet.height, Anchor::Start, &line, &[("fill", GREY)]);
    }
}
