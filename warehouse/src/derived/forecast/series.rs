//! Series as the districts have them, and the region's as their sum.

use std::collections::BTreeMap;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Float64Type};
use chrono::{Datelike, Months, NaiveDate};
use datasets::forecast::MONTHLY;
use datasets::indicator::{Level, REGION};
use sha2::{Digest, Sha256};

use super::{HORIZON, METHOD};
use crate::error::{Error, Result};

/// One series: values of consecutive periods, the first of which begins on `from`.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub name: String,
    pub level: Level,
    /// District, or [`REGION`].
    pub code: String,
    pub unit: String,
    pub frequency: String,
    pub from: NaiveDate,
    pub values: Vec<f64>,
}

impl Series {
    pub fn is_monthly(&self) -> bool {
        self.frequency == MONTHLY
    }

    /// First day of the period `n` after the first.
    pub fn period(&self, n: usize) -> NaiveDate {
        let months = if self.is_monthly() { n } else { 12 * n };
        self.from.checked_add_months(Months::new(months as u32)).unwrap_or(self.from)
    }

    /// What the estimate follows from, as a hash.
    pub fn mark(&self) -> String {
        let mut hash = Sha256::new();
        hash.update([METHOD, &self.name, self.level.code(), &self.code, &self.unit, &self.frequency, &self.from.to_string()].join("\n"));
        self.values.iter().for_each(|value| hash.update(value.to_le_bytes()));
        hex::encode(&hash.finalize()[..16])
    }
}

/// The districts' series, then the region's, from rows of `serie, ambito, unita, frequenza, inizio, valore`.
pub fn read(batches: &[RecordBatch]) -> Result<Vec<Series>> {
    // Name, unit, frequency; then the district; then the period, counted from the year 0.
    let mut found: BTreeMap<[String; 3], BTreeMap<String, BTreeMap<i64, f64>>> = BTreeMap::new();
    for batch in batches {
        let column = |i: usize, to: &DataType| cast(batch.column(i), to).map_err(|e| Error::internal("derived.forecast", e));
        let texts = [column(0, &DataType::Utf8)?, column(1, &DataType::Utf8)?, column(2, &DataType::Utf8)?, column(3, &DataType::Utf8)?];
        let (periods, values) = (column(4, &DataType::Date32)?, column(5, &DataType::Float64)?);
        for row in 0..batch.num_rows() {
            let text = |i: usize| texts[i].as_string::<i32>().value(row).to_owned();
            let Some(day) = periods.as_primitive::<Date32Type>().value_as_date(row) else { continue };
            let monthly = text(3) == MONTHLY;
            let period = if monthly { i64::from(day.year()) * 12 + i64::from(day.month0()) } else { i64::from(day.year()) };
            let of = found.entry([text(0), text(2), text(3)]).or_default().entry(text(1)).or_default();
            *of.entry(period).or_default() += values.as_primitive::<Float64Type>().value(row);
        }
    }
    let mut all = Vec::new();
    for (head, districts) in &found {
        all.extend(districts.iter().filter_map(|(district, values)| series(head, Level::Ambito, district, values)));
        all.extend(series(head, Level::Regione, REGION, &region(districts)));
    }
    Ok(all)
}

/// The sum of the districts, up to the period that all who still report have reached; who has been silent for a year is not waited for.
fn region(districts: &BTreeMap<String, BTreeMap<i64, f64>>) -> BTreeMap<i64, f64> {
    let ends = || districts.values().filter_map(|values| values.keys().next_back().copied());
    let latest = ends().max().unwrap_or_default();
    let end = ends().filter(|end| latest - end < HORIZON as i64).min().unwrap_or_default();
    let mut sums = BTreeMap::new();
    for (period, value) in districts.values().flatten().filter(|(period, _)| **period <= end) {
        *sums.entry(*period).or_default() += value;
    }
    sums
}

/// Periods without a row between the first and the last are zero.
fn series([name, unit, frequency]: &[String; 3], level: Level, code: &str, values: &BTreeMap<i64, f64>) -> Option<Series> {
    let (first, last) = (*values.keys().next()?, *values.keys().next_back()?);
    let from = if frequency == MONTHLY {
        NaiveDate::from_ymd_opt(i32::try_from(first.div_euclid(12)).ok()?, first.rem_euclid(12) as u32 + 1, 1)?
    } else {
        NaiveDate::from_ymd_opt(i32::try_from(first).ok()?, 1, 1)?
    };
    let values = (first..=last).map(|period| values.get(&period).copied().unwrap_or_default()).collect();
    Some(Series { name: name.clone(), level, code: code.to_owned(), unit: unit.clone(), frequency: frequency.clone(), from, values })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(first: i64, values: &[f64]) -> BTreeMap<i64, f64> {
        (first..).zip(values.iter().copied()).collect()
    }

    #[test]
    fn the_region_ends_where_all_who_still_report_have_come() {
        let of = |districts: &[(&str, BTreeMap<i64, f64>)]| region(&districts.iter().map(|(name, values)| ((*name).to_owned(), values.clone())).collect());
        let sums = of(&[("a", values(100, &[1.0, 2.0, 3.0])), ("b", values(101, &[10.0]))]);
        assert_eq!(sums, values(100, &[1.0, 12.0]));
        // A district that fell silent a year ago is in the past of the region, and does not hold it back.
        let sums = of(&[("a", values(100, &[1.0; 20])), ("b", values(100, &[5.0]))]);
        assert_eq!((sums.len(), sums[&100], sums[&119]), (20, 6.0, 1.0));
    }

    #[test]
    fn months_follow_each_other_over_the_year() {
        let head = ["accessi", "accessi", MONTHLY].map(str::to_owned);
        let found = series(&head, Level::Ambito, "RM 5.1", &BTreeMap::from([(2025 * 12 + 10, 4.0), (2026 * 12 + 1, 6.0)])).unwrap();
        assert_eq!(found.values, [4.0, 0.0, 0.0, 6.0]);
        assert_eq!((found.period(0), found.period(4)), (NaiveDate::from_ymd_opt(2025, 11, 1).unwrap(), NaiveDate::from_ymd_opt(2026, 3, 1).unwrap()));
        let changed = Series { values: vec![4.0, 0.0, 0.0, 7.0], ..found.clone() };
        assert!(found.mark() == found.clone().mark() && found.mark() != changed.mark());
    }
}
