//! The equal table of a picture: the same numbers, every digit of them.

use datasets::language::Language;

use crate::chart::{Chart, Kind, Unit};
use crate::number::Number;
use crate::scale::bounds;

/// A table to stand beside a picture.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Table {
    pub caption: String,
    /// The first names the rows.
    pub head: Vec<String>,
    pub rows: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Row {
    /// What the row is highlighted with.
    pub code: String,
    pub label: String,
    /// One per further column; empty where there is no value.
    pub cells: Vec<String>,
}

/// Places whose value is from `low` up to `high`.
#[derive(Clone, Debug, PartialEq)]
pub struct Bin {
    pub low: f64,
    pub high: f64,
    pub label: String,
    pub count: usize,
}

pub fn table(chart: &Chart) -> Table {
    if chart.kind == Kind::Histogram {
        return histogram(chart);
    }
    let (language, unit) = (chart.language, &chart.unit);
    let mut head = vec![chart.by.clone()];
    let banded: Vec<bool> = chart.series.iter().map(|s| s.bands.iter().any(Option::is_some)).collect();
    let (from, to) = bounds_of(language);
    for (series, banded) in chart.series.iter().zip(&banded) {
        head.push(titled(&series.name, unit));
        if *banded {
            head.extend([format!("{}, {from}", series.name), format!("{}, {to}", series.name)]);
        }
    }
    if let (Some(target), true) = (&chart.target, chart.series.len() < 2) {
        head.push(titled(&target.label, unit));
    }
    let shown = |value: Option<Number>| value.map(|v| v.exact(unit.decimals, language)).unwrap_or_default();
    let mut rows = Vec::with_capacity(chart.categories.len());
    for (c, category) in chart.categories.iter().enumerate() {
        let mut cells = Vec::new();
        for (series, banded) in chart.series.iter().zip(&banded) {
            cells.push(shown(series.value(c)));
            if *banded {
                cells.extend([shown(series.band(c).map(|b| b.0)), shown(series.band(c).map(|b| b.1))]);
            }
        }
        if let (Some(target), true) = (&chart.target, chart.series.len() < 2) {
            cells.push(shown(Some(target.value)));
        }
        rows.push(Row { code: category.code.clone(), label: category.label.clone(), cells });
    }
    Table { caption: chart.title.clone(), head, rows }
}

/// The chart's numbers for machines, the heading first. A histogram's are the values that it counts.
pub fn data(chart: &Chart) -> Vec<Vec<String>> {
    let aim = chart.target.as_ref().filter(|_| chart.series.len() < 2);
    let mut head = vec!["codice".to_owned(), chart.by.clone()];
    let banded: Vec<bool> = chart.series.iter().map(|s| s.bands.iter().any(Option::is_some)).collect();
    for (series, banded) in chart.series.iter().zip(&banded) {
        head.push(series.name.clone());
        if *banded {
            let (from, to) = bounds_of(chart.language);
            head.extend([format!("{}, {from}", series.name), format!("{}, {to}", series.name)]);
        }
    }
    head.extend(aim.map(|target| target.label.clone()));
    let mut rows = vec![head];
    let plain = |value: Option<Number>| value.map(Number::plain).unwrap_or_default();
    for (c, category) in chart.categories.iter().enumerate() {
        let mut row = vec![category.code.clone(), category.label.clone()];
        for (series, banded) in chart.series.iter().zip(&banded) {
            row.push(plain(series.value(c)));
            if *banded {
                row.extend([plain(series.band(c).map(|b| b.0)), plain(series.band(c).map(|b| b.1))]);
            }
        }
        row.extend(aim.map(|target| target.value.plain()));
        rows.push(row);
    }
    rows
}

/// The first series in classes of equal width with round bounds; the last holds its upper bound too.
pub fn classes(chart: &Chart) -> Vec<Bin> {
    let values: Vec<f64> = chart.series.first().into_iter().flat_map(|s| s.values.iter().flatten()).map(|v| v.position()).collect();
    let edges = bounds(&values);
    let shown = |edge: f64| {
        let text = format!("{edge:.6}");
        let number = Number::parse(text.trim_end_matches('0').trim_end_matches('.')).unwrap_or(Number::ZERO);
        number.exact(0, chart.language)
    };
    let last = edges.len().saturating_sub(2);
    let bin = |(i, pair): (usize, &[f64])| {
        let within = |v: &&f64| **v >= pair[0] && (**v < pair[1] || (i == last && **v <= pair[1]));
        Bin { low: pair[0], high: pair[1], label: format!("{}–{}", shown(pair[0]), shown(pair[1])), count: values.iter().filter(within).count() }
    };
    edges.windows(2).enumerate().map(bin).collect()
}

/// What the bounds of an estimate are called.
fn bounds_of(language: Language) -> (&'static str, &'static str) {
    match language {
        Language::It => ("da", "a"),
        Language::En => ("from", "to"),
    }
}

fn histogram(chart: &Chart) -> Table {
    let name = chart.series.first().map(|s| s.name.as_str()).unwrap_or_default();
    let count = match chart.language {
        Language::It => format!("{}: quanti", chart.by),
        Language::En => format!("{}: how many", chart.by),
    };
    let row = |bin: Bin| Row { code: String::new(), label: bin.label, cells: vec![bin.count.to_string()] };
    Table { caption: chart.title.clone(), head: vec![titled(name, &chart.unit), count], rows: classes(chart).into_iter().map(row).collect() }
}

fn titled(name: &str, unit: &Unit) -> String {
    if unit.name.is_empty() || name.contains(&format!("({})", unit.name)) { name.to_owned() } else { format!("{name} ({})", unit.name) }
}
