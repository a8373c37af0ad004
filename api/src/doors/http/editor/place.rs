//! An error of a query for its page: the sentence, and the place in the text that it names.

use serde_json::{Value, json};

use crate::doors::http::problem::Problem;
use crate::site::words::Language;

/// Characters of the text that are shown before and after the place.
const AROUND: usize = 60;

/// What a template shows of a problem with the query `sql`.
pub fn shown(problem: &Problem, sql: &str, language: Language) -> Value {
    let italian = problem.more.iter().find(|(name, _)| *name == "detail_it").and_then(|(_, text)| text.as_str());
    let (detail, detail_lang) = match (language, italian) {
        (Language::Italian, Some(italian)) => (italian, "it"),
        _ => (problem.detail.as_str(), "en"),
    };
    let mut error = json!({ "code": problem.code, "detail": detail, "detail_lang": detail_lang, "excerpt": null });
    let place = named(&problem.detail).and_then(|(line, column)| Some((line, column, sql.lines().nth(line.checked_sub(1)?)?)));
    let Some((line, column, text)) = place else { return error };
    let characters: Vec<char> = text.chars().collect();
    let at = column.saturating_sub(1).min(characters.len());
    let word = characters[at..].iter().take_while(|c| c.is_alphanumeric() || **c == '_').count().max(1);
    let end = (at + word).min(characters.len());
    let piece = |from: usize, to: usize| characters[from..to].iter().collect::<String>();
    error["line"] = json!(line);
    error["column"] = json!(column);
    error["before"] = json!(piece(at.saturating_sub(AROUND), at));
    // The end of a line is a place too.
    error["excerpt"] = json!(if at == end { "␣".to_owned() } else { piece(at, end) });
    error["after"] = json!(piece(end, (end + AROUND).min(characters.len())));
    error
}

/// `… at line 2, column 6`
fn named(detail: &str) -> Option<(usize, usize)> {
    let (_, rest) = detail.rsplit_once(" at line ")?;
    let (line, rest) = rest.split_once(", column ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((line.parse().ok()?, digits.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_that_an_error_names_is_shown_in_the_text() {
        let problem = Problem::invalid("sql.syntax", "syntax error: expected FROM, found: FORM at line 2, column 3");
        let error = shown(&problem, "SELECT 1\n, FORM x", Language::Italian);
        assert_eq!((error["before"].as_str(), error["excerpt"].as_str(), error["after"].as_str()), (Some(", "), Some("FORM"), Some(" x")));
        assert_eq!(shown(&problem, "SELECT", Language::Italian)["excerpt"], Value::Null, "a line that is not there");
        let end = Problem::invalid("sql.syntax", "found: EOF at line 1, column 900");
        assert_eq!(shown(&end, "SELECT à", Language::English)["excerpt"], "␣");
        assert_eq!(shown(&Problem::not_found(), "SELECT 1", Language::English)["excerpt"], Value::Null);
    }
}
