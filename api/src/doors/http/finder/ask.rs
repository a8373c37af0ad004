//! The address of the finder: `?q=via+Roma+Tivoli&cosa=nidi&tipo=nido&gestione=pubblica&posti=20&raggio=15&pagina=2`. A kind belongs to one
//! sort of offer and says it by itself: a form without script cannot keep the two apart.

use serde::Serialize;
use url::form_urlencoded;

use super::offers::{Point, Sort};
use crate::doors::http::problem::{Problem, Result};

/// Kilometres that can be chosen; none is everything.
pub const RADII: [u32; 4] = [5, 15, 30, 60];
const RADIUS: u32 = 15;
/// Characters of a search; an address has fewer.
const TEXT: usize = 200;
/// Corners of where a browser's position makes sense: Italy and around.
const LATITUDES: std::ops::RangeInclusive<f64> = 35.0..=48.0;
const LONGITUDES: std::ops::RangeInclusive<f64> = 6.0..=19.0;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Asked {
    pub q: String,
    pub cosa: Sort,
    pub tipo: String,
    /// `pubblica`, `privata`, or empty.
    pub gestione: String,
    /// Least number of places.
    pub posti: Option<u32>,
    /// Kilometres; `None` is everything.
    pub raggio: Option<u32>,
    pub pagina: usize,
    /// Where the browser says it is.
    pub qui: Option<Point>,
}

/// Reads a query string; names it does not know are left to others (`lang`). `known`: the kinds there are.
pub fn read(query: &str, known: impl Fn(Sort, &str) -> bool) -> Result<Asked> {
    let mut asked =
        Asked { q: String::new(), cosa: Sort::Nidi, tipo: String::new(), gestione: String::new(), posti: None, raggio: Some(RADIUS), pagina: 1, qui: None };
    let (mut latitude, mut longitude) = (None, None);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let value = value.trim();
        match name.as_ref() {
            "q" if value.chars().count() > TEXT => {
                return Err(wrong("q", "troppo lungo: basta il comune o l'indirizzo", "too long: the town or the address is enough"));
            }
            "q" => asked.q = value.to_owned(),
            "cosa" => {
                asked.cosa = match value {
                    "" | "nidi" => Sort::Nidi,
                    "strutture" => Sort::Strutture,
                    _ => return Err(wrong("cosa", "vale nidi o strutture", "is nidi or strutture")),
                }
            }
            "tipo" => asked.tipo = value.to_owned(),
            "gestione" if ["", "pubblica", "privata"].contains(&value) => asked.gestione = value.to_owned(),
            "gestione" => return Err(wrong("gestione", "vale pubblica o privata", "is pubblica or privata")),
            "posti" if value.is_empty() => {}
            "posti" => asked.posti = Some(value.parse().map_err(|_| wrong("posti", "è un numero intero", "is a whole number"))?),
            "raggio" if value == "tutto" => asked.raggio = None,
            "raggio" if value.is_empty() => {}
            "raggio" => {
                let radius = value.parse().ok().filter(|radius| RADII.contains(radius));
                asked.raggio = Some(radius.ok_or_else(|| wrong("raggio", "vale 5, 15, 30, 60 o tutto", "is 5, 15, 30, 60 or tutto"))?);
            }
            "pagina" if value.is_empty() => {}
            "pagina" => {
                let page = value.parse().ok().filter(|page| (1..=10_000).contains(page));
                asked.pagina = page.ok_or_else(|| wrong("pagina", "è un numero da 1 in su", "is a number from 1 on"))?;
            }
            "lat" if value.is_empty() => {}
            "lon" if value.is_empty() => {}
            "lat" => latitude = Some(degrees("lat", value, LATITUDES)?),
            "lon" => longitude = Some(degrees("lon", value, LONGITUDES)?),
            _ => {}
        }
    }
    if !asked.tipo.is_empty() {
        let of = [asked.cosa, Sort::Nidi, Sort::Strutture].into_iter().find(|sort| known(*sort, &asked.tipo));
        asked.cosa = of.ok_or_else(|| wrong("tipo", "non è una tipologia conosciuta", "is no type that is known"))?;
    }
    let here = match (latitude, longitude) {
        (Some(latitude), Some(longitude)) => Some(Point { latitude, longitude }),
        (None, None) => None,
        _ => return Err(wrong("lat", "lat e lon stanno insieme", "lat and lon come together")),
    };
    // Who writes where, means it.
    asked.qui = here.filter(|_| asked.q.is_empty());
    Ok(asked)
}

impl Asked {
    /// The query string of the same search on another page.
    pub fn address(&self, page: usize) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("q", &self.q).append_pair("cosa", if self.cosa == Sort::Nidi { "nidi" } else { "strutture" });
        for (name, value) in [("tipo", &self.tipo), ("gestione", &self.gestione)] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        if let Some(places) = self.posti {
            query.append_pair("posti", &places.to_string());
        }
        query.append_pair("raggio", &self.raggio.map_or_else(|| "tutto".to_owned(), |km| km.to_string()));
        if let Some(here) = self.qui {
            query.append_pair("lat", &here.latitude.to_string()).append_pair("lon", &here.longitude.to_string());
        }
        if page > 1 {
            query.append_pair("pagina", &page.to_string());
        }
        query.finish()
    }
}

fn degrees(name: &str, value: &str, within: std::ops::RangeInclusive<f64>) -> Result<f64> {
    value.parse().ok().filter(|degrees| within.contains(degrees)).ok_or_else(|| wrong(name, "è in gradi, in Italia", "is in degrees, in Italy"))
}

fn wrong(name: &str, it: &str, en: &str) -> Problem {
    Problem::invalid("query.parameter", format!("parameter '{name}' {en}")).with("detail_it", format!("Il parametro '{name}' {it}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_written_again() {
        let query = "q=via+Roma+1%2C+Tivoli&cosa=strutture&tipo=casa_riposo_anziani&gestione=privata&posti=10&raggio=tutto&pagina=3&lang=en";
        let asked = read(query, |_, _| true).unwrap();
        assert_eq!((asked.q.as_str(), asked.cosa, asked.posti, asked.raggio, asked.pagina), ("via Roma 1, Tivoli", Sort::Strutture, Some(10), None, 3));
        assert_eq!(read(&asked.address(3), |_, _| true).unwrap(), asked);
        let empty = read("q=&tipo=&gestione=&posti=&raggio=&lat=&lon=", |_, _| false).unwrap();
        assert_eq!((empty.raggio, empty.qui), (Some(RADIUS), None));
        let here = "lat=41.9&lon=12.5";
        assert!(read(here, |_, _| true).unwrap().qui.is_some() && read(&format!("{here}&q=Tivoli"), |_, _| true).unwrap().qui.is_none());
        let facility = read("cosa=nidi&tipo=mensa_sociale", |sort, _| sort == Sort::Strutture).unwrap();
        assert_eq!(facility.cosa, Sort::Strutture);
    }

    #[test]
    fn wrong_parameters_are_named() {
        let long = format!("q={}", "x".repeat(201));
        let wrong = [
            "cosa=scuole",
            "tipo=castello",
            "gestione=mista",
            "posti=-1",
            "posti=molti",
            "raggio=7",
            "pagina=0",
            "lat=NaN&lon=12",
            "lat=90&lon=12",
            "lat=42",
            &long,
        ];
        for query in wrong {
            let problem = read(query, |_, _| false).unwrap_err();
            assert!(problem.detail.contains(query.split('=').next().unwrap()), "{query}: {}", problem.detail);
        }
    }
}
