use super::*;
use crate::doors::http::finder::ask;
use crate::doors::http::places::{Comune, Places};

fn places() -> Places {
    let all = [("058104", "Tivoli", 41.96, 12.80), ("058091", "Roma", 41.89, 12.48), ("058120", "Fiumicino", 41.77, 12.24), ("057059", "Rieti", 42.40, 12.86)];
    let comune = |(code, name, latitude, longitude): (&str, &str, f64, f64)| {
        let one = Comune { codice_istat: code.into(), comune: name.into(), latitudine: Some(latitude), longitudine: Some(longitude), ..Comune::default() };
        (code.to_owned(), one)
    };
    Places { comuni: all.map(comune).into(), ..Places::default() }
}

fn offer(code: &str, comune: &str, address: Option<&str>, public: bool, count: i64) -> Offer {
    let places = places();
    let town = &places.comuni[comune];
    let point = Some(Point { latitude: town.latitudine.expect("a centre"), longitude: town.longitudine.expect("a centre") });
    Offer {
        code: code.into(),
        name: format!("Nido {code}"),
        kind: if address.is_some() { "nido" } else { "nido_domestico" }.into(),
        what: String::new(),
        comune: comune.into(),
        town: town.comune.clone(),
        address: address.map(str::to_owned),
        public: Some(public),
        places: Some(count),
        year: None,
        hours: None,
        months: None,
        accredited: None,
        users: None,
        point,
        exact: false,
    }
}

fn offers() -> Vec<Offer> {
    vec![
        offer("R1", "058091", Some("Via Tiburtina 10"), true, 60),
        offer("T1", "058104", Some("Viale dei Girasoli 12"), true, 30),
        offer("T2", "058104", None, false, 5),
        offer("F1", "058120", Some("Via Portuense 3"), false, 40),
        offer("C1", "057059", Some("Via dei Girasoli 2"), true, 20),
    ]
}

fn codes(query: &str) -> Vec<String> {
    let asked = ask::read(query, |_, _| true).expect("a search");
    find(&asked, &places(), offers()).hits.into_iter().map(|hit| hit.offer.code).collect()
}

#[test]
fn the_nearest_come_first_within_the_radius() {
    assert_eq!(codes("q=Tivoli&raggio=5"), ["T1", "T2"]);
    assert_eq!(codes("q=Tivoli&raggio=30"), ["T1", "T2", "R1"]);
    assert_eq!(codes("q=Tivoli&raggio=tutto"), ["T1", "T2", "R1", "C1", "F1"]);
    assert_eq!(codes("lat=41.78&lon=12.25&raggio=5"), ["F1"]);
}

#[test]
fn an_address_goes_before_the_distance() {
    assert_eq!(codes("q=via+dei+Girasoli+99,+Tivoli&raggio=5"), ["T1", "T2"]);
    // Without a town both streets of that name come first, the nearer to the first of them before the other.
    assert_eq!(codes("q=girasoli&raggio=5"), ["T1", "C1", "T2"]);
}

#[test]
fn an_unknown_street_of_a_known_town_is_said_to_be_unknown() {
    let asked = ask::read("q=via+Inesistente,+Tivoli&raggio=5", |_, _| true).expect("a search");
    let answer = find(&asked, &places(), offers());
    assert_eq!((answer.unknown.as_str(), answer.hits.len()), ("inesistente", 2));
    assert_eq!(answer.origin.map(|origin| origin.name).as_deref(), Some("Tivoli"));
}

#[test]
fn filters_hold_and_nonsense_finds_nothing() {
    assert_eq!(codes("q=Tivoli&gestione=pubblica&raggio=5"), ["T1"]);
    assert_eq!(codes("posti=40&raggio=tutto").len(), 2);
    assert_eq!(codes("tipo=nido_domestico&raggio=tutto"), ["T2"]);
    assert!(codes("q=qwertyuiop").is_empty());
}
