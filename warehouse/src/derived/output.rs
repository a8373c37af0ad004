//! Figures as rows of the indicator's contract.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Date32Type, Field, Schema};
use chrono::NaiveDate;
use datasets::derive::arrow::data_type;
use datasets::indicator::contract::{DISTRIBUTION, INPUTS};
use datasets::indicator::{Indicator, Kind, Level};
use datasets::model::Contract;

use crate::derived::base::Sum;
use crate::derived::figures::{self, ONE};
use crate::derived::inputs::Pinned;
use crate::error::{Error, Result};
use crate::lake::Origin;

/// One row.
pub struct Figure {
    level: Level,
    code: String,
    pub district: Option<String>,
    year: i64,
    reference: NaiveDate,
    sum: Sum,
    weight: Option<i128>,
    value: Option<i128>,
    target: Option<i128>,
    state: &'static str,
    cents: Option<i128>,
    /// Hundredths of a per cent.
    completeness: i128,
    provisional: bool,
    formula: String,
}

impl Figure {
    /// `None` for a year that no formula holds for or that has no closed month. `units`: base units with data, and all of them.
    pub fn new(
        indicator: &Indicator,
        pinned: &Pinned,
        (level, code, year): (Level, &str, i64),
        district: Option<String>,
        sum: &Sum,
        (units, all): (u64, u64),
        cents: Option<i128>,
    ) -> Option<Self> {
        let reference = pinned.calendar.reference_of(year)?;
        let formula = indicator.formula(year)?;
        let target = indicator.target(year);
        let weight = figures::weight(indicator, sum);
        let completeness = i128::from(units) * 10_000 / i128::from(all);
        let enough = weight.is_none_or(|w| w >= fixed(indicator.minimum.denominator)) && completeness * ONE >= fixed(indicator.minimum.completeness * 100.0);
        let value = figures::value(indicator, sum).filter(|_| enough);
        let bound = target.map(|target| fixed(target.value));
        Some(Self {
            level,
            code: code.to_owned(),
            district,
            year,
            reference,
            weight,
            value,
            target: bound,
            state: figures::state(indicator, sum, value, bound),
            cents,
            completeness,
            provisional: indicator.provisional.is_some() || target.is_some_and(|t| t.provisional) || pinned.calendar.is_under_way(year),
            formula: formula.version.clone(),
            sum: sum.clone(),
        })
    }
}

/// A fixed-point number. Targets and minima have few digits: they survive a double.
fn fixed(value: f64) -> i128 {
    (value * ONE as f64).round() as i128
}

/// What `ingressi` says.
pub fn inputs_json(origin: &Origin) -> Result<String> {
    serde_json::to_string(&origin.inputs).map_err(|e| Error::internal("derived.inputs", e))
}

/// The figures in the contract's columns.
pub fn batch(indicator: &Indicator, contract: &Contract, figures: &[Figure], inputs: &str) -> Result<RecordBatch> {
    let mut columns = Vec::with_capacity(contract.columns.len());
    for column in &contract.columns {
        columns.push(match indicator.parts.iter().position(|part| part.name == column.name) {
            Some(part) => decimals(figures.iter().map(|f| Some(f.sum.parts.get(part).copied().unwrap_or_default())), 22, 4)?,
            None => column_of(&column.name, indicator, figures, inputs)?,
        });
    }
    let fields: Vec<Field> = contract.columns.iter().map(|c| Field::new(&c.name, data_type(c.r#type), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|e| Error::internal("derived.rows", e))
}

fn column_of(name: &str, indicator: &Indicator, figures: &[Figure], inputs: &str) -> Result<ArrayRef> {
    let median = indicator.kind == Kind::Median;
    let text = |of: &dyn Fn(&Figure) -> Option<String>| Arc::new(figures.iter().map(of).collect::<StringArray>()) as ArrayRef;
    let whole = |of: &dyn Fn(&Figure) -> Option<i64>| Arc::new(figures.iter().map(of).collect::<Int64Array>()) as ArrayRef;
    let number = |of: &dyn Fn(&Figure) -> Option<i128>| decimals(figures.iter().map(of), 22, 4);
    Ok(match name {
        "livello" => text(&|f| Some(f.level.code().to_owned())),
        "codice" => text(&|f| Some(f.code.clone())),
        "ambito" => text(&|f| f.district.clone()),
        "anno" => whole(&|f| Some(f.year)),
        "riferimento" => Arc::new(Date32Array::from_iter_values(figures.iter().map(|f| Date32Type::from_naive_date(f.reference)))),
        "numeratore" => number(&|f| (!median).then_some(f.sum.numerator))?,
        "denominatore" => number(&|f| f.weight)?,
        "valore" => number(&|f| f.value)?,
        "unita" => text(&|_| Some(indicator.unit.it.clone())),
        "bersaglio" => number(&|f| f.target)?,
        "stato" => text(&|f| Some(f.state.to_owned())),
        "contributo" => decimals(figures.iter().map(|f| f.cents), 16, 2)?,
        DISTRIBUTION => {
            let json = figures.iter().map(|f| serde_json::to_string(&f.sum.values).map(Some)).collect::<std::result::Result<StringArray, _>>();
            Arc::new(json.map_err(|e| Error::internal("derived.distribution", e))?)
        }
        "anno_popolazione" => whole(&|f| f.sum.population),
        "completezza" => decimals(figures.iter().map(|f| Some(f.completeness)), 5, 2)?,
        "provvisorio" => Arc::new(figures.iter().map(|f| Some(f.provisional)).collect::<BooleanArray>()),
        "formula" => text(&|f| Some(f.formula.clone())),
        INPUTS => text(&|_| Some(inputs.to_owned())),
        other => return Err(Error::internal("derived.rows", format!("an indicator has no column '{other}'"))),
    })
}

fn decimals(values: impl Iterator<Item = Option<i128>>, precision: u8, scale: i8) -> Result<ArrayRef> {
    let array = values.collect::<Decimal128Array>().with_precision_and_scale(precision, scale);
    Ok(Arc::new(array.map_err(|e| Error::internal("derived.rows", e))?))
}
