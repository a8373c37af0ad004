//! `package_search`: words over titles, descriptions, keywords and columns; `fq` by field; order; pages.

use datasets::derive::dcat::{PUBLISHER_CODE, Published};
use serde_json::{Value, json};

use super::packages::{name, tags};
use super::{Failure, Outcome, Parameters, Site, number, text};

/// Packages of one answer at most, as CKAN has it.
const MOST: usize = 1_000;

impl Site<'_> {
    pub(super) fn package_search(&self, with: &Parameters) -> Outcome {
        let (rows, start) = (number(with, "rows", 10)?.min(MOST), number(with, "start", 0)?);
        let words = words(text(with, "q").unwrap_or_default());
        let conditions = conditions(text(with, "fq").unwrap_or_default())?;
        let mut found: Vec<(usize, &Published<'_>)> = Vec::new();
        for dataset in &self.datasets {
            if !conditions.iter().all(|condition| condition.holds(dataset)) {
                continue;
            }
            if let Some(score) = score(dataset, &words) {
                found.push((score, dataset));
            }
        }
        let sort = text(with, "sort").unwrap_or(if words.is_empty() { "metadata_modified desc" } else { "score desc, metadata_modified desc" });
        order(&mut found, sort)?;
        let results: Vec<Value> = found.iter().skip(start).take(rows).map(|(_, dataset)| self.package(dataset)).collect();
        Ok(json!({ "count": found.len(), "results": results, "sort": sort, "facets": {}, "search_facets": {} }))
    }
}

fn words(query: &str) -> Vec<String> {
    if query.trim() == "*:*" || query.trim() == "*" {
        return Vec::new();
    }
    query.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty()).map(str::to_lowercase).collect()
}

/// How well a dataset fits: each word must be somewhere; in the title it counts most. `None` when one is nowhere.
fn score(dataset: &Published<'_>, words: &[String]) -> Option<usize> {
    let contract = dataset.contract;
    let title = format!("{} {} {}", contract.title.it, contract.title.en, contract.name).to_lowercase();
    let mut rest = format!("{} {} {}", contract.description.it, contract.description.en, tags(dataset).join(" "));
    for column in contract.columns.iter().filter(|c| c.class == datasets::model::Class::Public) {
        rest = format!("{rest} {} {} {}", column.name, column.title.it, column.title.en);
    }
    let rest = rest.to_lowercase();
    words.iter().try_fold(0, |sum, word| match (title.contains(word.as_str()), rest.contains(word.as_str())) {
        (true, _) => Some(sum + 4),
        (false, true) => Some(sum + 1),
        _ => None,
    })
}

/// One `field:value` of `fq`, perhaps negated.
struct Condition {
    field: String,
    value: String,
    negated: bool,
}

impl Condition {
    fn holds(&self, dataset: &Published<'_>) -> bool {
        let has = |value: &str| self.value == "*" || value.eq_ignore_ascii_case(&self.value);
        let holds = match self.field.as_str() {
            "organization" | "owner_org" => has(PUBLISHER_CODE) || has(&super::packages::id("organization")),
            "tags" => tags(dataset).iter().any(|tag| has(tag)),
            "groups" => dataset.contract.publication.as_ref().is_some_and(|p| has(&p.theme)),
            "res_format" => dataset.files.iter().any(|file| has(&file.format)),
            "license_id" => dataset.contract.publication.as_ref().is_some_and(|p| has(&p.licence)),
            "name" => has(&name(dataset)),
            "dataset_type" | "type" => has("dataset"),
            "state" => has("active"),
            _ => has("public"),
        };
        holds != self.negated
    }
}

const FIELDS: [&str; 11] = ["organization", "owner_org", "tags", "groups", "res_format", "license_id", "name", "dataset_type", "type", "state", "capacity"];

/// `field:value`, `field:"two words"`, `+field:…`, `-field:…`, with or without AND between.
fn conditions(query: &str) -> Result<Vec<Condition>, Failure> {
    let mut found = Vec::new();
    let mut rest = query.trim();
    while !rest.is_empty() {
        if let Some(more) = rest.strip_prefix("AND ").or_else(|| rest.strip_prefix("&& ")) {
            rest = more.trim_start();
            continue;
        }
        let negated = rest.starts_with(['-', '!']);
        let (field, more) = rest.trim_start_matches(['+', '-', '!']).split_once(':').ok_or_else(|| Failure::Search(format!("fq: no field before '{rest}'")))?;
        let (value, more) = match more.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or_else(|| Failure::Search("fq: a quotation mark is not closed".into()))?,
            None => more.split_once(' ').unwrap_or((more, "")),
        };
        if !FIELDS.contains(&field) {
            return Err(Failure::Search(format!("fq: field '{field}' is not known; there are {}", FIELDS.join(", "))));
        }
        found.push(Condition { field: field.to_owned(), value: value.trim_matches(['(', ')']).to_owned(), negated });
        rest = more.trim_start();
    }
    Ok(found)
}

fn order(found: &mut [(usize, &Published<'_>)], sort: &str) -> Result<(), Failure> {
    // The last field weighs least: sorted by it first, stably.
    for part in sort.split(',').rev() {
        let (field, direction) = part.trim().split_once(' ').unwrap_or((part.trim(), "asc"));
        let key = |(score, dataset): &(usize, &Published<'_>)| match field {
            "score" => Some(format!("{score:020}")),
            "metadata_modified" | "metadata_created" => Some(dataset.issued.to_string()),
            "name" => Some(name(dataset)),
            "title" | "title_string" => Some(dataset.contract.title.it.to_lowercase()),
            "id" => Some(super::packages::id(&dataset.contract.name.to_string())),
            _ => None,
        };
        if found.iter().any(|one| key(one).is_none()) {
            return Err(Failure::Search(format!("sort: field '{field}' is not known")));
        }
        let descending = direction.trim().eq_ignore_ascii_case("desc");
        found.sort_by(|a, b| if descending { key(b).cmp(&key(a)) } else { key(a).cmp(&key(b)) });
    }
    Ok(())
}
