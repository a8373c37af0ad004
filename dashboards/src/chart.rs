//! A chart: what is shown, before it is drawn.

use datasets::language::Language;

use crate::number::Number;

/// The form for the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Horizontal bars, several series side by side: comparing places by name.
    Bars,
    /// Horizontal bars, the series of a place one after the other: parts of a whole.
    StackedBars,
    /// Vertical bars: a few years or bands.
    Columns,
    StackedColumns,
    /// Lines over time, with a band where values are estimates.
    Lines,
    /// How many places have how much: the first series, in classes of equal width.
    Histogram,
    /// Every place as a dot on one axis, a row for each series.
    Strip,
    /// One small line for each series, all on the same axes.
    Multiples,
    /// Two series back to back: ages of women and men.
    Pyramid,
    /// How far each place is: the first series against the second, or against the chart's target.
    Progress,
}

#[derive(Clone, Debug)]
pub struct Chart {
    /// Unique in its page; letters, digits and hyphens.
    pub id: String,
    pub kind: Kind,
    pub language: Language,
    pub title: String,
    /// One sentence: what is counted, for whom.
    pub description: String,
    pub unit: Unit,
    /// What the categories are, such as `Distretto`.
    pub by: String,
    pub categories: Vec<Category>,
    pub series: Vec<Series>,
    /// A value to be reached, drawn as a line.
    pub target: Option<Target>,
}

/// One place, year or band.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category {
    /// The same thing has the same code in every chart of a page: what is highlighted together.
    pub code: String,
    pub label: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    pub name: String,
    /// One per category; `None` where there is no value.
    pub values: Vec<Option<Number>>,
    /// Lower and upper bound of each value, where it is an estimate. Empty: none is.
    pub bands: Vec<Option<(Number, Number)>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub label: String,
    pub value: Number,
}

/// How numbers are written.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Unit {
    /// `%`, `€`, `posti`; empty for bare numbers.
    pub name: String,
    /// Digits after the mark beside a bar. Tables show every digit and at least these.
    pub decimals: u8,
}

impl Unit {
    /// In full: every digit, with its unit.
    pub fn exact(&self, value: Number, language: Language) -> String {
        self.with(value.exact(self.decimals, language), language)
    }

    /// Beside a bar: rounded, large sums in words.
    pub fn short(&self, value: Number, language: Language) -> String {
        let value = value.compact(self.decimals, language);
        if matches!(self.name.as_str(), "%" | "€") { self.with(value, language) } else { value }
    }

    fn with(&self, number: String, language: Language) -> String {
        match (self.name.as_str(), language) {
            ("", _) => number,
            ("€", Language::En) => match number.strip_prefix('\u{2212}') {
                Some(rest) => format!("\u{2212}€{rest}"),
                None => format!("€{number}"),
            },
            ("%", Language::En) => format!("{number}%"),
            (unit, _) => format!("{number}\u{a0}{unit}"),
        }
    }
}

impl Category {
    pub fn new(code: impl Into<String>, label: impl Into<String>) -> Self {
        Self { code: code.into(), label: label.into() }
    }
}

impl Series {
    pub fn new(name: impl Into<String>, values: Vec<Option<Number>>) -> Self {
        Self { name: name.into(), values, bands: Vec::new() }
    }

    pub fn value(&self, category: usize) -> Option<Number> {
        self.values.get(category).copied().flatten()
    }

    pub fn band(&self, category: usize) -> Option<(Number, Number)> {
        self.bands.get(category).copied().flatten()
    }
}

impl Chart {
    /// No value anywhere.
    pub fn is_empty(&self) -> bool {
        self.series.iter().all(|series| series.values.iter().all(Option::is_none))
    }

    /// What a mark says when it is pointed at or read aloud.
    pub fn says(&self, category: usize, series: usize) -> Option<String> {
        let (place, series) = (self.categories.get(category)?, self.series.get(series)?);
        let value = self.unit.exact(series.value(category)?, self.language);
        let name = if self.series.len() > 1 { format!("{}, {}", place.label, series.name) } else { place.label.clone() };
        let band = series.band(category).map(|(low, high)| {
            let (low, high) = (low.exact(self.unit.decimals, self.language), high.exact(self.unit.decimals, self.language));
            match self.language {
                Language::It => format!(" (stima, da {low} a {high})"),
                Language::En => format!(" (estimate, {low} to {high})"),
            }
        });
        Some(format!("{name}: {value}{}", band.unwrap_or_default()))
    }
}
