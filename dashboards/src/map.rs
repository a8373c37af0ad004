//! A map of municipalities or districts shaded by a value, with the legend's classes counted.

use std::collections::BTreeMap;

use datasets::language::Language;
use serde::{Deserialize, Serialize};

use crate::boundaries::Boundaries;
use crate::chart::Unit;
use crate::draw;
use crate::number::Number;
use crate::table::{Row, Table};
use crate::theme::{CLASSES, GREY, Theme};
use crate::write::{Anchor, Sheet, n};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Comune,
    Ambito,
}

#[derive(Clone, Debug)]
pub struct Choropleth {
    /// Unique in its page; letters, digits and hyphens.
    pub id: String,
    pub language: Language,
    pub title: String,
    pub description: String,
    pub unit: Unit,
    /// What the value is.
    pub name: String,
    pub level: Level,
    /// By ISTAT code of the municipality or code of the district; who is missing has no data.
    pub values: BTreeMap<String, Number>,
    pub places: Places,
}

/// The names of places, and which district each municipality is of.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// Name and district by ISTAT code.
    pub comuni: BTreeMap<String, (String, String)>,
    pub ambiti: BTreeMap<String, String>,
}

impl Places {
    /// What a place is called; its code when nobody knows.
    pub fn label(&self, level: Level, code: &str) -> String {
        match level {
            Level::Comune => self.comuni.get(code).map(|(name, _)| name.clone()),
            Level::Ambito => self.ambiti.get(code).cloned(),
        }
        .unwrap_or_else(|| code.to_owned())
    }
}

/// Values from `low` to `high`, both met, in one shade.
#[derive(Clone, Debug, PartialEq)]
pub struct Class {
    pub low: Number,
    pub high: Number,
    pub color: &'static str,
    pub count: usize,
}

impl Choropleth {
    /// At most five classes with about as many places each; equal values are never parted. The bounds are values that were met.
    pub fn classes(&self) -> Vec<Class> {
        let mut sorted: Vec<Number> = self.values.values().copied().collect();
        sorted.sort_by(|a, b| a.position().total_cmp(&b.position()));
        let mut groups: Vec<Vec<Number>> = Vec::new();
        let share = sorted.len().div_ceil(CLASSES.len()).max(1);
        for value in sorted {
            match groups.last_mut() {
                Some(group) if group.len() < share || group.last().is_some_and(|last| last.position() == value.position()) => group.push(value),
                _ => groups.push(vec![value]),
            }
        }
        let count = groups.len();
        let class = |(i, group): (usize, Vec<Number>)| {
            // Few classes take the ends and the middle of the scale.
            let shade = if count < 2 { 2 } else { i * (CLASSES.len() - 1) / (count - 1) };
            Some(Class { low: *group.first()?, high: *group.last()?, color: CLASSES[shade], count: group.len() })
        };
        groups.into_iter().enumerate().filter_map(class).collect()
    }

    fn says(&self, code: &str) -> String {
        let none = match self.language {
            Language::It => "nessun dato",
            Language::En => "no data",
        };
        let value = self.values.get(code).map_or(none.to_owned(), |v| self.unit.exact(*v, self.language));
        format!("{}: {value}", self.places.label(self.level, code))
    }
}

/// The map as an SVG document, to stand alone or inside a page.
pub fn svg(map: &Choropleth, boundaries: &Boundaries, theme: &Theme) -> String {
    let mut sheet = Sheet::new(&map.id, theme);
    if theme.standalone {
        draw::heading(&mut sheet, &map.title);
    }
    let classes = map.classes();
    let hatch = format!("{}-none", map.id);
    sheet.body.push_str(&format!(
        "<defs><pattern id=\"{hatch}\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\"><rect width=\"5\" height=\"5\" fill=\"#f4f4f4\"/>\
         <path d=\"M0 5L5 0\" stroke=\"#9aa5b1\" stroke-width=\"0.8\"/></pattern></defs>"
    ));
    let none = format!("url(#{hatch})");
    if map.values.is_empty() {
        draw::empty(&mut sheet, map.language);
    }
    let project = Projection::new(boundaries, &sheet);
    let districts = districts(map, boundaries);
    let shade = |code: &str| {
        let value = map.values.get(code).map(|v| v.position())?;
        classes.iter().find(|c| c.low.position() <= value && value <= c.high.position()).map(|c| c.color)
    };
    sheet.open(&[("stroke", "#ffffff"), ("stroke-width", if map.level == Level::Comune { "0.5" } else { "1" }), ("stroke-linejoin", "round")]);
    let mut place = |code: &str, rings: &[Vec<(f64, f64)>]| {
        let (d, fill) = (project.path(rings), shade(code).unwrap_or(&none));
        sheet.element("path", &[("class", "siss-mark"), ("data-k", code), ("d", &d), ("fill", fill)], Some(&map.says(code)));
    };
    match map.level {
        Level::Comune => boundaries.codes().for_each(|code| place(code, &boundaries.comune(code))),
        Level::Ambito => districts.iter().for_each(|(code, members)| place(code, &boundaries.outline(members.iter().copied()))),
    }
    sheet.close();
    // Where districts part: thin on municipalities, and the region's own outline on both.
    if map.level == Level::Comune {
        let lines: String = districts.values().map(|members| project.path(&boundaries.outline(members.iter().copied()))).collect();
        sheet.element("path", &[("d", &lines), ("fill", "none"), ("stroke", GREY), ("stroke-width", "0.7")], None);
    }
    let region = project.path(&boundaries.outline(boundaries.codes()));
    sheet.element("path", &[("d", &region), ("fill", "none"), ("stroke", GREY), ("stroke-width", "0.9")], None);
    sheet.height = project.bottom;
    legend(map, &mut sheet, &classes, &none, districts.len(), boundaries.codes().count());
    sheet.height += 6.0;
    let description = format!("{} {}", map.description, summary(map));
    sheet.finish(&map.title, &description, theme)
}

/// The municipalities of each district that are on the map.
fn districts<'a>(map: &'a Choropleth, boundaries: &'a Boundaries) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut districts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for code in boundaries.codes() {
        if let Some((_, ambito)) = map.places.comuni.get(code) {
            districts.entry(ambito).or_default().push(code);
        }
    }
    districts
}

fn legend(map: &Choropleth, sheet: &mut Sheet, classes: &[Class], none: &str, districts: usize, comuni: usize) {
    let places = match map.level {
        Level::Comune => comuni,
        Level::Ambito => districts,
    };
    let language = map.language;
    let mut rows: Vec<(String, String)> = Vec::new();
    for class in classes {
        let (low, high) = (map.unit.exact(class.low, language), map.unit.exact(class.high, language));
        let range = if low == high { low } else { format!("{} – {high}", class.low.exact(map.unit.decimals, language)) };
        rows.push((class.color.to_owned(), format!("{range}  ({})", class.count)));
    }
    let without = places.saturating_sub(map.values.len());
    if without > 0 {
        let text = if language == Language::It { "nessun dato" } else { "no data" };
        rows.push((none.to_owned(), format!("{text}  ({without})")));
    }
    let explains = match (language, map.level) {
        (Language::It, Level::Comune) => format!("{} (tra parentesi: quanti comuni)", map.name),
        (Language::It, Level::Ambito) => format!("{} (tra parentesi: quanti distretti)", map.name),
        (Language::En, Level::Comune) => format!("{} (in brackets: how many municipalities)", map.name),
        (Language::En, Level::Ambito) => format!("{} (in brackets: how many districts)", map.name),
    };
    for line in draw::lines_of(&explains, sheet.width - 8.0) {
        sheet.height += draw::LINE;
        sheet.text_with(4.0, sheet.height, Anchor::Start, &line, &[("font-weight", "600")]);
    }
    for (fill, text) in rows {
        sheet.height += draw::LINE;
        let y = n(sheet.height - 10.0);
        sheet.element("rect", &[("x", "4"), ("y", &y), ("width", "26"), ("height", "13"), ("fill", &fill), ("stroke", GREY), ("stroke-width", "0.6")], None);
        sheet.text(38.0, sheet.height, Anchor::Start, &text);
    }
}

fn summary(map: &Choropleth) -> String {
    let by = |a: &(&String, &Number), b: &(&String, &Number)| a.1.position().total_cmp(&b.1.position());
    let least = map.values.iter().min_by(by).map(|(code, _)| map.says(code));
    let most = map.values.iter().max_by(by).map(|(code, _)| map.says(code));
    match (least, most, map.language) {
        (Some(least), Some(most), Language::It) => format!("Il valore minore: {least}. Il maggiore: {most}."),
        (Some(least), Some(most), Language::En) => format!("Least value: {least}. Greatest: {most}."),
        _ => String::new(),
    }
}

/// The equal table: every place that has a value, from much to little.
pub fn table(map: &Choropleth) -> Table {
    let head = match (map.level, map.language) {
        (Level::Comune, Language::It) => "Comune",
        (Level::Comune, Language::En) => "Municipality",
        (Level::Ambito, Language::It) => "Distretto",
        (Level::Ambito, Language::En) => "District",
    };
    let mut values: Vec<(&String, &Number)> = map.values.iter().collect();
    values.sort_by(|a, b| b.1.position().total_cmp(&a.1.position()));
    let row = |(code, value): (&String, &Number)| Row {
        code: code.clone(),
        label: map.places.label(map.level, code),
        cells: vec![value.exact(map.unit.decimals, map.language)],
    };
    let unit = if map.unit.name.is_empty() { map.name.clone() } else { format!("{} ({})", map.name, map.unit.name) };
    Table { caption: map.title.clone(), head: vec![head.to_owned(), unit], rows: values.into_iter().map(row).collect() }
}

/// Degrees to units: longitudes shortened as at the middle of the region, so that shapes are true.
struct Projection {
    west: f64,
    north: f64,
    scale: (f64, f64),
    top: f64,
    bottom: f64,
}

impl Projection {
    fn new(boundaries: &Boundaries, sheet: &Sheet) -> Self {
        let (west, south, east, north) = boundaries.extent();
        let shorter = ((south + north) / 2.0).to_radians().cos();
        // As wide as the sheet, but no taller than a page shows at once.
        let x = ((sheet.width - 8.0) / (east - west)).min(560.0 * shorter / (north - south));
        let scale = (x, x / shorter);
        let top = sheet.height + 4.0;
        Self { west, north, scale, top, bottom: top + (north - south) * scale.1 + 4.0 }
    }

    /// Relative steps in tenths of a unit: a third of the length of absolute ones.
    fn path(&self, rings: &[Vec<(f64, f64)>]) -> String {
        let tenths = |(x, y): &(f64, f64)| {
            let (x, y) = (4.0 + (x - self.west) * self.scale.0, self.top + (self.north - y) * self.scale.1);
            ((x * 10.0).round() as i64, (y * 10.0).round() as i64)
        };
        let mut d = String::new();
        for ring in rings {
            let mut at: Option<(i64, i64)> = None;
            for point in ring.iter().map(tenths) {
                match at {
                    None => d.push_str(&format!("M{} {}l", tenth(point.0), tenth(point.1))),
                    Some(before) if before == point => continue,
                    Some((x, y)) => {
                        let (dx, dy) = (tenth(point.0 - x), tenth(point.1 - y));
                        let glue = if d.ends_with('l') || dx.starts_with('-') { "" } else { " " };
                        d.push_str(&format!("{glue}{dx}{}{dy}", if dy.starts_with('-') { "" } else { " " }));
                    }
                }
                at = Some(point);
            }
            d.push('z');
        }
        d
    }
}

/// Tenths as a number, `.5` for a half.
fn tenth(tenths: i64) -> String {
    let (sign, size) = (if tenths < 0 { "-" } else { "" }, tenths.unsigned_abs());
    match (size / 10, size % 10) {
        (whole, 0) => format!("{sign}{whole}"),
        (0, rest) => format!("{sign}.{rest}"),
        (whole, rest) => format!("{sign}{whole}.{rest}"),
    }
}
