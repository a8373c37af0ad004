//! Numbers as Italian offices write them: `1.234,56`, `1234.56`, `7.021`.

use arrow::array::StringArray;

use crate::mapping::Mark;

/// How many cells of a file can only be read with one decimal mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    pub comma: u64,
    pub point: u64,
}

impl Evidence {
    /// The mark the file uses, when all evidence agrees.
    pub fn mark(self) -> Option<Mark> {
        match (self.comma, self.point) {
            (0, 0) => None,
            (_, 0) => Some(Mark::Comma),
            (0, _) => Some(Mark::Point),
            _ => None,
        }
    }
}

/// Counts the cells that admit one reading only.
pub fn evidence(cells: &StringArray) -> Evidence {
    let mut out = Evidence::default();
    for cell in cells.iter().flatten() {
        match (plain(cell, Mark::Comma), plain(cell, Mark::Point)) {
            (Some(_), None) => out.comma += 1,
            (None, Some(_)) => out.point += 1,
            _ => {}
        }
    }
    out
}

/// Sign, digits and decimals of a number without its thousands marks; `None` when the text is no number with that mark.
fn plain(text: &str, mark: Mark) -> Option<String> {
    let (decimal, thousands) = match mark {
        Mark::Comma => (',', '.'),
        Mark::Point => ('.', ','),
    };
    let text = text.strip_prefix('€').or(text.strip_suffix('€')).unwrap_or(text).trim();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = match digits.split_once(decimal) {
        Some((w, f)) => (w, f),
        None => (digits, ""),
    };
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !all_digits(fraction) || (digits.contains(decimal) && fraction.is_empty()) {
        return None;
    }
    let separator = [thousands, '\'', '\u{a0}', '\u{202f}', ' '].into_iter().find(|c| whole.contains(*c));
    let whole = match separator {
        None if all_digits(whole) => whole.to_owned(),
        None => return None,
        Some(c) => {
            let groups: Vec<&str> = whole.split(c).collect();
            // No number of thousands begins with nought: `0.400` is two fifths.
            let grouped = (1..=3).contains(&groups[0].len())
                && !groups[0].starts_with('0')
                && groups[1..].iter().all(|g| g.len() == 3)
                && groups.iter().all(|g| all_digits(g));
            if !grouped {
                return None;
            }
            groups.concat()
        }
    };
    Some(if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

/// The one reading of a number under the file's mark; with no mark known, only a number that reads the same both ways or one way.
fn read(text: &str, mark: Option<Mark>) -> Option<String> {
    match mark {
        Some(mark) => plain(text, mark),
        None => match (plain(text, Mark::Comma), plain(text, Mark::Point)) {
            (Some(a), Some(b)) if a == b => Some(a),
            (Some(a), None) | (None, Some(a)) => Some(a),
            _ => None,
        },
    }
}

fn fast(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.len() <= 18 && digits.bytes().all(|b| b.is_ascii_digit())
}

/// A whole number; decimals are refused unless they are zeros a spreadsheet added.
pub fn integer(text: &str, mark: Option<Mark>) -> Option<i64> {
    if fast(text) {
        return text.parse().ok();
    }
    let number = read(text, mark)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    fraction.bytes().all(|b| b == b'0').then(|| whole.parse().ok())?
}

/// A decimal in units of 10^-scale; more decimals than the scale are refused, never rounded, unless they are zeros.
pub fn decimal(text: &str, mark: Option<Mark>, precision: u8, scale: i8) -> Option<i128> {
    let number = if fast(text) { text.to_owned() } else { read(text, mark)? };
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    let scale = scale as usize;
    let (kept, rest) = fraction.split_at(fraction.len().min(scale));
    if rest.bytes().any(|b| b != b'0') {
        return None;
    }
    let digits = format!("{whole}{kept:0<scale$}");
    let value: i128 = digits.parse().ok()?;
    (value.unsigned_abs() < 10u128.pow(precision as u32)).then_some(value)
}

/// A floating-point number, exponent allowed.
pub fn double(text: &str, mark: Option<Mark>) -> Option<f64> {
    let number = match read(text, mark) {
        Some(number) => number,
        None if text.contains(['e', 'E']) => text.replace(',', "."),
        None => return None,
    };
    number.parse().ok().filter(|v: &f64| v.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn euros_are_read_to_the_cent_or_not_at_all() {
        let comma = Some(Mark::Comma);
        let point = Some(Mark::Point);
        for (text, mark, expected) in [
            ("37.222,28", comma, Some(3_722_228)),
            ("7.021", comma, Some(702_100)),
            ("1234.56", point, Some(123_456)),
            ("1,234.5", point, Some(123_450)),
            ("-0,05", comma, Some(-5)),
            ("€ 10", comma, Some(1_000)),
            ("12,345", comma, None),
            ("12,340", comma, Some(1_234)),
            ("7.021", None, None),
            ("12,5", None, Some(1_250)),
            ("0.400", None, Some(40)),
            ("0.400", comma, None),
            ("1.2.3", comma, None),
            ("12,", comma, None),
            ("abc", comma, None),
            ("99999999999", point, None),
        ] {
            assert_eq!(decimal(text, mark, 12, 2), expected, "{text} {mark:?}");
        }
    }

    #[test]
    fn integers_keep_no_decimals() {
        assert_eq!(integer("7.021", Some(Mark::Comma)), Some(7021));
        assert_eq!(integer("40.0", Some(Mark::Point)), Some(40));
        assert_eq!(integer("40.5", Some(Mark::Point)), None);
        assert_eq!(integer("40,5", None), None);
        assert_eq!(integer("-3", None), Some(-3));
    }

    #[test]
    fn evidence_counts_only_cells_with_one_reading() {
        let cells = StringArray::from(vec![Some("1.234"), Some("12,50"), None, Some("7"), Some("x")]);
        assert_eq!(evidence(&cells), Evidence { comma: 1, point: 0 });
        assert_eq!(evidence(&cells).mark(), Some(Mark::Comma));
        assert_eq!(Evidence { comma: 3, point: 1 }.mark(), None);
    }
}
