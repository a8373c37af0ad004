//! The Italian fiscal code of a person: sixteen characters whose last one checks the others (D.M. 23 December 1976, arts. 4-7).

use std::sync::LazyLock;

use chrono::{Datelike, NaiveDate};
use regex::Regex;

use crate::letters::unaccented;

/// Letters and digits by their value in an odd place, two for each value: `B` and `1` are worth 0, `A` and `0` are worth 1.
const ODD: &str = "B1A0KKPPLLC2QQD3RRE4VVOOSSF5TTG6UUH7MMI8NNJ9WWZZYYXX";
/// The same in an even place.
const EVEN: &str = "A0B1C2D3E4F5G6H7I8J9KKLLMMNNOOPPQQRRSSTTUUVVWWXXYYZZ";
/// The letter of each month.
const MONTHS: &[u8; 12] = b"ABCDEHLMPRST";
/// What a code looks like; letters stand for digits where the authority had to tell two persons apart.
pub const PATTERN: &str = "[A-Z]{6}[0-9LMNPQRSTUV]{2}[ABCDEHLMPRST][0-9LMNPQRSTUV]{2}[A-Z][0-9LMNPQRSTUV]{3}[A-Z]";

/// Compiled once: every cell of a register is asked.
static SHAPE: LazyLock<Result<Regex, regex::Error>> = LazyLock::new(|| Regex::new(&format!("^{PATTERN}$")));

/// A code as it is compared: upper case, without spaces. `None` when it is not a code or its check character is wrong.
pub fn normal(text: &str) -> Option<String> {
    let code = text.trim().to_uppercase();
    let shaped = SHAPE.as_ref().is_ok_and(|pattern| pattern.is_match(&code));
    (shaped && code.ends_with(check(&code[..15])?)).then_some(code)
}

/// A condition in SQL that is true where a text is not a fiscal code, as [`normal`] reads it.
pub fn not_valid_sql(text: &str) -> String {
    let code = format!("upper(trim({text}))");
    // Places within the tables are even numbers and twice a value, which spares a division that two engines round differently.
    let value = |at: usize| {
        let place = format!("strpos('{}', substr({code}, {at}, 1)) + 1", if at % 2 == 1 { ODD } else { EVEN });
        format!("{place} - ({place}) % 2 - 2")
    };
    let sum: Vec<String> = (1..=15).map(value).collect();
    format!("NOT regexp_like({code}, '^{PATTERN}$') OR ({}) % 52 <> 2 * (strpos('ABCDEFGHIJKLMNOPQRSTUVWXYZ', substr({code}, 16, 1)) - 1)", sum.join(" + "))
}

/// The code of a person. `place` is the code of the municipality or country of birth (`H501`); letters outside A-Z do not count.
pub fn of(last_name: &str, first_name: &str, born: NaiveDate, female: bool, place: &str) -> Option<String> {
    let day = born.day() + if female { 40 } else { 0 };
    let month = char::from(MONTHS[born.month0() as usize]);
    let code = format!("{}{}{:02}{month}{day:02}{place}", letters(last_name, false), letters(first_name, true), born.year() % 100);
    let last = check(&code)?;
    normal(&format!("{code}{last}"))
}

/// The check character of the first fifteen.
fn check(code: &str) -> Option<char> {
    let mut sum = 0;
    for (i, c) in code.chars().enumerate() {
        sum += if i % 2 == 0 { ODD } else { EVEN }.find(c)? / 2;
    }
    Some(char::from(b'A' + (sum % 26) as u8))
}

/// Three letters of a name: its consonants, then its vowels, then X. Of four consonants a first name leaves out the second.
fn letters(name: &str, first: bool) -> String {
    let plain: Vec<char> = name.chars().filter_map(capital).collect();
    let vowel = |c: &&char| "AEIOU".contains(**c);
    let mut consonants: Vec<char> = plain.iter().filter(|c| !vowel(c)).copied().collect();
    if first && consonants.len() >= 4 {
        consonants.remove(1);
    }
    consonants.into_iter().chain(plain.iter().filter(vowel).copied()).chain(std::iter::repeat_n('X', 3)).take(3).collect()
}

fn capital(c: char) -> Option<char> {
    let plain = unaccented(c.to_lowercase().next()?);
    plain.is_ascii_alphabetic().then(|| plain.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(year: i32, month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(year, month, day).expect("a day")
    }

    #[test]
    fn the_published_examples() {
        // The examples that the law's commentaries repeat: Mario Rossi, born in Rome on 1 January 1980, and Maria Rossi.
        assert_eq!(of("Rossi", "Mario", day(1980, 1, 1), false, "H501").as_deref(), Some("RSSMRA80A01H501U"));
        assert_eq!(of("Rossi", "Maria", day(1980, 1, 1), true, "H501").as_deref(), Some("RSSMRA80A41H501Y"));
    }

    #[test]
    fn short_and_long_names() {
        assert_eq!(letters("Fo", false), "FOX");
        assert_eq!(letters("D'Ombra", false), "DMB");
        assert_eq!(letters("Gianfranco", true), "GFR");
        assert_eq!(letters("Noè", true), "NOE");
    }

    #[test]
    fn one_wrong_character_is_found() {
        assert_eq!(normal(" rssmra80a01h501u ").as_deref(), Some("RSSMRA80A01H501U"));
        for wrong in ["RSSMRA80A01H501V", "RSSMRA80A02H501U", "RSSMRA80F01H501U", "RSSMRA80A01H501", "12345678901", ""] {
            assert_eq!(normal(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn letters_may_stand_for_digits() {
        let changed = format!("RSSMRA80A01H50M{}", check("RSSMRA80A01H50M").expect("a check character"));
        assert!(normal(&changed).is_some());
    }
}
