//! Does a cell look like a value? Numbers, dates, codes and words do; a cell that holds other marks or half a quote does not.

/// Points from 0 to 1, and whether the cell is a number, date or time.
pub(super) fn worth(cell: &str) -> (f64, bool) {
    let trimmed = cell.trim();
    let padding = if trimmed.len() == cell.len() { 1.0 } else { 0.9 };
    if trimmed.is_empty() {
        return (0.7 * padding, false);
    }
    if numeric(trimmed) {
        return (padding, true);
    }
    let first = trimmed.as_bytes()[0];
    let last = trimmed.as_bytes()[trimmed.len() - 1];
    if matches!(first, b'"' | b'\'' | b'`') || matches!(last, b'"' | b'`') {
        return (0.2, false);
    }
    // Half a quotation: the cell was cut inside quotes.
    if trimmed.contains(" \"") && trimmed.matches('"').count() % 2 == 1 {
        return (0.2, false);
    }
    if marked(trimmed) || trimmed.starts_with(',') || trimmed.ends_with(',') {
        return (0.3 * padding, false);
    }
    let strange = trimmed.chars().filter(|c| !c.is_alphanumeric() && !" _-.,:/'()&°%€$£#@+*?!=\\[]{}<>\"\n\r".contains(*c)).count();
    let points: f64 = if strange * 4 > trimmed.chars().count() { 0.4 } else { 0.9 };
    let cut = trimmed.contains(',') && !trimmed.contains(", ");
    (if cut { points * 0.6 } else { points } * padding, false)
}

/// True when a mark that separates cells elsewhere stands in the text as prose would not have it: without a space after it.
fn marked(text: &str) -> bool {
    let marks = [';', '|', '\t', '^', '~', '¬', '§', '¦', '\u{1}', '\u{1e}', '\u{1f}'];
    text.char_indices().any(|(i, c)| marks.contains(&c) && !text[i + c.len_utf8()..].starts_with(' '))
}

/// Numbers with either decimal mark, signs, percent, currency, exponents; dates and times of digits and their marks.
fn numeric(text: &str) -> bool {
    let text = text.trim_start_matches(['€', '$', '£']).trim_end_matches(['%', '€', '$', '£']).trim();
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if digits == 0 {
        return false;
    }
    let marks = text.bytes().filter(|b| matches!(b, b'.' | b',' | b'-' | b'+' | b'/' | b':' | b' ' | b'T' | b'Z' | b'e' | b'E' | b'\'')).count();
    digits + marks == text.len() && marks <= digits + 1 && !text.starts_with([',', ':', '/']) && !text.ends_with([',', ':', '/']) && commas(text)
}

/// A comma in a number stands once, or before every group of three digits.
fn commas(text: &str) -> bool {
    let mut parts = text.split(',');
    parts.next();
    let rest: Vec<&str> = parts.collect();
    rest.len() <= 1 || rest.iter().all(|part| part.split('.').next().is_some_and(|g| g.len() == 3))
}
