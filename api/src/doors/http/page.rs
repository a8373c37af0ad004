//! The query string of `…/rows`: columns, filters, order, page and version.
//!
//! `?columns=nome,posti&comune=Roma&posti__gte=10&sort=-posti&limit=100&as_of=2026-10-01`

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use url::form_urlencoded;
use warehouse::lake::At;
use warehouse::session::rows::{Filter, Operator, Page, Sort};

use crate::doors::http::format::Format;
use crate::doors::http::problem::{Problem, Result};

/// Rows of a JSON page when the client names no limit; the other formats answer whole.
const JSON_ROWS: usize = 1_000;
/// The greatest whole number that every client can write.
const FARTHEST: usize = (1 << 53) - 1;
/// Names that are not columns. A column of such a name is filtered by `limit__eq=…`.
const RESERVED: [&str; 9] = ["columns", "sort", "limit", "offset", "after", "history", "version", "as_of", "raw"];

/// What a query string asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    pub page: Page,
    /// Version of the table that the page before was read from.
    pub version: Option<u64>,
    pub raw: bool,
    /// The query string without its position, for the address of the next page.
    rest: Vec<(String, String)>,
}

/// Reads a query string. Errors name the parameter that is wrong; whether a column exists is the session's to say.
pub fn read(query: &str, format: Format) -> Result<Asked> {
    let mut page = Page::default();
    let mut asked = Asked { page: Page::default(), version: None, raw: false, rest: Vec::new() };
    for (name, value) in form_urlencoded::parse(query.as_bytes()).into_owned() {
        match name.as_str() {
            "columns" => page.columns = words(&value),
            "sort" => page.sort = words(&value).into_iter().map(order).collect(),
            "limit" => page.limit = Some(number(&name, &value)?),
            "offset" => page.offset = number(&name, &value)?,
            "after" => {
                let (version, offset) = position(&value).ok_or_else(|| wrong(&name, "not a position of ours; start again without it"))?;
                (asked.version, page.offset) = (Some(version), offset);
            }
            "history" => page.history = flag(&name, &value)?,
            "version" | "as_of" if page.at.is_some() => return Err(wrong(&name, "say one version only")),
            "version" => page.at = Some(At::Version(number(&name, &value)? as u64)),
            "as_of" => page.at = Some(time(&name, &value)?),
            "raw" => asked.raw = flag(&name, &value)?,
            _ => page.filters.push(filter(&name, &value)?),
        }
        if !matches!(name.as_str(), "offset" | "after") {
            asked.rest.push((name, value));
        }
    }
    if format == Format::Json && page.limit.is_none() {
        page.limit = Some(JSON_ROWS);
    }
    if page.limit == Some(0) {
        return Err(wrong("limit", "must be at least 1"));
    }
    asked.page = page;
    Ok(asked)
}

impl Asked {
    /// Path and query of the page after this one.
    pub fn next(&self, path: &str, version: u64) -> Option<String> {
        let offset = self.page.offset + self.page.limit?;
        let after = URL_SAFE_NO_PAD.encode(format!("{version}.{offset}"));
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.rest).append_pair("after", &after);
        Some(format!("{path}?{}", query.finish()))
    }
}

/// Comparisons, as addresses and forms write them; those without a value last.
pub const OPERATORS: [(&str, Operator); 10] = [
    ("eq", Operator::Eq),
    ("ne", Operator::Ne),
    ("prefix", Operator::Prefix),
    ("contains", Operator::Contains),
    ("lt", Operator::Lt),
    ("lte", Operator::Le),
    ("gt", Operator::Gt),
    ("gte", Operator::Ge),
    ("null", Operator::IsNull),
    ("notnull", Operator::NotNull),
];

/// Those that compare with a value.
pub fn comparisons() -> impl Iterator<Item = (&'static str, Operator)> {
    OPERATORS.into_iter().filter(|(_, operator)| !matches!(operator, Operator::IsNull | Operator::NotNull))
}

/// `column`, or `column__operator`.
fn filter(name: &str, value: &str) -> Result<Filter> {
    let (column, operator) = name.rsplit_once("__").unwrap_or((name, "eq"));
    let operator = match OPERATORS.iter().find(|(word, _)| *word == operator) {
        Some((_, Operator::IsNull)) if !flag(name, value)? => Operator::NotNull,
        // In an address that is `null=false`.
        Some((_, operator)) if *operator != Operator::NotNull => *operator,
        _ => {
            let known = comparisons().map(|(word, _)| word).collect::<Vec<_>>().join(", ");
            return Err(wrong(name, &format!("unknown comparison: use {known} or null")));
        }
    };
    let value = (!matches!(operator, Operator::IsNull | Operator::NotNull)).then(|| value.to_owned());
    Ok(Filter { column: column.into(), operator, value })
}

fn order(word: String) -> Sort {
    match word.strip_prefix('-') {
        Some(column) => Sort { column: column.into(), descending: true },
        None => Sort { column: word, descending: false },
    }
}

fn words(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|w| !w.is_empty()).map(String::from).collect()
}

fn number(name: &str, value: &str) -> Result<usize> {
    value.parse().ok().filter(|number| *number <= FARTHEST).ok_or_else(|| wrong(name, "must be a whole number, not past any row"))
}

pub fn flag(name: &str, value: &str) -> Result<bool> {
    match value {
        "true" | "1" | "" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(wrong(name, "must be true or false")),
    }
}

fn time(name: &str, value: &str) -> Result<At> {
    match value.parse() {
        Ok(at @ At::Time(_)) => Ok(at),
        _ => Err(wrong(name, "must be a date, 2026-10-01, which means its end, or a moment, 2026-10-01T12:00:00Z")),
    }
}

fn position(text: &str) -> Option<(u64, usize)> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let (version, offset) = text.split_once('.')?;
    Some((version.parse().ok()?, offset.parse().ok()?))
}

fn wrong(name: &str, why: &str) -> Problem {
    let known = if RESERVED.contains(&name) { "" } else { " (any other parameter is a filter on the column of its name)" };
    Problem::invalid("query.parameter", format!("parameter '{name}': {why}{known}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_string_is_read_and_leads_on() {
        let asked = read("columns=a,b&comune=Roma+Est&posti__gte=10&n__null=false&sort=-b,a&limit=5&offset=10", Format::Csv).unwrap();
        assert_eq!(asked.page.columns, ["a", "b"]);
        let filters: Vec<_> = asked.page.filters.iter().map(|f| (f.column.as_str(), f.operator, f.value.as_deref())).collect();
        assert_eq!(filters, [("comune", Operator::Eq, Some("Roma Est")), ("posti", Operator::Ge, Some("10")), ("n", Operator::NotNull, None)]);
        assert!(asked.page.sort[0].descending && !asked.page.sort[1].descending);
        let next = asked.next("/rows", 7).unwrap();
        let again = read(next.split_once('?').unwrap().1, Format::Csv).unwrap();
        assert_eq!((again.version, again.page.offset, again.page.limit), (Some(7), 15, Some(5)));
        assert_eq!(again.page.filters, asked.page.filters);
    }

    #[test]
    fn wrong_parameters_are_named() {
        for query in ["limit=x", "limit=0", "posti__like=3", "after=%00", "history=perhaps", "offset=-1", "version=v3", "as_of=v3", "as_of=ieri"] {
            let problem = read(query, Format::Json).unwrap_err();
            assert!(problem.detail.contains(query.split('=').next().unwrap()), "{}", problem.detail);
        }
    }

    #[test]
    fn one_earlier_version_may_be_named() {
        let at = |query: &str| read(query, Format::Csv).map(|asked| asked.page.at);
        assert_eq!(at("version=12").unwrap(), Some(At::Version(12)));
        assert_eq!(at("as_of=2026-10-01").unwrap(), at("as_of=2026-10-01T23:59:59.999999Z").unwrap());
        assert_eq!(at("as_of=2026-10-01T14:00:00%2B02:00").unwrap(), at("as_of=2026-10-01T12:00:00Z").unwrap());
        assert!(at("version=1&as_of=2026-10-01").is_err());
        assert!(read("version=12&limit=5", Format::Csv).unwrap().next("/rows", 12).unwrap().contains("version=12"));
    }

    #[test]
    fn only_json_has_a_page_by_itself() {
        assert_eq!(read("", Format::Json).unwrap().page.limit, Some(JSON_ROWS));
        assert_eq!(read("", Format::Csv).unwrap().page.limit, None);
    }
}
