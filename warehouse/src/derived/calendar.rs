//! What follows from the day: the years of the indicators, each with its last day that counts, and what bodies owe by now.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Date32Type;
use chrono::{Datelike, Days, NaiveDate, Utc};
use datasets::catalog::Catalog;
use datasets::duties::{Duty, duties};
use datasets::model::Sender;

use crate::error::{Error, Result};

/// A month counts when it is over: a figure of the current year is that of the end of the last closed month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// UTC.
    pub today: NaiveDate,
    /// Last day of the last closed month.
    pub reference: NaiveDate,
}

impl Calendar {
    pub fn today() -> Self {
        Self::on(Utc::now().date_naive())
    }

    pub fn on(today: NaiveDate) -> Self {
        let first = today.with_day(1).unwrap_or(today);
        Self { today, reference: first.checked_sub_days(Days::new(1)).unwrap_or(first) }
    }

    /// Last day of `year` that counts; `None` for a year without one.
    pub fn reference_of(&self, year: i64) -> Option<NaiveDate> {
        let first = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, 1, 1)?;
        let last = NaiveDate::from_ymd_opt(first.year(), 12, 31)?;
        (first <= self.reference).then_some(last.min(self.reference))
    }

    /// Whether `year` is not over at the reference day.
    pub fn is_under_way(&self, year: i64) -> bool {
        self.reference_of(year).is_none_or(|day| (day.month(), day.day()) != (12, 31))
    }

    /// The table `anni`: `anno`, `inizio` and `fine` (1 January, 31 December), `riferimento`.
    pub fn table(&self, from: i64) -> Result<RecordBatch> {
        let years: Vec<(i64, NaiveDate)> = (from..=i64::from(self.reference.year())).filter_map(|year| Some((year, self.reference_of(year)?))).collect();
        let day = |month, day| {
            let days =
                years.iter().map(|(year, _)| NaiveDate::from_ymd_opt(i32::try_from(*year).ok()?, month, day)).map(|d| d.map(Date32Type::from_naive_date));
            Arc::new(days.collect::<Date32Array>()) as ArrayRef
        };
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(years.iter().map(|(year, _)| *year)));
        let references: ArrayRef = Arc::new(Date32Array::from_iter_values(years.iter().map(|(_, day)| Date32Type::from_naive_date(*day))));
        let columns = [("anno", numbers), ("inizio", day(1, 1)), ("fine", day(12, 31)), ("riferimento", references)];
        RecordBatch::try_from_iter(columns).map_err(|e| Error::internal("derived.years", e))
    }

    /// The table [`datasets::duties::DUTIES`]; `mittenti` is `comune`, `ambito` or `regione`.
    pub fn duties(&self, catalog: &Catalog) -> Result<RecordBatch> {
        let all = duties(catalog, self.today);
        let text = |of: &dyn Fn(&Duty) -> String| Arc::new(all.iter().map(|duty| Some(of(duty))).collect::<StringArray>()) as ArrayRef;
        let day =
            |of: fn(&Duty) -> NaiveDate| Arc::new(Date32Array::from_iter_values(all.iter().map(|duty| Date32Type::from_naive_date(of(duty))))) as ArrayRef;
        let over: BooleanArray = all.iter().map(|duty| Some(duty.due < self.today)).collect();
        let columns = [
            ("dataset", text(&|duty| duty.dataset.to_string())),
            ("sottosistema", text(&|duty| duty.subsystem.clone())),
            ("mittenti", text(&|duty| sender(duty.senders).to_owned())),
            ("periodo", text(&|duty| duty.period.clone())),
            ("inizio", day(|duty| duty.first)),
            ("fine", day(|duty| duty.last)),
            ("scadenza", day(|duty| duty.due)),
            ("scaduta", Arc::new(over) as ArrayRef),
        ];
        RecordBatch::try_from_iter(columns).map_err(|e| Error::internal("derived.duties", e))
    }
}

fn sender(of: Sender) -> &'static str {
    match of {
        Sender::Comune => "comune",
        Sender::Ambito => "ambito",
        Sender::Regione => "regione",
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;

    use super::*;

    #[test]
    fn what_is_owed_is_overdue_the_day_after() {
        let catalog = Catalog::load(&Catalog::find_dir(None).expect("contracts")).expect("valid contracts");
        let over = |day: &str| {
            let table = Calendar::on(day.parse().expect("a day")).duties(&catalog).expect("a table");
            let text = |column: &str, row: usize| table.column_by_name(column).expect("a column").as_string::<i32>().value(row).to_owned();
            let row = (0..table.num_rows()).find(|row| (text("dataset", *row), text("periodo", *row)) == ("assa.strutture".into(), "2026-10".into()));
            let row = row.expect("owed");
            assert_eq!((text("mittenti", row), text("sottosistema", row)), ("comune".into(), "ASSA".into()));
            table.column_by_name("scaduta").expect("a column").as_boolean().value(row)
        };
        assert!(!over("2026-10-01") && !over("2026-11-20") && over("2026-11-21"));
    }

    #[test]
    fn a_year_ends_with_its_last_closed_month() {
        let day = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).unwrap();
        let november = Calendar::on(day(2026, 11, 23));
        assert_eq!(november.reference_of(2025), Some(day(2025, 12, 31)));
        assert_eq!(november.reference_of(2026), Some(day(2026, 10, 31)));
        assert!(november.is_under_way(2026) && !november.is_under_way(2025));
        // In January nothing of the year is over.
        let january = Calendar::on(day(2027, 1, 31));
        assert_eq!(january.reference_of(2027), None);
        assert_eq!(january.table(2025).unwrap().num_rows(), 2);
        assert!(!january.is_under_way(2026));
    }
}
