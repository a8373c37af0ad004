//! A code list: `datasets/code_lists/<name>.csv`. Its first lines say `# title_it: …`, `# title_en: …`, `# provisional: true` where no
//! official source confirms the codes, and `# source: …`. The columns are `code,it,en,valido_dal,valido_al`.

use std::collections::HashSet;

use chrono::NaiveDate;
use serde::Serialize;

use crate::mistake::Mistake;
use crate::model::Text;

#[derive(Clone, Debug, Serialize)]
pub struct CodeList {
    pub name: String,
    pub title: Text,
    /// True when no official source confirms the codes.
    pub provisional: bool,
    /// Where the codes come from.
    pub source: Option<String>,
    pub codes: Vec<Code>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Code {
    pub code: String,
    pub it: String,
    pub en: String,
    /// First and last day of validity; open where `None`.
    pub valid_from: Option<NaiveDate>,
    pub valid_to: Option<NaiveDate>,
}

impl CodeList {
    pub fn contains(&self, code: &str) -> bool {
        self.codes.iter().any(|c| c.code == code)
    }

    /// The label of a code in both languages.
    pub fn label(&self, code: &str) -> Option<Text> {
        self.codes.iter().find(|c| c.code == code).map(|c| Text::new(&c.it, &c.en))
    }
}

const HEADER: [&str; 5] = ["code", "it", "en", "valido_dal", "valido_al"];

/// Reads a code list. The list is `None` only when its header cannot be read.
pub fn read(file: &str, name: &str, text: &str) -> (Option<CodeList>, Vec<Mistake>) {
    let mut wrong = Wrong { file, mistakes: vec![] };
    let text = text.trim_start_matches('\u{feff}');
    let mut list = CodeList { name: name.to_owned(), title: Text::new("", ""), provisional: false, source: None, codes: vec![] };
    let head = text.lines().take_while(|line| line.starts_with('#')).count();
    for (i, line) in text.lines().take(head).enumerate() {
        read_head(&mut list, line, i + 1, &mut wrong);
    }
    if list.title.it.is_empty() || list.title.en.is_empty() {
        wrong.at(1, "the title is missing: the first lines are '# title_it: …' and '# title_en: …'");
    }
    let body: String = text.split_inclusive('\n').skip(head).collect();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(body.as_bytes());
    let mut seen = HashSet::new();
    for (i, record) in reader.records().enumerate() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                wrong.at(error.position().map_or(1, |p| p.line() as usize) + head, error.to_string());
                continue;
            }
        };
        let line = record.position().map_or(1, |p| p.line() as usize) + head;
        if i == 0 && record.iter().ne(HEADER) {
            wrong.at(line, format!("expected the header {}", HEADER.join(",")));
            return (None, wrong.mistakes);
        }
        if i == 0 {
            continue;
        }
        let code = read_code(&record, line, &mut wrong);
        if !seen.insert(code.code.clone()) {
            wrong.at(line, format!("code '{}' appears twice", code.code));
        }
        list.codes.push(code);
    }
    if list.codes.is_empty() {
        wrong.at(head + 1, "the list has no codes");
    }
    (Some(list), wrong.mistakes)
}

struct Wrong<'a> {
    file: &'a str,
    mistakes: Vec<Mistake>,
}

impl Wrong<'_> {
    fn at(&mut self, line: usize, message: impl Into<String>) {
        self.mistakes.push(Mistake { file: self.file.to_owned(), line, column: 1, message: message.into() });
    }
}

fn read_head(list: &mut CodeList, line: &str, number: usize, wrong: &mut Wrong) {
    let (key, value) = line.trim_start_matches('#').split_once(':').map_or((line, ""), |(k, v)| (k.trim(), v.trim()));
    match (key, value) {
        ("title_it", title) => list.title.it = title.to_owned(),
        ("title_en", title) => list.title.en = title.to_owned(),
        ("source", source) => list.source = Some(source.to_owned()),
        ("provisional", "true") => list.provisional = true,
        ("provisional", "false") => list.provisional = false,
        ("provisional", _) => wrong.at(number, "provisional is true or false"),
        _ => wrong.at(number, "unknown line: expected '# title_it: …', '# title_en: …', '# provisional: …' or '# source: …'"),
    }
}

fn read_code(record: &csv::StringRecord, line: usize, wrong: &mut Wrong) -> Code {
    if record.len() != HEADER.len() {
        wrong.at(line, format!("expected {} fields, found {}", HEADER.len(), record.len()));
    }
    let field = |n: usize| record.get(n).unwrap_or_default().trim().to_owned();
    let mut day = |n: usize| match NaiveDate::parse_from_str(&field(n), "%Y-%m-%d") {
        Ok(day) => Some(day),
        Err(_) if field(n).is_empty() => None,
        Err(_) => {
            wrong.at(line, format!("{} is not a date such as 2024-12-31", HEADER[n]));
            None
        }
    };
    let code = Code { valid_from: day(3), valid_to: day(4), code: field(0), it: field(1), en: field(2) };
    for (name, value) in HEADER.iter().zip([&code.code, &code.it, &code.en]) {
        if value.is_empty() {
            wrong.at(line, format!("'{name}' is empty"));
        }
    }
    if code.valid_from.zip(code.valid_to).is_some_and(|(from, to)| from > to) {
        wrong.at(line, "valido_dal is after valido_al");
    }
    code
}
