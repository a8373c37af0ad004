//! A value before it is written in some sender's manner.

use chrono::{NaiveDate, NaiveDateTime};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Cell {
    Empty,
    Text(String),
    Integer(i64),
    /// `units` of 10^-scale, so that money is counted in cents.
    Decimal {
        units: i64,
        scale: u8,
    },
    /// A coordinate, kept as its digits.
    Double(String),
    Boolean(bool),
    Date(NaiveDate),
    /// UTC.
    Moment(NaiveDateTime),
    /// Text in the place of another type, written as it stands.
    Raw(String),
}

impl Cell {
    pub fn cents(cents: i64) -> Self {
        Self::Decimal { units: cents, scale: 2 }
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::Empty
    }
}

/// `units` of 10^-scale with a decimal mark. Beyond money's two decimals noughts at the end are left out, as people do: `10.000`
/// places would be ten or ten thousand.
pub fn decimal(units: i64, scale: u8, mark: char) -> String {
    let one = 10_u64.pow(scale.into());
    let sign = if units < 0 { "-" } else { "" };
    let (whole, fraction) = (units.unsigned_abs() / one, units.unsigned_abs() % one);
    if scale == 0 {
        return format!("{sign}{whole}");
    }
    let text = format!("{sign}{whole}{mark}{fraction:0width$}", width = scale.into());
    if scale > 2 { text.trim_end_matches('0').trim_end_matches(mark).to_owned() } else { text }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i32> for Cell {
    fn from(number: i32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<bool> for Cell {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<NaiveDate> for Cell {
    fn from(date: NaiveDate) -> Self {
        Self::Date(date)
    }
}

impl From<NaiveDateTime> for Cell {
    fn from(moment: NaiveDateTime) -> Self {
        Self::Moment(moment)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Empty, Into::into)
    }
}
