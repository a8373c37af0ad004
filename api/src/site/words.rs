//! What pages say, in both languages: `locales/<language>/<topic>.toml`, all topics of a language one map.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use datasets::model::Text;
use http::{HeaderMap, header};

pub type Words = BTreeMap<String, String>;

/// Language of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Italian,
    English,
}

impl Language {
    /// What `lang=` in the address says, else the browser's first known language, else Italian.
    pub fn of(query: Option<&str>, headers: &HeaderMap) -> Self {
        let accepted = || headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).and_then(|list| list.split(',').find_map(known));
        asked(query).or_else(accepted).unwrap_or(Self::Italian)
    }

    pub fn code(self) -> &'static str {
        if self == Self::English { "en" } else { "it" }
    }

    pub fn other(self) -> Self {
        if self == Self::English { Self::Italian } else { Self::English }
    }

    /// A contract's text in this language.
    pub fn say(self, text: &Text) -> &str {
        if self == Self::English { &text.en } else { &text.it }
    }
}

/// The language that `lang=` in the address says, if it is one of ours.
pub fn asked(query: Option<&str>) -> Option<Language> {
    query.and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("lang=")).and_then(known))
}

fn known(tag: &str) -> Option<Language> {
    match tag.split([';', '-']).next().unwrap_or_default().trim() {
        "it" => Some(Language::Italian),
        "en" => Some(Language::English),
        _ => None,
    }
}

/// All topics of one language. A word that two topics say is an error, because one of them would be lost.
pub fn load(dir: &Path) -> anyhow::Result<Words> {
    let mut words = Words::new();
    let mut files: Vec<_> = std::fs::read_dir(dir).with_context(|| dir.display().to_string())?.collect::<Result<_, _>>()?;
    files.sort_by_key(std::fs::DirEntry::file_name);
    for file in files.iter().map(std::fs::DirEntry::path).filter(|path| path.extension().is_some_and(|e| e == "toml")) {
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let topic: Words = toml::from_str(&text).with_context(|| file.display().to_string())?;
        for (key, word) in topic {
            if words.insert(key.clone(), word).is_some() {
                bail!("{}: '{key}' is said by another file of this language too", file.display());
            }
        }
    }
    Ok(words)
}

/// Every word is there in both languages.
pub fn same_keys(italian: &Words, english: &Words) -> anyhow::Result<()> {
    let missing = |there: &Words, not: &Words| there.keys().filter(|key| !not.contains_key(*key)).cloned().collect::<Vec<_>>();
    let (no_english, no_italian) = (missing(italian, english), missing(english, italian));
    if !no_english.is_empty() || !no_italian.is_empty() {
        bail!("words in one language only: not in English {no_english:?}, not in Italian {no_italian:?}");
    }
    Ok(())
}
