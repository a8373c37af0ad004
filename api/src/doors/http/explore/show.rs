//! The result of a summary as people read it: words for codes, and numbers as they are, to be written by the language of the page.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datasets::model::{Column, DatasetName, Type};
use futures::TryStreamExt;
use serde::Serialize;
use warehouse::session::Session;
use warehouse::session::summary::{EMPTY, Function, Key, Order, Part, Summary};
use warehouse::statement::Rows;

use super::ROWS;
use crate::accounts::stranger;
use crate::app::App;
use crate::doors::http::places::{self, Places};
use crate::doors::http::problem::{Problem, Result as Answer};
use crate::doors::http::reading::{label, say, snapshot};
use crate::site::words::Language;

/// Cells of the table on a page, and the least number of its rows.
const CELLS: usize = 1_200;
const LEAST: usize = 20;
/// Digits after the mark of a fraction that is not exact.
const DIGITS: usize = 4;
/// What stands for a value that is not there.
const NOTHING: &str = "–";

/// A result of at most [`ROWS`] rows.
#[derive(Serialize)]
pub struct Found {
    pub title: String,
    /// Titles of the columns that rows are grouped by.
    pub groups: Vec<String>,
    /// Title of the measured column; rows are counted without.
    pub of: Option<String>,
    /// Of the measured column, for sums and means of it: `€`, `%` or nothing.
    #[serde(skip)]
    pub unit: String,
    /// Titles of the measured columns: values across and then all, or one.
    pub measured: Vec<String>,
    pub rows: Vec<Row>,
    /// Of all rows together, those that are not shown too.
    pub total: Vec<Cell>,
    /// How many rows there are, shown or not.
    pub size: usize,
    pub across: bool,
    /// The first group is a time.
    pub temporal: bool,
    /// Parts of it add up to the whole.
    pub additive: bool,
    /// A sum or average goes over several years.
    pub years: bool,
    pub snapshot: BTreeMap<String, u64>,
}

#[derive(Serialize)]
pub struct Row {
    pub groups: Vec<String>,
    pub cells: Vec<Cell>,
}

/// A measured value; least and greatest may be text or dates.
#[derive(Clone, Serialize)]
pub struct Cell {
    /// The number, with all its digits and a point.
    pub exact: Option<String>,
    /// The same with as many digits as people read; what is no number, as it is.
    pub shown: String,
}

/// What the values of a column are called: by its code list, by the register of municipalities, or yes and no.
struct Words<'a> {
    app: &'a App,
    language: Language,
    list: Option<&'a str>,
    towns: Option<&'a Places>,
    boolean: bool,
}

pub async fn find(app: &App, session: Session, name: &DatasetName, summary: &Summary, language: Language) -> Answer<Found> {
    session.dataset(name)?;
    let by_town = summary.group.iter().chain(&summary.across).any(|key| key.column == "codice_istat");
    let mut tables = if by_town { places::tables(&places::TABLES)? } else { Vec::new() };
    tables.push(name.clone());
    let moment = app.warehouse.moment(tables).await?;
    let session = session.at(&moment);
    let limited = Summary { limit: Some(ROWS), ..summary.clone() };
    let all = Summary { group: Vec::new(), order: Order::Group, limit: None, ..summary.clone() };
    let (rows, total, size) = futures::try_join!(session.summary(name, &limited), session.summary(name, &all), session.summary_size(name, summary))?;
    let dataset = session.dataset(name)?;
    let column = |key: &Key| dataset.columns.iter().copied().find(|column| column.name == key.column);
    let towns = if by_town { Some(Places::read(&app.warehouse.session(&stranger()).await?.at(&moment)).await?) } else { None };
    let words = |key: &Key| Words::of(app, language, column(key).filter(|_| key.part.is_none()), towns.as_ref());
    let of_groups: Vec<Words> = summary.group.iter().map(words).collect();
    let head = rows.schema.fields().iter().skip(summary.group.len()).map(|field| field.name().clone());
    let of_across = summary.across.as_ref().map(words);
    let measured = head.map(|value| of_across.as_ref().map_or_else(|| value.clone(), |words| words.say(&value))).collect();
    let mut rows = read(rows, &of_groups).await?;
    // A wide table shows fewer rows, so that the page stays light.
    let width = rows.first().map_or(1, |row| row.groups.len() + row.cells.len());
    rows.truncate((CELLS / width).max(LEAST));
    let total = read(total, &[]).await?.pop().map(|row| row.cells).unwrap_or_default();
    let apart = summary.group.iter().chain(&summary.across).any(|key| key.column == "anno") || summary.filters.iter().any(|f| f.column == "anno");
    let adds = matches!(summary.function, Function::Sum | Function::Avg);
    Ok(Found {
        title: language.say(&dataset.contract.title).to_owned(),
        of: summary.column.as_ref().and_then(|name| dataset.columns.iter().find(|column| column.name == *name)).map(|c| language.say(&c.title).to_owned()),
        unit: unit(summary, &dataset.columns),
        groups: summary.group.iter().map(|key| heading(key, column(key), language)).collect(),
        measured,
        rows,
        total,
        size,
        across: summary.across.is_some(),
        temporal: summary.group.first().is_some_and(|key| key.part.is_some() || key.column == "anno"),
        additive: matches!(summary.function, Function::Sum | Function::Count),
        years: adds && !apart && dataset.contract.key.iter().any(|column| column == "anno"),
        snapshot: snapshot(&moment),
    })
}

fn heading(key: &Key, column: Option<&Column>, language: Language) -> String {
    let title = column.map_or(key.column.as_str(), |column| language.say(&column.title));
    match (key.part, language) {
        (None, _) => title.to_owned(),
        (Some(Part::Year), Language::Italian) => format!("{title} (anno)"),
        (Some(Part::Year), Language::English) => format!("{title} (year)"),
        (Some(Part::Month), Language::Italian) => format!("{title} (mese)"),
        (Some(Part::Month), Language::English) => format!("{title} (month)"),
    }
}

/// Counts have none.
fn unit(summary: &Summary, columns: &[&Column]) -> String {
    let measured = summary.column.as_ref().filter(|_| !matches!(summary.function, Function::Count | Function::Distinct));
    let unit = measured.and_then(|name| columns.iter().find(|column| column.name == *name)?.unit.as_deref());
    match unit {
        Some("EUR" | "euro") => "€",
        Some("%") => "%",
        _ => "",
    }
    .to_owned()
}

impl<'a> Words<'a> {
    fn of(app: &'a App, language: Language, column: Option<&'a Column>, towns: Option<&'a Places>) -> Self {
        Self {
            app,
            language,
            list: column.and_then(|column| column.code_list.as_deref()),
            towns: towns.filter(|_| column.is_some_and(|column| column.name == "codice_istat")),
            boolean: column.is_some_and(|column| column.r#type == Type::Boolean),
        }
    }

    fn say(&self, value: &str) -> String {
        if value == EMPTY {
            return NOTHING.to_owned();
        }
        if let Some(list) = self.list {
            return label(self.app, list, value, say(self.language));
        }
        if let Some(town) = self.towns.and_then(|places| places.comuni.get(value)) {
            return format!("{} ({value})", town.comune);
        }
        let key = match (self.boolean, value) {
            (true, "true") => "dataset_yes",
            (true, "false") => "dataset_no",
            _ => return value.to_owned(),
        };
        self.app.site.words(self.language).get(key).cloned().unwrap_or_else(|| value.to_owned())
    }
}

/// The columns that `groups` tell of stand first; what follows them was measured.
async fn read(rows: Rows, groups: &[Words<'_>]) -> Answer<Vec<Row>> {
    let batches: Vec<RecordBatch> = rows.batches.try_collect().await?;
    let options = FormatOptions::default().with_null(EMPTY);
    let mut found = Vec::new();
    for batch in &batches {
        let formatters = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options)).collect::<std::result::Result<Vec<_>, _>>();
        let formatters = formatters.map_err(|e| Problem::internal("explore.cell", e))?;
        for row in 0..batch.num_rows() {
            let text = |n: usize| formatters[n].value(row).to_string();
            let named = groups.iter().enumerate().map(|(n, words)| words.say(&text(n))).collect();
            let cells = (groups.len()..batch.num_columns()).map(|n| cell(batch.column(n), row, text(n))).collect();
            found.push(Row { groups: named, cells });
        }
    }
    Ok(found)
}

fn cell(column: &ArrayRef, row: usize, text: String) -> Cell {
    if column.is_null(row) {
        return Cell { exact: None, shown: NOTHING.to_owned() };
    }
    if *column.data_type() == DataType::Float64 {
        let value = column.as_primitive::<Float64Type>().value(row);
        if !value.is_finite() {
            return Cell { exact: None, shown: NOTHING.to_owned() };
        }
        let brief = format!("{value:.DIGITS$}");
        return Cell { exact: Some(value.to_string()), shown: brief.trim_end_matches('0').trim_end_matches('.').to_owned() };
    }
    Cell { exact: column.data_type().is_numeric().then(|| text.clone()), shown: text }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Decimal128Array, Float64Array, StringArray};

    use super::*;

    #[test]
    fn cents_are_kept_and_fractions_are_cut_where_people_stop_reading() {
        let shown = |column: ArrayRef, text: &str| {
            let cell = cell(&column, 0, text.to_owned());
            (cell.exact, cell.shown)
        };
        let money: ArrayRef = Arc::new(Decimal128Array::from(vec![123_456_789_012_345_678_i128]).with_precision_and_scale(22, 2).unwrap());
        assert_eq!(shown(money, "1234567890123456.78"), (Some("1234567890123456.78".into()), "1234567890123456.78".into()));
        let mean: ArrayRef = Arc::new(Float64Array::from(vec![37.0 / 3.0]));
        assert_eq!(shown(mean, ""), (Some("12.333333333333334".into()), "12.3333".into()));
        let whole: ArrayRef = Arc::new(Float64Array::from(vec![1e21]));
        assert_eq!(shown(whole, "1e21").1, "1000000000000000000000");
        let nothing: ArrayRef = Arc::new(Float64Array::from(vec![None]));
        assert_eq!(shown(nothing, EMPTY), (None, NOTHING.into()));
        let word: ArrayRef = Arc::new(StringArray::from(vec!["7"]));
        assert_eq!(shown(word, "7"), (None, "7".into()));
    }
}
