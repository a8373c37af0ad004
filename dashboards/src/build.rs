//! From a panel and the rows of its answer to what is drawn.

use std::collections::BTreeMap;

use arrow_array::RecordBatch;
use datasets::catalog::Catalog;
use datasets::language::Language;

use crate::board::{Form, Panel};
use crate::boundaries::Boundaries;
use crate::chart::{Category, Chart, Kind, Series, Target, Unit};
use crate::map::{Choropleth, Level, Places};
use crate::number::Number;
use crate::rows::Rows;
use crate::table::Table;
use crate::theme::Theme;
use crate::{map, table};

/// A chart or a map.
#[derive(Clone, Debug)]
pub enum Drawing {
    Chart(Box<Chart>),
    Map(Box<Choropleth>),
}

/// What codes are called.
pub struct Names<'a> {
    pub catalog: &'a Catalog,
    pub places: &'a Places,
    pub language: Language,
    /// The district that was chosen: maps show it alone.
    pub within: Option<&'a str>,
}

impl Drawing {
    pub fn svg(&self, boundaries: &Boundaries, theme: &Theme) -> String {
        match self {
            Self::Chart(chart) => crate::svg(chart, theme),
            Self::Map(map) => map::svg(map, boundaries, theme),
        }
    }

    /// The equal table.
    pub fn table(&self) -> Table {
        match self {
            Self::Chart(chart) => table::table(chart),
            Self::Map(map) => map::table(map),
        }
    }

    /// The same numbers for machines: codes beside names, a point before decimals, no unit.
    pub fn data(&self) -> Vec<Vec<String>> {
        match self {
            Self::Chart(chart) => table::data(chart),
            Self::Map(map) => map::data(map),
        }
    }
}

impl Names<'_> {
    fn label(&self, list: Option<&String>, code: &str) -> String {
        let none = match self.language {
            Language::It => "non indicato",
            Language::En => "not given",
        };
        if code.is_empty() {
            return none.to_owned();
        }
        let text = match list.map(String::as_str) {
            None => None,
            Some("comuni") => return self.places.label(Level::Comune, code),
            // Districts are known by their code; their names are long and all begin alike.
            Some("ambiti") => None,
            Some("mesi") => return month(code, self.language),
            Some("indicatori") => self.catalog.indicators.values().find(|indicator| indicator.name.name == code).map(|indicator| indicator.title.clone()),
            Some(list) => self.catalog.code_lists.get(list).and_then(|list| list.label(code)),
        };
        text.map_or_else(|| code.to_owned(), |text| text.get(self.language).to_owned())
    }
}

/// `3` or `2026-03-01` as the month's name.
fn month(code: &str, language: Language) -> String {
    const MONTHS: [[&str; 12]; 2] = [
        ["gen", "feb", "mar", "apr", "mag", "giu", "lug", "ago", "set", "ott", "nov", "dic"],
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    ];
    let (year, month) = code.split_once('-').map_or((None, code), |(year, rest)| (Some(year), rest.split('-').next().unwrap_or_default()));
    let names = &MONTHS[usize::from(language == Language::En)];
    let name = month.parse::<usize>().ok().and_then(|month| names.get(month.checked_sub(1)?));
    match (name, year) {
        (Some(name), Some(year)) => format!("{name} {year}"),
        (Some(name), None) => (*name).to_owned(),
        (None, _) => code.to_owned(),
    }
}

/// What a panel shows of its answer.
/// Errors: a column that the panel names and the answer has not.
pub fn drawing(panel: &Panel, batches: &[RecordBatch], names: &Names) -> Result<Drawing, String> {
    let rows = Rows(batches);
    if batches.iter().all(|batch| batch.num_rows() == 0) {
        return Ok(Drawing::Chart(Box::new(frame(panel, names, panel.chart.kind().unwrap_or(Kind::Bars)))));
    }
    let codes = rows.texts(&panel.category)?;
    if panel.chart == Form::Map {
        return choropleth(panel, &rows, codes, names);
    }
    let mut chart = frame(panel, names, panel.chart.kind().unwrap_or(Kind::Bars));
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for code in &codes {
        if !places.contains_key(code.as_str()) {
            places.insert(code, chart.categories.len());
            chart.categories.push(Category::new(code, names.label(panel.labels.as_ref(), code)));
        }
    }
    let count = chart.categories.len();
    for column in &panel.series {
        let values = rows.numbers(&column.column)?;
        let bounds = match (&column.low, &column.high) {
            (Some(low), Some(high)) => rows.numbers(low)?.into_iter().zip(rows.numbers(high)?).map(|(low, high)| low.zip(high)).collect(),
            _ => vec![None; values.len()],
        };
        let splits = panel.split.as_ref().map(|split| rows.texts(split)).transpose()?;
        for (row, code) in codes.iter().enumerate() {
            let name = match &splits {
                Some(splits) => names.label(panel.split_labels.as_ref(), &splits[row]),
                None => column.title.get(names.language).to_owned(),
            };
            let at = chart.series.iter().position(|series| series.name == name).unwrap_or_else(|| {
                chart.series.push(Series { name, values: vec![None; count], bands: vec![None; count] });
                chart.series.len() - 1
            });
            let place = places[code.as_str()];
            chart.series[at].values[place] = values[row];
            chart.series[at].bands[place] = bounds[row];
        }
    }
    for series in chart.series.iter_mut().filter(|series| series.bands.iter().all(Option::is_none)) {
        series.bands.clear();
    }
    if let Some(column) = &panel.target {
        aim(&mut chart, rows.numbers(column)?, &codes, &places, names.language);
    }
    Ok(Drawing::Chart(Box::new(chart)))
}

/// One target for all is a line; one for each place is a series beside.
fn aim(chart: &mut Chart, targets: Vec<Option<Number>>, codes: &[String], places: &BTreeMap<&str, usize>, language: Language) {
    let label = match language {
        Language::It => "Obiettivo",
        Language::En => "Target",
    };
    let Some(first) = targets.iter().flatten().next().copied() else { return };
    if targets.iter().all(|target| *target == Some(first)) {
        chart.target = Some(Target { label: label.to_owned(), value: first });
        return;
    }
    let mut values = vec![None; chart.categories.len()];
    for (code, target) in codes.iter().zip(targets) {
        values[places[code.as_str()]] = target;
    }
    chart.series.push(Series::new(label, values));
}

fn choropleth(panel: &Panel, rows: &Rows, codes: Vec<String>, names: &Names) -> Result<Drawing, String> {
    let column = panel.series.first().ok_or("the panel has no series")?;
    let values = codes.into_iter().zip(rows.numbers(&column.column)?).filter_map(|(code, value)| Some((code, value?))).collect();
    Ok(Drawing::Map(Box::new(Choropleth {
        id: panel.name.replace('_', "-"),
        language: names.language,
        title: panel.title.get(names.language).to_owned(),
        description: panel.description.get(names.language).to_owned(),
        unit: unit(panel, names.language),
        name: column.title.get(names.language).to_owned(),
        level: panel.level.unwrap_or(Level::Comune),
        values,
        within: names.within.map(str::to_owned),
        places: names.places.clone(),
    })))
}

fn frame(panel: &Panel, names: &Names, kind: Kind) -> Chart {
    Chart {
        id: panel.name.replace('_', "-"),
        kind,
        language: names.language,
        title: panel.title.get(names.language).to_owned(),
        description: panel.description.get(names.language).to_owned(),
        unit: unit(panel, names.language),
        by: panel.by.get(names.language).to_owned(),
        categories: Vec::new(),
        series: Vec::new(),
        target: None,
    }
}

fn unit(panel: &Panel, language: Language) -> Unit {
    let english = panel.unit_en.as_ref().filter(|_| language == Language::En);
    Unit { name: english.unwrap_or(&panel.unit).clone(), decimals: panel.decimals }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_have_names() {
        assert_eq!(month("3", Language::It), "mar");
        assert_eq!(month("2026-12-01", Language::En), "Dec 2026");
        assert_eq!(month("13", Language::It), "13");
        assert_eq!(month("0", Language::It), "0");
    }
}
