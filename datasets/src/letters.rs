//! Letters as people leave them out: names and headers are compared without case, accents and punctuation.

/// A lower-case letter without its accent.
pub fn unaccented(letter: char) -> char {
    match letter {
        'à' | 'á' | 'â' | 'ä' | 'ã' => 'a',
        'è' | 'é' | 'ê' | 'ë' => 'e',
        'ì' | 'í' | 'î' | 'ï' => 'i',
        'ò' | 'ó' | 'ô' | 'ö' | 'õ' => 'o',
        'ù' | 'ú' | 'û' | 'ü' => 'u',
        'ç' => 'c',
        'ñ' => 'n',
        other => other,
    }
}

/// Lower case, without accents; what is no letter or digit becomes one `gap`, none at the ends.
pub fn folded(text: &str, gap: char) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase).map(unaccented) {
        let c = if c.is_alphanumeric() { c } else { gap };
        if c != gap || !(out.is_empty() || out.ends_with(gap)) {
            out.push(c);
        }
    }
    out.trim_end_matches(gap).to_owned()
}
