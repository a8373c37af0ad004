//! Worked questions: `datasets/questions/<nn>_<name>.sql`, whose first two lines say in both languages what the query answers.

use serde::Serialize;

use crate::mistake::Mistake;
use crate::model::Text;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Question {
    /// The file's name without extension.
    pub name: String,
    pub title: Text,
    /// The query, without the lines that say what it answers.
    pub sql: String,
}

/// Reads one file.
pub fn read(file: &str, name: &str, text: &str) -> Result<Question, Mistake> {
    let wrong = |line: usize, message: &str| Mistake { file: file.to_owned(), line, column: 1, message: message.to_owned() };
    let mut lines = text.lines();
    let mut said = |line: usize, start: &'static str| {
        let text = lines.next().and_then(|text| text.strip_prefix(start)).map(str::trim).filter(|text| !text.is_empty());
        text.map(str::to_owned).ok_or_else(|| wrong(line, &format!("line {line} must be '{start}' and what the query answers")))
    };
    let title = Text::new(&said(1, "-- it: ")?, &said(2, "-- en: ")?);
    let sql = lines.collect::<Vec<_>>().join("\n").trim().to_owned();
    if sql.is_empty() {
        return Err(wrong(3, "the query is missing"));
    }
    Ok(Question { name: name.to_owned(), title, sql })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_says_what_it_answers_in_both_languages() {
        let question = read("questions/01_uno.sql", "01_uno", "-- it: Quanti\n-- en: How many\nSELECT 1\n").unwrap();
        assert_eq!((question.title.it.as_str(), question.title.en.as_str(), question.sql.as_str()), ("Quanti", "How many", "SELECT 1"));
        assert_eq!(read("f", "n", "SELECT 1").unwrap_err().line, 1);
        assert_eq!(read("f", "n", "-- it: a\nSELECT 1").unwrap_err().line, 2);
        assert_eq!(read("f", "n", "-- it: a\n-- en: b\n \n").unwrap_err().line, 3);
    }
}
