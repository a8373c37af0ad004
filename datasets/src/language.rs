//! The two languages of the service.

use serde::{Deserialize, Serialize};

use crate::model::Text;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    It,
    En,
}

impl Language {
    pub const BOTH: [Self; 2] = [Self::It, Self::En];
}

impl Text {
    pub fn new(it: impl Into<String>, en: impl Into<String>) -> Self {
        Self { it: it.into(), en: en.into() }
    }

    pub fn get(&self, language: Language) -> &str {
        match language {
            Language::It => &self.it,
            Language::En => &self.en,
        }
    }

    /// Puts `value` in the place of `{name}`, in both languages.
    pub fn fill(&self, name: &str, value: &Text) -> Self {
        let hole = format!("{{{name}}}");
        Self { it: self.it.replace(&hole, &value.it), en: self.en.replace(&hole, &value.en) }
    }
}
