//! Numbers and dates as people of each language write them: `1.234,5` and `1,234.5`.

use chrono::{DateTime, Datelike, NaiveDate};
use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State};

const MONTHS: [[&str; 12]; 2] = [
    ["gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto", "settembre", "ottobre", "novembre", "dicembre"],
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"],
];

/// What stands for a value that is not there.
const NOTHING: &str = "–";

pub fn add(pages: &mut Environment<'static>) {
    pages.add_filter("number", |state: &State, value: Value| shown(&value, |v| written(v, english(state))));
    pages.add_filter("decimal", |state: &State, value: Value, digits: Option<usize>| {
        let digits = digits.unwrap_or(1);
        shown(&value, |v| Some(grouped(&format!("{:.digits$}", float(v)?), english(state))))
    });
    pages.add_filter("percent", |state: &State, value: Value, digits: Option<usize>| {
        let digits = digits.unwrap_or(1);
        shown(&value, |v| Some(format!("{}%", grouped(&format!("{:.digits$}", float(v)? * 100.0), english(state)))))
    });
    pages.add_filter("euro", |state: &State, value: Value| {
        let english = english(state);
        shown(&value, |v| {
            let amount = grouped(&format!("{:.2}", float(v)?), english);
            Some(if english { format!("€{amount}") } else { format!("{amount}\u{a0}€") })
        })
    });
    pages.add_filter("bytes", |state: &State, value: Value| shown(&value, |v| Some(size(float(v)?, english(state)))));
    pages.add_filter("date", |state: &State, value: Value| {
        let english = english(state);
        shown(&value, |v| {
            let (day, month, year) = day(v.as_str()?).map(|d| (d.day(), d.month0() as usize, d.year()))?;
            Some(format!("{day} {} {year}", MONTHS[usize::from(english)][month]))
        })
    });
}

fn english(state: &State) -> bool {
    state.lookup("lang").is_some_and(|lang| lang.as_str() == Some("en"))
}

/// Nothing stays visibly nothing; what the filter does not understand is the template's mistake.
fn shown(value: &Value, write: impl Fn(&Value) -> Option<String>) -> Result<String, Error> {
    if value.is_none() || value.as_str() == Some("") {
        return Ok(NOTHING.into());
    }
    write(value).ok_or_else(|| Error::new(ErrorKind::InvalidOperation, format!("'{value}' cannot be written so")))
}

fn float(value: &Value) -> Option<f64> {
    match value.kind() {
        ValueKind::Number => f64::try_from(value.clone()).ok(),
        _ => value.as_str()?.trim().parse().ok(),
    }
}

/// A number with the digits it has; of a fraction that is not exact, four decimals at the most.
fn written(value: &Value, english: bool) -> Option<String> {
    if value.is_integer() {
        return Some(grouped(&value.to_string(), english));
    }
    if let Some(text) = value.as_str() {
        let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        return plain(text.strip_prefix('-').unwrap_or(text)).then(|| grouped(text, english));
    }
    let text = format!("{:.4}", float(value)?);
    Some(grouped(text.trim_end_matches('0').trim_end_matches('.'), english))
}

/// `-1234.5` as `-1.234,5` or `-1,234.5`.
pub fn grouped(plain: &str, english: bool) -> String {
    let (thousands, point) = if english { (',', '.') } else { ('.', ',') };
    let (sign, digits) = plain.strip_prefix('-').map_or(("", plain), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, fraction)| (whole, Some(fraction)));
    let mut text = String::from(sign);
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            text.push(thousands);
        }
        text.push(digit);
    }
    if let Some(fraction) = fraction {
        text.push(point);
        text.push_str(fraction);
    }
    text
}

/// Bytes in the largest unit that keeps a whole digit before the point; a kilobyte is 1,000 bytes.
fn size(bytes: f64, english: bool) -> String {
    let mut left = bytes;
    for unit in ["byte", "kB", "MB"] {
        if left < 1000.0 {
            let digits = if unit == "byte" || left >= 100.0 { 0 } else { 1 };
            return format!("{}\u{a0}{unit}", grouped(&format!("{left:.digits$}"), english));
        }
        left /= 1000.0;
    }
    format!("{}\u{a0}GB", grouped(&format!("{left:.1}"), english))
}

/// The day of a date or of a moment (its day in UTC).
fn day(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().or_else(|| Some(DateTime::parse_from_rfc3339(text).ok()?.to_utc().date_naive()))
}
