//! One indicator: base rows by its query, those of untouched districts from its own table, sums level by level.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use datasets::indicator::{Indicator, Level};
use datasets::model::Contract;

use crate::Warehouse;
use crate::derived::base::{self, Base, Sum};
use crate::derived::inputs::{self, Pinned};
use crate::derived::output::{Figure, batch};
use crate::derived::{figures, output};
use crate::error::Result;
use crate::lake::Origin;

/// All rows of `districts` and of no district; all rows when `None`.
pub async fn compute(
    warehouse: &Warehouse,
    indicator: &Indicator,
    contract: &Contract,
    origin: &Origin,
    pinned: &Pinned,
    districts: Option<&BTreeSet<String>>,
) -> Result<RecordBatch> {
    let context = if indicator.reads_residents() {
        pinned.context_with_residents(warehouse, &indicator.inputs, districts).await?
    } else {
        pinned.context(warehouse, &indicator.inputs, districts).await?
    };
    let mut base = Base::new();
    for formula in &indicator.formulas {
        let of = |year: i64| formula.valid_from <= year && formula.valid_to.is_none_or(|to| year <= to) && pinned.calendar.reference_of(year).is_some();
        for rows in inputs::collect(&context, &formula.sql).await? {
            base::read(indicator, &rows, of, &mut base)?;
        }
    }
    if let Some(districts) = districts {
        stored(warehouse, indicator, contract, districts, &mut base).await?;
    }
    let figures = figures(indicator, pinned, &base);
    let shown = figures.into_iter().filter(|figure| districts.is_none_or(|d| figure.district.as_ref().is_none_or(|own| d.contains(own))));
    batch(indicator, contract, &shown.collect::<Vec<_>>(), &output::inputs_json(origin)?)
}

/// Takes the base rows of the districts that nothing touched from the indicator's own table.
async fn stored(warehouse: &Warehouse, indicator: &Indicator, contract: &Contract, districts: &BTreeSet<String>, base: &mut Base) -> Result<()> {
    let snapshot = warehouse.lake().snapshot(&contract.name)?;
    let view = inputs::view(&snapshot, contract, None).await?;
    let context = datafusion::prelude::SessionContext::new();
    context.register_table("propria", view).map_err(inputs::failed)?;
    let list: Vec<String> = districts.iter().map(|district| datasets::contract::literal(district)).collect();
    let sql = format!("SELECT * FROM propria WHERE livello = '{}' AND ambito NOT IN ({})", indicator.base.code(), list.join(", "));
    for rows in inputs::collect(&context, &sql).await? {
        base::read_stored(indicator, &rows, base)?;
    }
    Ok(())
}

/// Every figure that follows from the base rows, level by level.
fn figures(indicator: &Indicator, pinned: &Pinned, base: &Base) -> Vec<Figure> {
    let territory = &pinned.territory;
    let mut sums: BTreeMap<(Level, String, i64), (Sum, u64)> = BTreeMap::new();
    let levels: BTreeSet<Level> = indicator.levels.iter().copied().chain([Level::Ambito]).collect();
    for ((unit, year), sum) in base {
        for level in levels.iter().filter(|level| **level >= indicator.base) {
            let Some(place) = territory.above(indicator.base, unit, *level) else { continue };
            let (all, units) = sums.entry((*level, place, *year)).or_default();
            all.add(sum);
            *units += 1;
        }
    }
    let mut expected: BTreeMap<(Level, String), u64> = BTreeMap::new();
    for unit in territory.units(indicator.base) {
        for level in &levels {
            if let Some(place) = territory.above(indicator.base, unit, *level) {
                *expected.entry((*level, place)).or_default() += 1;
            }
        }
    }
    let money = contributions(indicator, pinned, &sums);
    let published = sums.iter().filter(|((level, ..), _)| indicator.levels.contains(level));
    published
        .filter_map(|((level, code, year), (sum, units))| {
            let all = expected.get(&(*level, code.clone())).copied().unwrap_or(*units).max(1);
            let district = match level {
                Level::Comune => territory.above(Level::Comune, code, Level::Ambito),
                Level::Ambito => Some(code.clone()),
                _ => None,
            };
            let contribution = money.get(&(*level, code.clone(), *year)).copied();
            Figure::new(indicator, pinned, (*level, code, *year), district, sum, (*units, all), contribution)
        })
        .collect()
}

/// Cents by place: the rule is one of districts, so the levels above add up theirs.
fn contributions(indicator: &Indicator, pinned: &Pinned, sums: &BTreeMap<(Level, String, i64), (Sum, u64)>) -> BTreeMap<(Level, String, i64), i128> {
    let mut money = BTreeMap::new();
    let Some(rule) = &indicator.contribution else { return money };
    for ((_, district, year), (sum, _)) in sums.iter().filter(|((level, ..), _)| *level == Level::Ambito) {
        let cents = figures::contribution(rule, sum);
        for level in indicator.levels.iter().filter(|level| **level >= Level::Ambito) {
            if let Some(place) = pinned.territory.above(Level::Ambito, district, *level) {
                *money.entry((*level, place, *year)).or_default() += cents;
            }
        }
    }
    money
}
