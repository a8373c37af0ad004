//! Words as search compares them: without accents and case, singular and plural alike, and near enough when mistyped.

use datasets::letters::unaccented;

/// Words that say nothing of what is looked for.
const EMPTY: [&str; 38] = [
    "il", "lo", "la", "gli", "le", "di", "da", "in", "con", "su", "per", "tra", "fra", "del", "dei", "della", "delle", "dello", "degli", "al", "alla", "alle",
    "nel", "nella", "un", "una", "che", "the", "of", "and", "to", "for", "by", "or", "an", "is", "who", "what",
];

/// The words of a text, in its order.
pub fn of(text: &str) -> Vec<String> {
    let folded: String = text.chars().flat_map(char::to_lowercase).map(unaccented).collect();
    let parts = folded.split(|c: char| !c.is_alphanumeric());
    parts.filter(|word| word.len() > 1 && !EMPTY.contains(word)).map(String::from).collect()
}

/// How well a word that was asked fits one that is known, between 0 and 1; nothing when they have nothing to do with each other.
pub fn likeness(asked: &str, known: &str) -> Option<f64> {
    if asked == known {
        return Some(1.0);
    }
    if stem(asked) == stem(known) {
        return Some(0.9);
    }
    if asked.len() >= 3 && known.starts_with(asked) {
        return Some(0.7);
    }
    // One error in a word of four letters, two from eight on. Numbers are not mistyped: 527 is not 528.
    let allowed = match asked.len() {
        _ if asked.bytes().any(|b| b.is_ascii_digit()) => 0,
        ..4 => 0,
        4..8 => 1,
        _ => 2,
    };
    if allowed == 0 || asked.len().abs_diff(known.len()) > allowed {
        return None;
    }
    match strsim::osa_distance(asked, known) {
        errors if errors > allowed => None,
        1 => Some(0.5),
        _ => Some(0.35),
    }
}

/// Italian words change their last vowel, English ones take an s.
fn stem(word: &str) -> &str {
    if word.len() < 4 {
        return word;
    }
    let word = word.strip_suffix('s').unwrap_or(word);
    let vowel = |c: char| "aeio".contains(c);
    word.strip_suffix("hi").or(word.strip_suffix("he")).or(word.strip_suffix(vowel)).unwrap_or(word)
}
