//! Times as ASN.1 and OpenSSL write them.

use chrono::{DateTime, NaiveDate, Utc};
use openssl::asn1::{Asn1Time, Asn1TimeRef};

use super::ber::{Element, GENERALIZED_TIME, Malformed, UTC_TIME};

pub type Moment = DateTime<Utc>;

/// `UTCTime` or `GeneralizedTime`, in UTC; fractions of a second are dropped.
pub fn read(element: &Element) -> Result<Moment, Malformed> {
    let text = std::str::from_utf8(element.content).map_err(|_| Malformed)?;
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    let rest = &text[digits.len()..];
    let full = match element.tag {
        UTC_TIME if digits.len() >= 10 => {
            let century = if digits[..2] < *"50" { "20" } else { "19" };
            format!("{century}{digits}")
        }
        GENERALIZED_TIME if digits.len() >= 12 => digits,
        _ => return Err(Malformed),
    };
    let part = |from: usize, to: usize| full.get(from..to).and_then(|part| part.parse::<u32>().ok());
    let date = NaiveDate::from_ymd_opt(part(0, 4).ok_or(Malformed)? as i32, part(4, 6).ok_or(Malformed)?, part(6, 8).ok_or(Malformed)?).ok_or(Malformed)?;
    let seconds = if full.len() >= 14 { part(12, 14).ok_or(Malformed)? } else { 0 };
    let time = date.and_hms_opt(part(8, 10).ok_or(Malformed)?, part(10, 12).ok_or(Malformed)?, seconds).ok_or(Malformed)?;
    Ok(time.and_utc() - offset(rest.trim_start_matches(['.', ',']).trim_start_matches(|c: char| c.is_ascii_digit()))?)
}

/// `Z`, nothing, or `+hhmm`.
fn offset(text: &str) -> Result<chrono::Duration, Malformed> {
    if text.is_empty() || text == "Z" {
        return Ok(chrono::Duration::zero());
    }
    let (sign, digits) = text.split_at_checked(1).ok_or(Malformed)?;
    let minutes = |range: std::ops::Range<usize>| digits.get(range).and_then(|part| part.parse::<i64>().ok()).ok_or(Malformed);
    let span = chrono::Duration::minutes(minutes(0..2)? * 60 + minutes(2..4)?);
    match sign {
        "+" => Ok(span),
        "-" => Ok(-span),
        _ => Err(Malformed),
    }
}

pub fn of(time: &Asn1TimeRef) -> Option<Moment> {
    let span = Asn1Time::from_unix(0).ok()?.diff(time).ok()?;
    DateTime::from_timestamp(i64::from(span.days) * 86_400 + i64::from(span.secs), 0)
}
