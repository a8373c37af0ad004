//! Search over the catalogue: titles, descriptions, columns, code lists and legal bases, in both languages at once. The index is built at
//! start from the contracts; what a caller may not see is left out when it asks.

use std::collections::{BTreeMap, BTreeSet};

use datasets::catalog::Catalog;
use datasets::model::{Contract, DatasetName, Text};

pub mod words;

/// Where a word stands, as weight: a title says more of a dataset than the description of one of its columns.
mod weight {
    pub const TITLE: f64 = 10.0;
    pub const NAME: f64 = 8.0;
    pub const KEYWORD: f64 = 6.0;
    pub const DESCRIPTION: f64 = 3.0;
    pub const COLUMN: f64 = 4.0;
    pub const COLUMN_DESCRIPTION: f64 = 1.0;
    pub const CODE: f64 = 1.5;
    pub const LAW: f64 = 1.0;
}

/// A word of one dataset; `column` when it tells of a column, which not everybody sees.
struct Posting {
    dataset: usize,
    column: Option<String>,
    weight: f64,
}

/// The index. Immutable: contracts are read at start.
pub struct Search {
    datasets: Vec<DatasetName>,
    postings: BTreeMap<String, Vec<Posting>>,
}

/// A dataset that answers the question, best first.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    pub dataset: DatasetName,
    pub score: f64,
    /// Columns that the words were found in.
    pub columns: Vec<String>,
}

impl Search {
    pub fn new(catalog: &Catalog) -> Self {
        let mut search = Self { datasets: Vec::new(), postings: BTreeMap::new() };
        for contract in catalog.contracts.values() {
            search.datasets.push(contract.name.clone());
            search.add(catalog, contract);
        }
        search
    }

    fn add(&mut self, catalog: &Catalog, contract: &Contract) {
        self.both(&contract.title, None, weight::TITLE);
        self.say(&contract.name.to_string(), None, weight::NAME);
        self.both(&contract.description, None, weight::DESCRIPTION);
        for text in contract.publication.iter().flat_map(|publication| &publication.keywords) {
            self.both(text, None, weight::KEYWORD);
        }
        for text in &contract.legal_basis {
            self.both(text, None, weight::LAW);
        }
        for column in &contract.columns {
            self.say(&column.name, Some(&column.name), weight::COLUMN);
            self.both(&column.title, Some(&column.name), weight::COLUMN);
            self.both(&column.description, Some(&column.name), weight::COLUMN_DESCRIPTION);
            for code in column.code_list.iter().filter_map(|list| catalog.code_lists.get(list)).flat_map(|list| &list.codes) {
                self.say(&code.it, Some(&column.name), weight::CODE);
                self.say(&code.en, Some(&column.name), weight::CODE);
            }
        }
    }

    fn both(&mut self, text: &Text, column: Option<&str>, weight: f64) {
        self.say(&text.it, column, weight);
        self.say(&text.en, column, weight);
    }

    /// A word counts once for each place and dataset, with the best weight: long descriptions do not win by repeating themselves.
    fn say(&mut self, text: &str, column: Option<&str>, weight: f64) {
        let dataset = self.datasets.len() - 1;
        for word in words::of(text) {
            let postings = self.postings.entry(word).or_default();
            match postings.iter_mut().rev().find(|p| p.dataset == dataset && p.column.as_deref() == column) {
                Some(there) => there.weight = there.weight.max(weight),
                None => postings.push(Posting { dataset, column: column.map(String::from), weight }),
            }
        }
    }

    /// The datasets that hold every word of `question`, or, when none does, as many of them as any holds. `sees` says whether the caller
    /// sees a dataset, or a column of it. A question without words gives nothing.
    pub fn find(&self, question: &str, sees: impl Fn(&DatasetName, Option<&str>) -> bool) -> Vec<Hit> {
        let asked: Vec<String> = words::of(question).into_iter().take(12).collect();
        let mut found: BTreeMap<usize, (usize, f64, BTreeSet<String>)> = BTreeMap::new();
        for word in &asked {
            for (dataset, (score, columns)) in self.holding(word, &sees) {
                let entry = found.entry(dataset).or_default();
                entry.0 += 1;
                entry.1 += score;
                entry.2.extend(columns);
            }
        }
        let most = found.values().map(|(words, ..)| *words).max().unwrap_or_default();
        let best = found.into_iter().filter(|(_, (words, ..))| *words == most);
        let mut hits: Vec<Hit> =
            best.map(|(dataset, (_, score, columns))| Hit { dataset: self.datasets[dataset].clone(), score, columns: columns.into_iter().collect() }).collect();
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.dataset.cmp(&b.dataset)));
        hits
    }

    /// For one word of a question: the best score of each dataset, and the columns that gave any.
    fn holding(&self, word: &str, sees: impl Fn(&DatasetName, Option<&str>) -> bool) -> BTreeMap<usize, (f64, BTreeSet<String>)> {
        let mut found: BTreeMap<usize, (f64, BTreeSet<String>)> = BTreeMap::new();
        for (known, postings) in &self.postings {
            let Some(likeness) = words::likeness(word, known) else { continue };
            for posting in postings.iter().filter(|p| sees(&self.datasets[p.dataset], p.column.as_deref())) {
                let entry = found.entry(posting.dataset).or_default();
                entry.0 = entry.0.max(likeness * posting.weight);
                // A typing error's near miss is no reason to point at a column.
                if likeness > 0.6 {
                    entry.1.extend(posting.column.clone());
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests;
