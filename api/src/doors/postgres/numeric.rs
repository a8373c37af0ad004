//! PostgreSQL's binary `numeric`: base-10000 digits, exact for every decimal that Arrow holds.

/// A decimal as text (`-12.340`), from its unscaled digits: `-12340` and scale 3. A negative scale appends zeros.
pub fn text(unscaled: &str, scale: i8) -> String {
    let (sign, digits) = unscaled.strip_prefix('-').map_or(("", unscaled), |digits| ("-", digits));
    if scale <= 0 {
        let zeros = if digits == "0" { 0 } else { usize::from(scale.unsigned_abs()) };
        return format!("{sign}{digits}{}", "0".repeat(zeros));
    }
    let scale = scale as usize;
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

/// The binary form of a decimal text without exponent.
pub fn to_binary(text: &str, out: &mut Vec<u8>) {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = whole.trim_start_matches('0');
    let groups = whole.len().div_ceil(4);
    // Pad both sides to whole groups of four digits.
    let padded = format!("{}{whole}{fraction}{}", "0".repeat(groups * 4 - whole.len()), "0".repeat(fraction.len().div_ceil(4) * 4 - fraction.len()));
    let mut values: Vec<i16> = padded.as_bytes().chunks(4).map(|group| group.iter().fold(0, |value, digit| value * 10 + i16::from(digit - b'0'))).collect();
    let mut weight = groups as i16 - 1;
    let leading = values.iter().take_while(|v| **v == 0).count();
    values.drain(..leading);
    weight -= leading as i16;
    while values.last() == Some(&0) {
        values.pop();
    }
    if values.is_empty() {
        weight = 0;
    }
    let sign: u16 = if negative && !values.is_empty() { 0x4000 } else { 0 };
    out.extend_from_slice(&(values.len() as i16).to_be_bytes());
    out.extend_from_slice(&weight.to_be_bytes());
    out.extend_from_slice(&sign.to_be_bytes());
    out.extend_from_slice(&(fraction.len() as i16).to_be_bytes());
    values.iter().for_each(|value| out.extend_from_slice(&value.to_be_bytes()));
}

/// Text of a binary `numeric`; `None` if the bytes are not one, or for infinities.
pub fn from_binary(bytes: &[u8]) -> Option<String> {
    let word = |at: usize| bytes.get(at * 2..at * 2 + 2).map(|b| i16::from_be_bytes([b[0], b[1]]));
    let (count, weight, sign, scale) = (word(0)?, i32::from(word(1)?), word(2)? as u16, word(3)?);
    if sign == 0xc000 {
        return Some("NaN".into());
    }
    if sign & !0x4000 != 0 || count < 0 || scale < 0 || bytes.len() != 8 + count as usize * 2 {
        return None;
    }
    let digit = |position: i32| -> Option<i16> {
        let at = weight - position;
        if at < 0 || at >= i32::from(count) { Some(0) } else { word(4 + at as usize).filter(|d| (0..10_000).contains(d)) }
    };
    let mut whole = String::new();
    for position in (0..=weight.max(0)).rev() {
        whole.push_str(&format!("{:04}", digit(position)?));
    }
    let mut fraction = String::new();
    let mut position = -1;
    while fraction.len() < scale as usize {
        fraction.push_str(&format!("{:04}", digit(position)?));
        position -= 1;
    }
    fraction.truncate(scale as usize);
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let minus = if sign == 0x4000 { "-" } else { "" };
    Some(if fraction.is_empty() { format!("{minus}{whole}") } else { format!("{minus}{whole}.{fraction}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_unscaled_digits() {
        assert_eq!(text("-12340", 3), "-12.340");
        assert_eq!(text("5", 4), "0.0005");
        assert_eq!(text("0", 2), "0.00");
        assert_eq!(text("12", -3), "12000");
        assert_eq!(text("99999999999999999999999999999999999999", 38), "0.99999999999999999999999999999999999999");
    }

    #[test]
    fn binary_and_back() {
        for value in [
            "0",
            "0.00",
            "1",
            "-1",
            "10000",
            "9999.9999",
            "0.0001",
            "-0.00005",
            "123456789.0123456789",
            "99999999999999999999999999999999999999",
            "100000000",
            "0.10",
        ] {
            let mut bytes = Vec::new();
            to_binary(value, &mut bytes);
            assert_eq!(from_binary(&bytes).as_deref(), Some(value));
        }
    }

    #[test]
    fn binary_as_postgresql_writes_it() {
        // SELECT numeric_send(12345.678)
        let mut bytes = Vec::new();
        to_binary("12345.678", &mut bytes);
        assert_eq!(bytes, [0, 3, 0, 1, 0, 0, 0, 3, 0, 1, 0x09, 0x29, 0x1a, 0x7c]);
        assert_eq!(from_binary(&[0, 1]), None);
        assert_eq!(from_binary(&[0, 0, 0, 0, 0xc0, 0, 0, 0]).as_deref(), Some("NaN"));
    }
}
