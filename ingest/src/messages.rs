//! The sentences that senders read about a whole file, in both languages. They live in `messages.toml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use datasets::model::Text;

static SENTENCES: LazyLock<BTreeMap<String, Text>> = LazyLock::new(|| toml::from_str(include_str!("messages.toml")).expect("messages.toml is well formed"));

/// The sentence of a code with `{}` replaced by `detail`.
pub fn sentence(code: &str, detail: &str) -> Text {
    match SENTENCES.get(code) {
        Some(text) => Text { it: text.it.replace("{}", detail), en: text.en.replace("{}", detail) },
        None => Text { it: detail.to_owned(), en: detail.to_owned() },
    }
}
