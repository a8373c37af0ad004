//! What a reader chose in the address, and what there is to choose from.

use std::collections::BTreeMap;

use dashboards::board::Filter;
use serde::Deserialize;

use crate::doors::http::problem::{Problem, Result};

/// The parameters of a dashboard's address.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Asked {
    pub anno: Option<String>,
    pub ambito: Option<String>,
    pub utenza: Option<String>,
    /// `1`: a page to stand within another site's.
    embed: Option<String>,
    /// Of an embedded page: this panel alone.
    pub panel: Option<String>,
    /// Pixels of a PNG.
    pub width: Option<u32>,
}

/// Values with what they are called.
#[derive(Debug, Default)]
pub struct Options(BTreeMap<Filter, Vec<(String, String)>>);

impl Asked {
    pub fn embedded(&self) -> bool {
        self.embed.as_deref() == Some("1")
    }

    /// A form sends what was not chosen as nothing.
    fn value(&self, filter: Filter) -> Option<&String> {
        let value = match filter {
            Filter::Anno => &self.anno,
            Filter::Ambito => &self.ambito,
            Filter::Utenza => &self.utenza,
        };
        value.as_ref().filter(|value| !value.is_empty())
    }
}

impl Options {
    pub fn set(&mut self, filter: Filter, values: Vec<(String, String)>) {
        self.0.insert(filter, values);
    }

    pub fn of(&self, filter: Filter) -> &[(String, String)] {
        self.0.get(&filter).map_or(&[], Vec::as_slice)
    }

    /// What holds: the newest year where none is chosen, everything where nothing else is.
    /// Errors: a value that is not offered.
    pub fn choose(&self, asked: &Asked) -> Result<BTreeMap<Filter, String>> {
        let mut chosen = BTreeMap::new();
        for filter in Filter::ALL {
            let Some(value) = asked.value(filter) else {
                if let (Filter::Anno, Some((year, _))) = (filter, self.of(filter).first()) {
                    chosen.insert(filter, year.clone());
                }
                continue;
            };
            if !self.of(filter).iter().any(|(offered, _)| offered == value) {
                let known: Vec<&str> = self.of(filter).iter().take(40).map(|(value, _)| value.as_str()).collect();
                let (name, known) = (filter.name(), known.join(", "));
                let problem = Problem::invalid("query.parameter", format!("the parameter '{name}' has no such value; there are: {known}"));
                return Err(problem.with("detail_it", format!("Il parametro «{name}» non ha questo valore; ci sono: {known}")));
            }
            chosen.insert(filter, value.clone());
        }
        Ok(chosen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        let mut options = Options::default();
        options.set(Filter::Anno, vec![("2026".into(), "2026".into()), ("2025".into(), "2025".into())]);
        options
    }

    #[test]
    fn the_newest_year_holds_unless_another_is_chosen() {
        let asked = |anno: &str| Asked { anno: Some(anno.into()), ..Asked::default() };
        let year = |asked: &Asked| options().choose(asked).map(|chosen| chosen[&Filter::Anno].clone());
        assert_eq!(year(&Asked::default()).expect("a year"), "2026");
        assert_eq!(year(&asked("")).expect("a year"), "2026");
        assert_eq!(year(&asked("2025")).expect("a year"), "2025");
        assert_eq!(year(&asked("1; DROP")).expect_err("refused").code, "query.parameter");
    }
}
