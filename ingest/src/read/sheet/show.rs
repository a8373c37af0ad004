//! Values of spreadsheets as text: numbers as a person sees them, dates and times in ISO 8601.

use calamine::ExcelDateTime;

/// A number with at most fifteen digits, as Excel shows it, without ".0". A format of zeros only (`000000`) pads it: that
/// is how codes with leading zeros are kept as numbers.
pub(super) fn number(x: f64, format: Option<&str>) -> String {
    if x.fract() == 0.0 && x.abs() < 1e15 {
        let zeros = format.filter(|f| f.len() > 1 && f.bytes().all(|b| b == b'0')).map_or(0, str::len);
        return format!("{:0zeros$}", x as i64);
    }
    let rounded: f64 = format!("{x:.14e}").parse().unwrap_or(x);
    format!("{rounded}")
}

/// A date, a time of day, or both.
pub(super) fn moment(at: &ExcelDateTime) -> String {
    let value = at.as_f64();
    if at.is_duration() {
        return clock((value * 86_400.0).round() as i64);
    }
    let (y, mo, d, h, mi, s, ms) = at.to_ymd_hms_milli();
    let time = match ms {
        0 => format!("{h:02}:{mi:02}:{s:02}"),
        ms => format!("{h:02}:{mi:02}:{s:02}.{ms:03}"),
    };
    match () {
        _ if (0.0..1.0).contains(&value) => time,
        _ if time == "00:00:00" => format!("{y:04}-{mo:02}-{d:02}"),
        _ => format!("{y:04}-{mo:02}-{d:02}T{time}"),
    }
}

/// An ISO date and time without a midnight that nobody wrote.
pub(super) fn iso_moment(text: &str) -> &str {
    text.strip_suffix("T00:00:00").unwrap_or(text)
}

/// `PT12H30M15S` as `12:30:15`; anything else as it stands.
pub(super) fn duration(text: &str) -> String {
    let mut seconds = 0.0;
    let mut part = String::new();
    let Some(rest) = text.strip_prefix("PT") else { return text.to_string() };
    for c in rest.chars() {
        match (c, part.replace(',', ".").parse::<f64>()) {
            ('0'..='9' | '.' | ',', _) => {
                part.push(c);
                continue;
            }
            ('H', Ok(n)) => seconds += n * 3600.0,
            ('M', Ok(n)) => seconds += n * 60.0,
            ('S', Ok(n)) => seconds += n,
            _ => return text.to_string(),
        }
        part.clear();
    }
    clock(seconds.round() as i64)
}

fn clock(seconds: i64) -> String {
    let sign = if seconds < 0 { "-" } else { "" };
    let s = seconds.abs();
    format!("{sign}{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
}
