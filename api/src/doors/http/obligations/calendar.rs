//! Obligations as a calendar (RFC 5545): one event on each due date, with a reminder a week before. An event keeps its identifier, so that
//! a calendar that is read again changes it instead of adding another.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use super::Obligation;
use crate::site::words::{Language, Words};

/// Bytes of a line, without its end (RFC 5545 §3.1).
const LINE: usize = 75;

/// The whole file. `title` gives the name of a dataset in the language of the calendar.
pub fn text(open: &[Obligation], language: Language, words: &Words, now: DateTime<Utc>, title: impl Fn(&str) -> String) -> String {
    let word = |name: &str| words.get(name).map_or("", String::as_str);
    let mut file = Lines::default();
    file.line("BEGIN", "VCALENDAR");
    file.line("VERSION", "2.0");
    file.line("PRODID", "-//Regione Lazio//SISS//IT");
    file.line("CALSCALE", "GREGORIAN");
    file.line("METHOD", "PUBLISH");
    file.line("X-WR-CALNAME", &escaped(word("calendar_name")));
    for one in open {
        let fill = |name: &str| {
            let day = one.scadenza.format(if language == Language::English { "%Y-%m-%d" } else { "%d/%m/%Y" }).to_string();
            let parts = [
                ("{title}", title(&one.dataset)),
                ("{dataset}", one.dataset.clone()),
                ("{body}", one.ente.clone()),
                ("{period}", one.periodo_dati.clone()),
                ("{day}", day),
            ];
            escaped(&parts.iter().fold(word(name).to_owned(), |text, (place, value)| text.replace(place, value)))
        };
        let summary = fill(&format!("calendar_{}", one.stato));
        file.line("BEGIN", "VEVENT");
        file.line("UID", &format!("{}.{}.{}@siss.regione.lazio.it", one.dataset, one.ente.replace(' ', "-"), one.periodo_dati));
        file.line("DTSTAMP", &now.format("%Y%m%dT%H%M%SZ").to_string());
        file.line("DTSTART;VALUE=DATE", &one.scadenza.format("%Y%m%d").to_string());
        file.line("SUMMARY", &summary);
        file.line("DESCRIPTION", &fill("calendar_description"));
        file.line("CATEGORIES", &escaped(&one.dataset));
        file.line("TRANSP", "TRANSPARENT");
        file.line("BEGIN", "VALARM");
        file.line("ACTION", "DISPLAY");
        file.line("TRIGGER", "-P7D");
        file.line("DESCRIPTION", &summary);
        file.line("END", "VALARM");
        file.line("END", "VEVENT");
    }
    file.line("END", "VCALENDAR");
    file.text
}

#[derive(Default)]
struct Lines {
    text: String,
}

impl Lines {
    /// Writes a property; what is longer than a line goes on after a space, never within a character.
    fn line(&mut self, name: &str, value: &str) {
        let mut line = String::new();
        let _ = write!(line, "{name}:{value}");
        let mut room = LINE;
        for c in line.chars() {
            if c.len_utf8() > room {
                self.text.push_str("\r\n ");
                room = LINE - 1;
            }
            self.text.push(c);
            room -= c.len_utf8();
        }
        self.text.push_str("\r\n");
    }
}

/// A value of type TEXT.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace(';', "\\;").replace(',', "\\,").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_folded_between_characters() {
        let mut file = Lines::default();
        let value = format!("{}{}", "a".repeat(66), "è".repeat(60));
        file.line("SUMMARY", &value);
        assert!(file.text.ends_with("\r\n") && file.text.split("\r\n").all(|line| line.len() <= LINE));
        assert_eq!(file.text.replace("\r\n ", "").trim_end(), format!("SUMMARY:{value}"));
    }

    #[test]
    fn an_event_says_what_is_due_in_the_language() {
        let one = Obligation {
            dataset: "assa.strutture".into(),
            ente: "RM 5.1".into(),
            ambito: None,
            periodo_dati: "2026-11".into(),
            scadenza: "2026-12-20".parse().expect("a day"),
            stato: "due".into(),
            in_ritardo: false,
        };
        let site = crate::site::tests::site();
        let now = DateTime::from_timestamp(1_795_000_000, 0).expect("a moment");
        for (language, said) in [(Language::Italian, "entro il 20/12/2026"), (Language::English, "by 2026-12-20")] {
            let text = text(std::slice::from_ref(&one), language, site.words(language), now, |_| "Strutture; e, posti".into()).replace("\r\n ", "");
            assert!(text.contains(said) && text.contains("Strutture\\; e\\, posti (2026-11)"), "{text}");
            assert!(text.contains("UID:assa.strutture.RM-5.1.2026-11@") && text.contains("DTSTART;VALUE=DATE:20261220\r\n"), "{text}");
            assert!(!text.contains('{'), "{text}");
        }
    }
}
