//! A column's `min` or `max`: the same value as SQL literal and as people read it.

use chrono::{DateTime, NaiveDate};
use toml::Value;

use crate::model::{Text, Type};

/// A bound that fits its column's type.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    /// A typed literal that DataFusion and DuckDB both read.
    pub sql: String,
    /// As JSON writes it.
    pub json: serde_json::Value,
    /// As a person reads it: Italian dates and decimal comma in Italian.
    pub shown: Text,
}

/// Reads a bound for a column of type `of`. The error says why it does not fit.
pub fn bound(of: Type, value: &Value) -> Result<Bound, String> {
    match (of, value) {
        (Type::Integer, Value::Integer(n)) => Ok(Bound { sql: n.to_string(), json: (*n).into(), shown: Text::new(n.to_string(), n.to_string()) }),
        (Type::Integer, _) => Err("is not an integer".into()),
        (Type::Decimal(precision, scale), value) => decimal(precision, scale, &number(value)?),
        (Type::Double, value) => {
            let text = number(value)?;
            let json = text.parse::<f64>().ok().filter(|n| n.is_finite()).map(serde_json::Value::from).ok_or("is not a finite number")?;
            Ok(Bound { sql: format!("CAST('{text}' AS DOUBLE)"), json, shown: Text::new(text.replace('.', ","), text) })
        }
        (Type::Date, value) => {
            let text = plain(value);
            let date = NaiveDate::parse_from_str(&text, "%Y-%m-%d").map_err(|_| "is not a date such as 2024-12-31")?;
            Ok(Bound {
                sql: format!("CAST('{date}' AS DATE)"),
                json: date.to_string().into(),
                shown: Text::new(date.format("%d/%m/%Y").to_string(), date.to_string()),
            })
        }
        (Type::Timestamp, value) => {
            let text = plain(value);
            let time = DateTime::parse_from_rfc3339(&text).map_err(|_| "is not a moment with offset such as 2024-12-31T23:00:00Z")?.to_utc();
            let utc = time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
            Ok(Bound {
                sql: format!("CAST('{utc}' AS TIMESTAMP WITH TIME ZONE)"),
                json: utc.clone().into(),
                shown: Text::new(time.format("%d/%m/%Y %H:%M UTC").to_string(), utc),
            })
        }
        (Type::Text | Type::Boolean, _) => Err("has no place on a column of type text or boolean: use pattern, max_length or a rule".into()),
    }
}

fn decimal(precision: u8, scale: i8, text: &str) -> Result<Bound, String> {
    let (whole, fraction) = text.trim_start_matches('-').split_once('.').unwrap_or((text.trim_start_matches('-'), ""));
    let whole_digits = whole.trim_start_matches('0').len();
    let fraction_digits = fraction.trim_end_matches('0').len();
    let (precision, scale) = (usize::from(precision), usize::from(scale.unsigned_abs()));
    if fraction_digits > scale || whole_digits > precision - scale {
        return Err(format!("does not fit decimal({precision},{scale})"));
    }
    let json = text.parse::<f64>().map_or(serde_json::Value::Null, serde_json::Value::from);
    let json = text.parse::<i64>().map_or(json, serde_json::Value::from);
    Ok(Bound { sql: format!("CAST('{text}' AS DECIMAL({precision},{scale}))"), json, shown: Text::new(text.replace('.', ","), text) })
}

/// Digits with an optional sign and point, from a TOML number or from a string that keeps every digit.
fn number(value: &Value) -> Result<String, String> {
    let text = plain(value);
    let digits = text.strip_prefix('-').unwrap_or(&text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if all_digits(whole) && all_digits(fraction) { Ok(text) } else { Err("is not a plain decimal number such as 12.50".into()) }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Datetime(time) => time.to_string(),
        // Whole floats are written with a point in TOML; people read them without.
        Value::Float(number) => number.to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_every_digit() {
        let bound = bound(Type::Decimal(20, 2), &Value::String("-123456789012345678.90".into())).expect("it fits");
        assert_eq!(bound.sql, "CAST('-123456789012345678.90' AS DECIMAL(20,2))");
        assert_eq!(bound.shown.it, "-123456789012345678,90");
    }

    #[test]
    fn a_decimal_that_does_not_fit_is_refused() {
        for text in ["1000", "0.001", "1e3", "", ".", "1.", "+1"] {
            assert!(bound(Type::Decimal(5, 2), &Value::String(text.into())).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_in_toml_and_as_text_are_the_same() {
        let decimal = Type::Decimal(8, 2);
        assert_eq!(bound(decimal, &Value::Float(0.5)), bound(decimal, &Value::String("0.5".into())));
        assert_eq!(bound(decimal, &Value::Integer(7)), bound(decimal, &Value::String("7".into())));
        assert!(bound(Type::Double, &Value::Float(f64::NAN)).is_err());
    }

    #[test]
    fn moments_are_in_utc() {
        let moment = bound(Type::Timestamp, &Value::String("2024-01-01T00:30:00+01:00".into())).expect("a moment");
        assert_eq!(moment.sql, "CAST('2023-12-31T23:30:00Z' AS TIMESTAMP WITH TIME ZONE)");
    }
}
