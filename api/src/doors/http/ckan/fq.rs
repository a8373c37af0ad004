//! The conditions of `fq` and of `field:value` in `q`: the part of Solr's language that clients and harvesters of CKAN write.

use datasets::derive::dcat::{PUBLISHER_CODE, Published};

use super::Failure;
use super::packages::{group_name, id, name, tags};

/// Fields that can be asked for. Ranges are for dates and names.
const FIELDS: [&str; 15] = [
    "organization",
    "owner_org",
    "tags",
    "groups",
    "res_format",
    "license_id",
    "name",
    "id",
    "title",
    "notes",
    "dataset_type",
    "type",
    "state",
    "capacity",
    "metadata_modified",
];

/// `field:value`, perhaps negated.
pub struct Condition {
    field: &'static str,
    wanted: Wanted,
    negated: bool,
}

enum Wanted {
    /// Any of these; `*` is whatever there is.
    Among(Vec<String>),
    /// From, until; `None` is open.
    Between(Option<String>, Option<String>),
}

impl Condition {
    pub fn holds(&self, dataset: &Published<'_>) -> bool {
        let values = values(dataset, self.field);
        let holds = match &self.wanted {
            Wanted::Among(wanted) => wanted.iter().any(|one| values.iter().any(|value| fits(one, value, self.field))),
            Wanted::Between(from, until) => {
                values.iter().any(|value| from.as_ref().is_none_or(|from| value >= from) && until.as_ref().is_none_or(|until| value <= until))
            }
        };
        holds != self.negated
    }
}

/// Titles and descriptions hold words, everything else is compared whole; a `*` at the end stands for the rest.
fn fits(wanted: &str, value: &str, field: &str) -> bool {
    let (wanted, value) = (wanted.to_lowercase(), value.to_lowercase());
    match wanted.strip_suffix('*') {
        Some(start) => value.starts_with(start),
        None if ["title", "notes"].contains(&field) => value.contains(&wanted),
        None => value == wanted,
    }
}

/// What a dataset has under a field, as `package_show` shows it.
pub fn values(dataset: &Published<'_>, field: &str) -> Vec<String> {
    let publication = dataset.contract.publication.as_ref();
    match field {
        "organization" => vec![PUBLISHER_CODE.into()],
        "owner_org" => vec![id("organization")],
        "tags" => tags(dataset),
        "groups" => vec![group_name(dataset)],
        "res_format" => {
            let mut formats: Vec<String> = dataset.files.iter().map(|file| file.format.to_uppercase()).collect();
            formats.sort();
            formats.dedup();
            formats
        }
        "license_id" => publication.map(|p| p.licence.clone()).into_iter().collect(),
        "name" => vec![name(dataset)],
        "id" => vec![id(&dataset.contract.name.to_string())],
        "title" => vec![dataset.contract.title.it.clone(), dataset.contract.title.en.clone()],
        "notes" => vec![dataset.contract.description.it.clone(), dataset.contract.description.en.clone()],
        "dataset_type" | "type" => vec!["dataset".into()],
        "state" => vec!["active".into()],
        "capacity" => vec!["public".into()],
        // As Solr writes it, so that ranges compare as text.
        "metadata_modified" => vec![format!("{}T00:00:00Z", dataset.issued)],
        _ => Vec::new(),
    }
}

/// `field:value`, `field:"two words"`, `field:(a OR b)`, `field:[from TO until]`, each perhaps after `+`, `-`, `!` or `NOT`, with or
/// without `AND` between. What is not a condition of a known field is left for `rest`, where words may stand; else it is refused.
pub fn conditions(query: &str, mut rest: Option<&mut Vec<String>>) -> Result<Vec<Condition>, Failure> {
    let mut found = Vec::new();
    let mut left = query.trim();
    let mut negated = false;
    while !left.is_empty() {
        let (word, more) = left.split_once(char::is_whitespace).unwrap_or((left, ""));
        if ["AND", "&&"].contains(&word) {
            left = more.trim_start();
            continue;
        }
        if word == "NOT" {
            (negated, left) = (true, more.trim_start());
            continue;
        }
        let bare = left.trim_start_matches(['+', '-', '!']);
        let known = bare.split_once(':').and_then(|(field, more)| Some((*FIELDS.iter().find(|known| **known == field)?, more)));
        let Some((field, more)) = known else {
            if let Some(words) = rest.as_deref_mut() {
                words.push(word.to_owned());
                left = more.trim_start();
                continue;
            }
            if word == "*:*" {
                left = more.trim_start();
                continue;
            }
            return Err(Failure::Search(format!("fq: '{word}' is not a condition; write field:value with one of {}", FIELDS.join(", "))));
        };
        let (wanted, more) = wanted(more)?;
        found.push(Condition { field, wanted, negated: negated != left.starts_with(['-', '!']) });
        (negated, left) = (false, more.trim_start());
    }
    Ok(found)
}

fn wanted(text: &str) -> Result<(Wanted, &str), Failure> {
    let unclosed = |mark: &str| Failure::Search(format!("fq: {mark} is not closed"));
    if let Some(quoted) = text.strip_prefix('"') {
        let (value, more) = quoted.split_once('"').ok_or_else(|| unclosed("a quotation mark"))?;
        return Ok((Wanted::Among(vec![value.to_owned()]), more));
    }
    if let Some(list) = text.strip_prefix('(') {
        let (list, more) = list.split_once(')').ok_or_else(|| unclosed("a parenthesis"))?;
        let values = list.split(" OR ").map(|value| value.trim().trim_matches('"').to_owned()).filter(|value| !value.is_empty()).collect();
        return Ok((Wanted::Among(values), more));
    }
    if let Some(range) = text.strip_prefix('[') {
        let (range, more) = range.split_once(']').ok_or_else(|| unclosed("a bracket"))?;
        let (from, until) = range.split_once(" TO ").ok_or_else(|| Failure::Search("fq: write a range as [from TO until]; * is open".into()))?;
        return Ok((Wanted::Between(bound(from)?, bound(until)?), more));
    }
    let (value, more) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    Ok((Wanted::Among(vec![value.to_owned()]), more))
}

/// An end of a range. Solr's arithmetic (`NOW-1DAY`) is refused rather than taken for a word.
fn bound(text: &str) -> Result<Option<String>, Failure> {
    match text.trim().trim_matches('"') {
        "*" => Ok(None),
        relative if relative.starts_with("NOW") => Err(Failure::Search(format!("fq: write '{relative}' as a date"))),
        other => Ok(Some(other.to_owned())),
    }
}
