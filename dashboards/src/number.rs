//! Numbers as they were counted: digits and a scale, never a binary fraction. Only positions on a picture are floating.

use datasets::language::Language;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    digits: i128,
    /// Digits after the decimal mark.
    scale: u8,
}

impl Number {
    pub const ZERO: Self = Self { digits: 0, scale: 0 };

    pub fn new(digits: i128, scale: u8) -> Self {
        Self { digits, scale }
    }

    /// The shortest decimal that means this double; `None` where there is none (not finite, or too long).
    pub fn from_double(value: f64) -> Option<Self> {
        value.is_finite().then(|| value.to_string()).and_then(|text| Self::parse(&text))
    }

    /// Digits with an optional sign and point.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = format!("{whole}{fraction}").parse().ok()?;
        Some(Self { digits, scale: u8::try_from(fraction.len()).ok()? })
    }

    /// Where on a picture.
    pub fn position(self) -> f64 {
        self.plain().parse().unwrap_or_default()
    }

    /// The sum, exact; `None` past 38 digits.
    pub fn plus(self, other: Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        let digits = self.at(scale)?.checked_add(other.at(scale)?)?;
        Some(Self { digits, scale })
    }

    /// As data: `-1234.50`.
    pub fn plain(self) -> String {
        let sign = if self.digits < 0 { "-" } else { "" };
        let (whole, fraction) = self.parts();
        if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
    }

    /// As people read it, every digit: `1.234,50`. Zeros at the end are kept up to `least` digits after the mark.
    pub fn exact(self, least: u8, language: Language) -> String {
        let mut short = self;
        while short.scale > least && short.digits % 10 == 0 {
            short = Self { digits: short.digits / 10, scale: short.scale - 1 };
        }
        short.shown(language)
    }

    /// As people read it, rounded half away from zero to `decimals` digits after the mark.
    pub fn rounded(self, decimals: u8, language: Language) -> String {
        self.round(decimals).shown(language)
    }

    pub fn round(self, decimals: u8) -> Self {
        if self.scale <= decimals {
            return self;
        }
        let unit = 10_i128.checked_pow(u32::from(self.scale - decimals)).unwrap_or(i128::MAX);
        let (whole, rest) = (self.digits / unit, self.digits % unit);
        let up = rest.unsigned_abs() >= unit.unsigned_abs().div_ceil(2);
        Self { digits: if up { whole + self.digits.signum() } else { whole }, scale: decimals }
    }

    /// Whole thousands, millions or milliards in few signs: `12,3 mln`. Smaller numbers stay as they are.
    pub fn compact(self, decimals: u8, language: Language) -> String {
        let size = self.position().abs();
        let (power, word) = match language {
            Language::It if size >= 1e9 => (9, " mld"),
            Language::En if size >= 1e9 => (9, " bn"),
            Language::It if size >= 1e6 => (6, " mln"),
            Language::En if size >= 1e6 => (6, " m"),
            _ => return self.round(if size >= 1e4 { 0 } else { decimals }).exact(0, language),
        };
        let part = Self { digits: self.digits, scale: self.scale.saturating_add(power) };
        format!("{}{word}", part.round(1).exact(0, language))
    }

    fn at(self, scale: u8) -> Option<i128> {
        self.digits.checked_mul(10_i128.checked_pow(u32::from(scale - self.scale))?)
    }

    /// Digits before and after the mark, without sign.
    fn parts(self) -> (String, String) {
        let scale = usize::from(self.scale);
        let mut digits = format!("{:0>width$}", self.digits.unsigned_abs(), width = scale + 1);
        let fraction = digits.split_off(digits.len() - scale);
        (digits, fraction)
    }

    fn shown(self, language: Language) -> String {
        let (thousands, mark) = match language {
            Language::It => ('.', ','),
            Language::En => (',', '.'),
        };
        let (whole, fraction) = self.parts();
        let mut text = String::from(if self.digits < 0 { "\u{2212}" } else { "" });
        for (i, digit) in whole.chars().enumerate() {
            if i > 0 && (whole.len() - i) % 3 == 0 {
                text.push(thousands);
            }
            text.push(digit);
        }
        if !fraction.is_empty() {
            text.push(mark);
            text.push_str(&fraction);
        }
        text
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self::new(value.into(), 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).expect("a number")
    }

    #[test]
    fn every_cent_is_kept() {
        let money = number("123456789012345678.91");
        assert_eq!(money.exact(2, Language::It), "123.456.789.012.345.678,91");
        assert_eq!(money.exact(2, Language::En), "123,456,789,012,345,678.91");
        assert_eq!(money.plus(number("0.09")).expect("fits").plain(), "123456789012345679.00");
    }

    #[test]
    fn rounding_is_half_away_from_zero() {
        for (from, to) in [("0.05", "0,1"), ("-0.05", "\u{2212}0,1"), ("2.449", "2,4"), ("9.95", "10,0"), ("7", "7")] {
            assert_eq!(number(from).rounded(1, Language::It), to);
        }
    }

    #[test]
    fn zeros_at_the_end_go_as_far_as_allowed() {
        assert_eq!(number("28.8800").exact(1, Language::It), "28,88");
        assert_eq!(number("28.0000").exact(1, Language::It), "28,0");
        assert_eq!(number("1000").exact(0, Language::En), "1,000");
    }

    #[test]
    fn large_numbers_are_shortened_in_words() {
        assert_eq!(number("12345678.90").compact(2, Language::It), "12,3 mln");
        assert_eq!(number("2000000000").compact(0, Language::En), "2 bn");
        assert_eq!(number("987.5").compact(1, Language::It), "987,5");
        assert_eq!(number("12345.6").compact(1, Language::It), "12.346");
    }

    #[test]
    fn doubles_are_what_they_print() {
        assert_eq!(Number::from_double(0.1).map(Number::plain).as_deref(), Some("0.1"));
        assert_eq!(Number::from_double(f64::NAN), None);
    }
}
