//! What the public reads of releases, in both languages, from `datasets/locales/releases.toml`.

use datasets::locale::{RELEASES, say};
use datasets::model::Text;

/// A sentence by its name.
pub fn word(name: &str) -> Text {
    say(&RELEASES, name)
}

/// A sentence with its holes filled by what is the same in both languages.
pub fn filled(name: &str, holes: &[(&str, &str)]) -> Text {
    holes.iter().fold(word(name), |text, (hole, value)| text.fill(hole, &Text::new(*value, *value)))
}
