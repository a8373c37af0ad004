//! A dashboard: one file `dashboards/<name>.toml` of panels, each a question and the form of its answer.

use std::collections::{BTreeMap, BTreeSet};

use datasets::contract::tables;
use datasets::model::{DatasetName, Text};
use serde::{Deserialize, Serialize};

use crate::chart::Kind;
use crate::map::Level;

/// What a reader may choose; the query of a panel names it as `$anno`, `$ambito`, `$comune`, `$utenza`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Filter {
    Anno,
    Ambito,
    Comune,
    Utenza,
}

impl Filter {
    pub const ALL: [Self; 4] = [Self::Anno, Self::Ambito, Self::Comune, Self::Utenza];

    /// As in addresses and queries.
    pub fn name(self) -> &'static str {
        match self {
            Self::Anno => "anno",
            Self::Ambito => "ambito",
            Self::Comune => "comune",
            Self::Utenza => "utenza",
        }
    }
}

/// One file of this folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dashboard {
    /// From the file's name.
    #[serde(skip)]
    pub name: String,
    /// Where it stands in the list.
    pub order: i64,
    pub title: Text,
    pub description: Text,
    /// The years to choose from: one column, the newest is what is shown when nobody chooses.
    pub years: String,
    /// Most readers of its data have those of their own district only: it is what is shown to them, and what they may choose.
    #[serde(default)]
    pub own: bool,
    #[serde(rename = "panel")]
    pub panels: Vec<Panel>,
}

/// How a panel is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    Bars,
    StackedBars,
    Columns,
    StackedColumns,
    Lines,
    Histogram,
    Strip,
    Multiples,
    Pyramid,
    Progress,
    Map,
}

impl Form {
    /// `None` for a map.
    pub fn kind(self) -> Option<Kind> {
        Some(match self {
            Self::Bars => Kind::Bars,
            Self::StackedBars => Kind::StackedBars,
            Self::Columns => Kind::Columns,
            Self::StackedColumns => Kind::StackedColumns,
            Self::Lines => Kind::Lines,
            Self::Histogram => Kind::Histogram,
            Self::Strip => Kind::Strip,
            Self::Multiples => Kind::Multiples,
            Self::Pyramid => Kind::Pyramid,
            Self::Progress => Kind::Progress,
            Self::Map => return None,
        })
    }
}

/// `[[panel]]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Panel {
    /// Its address: `/cruscotti/<dashboard>/<name>.svg`.
    pub name: String,
    pub title: Text,
    pub description: Text,
    pub chart: Form,
    /// The question; this or `indicator`.
    #[serde(default)]
    pub sql: String,
    /// An indicator by its name in `leps`: by year for a line, else the places of `level` in the year chosen.
    pub indicator: Option<String>,
    /// Of a map's places, or of an indicator's.
    pub level: Option<Level>,
    /// Column that names the categories.
    #[serde(default)]
    pub category: String,
    /// Heading of that column.
    pub by: Text,
    /// What its codes mean: a code list, or `comuni`, `ambiti`, `indicatori`, `mesi`.
    pub labels: Option<String>,
    /// Column whose values are the series, with what they mean; its numbers are in the one `[[panel.series]]`.
    pub split: Option<String>,
    pub split_labels: Option<String>,
    /// Column with the target.
    pub target: Option<String>,
    #[serde(default)]
    pub unit: String,
    /// The same in English, where it is another: an indicator's.
    #[serde(skip)]
    pub unit_en: Option<String>,
    #[serde(default)]
    pub decimals: u8,
    #[serde(default)]
    pub series: Vec<Column>,
}

/// `[[panel.series]]`: a column of numbers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    pub column: String,
    pub title: Text,
    /// Columns of the bounds of an estimate.
    pub low: Option<String>,
    pub high: Option<String>,
}

impl Dashboard {
    /// Every dataset that a panel or the choice of years reads.
    pub fn datasets(&self) -> BTreeSet<DatasetName> {
        self.panels.iter().flat_map(Panel::datasets).chain(datasets_of(&self.years)).collect()
    }

    pub fn panel(&self, name: &str) -> Option<&Panel> {
        self.panels.iter().find(|panel| panel.name == name)
    }

    /// The filters that any panel follows.
    pub fn filters(&self) -> Vec<Filter> {
        Filter::ALL.into_iter().filter(|filter| self.panels.iter().any(|panel| panel.follows(*filter))).collect()
    }
}

impl Panel {
    /// What the panel reads, each a table of its query.
    pub fn datasets(&self) -> BTreeSet<DatasetName> {
        datasets_of(&self.sql)
    }

    pub fn follows(&self, filter: Filter) -> bool {
        holes(&self.sql).any(|hole| hole == filter.name())
    }

    /// The query for a choice. What is chosen comes from closed lists; it is written as a literal all the same.
    pub fn query(&self, chosen: &BTreeMap<Filter, String>) -> String {
        fill(&self.sql, chosen)
    }
}

/// The query with each `$filter` replaced by the literal that was chosen, or NULL.
fn fill(sql: &str, chosen: &BTreeMap<Filter, String>) -> String {
    let mut filled = sql.to_owned();
    for filter in Filter::ALL {
        let literal = match (filter, chosen.get(&filter)) {
            (_, None) => "NULL".to_owned(),
            (Filter::Anno, Some(year)) => year.parse::<i64>().map_or("NULL".to_owned(), |year| year.to_string()),
            (_, Some(text)) => format!("'{}'", text.replace('\'', "''")),
        };
        filled = filled.replace(&format!("${}", filter.name()), &literal);
    }
    filled
}

/// The datasets that a query reads.
pub fn datasets_of(sql: &str) -> BTreeSet<DatasetName> {
    tables(sql).iter().filter_map(|table| table.parse().ok()).collect()
}

/// Names after `$` in a query.
pub fn holes(sql: &str) -> impl Iterator<Item = &str> {
    sql.split('$').skip(1).map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_only_ever_a_literal() {
        let chosen = BTreeMap::from([(Filter::Anno, "2025; DROP".to_owned()), (Filter::Ambito, "RM' OR '1'='1".to_owned())]);
        assert_eq!(fill("$anno $ambito $comune $utenza", &chosen), "NULL 'RM'' OR ''1''=''1' NULL NULL");
        assert_eq!(fill("$anno", &BTreeMap::from([(Filter::Anno, "2025".to_owned())])), "2025");
    }
}
