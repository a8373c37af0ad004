//! The shape of a query: its text with every literal replaced by `?`, for records that must hold no personal data.

use datafusion::sql::sqlparser::tokenizer::Token;

use crate::gate::text;

const LONGEST: usize = 2_000;

/// `SELECT a FROM t WHERE cf = 'RSS…' -- x` becomes `SELECT a FROM t WHERE cf = ?`. Comments go; so does a quoted name
/// that is not a plain word, because people put values into double quotes. Text that cannot be read gives `?`.
pub fn shape(sql: &str) -> String {
    if sql.len() > 64 * 1024 {
        return "?".into();
    }
    let Ok(tokens) = text::tokens(sql) else { return "?".into() };
    let mut shape = String::new();
    for token in tokens.iter().map(|t| &t.token) {
        match token {
            Token::Whitespace(_) | Token::EOF => {
                if !shape.is_empty() && !shape.ends_with(' ') {
                    shape.push(' ');
                }
            }
            literal if text::is_literal(literal) => hide(&mut shape),
            Token::Word(word) if word.quote_style.is_some() && !is_plain(&word.value) => hide(&mut shape),
            Token::DoubleQuotedString(_) => hide(&mut shape),
            other => shape.push_str(&other.to_string()),
        }
        if shape.len() > LONGEST {
            shape.push('…');
            break;
        }
    }
    shape.trim_end().to_owned()
}

/// Puts `?`; a list of literals counts once, however long it is.
fn hide(shape: &mut String) {
    let before = shape.trim_end();
    match before.strip_suffix(',').map(str::trim_end) {
        Some(list) if list.ends_with('?') => shape.truncate(list.len()),
        _ => shape.push('?'),
    }
}

fn is_plain(word: &str) -> bool {
    word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::shape;

    #[test]
    fn literals_and_comments_leave_the_shape() {
        assert_eq!(shape("SELECT  a\nFROM t -- Rossi\nWHERE cf = 'RSSMRA' AND n > 12.5"), "SELECT a FROM t WHERE cf = ? AND n > ?");
        assert_eq!(shape("SELECT \"Mario Rossi\", \"nome\" FROM t"), "SELECT ?, \"nome\" FROM t");
        assert_eq!(shape("SELECT $$segreto$$, E'\\n', N'x'"), "SELECT ?");
        assert_eq!(shape("SELECT 'open"), "?");
    }

    #[test]
    fn lists_of_literals_count_once() {
        assert_eq!(shape("SELECT a IN (1, 2, 3, 4, 5)"), shape("SELECT a IN (7, 8, 9)"));
    }
}
