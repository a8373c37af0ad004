//! Dates as `2026-10-01` or `01/10/2026` (the shapes cannot be mistaken for each other) and instants.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeZone};
use chrono_tz::Europe::Rome;

/// Days since 1970-01-01. Two-digit years and impossible days are refused; a midnight time after the date is let pass.
pub fn date(text: &str) -> Option<i32> {
    let (day, rest) = match text.find(['T', ' ']) {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, ""),
    };
    let midnight = rest.bytes().all(|b| matches!(b, b'0' | b':' | b'.' | b'Z'));
    midnight.then(|| calendar(day)).flatten().map(|d| d.to_epoch_days())
}

/// Microseconds since 1970-01-01T00:00Z. A time without a zone is the wall clock of Rome; the hour that autumn repeats is taken as the first.
pub fn timestamp(text: &str) -> Option<i64> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(instant.timestamp_micros());
    }
    let (day, time) = text.split_once(['T', ' ']).unwrap_or((text, "00:00"));
    let day = calendar(day)?;
    let time = ["%H:%M:%S%.f", "%H:%M"].iter().find_map(|f| chrono::NaiveTime::parse_from_str(time, f).ok())?;
    Rome.from_local_datetime(&NaiveDateTime::new(day, time)).earliest().map(|t| t.timestamp_micros())
}

fn calendar(text: &str) -> Option<NaiveDate> {
    let bytes = text.as_bytes();
    let number = |s: &str| s.bytes().all(|b| b.is_ascii_digit()).then(|| s.parse::<u32>().ok()).flatten();
    if bytes.len() == 10 && bytes[4] == b'-' && bytes[7] == b'-' {
        return NaiveDate::from_ymd_opt(number(text.get(..4)?)? as i32, number(text.get(5..7)?)?, number(text.get(8..)?)?);
    }
    let mut parts = text.split(['/', '-', '.']);
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let short = |s: &str| (1..=2).contains(&s.len());
    if parts.next().is_some() || !short(day) || !short(month) || year.len() != 4 {
        return None;
    }
    NaiveDate::from_ymd_opt(number(year)? as i32, number(month)?, number(day)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_two_shapes_and_no_third() {
        let days = |y, m, d| Some(NaiveDate::from_ymd_opt(y, m, d).unwrap().to_epoch_days());
        for (text, expected) in [
            ("2026-10-01", days(2026, 10, 1)),
            ("01/10/2026", days(2026, 10, 1)),
            ("1.2.2020", days(2020, 2, 1)),
            ("2026-10-01T00:00:00", days(2026, 10, 1)),
            ("2026-10-01 13:00", None),
            ("31/02/2026", None),
            ("10/13/2026", None),
            ("01/10/26", None),
            ("2026-1-1", None),
            ("è026-10-01", None),
        ] {
            assert_eq!(date(text), expected, "{text}");
        }
    }

    #[test]
    fn a_time_without_zone_is_rome() {
        assert_eq!(timestamp("2026-07-01 12:00"), timestamp("2026-07-01T10:00:00Z"));
        assert_eq!(timestamp("01/01/2026 12:00:00"), timestamp("2026-01-01T11:00:00Z"));
        assert_eq!(timestamp("2026-01-01T25:00:00"), None);
    }
}
