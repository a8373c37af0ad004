//! What a reader chose in the address, and what there is to choose from.

use std::collections::{BTreeMap, BTreeSet};

use dashboards::board::Filter;
use serde::Deserialize;

use crate::doors::http::problem::{Problem, Result};

/// Values that an error names at the most.
const NAMED: usize = 40;

/// The parameters of a dashboard's address.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Asked {
    anno: Option<String>,
    ambito: Option<String>,
    comune: Option<String>,
    utenza: Option<String>,
    /// `1`: a page to stand within another site's.
    embed: Option<String>,
    /// Of an embedded page: this panel alone.
    pub panel: Option<String>,
    /// Pixels of a PNG.
    pub width: Option<String>,
}

/// Values with what they are called.
#[derive(Debug, Default)]
pub struct Options {
    values: BTreeMap<Filter, Vec<(String, String)>>,
    /// Of these the first holds unless another is chosen: there is no "all".
    fixed: BTreeSet<Filter>,
}

impl Asked {
    pub fn embedded(&self) -> bool {
        self.embed.as_deref() == Some("1")
    }

    /// A form sends what was not chosen as nothing.
    pub fn value(&self, filter: Filter) -> Option<&String> {
        let value = match filter {
            Filter::Anno => &self.anno,
            Filter::Ambito => &self.ambito,
            Filter::Comune => &self.comune,
            Filter::Utenza => &self.utenza,
        };
        value.as_ref().filter(|value| !value.is_empty())
    }
}

impl Options {
    pub fn set(&mut self, filter: Filter, values: Vec<(String, String)>) {
        self.values.insert(filter, values);
    }

    pub fn fix(&mut self, filter: Filter) {
        self.fixed.insert(filter);
    }

    pub fn of(&self, filter: Filter) -> &[(String, String)] {
        self.values.get(&filter).map_or(&[], Vec::as_slice)
    }

    /// Whether nothing may be chosen. There is no year of all years.
    pub fn all(&self, filter: Filter) -> bool {
        filter != Filter::Anno && !self.fixed.contains(&filter)
    }

    /// What holds: the newest year where none is chosen, everything where nothing else is. Parameters of other filters mean nothing here.
    /// Errors: a value that is not offered.
    pub fn choose(&self, asked: &Asked, filters: &[Filter]) -> Result<BTreeMap<Filter, String>> {
        let mut chosen = BTreeMap::new();
        for filter in filters {
            let Some(value) = asked.value(*filter) else {
                if let (false, Some((first, _))) = (self.all(*filter), self.of(*filter).first()) {
                    chosen.insert(*filter, first.clone());
                }
                continue;
            };
            if !self.of(*filter).iter().any(|(offered, _)| offered == value) {
                return Err(self.refusal(*filter));
            }
            chosen.insert(*filter, value.clone());
        }
        Ok(chosen)
    }

    fn refusal(&self, filter: Filter) -> Problem {
        let name = filter.name();
        let known: Vec<&str> = self.of(filter).iter().take(NAMED).map(|(value, _)| value.as_str()).collect();
        let more = if self.of(filter).len() > NAMED { ", …" } else { "" };
        let (it, en) = match known.is_empty() {
            true => ("qui non ce n'è nessuno".to_owned(), "there is none here".to_owned()),
            false => (format!("ci sono: {}{more}", known.join(", ")), format!("there are: {}{more}", known.join(", "))),
        };
        Problem::invalid("query.parameter", format!("the parameter '{name}' has no such value; {en}"))
            .with("detail_it", format!("Il parametro «{name}» non ha questo valore; {it}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        let mut options = Options::default();
        options.set(Filter::Anno, vec![("2026".into(), "2026".into()), ("2025".into(), "2025".into())]);
        options.set(Filter::Ambito, vec![("RM 5.1".into(), "RM 5.1".into())]);
        options
    }

    fn asked(anno: &str) -> Asked {
        Asked { anno: Some(anno.into()), ..Asked::default() }
    }

    #[test]
    fn the_newest_year_holds_unless_another_is_chosen() {
        let year = |asked: &Asked| options().choose(asked, &[Filter::Anno]).map(|chosen| chosen[&Filter::Anno].clone());
        assert_eq!(year(&Asked::default()).expect("a year"), "2026");
        assert_eq!(year(&asked("")).expect("a year"), "2026");
        assert_eq!(year(&asked("2025")).expect("a year"), "2025");
        assert_eq!(year(&asked("1; DROP")).expect_err("refused").code, "query.parameter");
    }

    #[test]
    fn a_district_of_ones_own_holds_by_itself() {
        let mut options = options();
        assert!(!options.choose(&Asked::default(), &Filter::ALL).expect("a choice").contains_key(&Filter::Ambito));
        options.fix(Filter::Ambito);
        assert_eq!(options.choose(&Asked::default(), &Filter::ALL).expect("a choice")[&Filter::Ambito], "RM 5.1");
    }

    #[test]
    fn a_parameter_that_no_panel_follows_means_nothing() {
        assert!(options().choose(&asked("1900"), &[Filter::Ambito]).expect("a choice").is_empty());
    }
}
