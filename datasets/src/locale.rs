//! Sentences for people, in both languages, from the files of `datasets/locales/`, which are part of the program.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::model::Text;

/// Sentences by name.
pub type Sentences = BTreeMap<String, Text>;

pub static CHECKS: LazyLock<Sentences> = LazyLock::new(|| parse(include_str!("../locales/checks.toml")));
pub static DICTIONARY: LazyLock<Sentences> = LazyLock::new(|| parse(include_str!("../locales/dictionary.toml")));
pub static RELEASES: LazyLock<Sentences> = LazyLock::new(|| parse(include_str!("../locales/releases.toml")));

/// A sentence; its name when the file lacks it, which a test excludes.
pub fn say(sentences: &Sentences, name: &str) -> Text {
    sentences.get(name).cloned().unwrap_or_else(|| Text::new(name, name))
}

fn parse(text: &str) -> Sentences {
    toml::from_str(text).unwrap_or_default()
}
