//! An indicator: one figure of law (`datasets/leps/<name>.toml` with its query beside it), from which a whole contract follows.
//! The query gives base rows, numerator and denominator apart; levels above are summed by the engine, which divides last.

pub mod contract;
pub(crate) mod load;
pub(crate) mod shape;
mod verify;

use serde::{Deserialize, Serialize};

use crate::model::{DatasetName, Text};

/// Area of every indicator's dataset.
pub const AREA: &str = "leps";
/// Code of the whole region at level [`Level::Regione`].
pub const REGION: &str = "lazio";
/// Decimal digits of numerators, denominators and values.
pub const SCALE: i8 = 4;
/// Tables of the engine's own that a query may read beside datasets: the years with their reference day, and the residents of each.
pub const YEARS: &str = "anni";
pub const RESIDENTS: &str = "residenti";
/// The query behind [`RESIDENTS`], over [`YEARS`] and [`RESIDENTS_FROM`].
pub const RESIDENTS_SQL: &str = include_str!("indicator/residenti.sql");
/// The datasets behind [`RESIDENTS`].
pub const RESIDENTS_FROM: [&str; 2] = ["territorio.comuni", "territorio.popolazione"];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `factor * numerator / denominator`.
    Ratio,
    /// The numerator itself.
    Count,
    /// The median of single values, whose counts are kept.
    Median,
}

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    Up,
    Down,
    None,
}

/// Territorial levels, from small to large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Comune,
    Ambito,
    Asl,
    Provincia,
    Regione,
}

impl Level {
    /// The code of the level, as in `livello`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Comune => "comune",
            Self::Ambito => "ambito",
            Self::Asl => "asl",
            Self::Provincia => "provincia",
            Self::Regione => "regione",
        }
    }
}

/// `[[formula]]`: the query that holds for the years from `valid_from` to `valid_to`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Formula {
    pub version: String,
    pub valid_from: i64,
    pub valid_to: Option<i64>,
    /// What is counted, in words.
    pub text: Text,
    /// File of the query beside the indicator; `<name>.sql` when not given.
    pub file: Option<String>,
    #[serde(skip)]
    pub sql: String,
}

/// `[[target]]`: what is to be reached in the years from `from` on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    pub from: i64,
    pub value: f64,
    pub source: String,
    /// True when no source that was read confirms the value.
    #[serde(default)]
    pub provisional: bool,
}

/// `[minimum]`: below it a value says nothing and is left out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Minimum {
    /// Least denominator (for a median: least number of values).
    pub denominator: f64,
    /// Least share of reporting bodies, per cent.
    pub completeness: f64,
}

/// `[[part]]`: a further quantity of the base rows that adds up like the numerator, shown beside it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    pub name: String,
    pub title: Text,
    pub description: Text,
}

/// `[contribution]`: money per unit between steps of one unit to so many inhabitants (L. 178/2020 art. 1 c. 797-804).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contribution {
    /// Inhabitants per unit from which money is paid: 6500.
    pub entry: u32,
    /// Inhabitants per unit of the essential level: 5000.
    pub level: u32,
    /// Inhabitants per unit of the service objective: 4000.
    pub objective: u32,
    /// Euro per unit from `entry` to `level`.
    pub euro_to_level: u32,
    /// Euro per unit from `level` to `objective`.
    pub euro_to_objective: u32,
}

/// One file `datasets/leps/<name>.toml`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Indicator {
    /// From the path: `leps.<name>`.
    #[serde(skip, default = "unnamed")]
    pub name: DatasetName,
    /// Such as `LEPS-01`.
    pub id: String,
    pub version: String,
    pub title: Text,
    pub description: Text,
    pub legal_basis: Vec<Text>,
    pub kind: Kind,
    pub unit: Text,
    /// What the ratio is multiplied by: 100 for per cent.
    #[serde(default = "one")]
    pub factor: u32,
    pub direction: Direction,
    /// Level of the query's rows.
    pub base: Level,
    /// Levels that are published, the base one among them.
    pub levels: Vec<Level>,
    /// Datasets that the queries read.
    pub inputs: Vec<DatasetName>,
    #[serde(default)]
    pub minimum: Minimum,
    pub completeness: Text,
    /// Whether it counts persons: then not everybody sees it.
    pub persons: bool,
    /// Why the definition is not confirmed by its official source.
    pub provisional: Option<Text>,
    pub contribution: Option<Contribution>,
    #[serde(rename = "formula")]
    pub formulas: Vec<Formula>,
    #[serde(default, rename = "target")]
    pub targets: Vec<Target>,
    #[serde(default, rename = "part")]
    pub parts: Vec<Part>,
}

fn unnamed() -> DatasetName {
    DatasetName { area: AREA.into(), name: String::new() }
}

const fn one() -> u32 {
    1
}

impl Indicator {
    /// The target of a year: of those that began, the last.
    pub fn target(&self, year: i64) -> Option<&Target> {
        self.targets.iter().filter(|target| target.from <= year).max_by_key(|target| target.from)
    }

    /// The formula of a year.
    pub fn formula(&self, year: i64) -> Option<&Formula> {
        self.formulas.iter().find(|formula| formula.valid_from <= year && formula.valid_to.is_none_or(|to| year <= to))
    }

    /// Whether any query reads the engine's table of residents.
    pub fn reads_residents(&self) -> bool {
        self.formulas.iter().any(|formula| crate::contract::tables(&formula.sql).contains(RESIDENTS))
    }
}
