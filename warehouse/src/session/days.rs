//! What follows from a date's day is worked out once per day, not once per row: `date_trunc('month', data_accesso)` or the year of a date. Ten
//! years are some thousands of days, however many rows there are.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Date32Array, UInt32Array};
use arrow::compute::{cast, max, min, take};
use arrow::datatypes::{DataType, Date32Type, Field, FieldRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, internal_datafusion_err};
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    Cast, ColumnarValue, Expr, ExprSchemable, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;
use parking_lot::Mutex;

/// Days that are worked out at most, three hundred years; rows that reach farther are worked out each.
const MOST: i64 = 110_000;

/// A part of a date that is cut or taken out of it, as a function of its day.
pub fn once(expression: Expr, schema: &DFSchema) -> Transformed<Expr> {
    match by_day(&expression, schema) {
        Some(found) => Transformed::yes(found),
        None => Transformed::no(expression),
    }
}

fn by_day(expression: &Expr, schema: &DFSchema) -> Option<Expr> {
    let Expr::ScalarFunction(ScalarFunction { func, args }) = expression else { return None };
    let [Expr::Literal(part, _), date] = args.as_slice() else { return None };
    if !matches!(func.name(), "date_trunc" | "date_part") {
        return None;
    }
    // Coercion may have made a moment of it.
    let date = match date {
        Expr::Cast(Cast { expr, .. }) if expr.get_type(schema).ok()? == DataType::Date32 => expr,
        date => date,
    };
    if date.get_type(schema).ok()? != DataType::Date32 {
        return None;
    }
    let takes = args[1].get_type(schema).ok()?;
    let gives = expression.to_field(schema).ok()?.1;
    let by_day =
        ByDay { function: func.clone(), part: part.clone(), takes, gives, days: Mutex::default(), signature: Signature::any(1, Volatility::Immutable) };
    Some(ScalarUDF::from(by_day).call(vec![date.clone()]))
}

/// A year, quarter or month taken out of a date or cut from it: of these there are few.
pub fn is_few(expression: &Expr) -> bool {
    // In groups it stands under the name that it had.
    if let Expr::Alias(alias) = expression {
        return is_few(&alias.expr);
    }
    let Expr::ScalarFunction(ScalarFunction { func, .. }) = expression else { return false };
    let part = func.inner().downcast_ref::<ByDay>().and_then(|by_day| by_day.part.try_as_str().flatten());
    part.is_some_and(|part| ["year", "quarter", "month"].contains(&part.to_ascii_lowercase().as_str()))
}

/// The function with its first argument, over days.
#[derive(Debug)]
struct ByDay {
    function: Arc<ScalarUDF>,
    part: ScalarValue,
    /// The type that the function takes a date as.
    takes: DataType,
    gives: FieldRef,
    days: Mutex<Option<Arc<Days>>>,
    signature: Signature,
}

/// What the function gives for each day from `first`.
#[derive(Debug)]
struct Days {
    first: i64,
    values: ArrayRef,
}

impl Days {
    fn hold(&self, least: i64, greatest: i64) -> bool {
        self.first <= least && greatest < self.first + self.values.len() as i64
    }
}

impl ByDay {
    /// Days that hold `least` and `greatest`; `None` where that would be too many.
    fn days(&self, least: i64, greatest: i64, options: &Arc<ConfigOptions>) -> Result<Option<Arc<Days>>> {
        let mut known = self.days.lock();
        if let Some(days) = known.as_ref().filter(|days| days.hold(least, greatest)) {
            return Ok(Some(days.clone()));
        }
        // What was known stays known.
        let (first, last) = match known.as_ref() {
            Some(days) => (least.min(days.first), greatest.max(days.first + days.values.len() as i64 - 1)),
            None => (least, greatest),
        };
        if last - first >= MOST {
            return Ok(None);
        }
        let all = Date32Array::from_iter_values((first..=last).filter_map(|day| i32::try_from(day).ok()));
        let days = Arc::new(Days { first, values: self.apply(&all, options)? });
        *known = Some(days.clone());
        Ok(Some(days))
    }

    fn apply(&self, dates: &Date32Array, options: &Arc<ConfigOptions>) -> Result<ArrayRef> {
        let dates = cast(dates, &self.takes)?;
        let field = |kind: DataType| Arc::new(Field::new("", kind, true));
        let (rows, arg_fields) = (dates.len(), vec![field(self.part.data_type()), field(self.takes.clone())]);
        let args = vec![ColumnarValue::Scalar(self.part.clone()), ColumnarValue::Array(dates)];
        let args = ScalarFunctionArgs { args, arg_fields, number_rows: rows, return_field: self.gives.clone(), config_options: options.clone() };
        self.function.invoke_with_args(args)?.into_array(rows)
    }
}

impl PartialEq for ByDay {
    fn eq(&self, other: &Self) -> bool {
        (self.function.name(), &self.part, &self.takes) == (other.function.name(), &other.part, &other.takes)
    }
}

impl Eq for ByDay {}

impl Hash for ByDay {
    fn hash<H: Hasher>(&self, to: &mut H) {
        (self.function.name(), &self.part, &self.takes).hash(to);
    }
}

impl ScalarUDFImpl for ByDay {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn schema_name(&self, dates: &[Expr]) -> Result<String> {
        Ok(format!("{}({}, {})", self.name(), self.part, dates[0].schema_name()))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.gives.data_type().clone())
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(self.gives.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let dates = args.args[0].to_array(args.number_rows)?;
        let dates = dates.as_primitive_opt::<Date32Type>().ok_or_else(|| internal_datafusion_err!("only dates have days"))?;
        let range = min(dates).zip(max(dates)).map(|(least, greatest)| (i64::from(least), i64::from(greatest)));
        let days = match range {
            Some((least, greatest)) => self.days(least, greatest, &args.config_options)?,
            None => None,
        };
        let Some(days) = days else { return Ok(ColumnarValue::Array(self.apply(dates, &args.config_options)?)) };
        // Behind a missing date may be any day, also one that is not there.
        let last = days.values.len() as i64 - 1;
        let places = dates.values().iter().map(|day| (i64::from(*day) - days.first).clamp(0, last) as u32).collect::<Vec<_>>();
        let places = UInt32Array::new(places.into(), dates.nulls().cloned());
        Ok(ColumnarValue::Array(take(&days.values, &places, None)?))
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::TimeUnit;
    use datafusion::execution::SessionStateDefaults;

    use super::*;

    fn function(name: &str, part: &str, takes: DataType, gives: DataType) -> ByDay {
        let functions = SessionStateDefaults::default_scalar_functions();
        let function = functions.into_iter().find(|f| f.name() == name).expect("function");
        let gives = Arc::new(Field::new("", gives, true));
        ByDay { function, part: ScalarValue::from(part), takes, gives, days: Mutex::default(), signature: Signature::any(1, Volatility::Immutable) }
    }

    #[test]
    fn once_per_day_gives_what_once_per_row_gives() {
        let moment = DataType::Timestamp(TimeUnit::Nanosecond, None);
        let functions = [
            function("date_trunc", "month", moment.clone(), moment.clone()),
            function("date_trunc", "week", moment.clone(), moment),
            function("date_part", "year", DataType::Date32, DataType::Int32),
            function("date_part", "dow", DataType::Date32, DataType::Int32),
        ];
        let options = Arc::new(ConfigOptions::default());
        let near: Date32Array = (0..2_000).map(|row| (row % 9 > 0).then_some(15_000 + row * 7_919 % 4_000)).collect();
        let before: Date32Array = (0..50).map(|row| Some(-400 + row)).collect();
        let far: Date32Array = vec![Some(-90_000), None, Some(90_000)].into();
        let none: Date32Array = vec![None, None].into();
        for function in &functions {
            for dates in [&near, &before, &near.slice(7, 300), &far, &none, &none.slice(0, 0)] {
                let (rows, arg_fields) = (dates.len(), vec![Arc::new(Field::new("", DataType::Date32, true))]);
                let args = vec![ColumnarValue::Array(Arc::new(dates.clone()))];
                let args = ScalarFunctionArgs { args, arg_fields, number_rows: rows, return_field: function.gives.clone(), config_options: options.clone() };
                let found = function.invoke_with_args(args).expect("dates").into_array(rows).expect("array");
                assert_eq!(&found, &function.apply(dates, &options).expect("dates"), "{function:?}");
            }
        }
    }
}
