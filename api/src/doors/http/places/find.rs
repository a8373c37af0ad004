//! Finding a place by what people write: without accents, in any case, inside an address, and with a slip of the pen.

use datasets::letters;
use strsim::jaro_winkler;

use super::{Comune, Places};

/// Likeness from which a name counts as meant, though written otherwise.
const LIKE: f64 = 0.9;
/// Likeness from which a name is offered as a question.
const OFFERED: f64 = 0.78;
const OFFERS: usize = 5;

/// What a text says of where.
#[derive(Clone, Debug, Default)]
pub struct Found<'a> {
    /// The municipality that is meant.
    pub comune: Option<&'a Comune>,
    /// Words beside its name: a street, a name.
    pub rest: Vec<String>,
    /// Names that the text may have meant, where it names no municipality.
    pub offers: Vec<&'a Comune>,
}

/// Lower case, without accents, anything but letters and digits as one space.
pub fn plain(text: &str) -> String {
    letters::folded(text, ' ')
}

pub fn words(text: &str) -> Vec<String> {
    plain(text).split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

impl Places {
    /// The longest name of a municipality within the text, else one written almost so; what else the text says is left.
    pub fn find(&self, text: &str) -> Found<'_> {
        let asked = words(text);
        if asked.is_empty() {
            return Found::default();
        }
        let named = self.comuni.values().map(|comune| (comune, words(&comune.comune))).filter(|(_, name)| !name.is_empty());
        let held = named.filter_map(|(comune, name)| Some((comune, name.len(), asked.windows(name.len()).rposition(|part| part == name)?)));
        if let Some((comune, length, at)) = held.max_by_key(|(_, length, at)| (*length, *at)) {
            let rest = asked[..at].iter().chain(&asked[at + length..]).cloned().collect();
            return Found { comune: Some(comune), rest, offers: Vec::new() };
        }
        let whole = asked.join(" ");
        let mut near: Vec<(f64, &Comune)> = self.comuni.values().map(|comune| (jaro_winkler(&whole, &plain(&comune.comune)), comune)).collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0));
        match near.first() {
            Some((likeness, comune)) if *likeness >= LIKE => Found { comune: Some(comune), ..Found::default() },
            _ => {
                let offers = near.into_iter().filter(|(likeness, _)| *likeness >= OFFERED).take(OFFERS).map(|(_, comune)| comune).collect();
                Found { comune: None, rest: asked, offers }
            }
        }
    }

    /// Municipalities whose name has a word that begins as each word of the text does, else those written almost so.
    pub fn like(&self, text: &str) -> Vec<&Comune> {
        let asked = words(text);
        let begins = |comune: &&Comune| {
            let name = words(&comune.comune);
            asked.iter().all(|word| name.iter().any(|part| part.starts_with(word.as_str())) || comune.codice_istat == *word)
        };
        let mut found: Vec<&Comune> = self.comuni.values().filter(begins).collect();
        found.sort_by(|a, b| a.comune.cmp(&b.comune));
        if found.is_empty() {
            let Found { comune, offers, .. } = self.find(text);
            found = comune.into_iter().chain(offers).collect();
        }
        found
    }

    /// The places that a search of the catalogue may be about, by the level and code of their pages. No guesses: people look for data.
    pub fn meant(&self, text: &str) -> Vec<(&'static str, &str, String)> {
        let asked = format!(" {} ", plain(text));
        let districts = self.ambiti.keys().filter(|code| asked.contains(&format!(" {} ", plain(code))));
        let mut found: Vec<_> = districts.map(|code| ("ambito", code.as_str(), self.district(code))).collect();
        let comune = |comune: &Comune| format!(" {} ", plain(&comune.comune));
        let mut comuni: Vec<&Comune> = self.comuni.values().filter(|one| one.codice_istat == asked.trim() || asked.contains(&comune(one))).collect();
        comuni.sort_by_key(|one| std::cmp::Reverse(one.comune.len()));
        found.extend(comuni.into_iter().take(OFFERS).map(|one| ("comune", one.codice_istat.as_str(), one.comune.clone())));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Places {
        let comune = |code: &str, name: &str| {
            let one = Comune { codice_istat: code.into(), comune: name.into(), ..Comune::default() };
            (code.to_owned(), one)
        };
        let all = [
            ("058091", "Roma"),
            ("058104", "Tivoli"),
            ("058019", "Canale Monterano"),
            ("058065", "Monterotondo"),
            ("056059", "Viterbo"),
            ("060085", "Villa Santa Lucia"),
            ("058032", "Castel San Pietro Romano"),
        ];
        Places { comuni: all.into_iter().map(|(code, name)| comune(code, name)).collect(), ..Places::default() }
    }

    fn meant(text: &str) -> (Option<String>, String) {
        let places = places();
        let found = places.find(text);
        (found.comune.map(|c| c.comune.clone()), found.rest.join(" "))
    }

    #[test]
    fn a_name_is_found_in_an_address() {
        assert_eq!(meant("Tivoli"), (Some("Tivoli".into()), String::new()));
        assert_eq!(meant("via dei Girasoli 12, TIVOLI"), (Some("Tivoli".into()), "via dei girasoli 12".into()));
        assert_eq!(meant("castel san pietro romano"), (Some("Castel San Pietro Romano".into()), String::new()));
        // The town stands last in an address: a street of another town's name does not win.
        assert_eq!(meant("via Tivoli 3 Roma"), (Some("Roma".into()), "via tivoli 3".into()));
    }

    #[test]
    fn a_slip_of_the_pen_is_forgiven_and_nonsense_is_not() {
        assert_eq!(meant("Monterotndo").0.as_deref(), Some("Monterotondo"));
        assert_eq!(meant("Vitérbo").0.as_deref(), Some("Viterbo"));
        assert_eq!(meant("xyzzy"), (None, "xyzzy".into()));
        assert_eq!(meant("via dei Girasoli").0, None);
        assert_eq!(meant("  ").0, None);
    }

    #[test]
    fn a_search_of_the_catalogue_names_places() {
        let places = places();
        let names = |text: &str| places.meant(text).into_iter().map(|(_, _, name)| name).collect::<Vec<_>>();
        assert_eq!(names("nidi a Tivoli"), ["Tivoli"]);
        assert_eq!(names("058091"), ["Roma"]);
        assert_eq!(names("romanzi"), Vec::<String>::new());
    }

    #[test]
    fn beginnings_are_enough_for_a_list() {
        let places = places();
        let names: Vec<&str> = places.like("mon").iter().map(|c| c.comune.as_str()).collect();
        assert_eq!(names, ["Canale Monterano", "Monterotondo"]);
        assert!(places.like("qqqq").is_empty());
    }
}
