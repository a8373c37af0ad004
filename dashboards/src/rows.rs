//! Cells of record batches, exact.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use chrono::{Days, NaiveDate};

use crate::number::Number;

/// The columns of an answer by name.
pub struct Rows<'a>(pub &'a [RecordBatch]);

impl Rows<'_> {
    /// Errors: the column is not among those of the answer.
    pub fn numbers(&self, column: &str) -> Result<Vec<Option<Number>>, String> {
        self.each(column, number)
    }

    /// The same as text: dates by day, numbers plain, nothing as nothing.
    pub fn texts(&self, column: &str) -> Result<Vec<String>, String> {
        self.each(column, text)
    }

    fn each<T>(&self, column: &str, read: fn(&dyn Array, usize) -> T) -> Result<Vec<T>, String> {
        let mut all = Vec::new();
        for batch in self.0 {
            let array = batch.column_by_name(column).ok_or_else(|| format!("the answer has no column '{column}'"))?;
            all.extend((0..array.len()).map(|row| read(array.as_ref(), row)));
        }
        Ok(all)
    }
}

fn number(array: &dyn Array, row: usize) -> Option<Number> {
    if array.is_null(row) {
        return None;
    }
    let whole = |value: i128| Some(Number::new(value, 0));
    match array.data_type() {
        DataType::Int8 => whole(array.as_primitive::<Int8Type>().value(row).into()),
        DataType::Int16 => whole(array.as_primitive::<Int16Type>().value(row).into()),
        DataType::Int32 => whole(array.as_primitive::<Int32Type>().value(row).into()),
        DataType::Int64 => whole(array.as_primitive::<Int64Type>().value(row).into()),
        DataType::UInt8 => whole(array.as_primitive::<UInt8Type>().value(row).into()),
        DataType::UInt16 => whole(array.as_primitive::<UInt16Type>().value(row).into()),
        DataType::UInt32 => whole(array.as_primitive::<UInt32Type>().value(row).into()),
        DataType::UInt64 => whole(array.as_primitive::<UInt64Type>().value(row).into()),
        DataType::Float32 => Number::from_double(array.as_primitive::<Float32Type>().value(row).into()),
        DataType::Float64 => Number::from_double(array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(_, scale) => Some(Number::new(array.as_primitive::<Decimal128Type>().value(row), u8::try_from(*scale).ok()?)),
        DataType::Utf8 => Number::parse(array.as_string::<i32>().value(row)),
        _ => None,
    }
}

fn text(array: &dyn Array, row: usize) -> String {
    if array.is_null(row) {
        return String::new();
    }
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row).to_owned(),
        DataType::Utf8View => array.as_string_view().value(row).to_owned(),
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        DataType::Date32 => day(array.as_primitive::<Date32Type>().value(row)),
        _ => number(array, row).map(Number::plain).unwrap_or_default(),
    }
}

fn day(days: i32) -> String {
    let epoch = NaiveDate::default();
    let count = Days::new(u64::from(days.unsigned_abs()));
    let day = if days < 0 { epoch.checked_sub_days(count) } else { epoch.checked_add_days(count) };
    day.map(|day| day.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Date32Array, Decimal128Array, StringArray};

    use super::*;

    #[test]
    fn cells_are_exact() {
        let money: ArrayRef = Arc::new(Decimal128Array::from(vec![Some(12_345_678_901_234_567), None]).with_precision_and_scale(20, 2).expect("fits"));
        let when: ArrayRef = Arc::new(Date32Array::from(vec![0, -1]));
        let code: ArrayRef = Arc::new(StringArray::from(vec!["058091", ""]));
        let batch = RecordBatch::try_from_iter([("importo", money), ("giorno", when), ("codice", code)]).expect("a batch");
        let batches = [batch];
        let rows = Rows(&batches);
        assert_eq!(rows.numbers("importo").expect("there")[0].map(Number::plain).as_deref(), Some("123456789012345.67"));
        assert_eq!(rows.numbers("importo").expect("there")[1], None);
        assert_eq!(rows.texts("giorno").expect("there"), ["1970-01-01", "1969-12-31"]);
        assert_eq!(rows.texts("codice").expect("there")[0], "058091");
        assert!(rows.texts("altro").is_err());
    }
}
