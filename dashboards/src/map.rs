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
use crate::write::{Anchor, Sheet, n, wide};

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
    /// This district alone is drawn, larger.
    pub within: Option<String>,
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
        let value = self.values.get(code).map_or(draw::none(self.language).to_owned(), |v| self.unit.exact(*v, self.language));
        format!("{}: {value}", self.places.label(self.level, code))
    }
}

/// The map as an SVG document, to stand alone or inside a page.
pub fn svg(map: &Choropleth, boundaries: &Boundaries, theme: &Theme) -> String {
    let mut sheet = Sheet::new(&map.id, theme);
    if theme.standalone {
        draw::heading(&mut sheet, &map.title);
    }
    if map.values.is_empty() {
        draw::empty(&mut sheet, map.language);
    }
    let own = map.within.as_ref().map(|within| boundaries.of(|code| map.places.comuni.get(code).is_some_and(|(_, ambito)| ambito == within)));
    let boundaries = own.as_ref().filter(|own| own.codes().next().is_some()).unwrap_or(boundaries);
    let none = hatch(map, &mut sheet);
    let project = Projection::new(boundaries, &sheet);
    project.clip(map, &mut sheet);
    let districts = districts(map, boundaries);
    let classes = map.classes();
    let fills: Vec<&str> = std::iter::once(none.as_str()).chain(classes.iter().map(|class| class.color)).collect();
    let class = |code: &str| map.values.get(code).map_or(0, |value| class_of(&classes, *value));

    let thin = if map.level == Level::Comune { "1" } else { "2" };
    sheet.open(&[("clip-path", &format!("url(#{}-land)", map.id))]);
    sheet.open(&[("class", "siss-map"), ("transform", &project.transform()), ("stroke", "#ffffff"), ("stroke-width", thin), ("stroke-linejoin", "round")]);
    // Places of one shade stand together and name it once.
    for (i, fill) in fills.iter().enumerate() {
        sheet.open(&[("fill", fill)]);
        let mut place = |code: &str, rings: &[Vec<(f64, f64)>]| {
            // Within a page the table beside says the values: twice they would be a fifth of the page.
            let says = (theme.standalone || !map.values.contains_key(code)).then(|| map.says(code));
            sheet.element("path", &[("data-k", code), ("d", &project.path(rings))], says.as_deref());
        };
        match map.level {
            Level::Comune => boundaries.codes().filter(|code| class(code) == i).for_each(|code| place(code, &boundaries.comune(code))),
            Level::Ambito => {
                let of = districts.iter().filter(|(code, _)| class(code) == i);
                of.for_each(|(code, members)| place(code, &boundaries.outline(members.iter().copied())));
            }
        }
        sheet.close();
    }
    // Where districts part on municipalities; on districts the region's own outline.
    let group = |code: &str| match map.level {
        Level::Comune => map.places.comuni.get(code).map(|(_, ambito)| ambito.as_str()),
        Level::Ambito => None,
    };
    let lines = project.path(&boundaries.borders(group));
    sheet.element("path", &[("d", &lines), ("fill", "none"), ("stroke", GREY), ("stroke-width", "1.6")], None);
    sheet.close();
    sheet.close();

    let places = if map.level == Level::Comune { boundaries.codes().count() } else { districts.len() };
    let items = items(map, &classes, &none, places);
    legend(map, &mut sheet, &project, &items);
    sheet.height += 6.0;
    let description = format!("{} {}", map.description, summary(map));
    sheet.finish(&map.title, &description, theme)
}

/// Which shade a value has, the first being 1.
fn class_of(classes: &[Class], value: Number) -> usize {
    let value = value.position();
    classes.iter().position(|class| class.low.position() <= value && value <= class.high.position()).map_or(0, |i| i + 1)
}

/// Defines the fill of places without a value; its name.
fn hatch(map: &Choropleth, sheet: &mut Sheet) -> String {
    let id = format!("{}-none", map.id);
    sheet.body.push_str(&format!(
        "<defs><pattern id=\"{id}\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\"><rect width=\"6\" height=\"6\" fill=\"#f4f4f4\"/>\
         <path d=\"M0 6L6 0\" stroke=\"#9aa5b1\"/></pattern></defs>"
    ));
    format!("url(#{id})")
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

/// Fill and text of each line of the legend.
fn items(map: &Choropleth, classes: &[Class], none: &str, places: usize) -> Vec<(String, String)> {
    let language = map.language;
    let mut items: Vec<(String, String)> = Vec::new();
    for class in classes {
        let (low, high) = (map.unit.short(class.low, language), map.unit.short(class.high, language));
        let range = if low == high { high } else { format!("{} – {high}", bare(&low, &map.unit.name)) };
        items.push((class.color.to_owned(), format!("{range}  ({})", class.count)));
    }
    let without = places.saturating_sub(map.values.len());
    if without > 0 {
        items.push((none.to_owned(), format!("{}  ({without})", draw::none(language))));
    }
    items
}

/// A number without the unit that follows it: a range says it once.
fn bare<'a>(text: &'a str, unit: &str) -> &'a str {
    text.strip_suffix(unit).map_or(text, str::trim_end)
}

/// The legend lies in the sea where it is wide enough, else below.
fn legend(map: &Choropleth, sheet: &mut Sheet, project: &Projection, items: &[(String, String)]) {
    let counted = match (map.language, map.level) {
        (Language::It, Level::Comune) => "tra parentesi: quanti comuni",
        (Language::It, Level::Ambito) => "tra parentesi: quanti distretti",
        (Language::En, Level::Comune) => "in brackets: how many municipalities",
        (Language::En, Level::Ambito) => "in brackets: how many districts",
    };
    // Signs stand beside each number, words once above them.
    let unit = Some(&map.unit.name).filter(|unit| unit.chars().count() > 1).map(|unit| format!("{unit}; ")).unwrap_or_default();
    let explains = format!("{} ({unit}{counted})", map.name);
    let sea = if map.within.is_some() { (0.0, 0.0) } else { project.sea() };
    let widest = items.iter().map(|(_, text)| wide(text) + 40.0).fold(0.0, f64::max);
    let within = draw::lines_of(&explains, sea.0 - 8.0);
    let tall = (within.len() + items.len()) as f64 * draw::LINE + 8.0;
    let at_sea = widest <= sea.0 && tall <= sea.1 && within.iter().all(|line| wide(line) < sea.0);
    let lines = if at_sea { within } else { draw::lines_of(&explains, sheet.width - 8.0) };
    sheet.height = if at_sea { project.bottom - tall } else { project.bottom };
    for line in lines {
        sheet.height += draw::LINE;
        sheet.text_with(4.0, sheet.height, Anchor::Start, &line, &[("font-weight", "600")]);
    }
    for (fill, text) in items {
        sheet.height += draw::LINE;
        let y = n(sheet.height - 10.0);
        sheet.element("rect", &[("x", "4"), ("y", &y), ("width", "26"), ("height", "13"), ("fill", fill), ("stroke", GREY), ("stroke-width", "0.6")], None);
        sheet.text(38.0, sheet.height, Anchor::Start, text);
    }
    sheet.height = sheet.height.max(project.bottom);
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
    let head = heading(map);
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

/// The map's numbers for machines, the heading first.
pub fn data(map: &Choropleth) -> Vec<Vec<String>> {
    let mut rows = vec![vec!["codice".to_owned(), heading(map).to_owned(), map.name.clone()]];
    rows.extend(map.values.iter().map(|(code, value)| vec![code.clone(), map.places.label(map.level, code), value.plain()]));
    rows
}

fn heading(map: &Choropleth) -> &'static str {
    match (map.level, map.language) {
        (Level::Comune, Language::It) => "Comune",
        (Level::Comune, Language::En) => "Municipality",
        (Level::Ambito, Language::It) => "Distretto",
        (Level::Ambito, Language::En) => "District",
    }
}

/// Degrees to units: longitudes shortened as at the middle of the region, so that shapes are true.
struct Projection {
    west: f64,
    north: f64,
    scale: (f64, f64),
    top: f64,
    bottom: f64,
    width: f64,
}

/// Steps of a map's grid in one unit of the picture.
const STEPS: f64 = 2.0;

impl Projection {
    fn new(boundaries: &Boundaries, sheet: &Sheet) -> Self {
        let (west, south, east, north) = boundaries.extent();
        let shorter = ((south + north) / 2.0).to_radians().cos();
        // As wide as the sheet, but no taller than a page shows at once.
        let (across, down) = ((east - west).max(1e-6), (north - south).max(1e-6));
        let x = ((sheet.width - 8.0) / across).min(560.0 * shorter / down);
        let scale = (x, x / shorter);
        let top = sheet.height + 4.0;
        Self { west, north, scale, top, bottom: top + (north - south) * scale.1 + 4.0, width: (east - west) * x }
    }

    /// From the grid that paths are written in to units.
    fn transform(&self) -> String {
        format!("translate(4 {}) scale({})", n(self.top), n(1.0 / STEPS))
    }

    /// Where land may be drawn: a map that a reader enlarges must not cover its legend.
    fn clip(&self, map: &Choropleth, sheet: &mut Sheet) {
        let (top, tall, width) = (n(self.top - 4.0), n(self.bottom - self.top + 4.0), n(sheet.width));
        let clip = format!("<clipPath id=\"{}-land\"><rect y=\"{top}\" width=\"{width}\" height=\"{tall}\"/></clipPath>", map.id);
        sheet.body.push_str(&clip);
    }

    /// Width and height of the corner where Lazio has no land.
    fn sea(&self) -> (f64, f64) {
        (self.width * 0.52, (self.bottom - self.top) * 0.3)
    }

    /// Relative steps in whole steps of the grid: a third of the length of absolute ones. What is smaller than the grid is left out.
    fn path(&self, lines: &[Vec<(f64, f64)>]) -> String {
        let on_grid = |(x, y): &(f64, f64)| {
            let at = ((x - self.west) * self.scale.0, (self.north - y) * self.scale.1);
            ((at.0 * STEPS).round() as i64, (at.1 * STEPS).round() as i64)
        };
        let mut d = String::new();
        for line in lines {
            let mut points: Vec<(i64, i64)> = line.iter().map(on_grid).collect();
            let closed = points.first() == points.last() && points.len() > 2;
            points.dedup();
            if points.len() < 2 || (closed && points.len() < 4) {
                continue;
            }
            d.push_str(&format!("M{} {}l", points[0].0, points[0].1));
            if closed {
                points.pop();
            }
            for pair in points.windows(2) {
                let (dx, dy) = (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1);
                let glue = if d.ends_with('l') || dx < 0 { "" } else { " " };
                d.push_str(&format!("{glue}{dx}{}{dy}", if dy < 0 { "" } else { " " }));
            }
            if closed {
                d.push('z');
            }
        }
        d
    }
}
