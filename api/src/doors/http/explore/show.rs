//! The result of a summary as people read it: words for codes, numbers of their language, and a picture of it.

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use dashboards::chart::{Category, Chart, Kind, Series, Unit};
use dashboards::number::Number;
use datasets::language::Language;
use datasets::model::DatasetName;
use futures::TryStreamExt;
use serde_json::{Value, json};
use warehouse::session::Session;
use warehouse::session::summary::{Function, Order, Part, Summary};
use warehouse::statement::Rows;

use super::ROWS;
use super::ask::Asked;
use crate::app::App;
use crate::doors::http::problem::{Problem, Result as Answer};
use crate::doors::http::reading::label;
use crate::site::words::Words;

/// Categories and series that a picture can hold and still be read.
const CATEGORIES: usize = 40;
const SERIES: usize = 6;
/// Digits after the mark of an average.
const DIGITS: u8 = 4;

/// A result of at most [`ROWS`] rows.
pub struct Found {
    dataset: DatasetName,
    title: String,
    /// Titles of the columns that rows are grouped by.
    groups: Vec<String>,
    /// Names of the measured columns: values across and all, or one.
    measured: Vec<String>,
    rows: Vec<Row>,
    /// Of all rows together.
    total: Vec<Cell>,
    whole: bool,
    across: bool,
    temporal: bool,
    additive: bool,
    /// A sum or average goes over several years.
    years: bool,
    snapshot: Vec<(String, u64)>,
}

struct Row {
    groups: Vec<String>,
    cells: Vec<Cell>,
}

/// A measured value; least and greatest may be text or dates.
#[derive(Clone)]
struct Cell {
    number: Option<Number>,
    shown: String,
}

pub async fn find(app: &App, session: Session, name: &DatasetName, summary: &Summary, language: Language) -> Answer<Found> {
    let session = session.at_once([name.clone()]).await?;
    let limited = Summary { limit: Some(ROWS + 1), ..summary.clone() };
    let all = Summary { group: Vec::new(), order: Order::Group, limit: None, ..summary.clone() };
    let (rows, total) = futures::try_join!(session.summary(name, &limited), session.summary(name, &all))?;
    let dataset = session.dataset(name)?;
    let (contract, columns) = (dataset.contract, &dataset.columns);
    let column = |name: &str| columns.iter().find(|column| column.name == name);
    let list = |name: &str| column(name).and_then(|column| column.code_list.clone());
    let lists: Vec<Option<String>> = summary.group.iter().map(|key| list(&key.column)).collect();
    let of_across = summary.across.as_ref().and_then(|key| list(&key.column));
    let head: Vec<String> = rows.schema.fields().iter().skip(summary.group.len()).map(|field| field.name().clone()).collect();
    let worded = |code: &String| of_across.as_ref().map_or_else(|| code.clone(), |list| label(app, list, code, language));
    let snapshot = rows.snapshot.clone().into_iter().collect();
    let words = |n: usize, code: String| lists[n].as_ref().map_or_else(|| code.clone(), |list| label(app, list, &code, language));
    let mut found = read(rows, summary.group.len(), language, words).await?;
    let whole = found.len() <= ROWS;
    found.truncate(ROWS);
    let total = read(total, 0, language, |_, code| code).await?.pop().map(|row| row.cells).unwrap_or_default();
    let title = |key: &warehouse::session::summary::Key| {
        let title = column(&key.column).map_or(key.column.as_str(), |column| column.title.get(language));
        match (key.part, language) {
            (None, _) => title.to_owned(),
            (Some(Part::Year), Language::It) => format!("{title} (anno)"),
            (Some(Part::Year), Language::En) => format!("{title} (year)"),
            (Some(Part::Month), Language::It) => format!("{title} (mese)"),
            (Some(Part::Month), Language::En) => format!("{title} (month)"),
        }
    };
    let temporal = |key: &warehouse::session::summary::Key| key.part.is_some() || key.column == "anno";
    let apart = summary.group.iter().chain(&summary.across).any(|key| key.column == "anno") || summary.filters.iter().any(|f| f.column == "anno");
    let adds = matches!(summary.function, Function::Sum | Function::Avg);
    Ok(Found {
        dataset: name.clone(),
        title: contract.title.get(language).to_owned(),
        groups: summary.group.iter().map(title).collect(),
        measured: head.iter().map(worded).collect(),
        rows: found,
        total,
        whole,
        across: summary.across.is_some(),
        temporal: summary.group.first().is_some_and(temporal),
        additive: matches!(summary.function, Function::Sum | Function::Count),
        years: adds && !apart && contract.key.iter().any(|column| column == "anno"),
        snapshot,
    })
}

async fn read(rows: Rows, groups: usize, language: Language, words: impl Fn(usize, String) -> String) -> Answer<Vec<Row>> {
    let batches: Vec<RecordBatch> = rows.batches.try_collect().await?;
    let options = FormatOptions::default().with_null("–");
    let mut found = Vec::new();
    for batch in &batches {
        let formatters = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options)).collect::<std::result::Result<Vec<_>, _>>();
        let formatters = formatters.map_err(|e| Problem::internal("explore.cell", e))?;
        for row in 0..batch.num_rows() {
            let text = |n: usize| formatters[n].value(row).to_string();
            let cell = |n: usize| cell(batch.column(n), row, text(n), language);
            found.push(Row { groups: (0..groups).map(|n| words(n, text(n))).collect(), cells: (groups..batch.num_columns()).map(cell).collect() });
        }
    }
    Ok(found)
}

fn cell(column: &ArrayRef, row: usize, text: String, language: Language) -> Cell {
    let number = (column.data_type().is_numeric() && !column.is_null(row)).then(|| Number::parse(&text)).flatten();
    let shown = number.map_or(text, |number| number.round(DIGITS).exact(0, language));
    Cell { number, shown }
}

impl Found {
    pub fn values(&self) -> Value {
        let cell = |cell: &Cell| json!({ "shown": cell.shown, "exact": cell.number.map(Number::plain) });
        let row = |row: &Row| json!({ "groups": row.groups, "cells": row.cells.iter().map(cell).collect::<Vec<_>>() });
        json!({
            "dataset": self.dataset.to_string(), "title": self.title, "groups": self.groups, "measured": self.measured, "across": self.across,
            "rows": self.rows.iter().map(row).collect::<Vec<_>>(), "total": self.total.iter().map(cell).collect::<Vec<_>>(),
            "count": self.rows.len(), "whole": self.whole, "years": self.years, "snapshot": self.snapshot,
        })
    }
}

/// A picture of the result, if one is wanted and it can be one: groups, numbers, and few enough of both.
pub fn chart(found: &Found, asked: &Asked, words: &Words, language: Language) -> Option<Chart> {
    let columns = found.measured.len();
    // The column over all values across is no series of its own.
    let series = if found.across { columns.checked_sub(1)? } else { columns };
    let fits = !found.groups.is_empty() && !found.rows.is_empty() && found.rows.len() <= CATEGORIES && (1..=SERIES).contains(&series);
    if asked.chart == "nessuno" || !fits || found.rows.iter().all(|row| row.cells.iter().all(|cell| cell.number.is_none())) {
        return None;
    }
    let kind = match asked.chart.as_str() {
        "linee" => Kind::Lines,
        "colonne" if found.across && found.additive => Kind::StackedColumns,
        "colonne" => Kind::Columns,
        "" if found.temporal && found.groups.len() == 1 && found.rows.len() > 2 => Kind::Lines,
        _ if found.across && found.additive => Kind::StackedBars,
        _ => Kind::Bars,
    };
    let measure = asked.values()["measure"].as_str().and_then(|name| words.get(&format!("expl_{name}"))).cloned().unwrap_or_default();
    let name = |n: usize| if found.across { found.measured[n].clone() } else { measure.clone() };
    let one = |n: usize| Series::new(name(n), found.rows.iter().map(|row| row.cells[n].number).collect());
    Some(Chart {
        id: "grafico".into(),
        kind,
        language,
        title: format!("{}: {measure}", found.title),
        description: found.groups.join(", "),
        unit: Unit { name: String::new(), decimals: 1 },
        by: found.groups.join(", "),
        categories: found.rows.iter().map(|row| Category::new(row.groups.join("/"), row.groups.join(", "))).collect(),
        series: (0..series).map(one).collect(),
        target: None,
    })
}
