//! `package_search`: words over titles, descriptions, keywords and columns; `fq` by field; facets; order; pages.

use std::collections::BTreeMap;

use datasets::derive::dcat::{PUBLISHER, PUBLISHER_CODE, Published};
use serde_json::{Map, Value, json};

use super::fq::{self, Condition};
use super::packages::{id, licence_title, name, tags, theme};
use super::{Failure, Outcome, Parameters, Site, list, number, text};

/// Packages of one answer at most, as CKAN has it.
const MOST: usize = 1_000;
/// Fields that are counted when a client asks for facets without naming any.
const FACETS: [&str; 5] = ["organization", "groups", "tags", "res_format", "license_id"];

impl Site<'_> {
    pub(super) fn package_search(&self, with: &Parameters) -> Outcome {
        let (rows, start) = (number(with, "rows", 10)?.min(MOST), number(with, "start", 0)?);
        let mut said = Vec::new();
        let mut conditions = fq::conditions(text(with, "q").unwrap_or_default(), Some(&mut said))?;
        conditions.extend(fq::conditions(text(with, "fq").unwrap_or_default(), None)?);
        for one in list(with, "fq_list") {
            conditions.extend(fq::conditions(&one, None)?);
        }
        let words = words(&said.join(" "));
        let mut found = self.found(&conditions, &words);
        let sort = text(with, "sort").unwrap_or(if words.is_empty() { "metadata_modified desc" } else { "score desc, metadata_modified desc" });
        order(&mut found, sort)?;
        let (facets, counted) = facets(with, &found)?;
        let results: Vec<Value> = found.iter().skip(start).take(rows).map(|(_, dataset)| self.package(dataset)).collect();
        Ok(json!({ "count": found.len(), "results": results, "sort": sort, "facets": facets, "search_facets": counted }))
    }

    fn found(&self, conditions: &[Condition], words: &[String]) -> Vec<(usize, &Published<'_>)> {
        let fitting = self.datasets.iter().filter(|dataset| conditions.iter().all(|condition| condition.holds(dataset)));
        fitting.filter_map(|dataset| Some((score(dataset, words)?, dataset))).collect()
    }
}

fn words(query: &str) -> Vec<String> {
    if ["*:*", "*"].contains(&query.trim()) {
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

/// Counts by value of the fields asked for, over all that was found: plain, and with titles, as CKAN gives both.
fn facets(with: &Parameters, found: &[(usize, &Published<'_>)]) -> Result<(Value, Value), Failure> {
    let asked = match list(with, "facet.field") {
        none if none.is_empty() && super::flag(with, "facet", false) => FACETS.map(String::from).to_vec(),
        asked => asked,
    };
    let (limit, least) = (number(with, "facet.limit", 50)?, number(with, "facet.mincount", 1)?);
    let (mut plain, mut titled) = (Map::new(), Map::new());
    for field in asked {
        let mut counts: BTreeMap<String, (String, usize)> = BTreeMap::new();
        for (_, dataset) in found {
            for value in fq::values(dataset, &field) {
                let shown = shown(&field, &value, dataset);
                counts.entry(value).or_insert((shown, 0)).1 += 1;
            }
        }
        let mut counts: Vec<(String, (String, usize))> = counts.into_iter().filter(|(_, (_, count))| *count >= least).collect();
        counts.sort_by_key(|(_, (_, count))| std::cmp::Reverse(*count));
        counts.truncate(limit);
        plain.insert(field.clone(), counts.iter().map(|(value, (_, count))| (value.clone(), Value::from(*count))).collect::<Map<_, _>>().into());
        let items: Vec<Value> = counts.iter().map(|(value, (shown, count))| json!({ "name": value, "display_name": shown, "count": count })).collect();
        titled.insert(field.clone(), json!({ "title": field, "items": items }));
    }
    Ok((plain.into(), titled.into()))
}

fn shown(field: &str, value: &str, dataset: &Published<'_>) -> String {
    match field {
        "organization" if value == PUBLISHER_CODE => PUBLISHER.into(),
        "groups" => datasets::derive::dcat::terms::theme_title(theme(dataset)).it,
        "license_id" => licence_title(value).into(),
        _ => value.into(),
    }
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
            "id" => Some(id(&dataset.contract.name.to_string())),
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

#[cfg(test)]
mod tests;
