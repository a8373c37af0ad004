//! The picture of what the explorer found, where a picture says it better: few groups, few columns, and numbers.

use dashboards::chart::{Category, Chart, Kind, Series, Unit};
use dashboards::number::Number;
use datasets::language::Language;

use super::ask::Asked;
use super::show::{Cell, Found};
use crate::site::words::Words;

/// Categories and series that a picture can hold and still be read.
const CATEGORIES: usize = 40;
const SERIES: usize = 6;

/// `None` where none is wanted, or there is nothing to draw; the table says the same.
pub fn chart(found: &Found, asked: &Asked, words: &Words, language: Language) -> Option<Chart> {
    // The column over all values across is no series of its own.
    let series = if found.across { found.measured.len().checked_sub(1)? } else { found.measured.len() };
    let fits = !found.groups.is_empty() && found.size <= CATEGORIES && (1..=SERIES).contains(&series);
    if asked.chart == "nessuno" || !fits {
        return None;
    }
    let measure = asked.measure().and_then(|name| words.get(&format!("expl_{name}"))).cloned().unwrap_or_default();
    let name = |n: usize| if found.across { found.measured[n].clone() } else { measure.clone() };
    let number = |cell: &Cell| cell.exact.as_deref().and_then(Number::parse);
    let one = |n: usize| Series::new(name(n), found.rows.iter().map(|row| number(&row.cells[n])).collect());
    let chart = Chart {
        id: "grafico".into(),
        kind: kind(found, &asked.chart),
        language,
        title: format!("{}: {measure}", found.title),
        description: found.groups.join(", "),
        unit: Unit { name: found.unit.clone(), decimals: 0 },
        by: found.groups.join(", "),
        categories: found.rows.iter().map(|row| Category::new(row.groups.join("/"), row.groups.join(", "))).collect(),
        series: (0..series).map(one).collect(),
        target: None,
    };
    (!chart.is_empty()).then_some(chart)
}

fn kind(found: &Found, wanted: &str) -> Kind {
    let parts = found.across && found.additive;
    match wanted {
        "linee" => Kind::Lines,
        "colonne" if parts => Kind::StackedColumns,
        "colonne" => Kind::Columns,
        "barre" if parts => Kind::StackedBars,
        "barre" => Kind::Bars,
        _ if found.temporal && found.groups.len() == 1 && found.size > 2 => Kind::Lines,
        _ if parts => Kind::StackedBars,
        _ => Kind::Bars,
    }
}
