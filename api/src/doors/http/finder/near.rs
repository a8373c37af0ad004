//! Which offers, in which order: those whose address or name the text says, then the nearest first.

use serde::Serialize;

use super::ask::Asked;
use super::offers::{Offer, Point};
use crate::doors::http::places::Places;
use crate::doors::http::places::find::plain;

/// Offers on one page of the list.
pub const PAGE: usize = 20;
/// Words of addresses that say nothing.
const EMPTY: [&str; 24] = [
    "via", "viale", "piazza", "piazzale", "largo", "corso", "vicolo", "strada", "v", "le", "p", "za", "di", "da", "del", "della", "dei", "degli", "delle",
    "il", "lo", "la", "snc", "n",
];

/// Where distances are measured from.
#[derive(Clone, Debug, Serialize)]
pub struct Origin {
    pub name: String,
    /// The municipality it is the centre of.
    pub comune: Option<String>,
    pub point: Point,
}

#[derive(Clone, Debug, Serialize)]
pub struct Hit {
    #[serde(flatten)]
    pub offer: Offer,
    /// From the origin; of an offer that is known only by its municipality, to its centre.
    pub km: Option<f64>,
    /// In the municipality that was asked for.
    pub inside: bool,
    /// Its address or name says what was asked for.
    pub said: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub origin: Option<Origin>,
    pub hits: Vec<Hit>,
    /// Words of the search that no address has.
    pub unknown: String,
    /// Municipalities that may have been meant: code and name.
    pub offers: Vec<(String, String)>,
}

pub fn find(asked: &Asked, places: &Places, offers: Vec<Offer>) -> Answer {
    let fits = |offer: &Offer| {
        (asked.tipo.is_empty() || offer.kind == asked.tipo)
            && (asked.gestione.is_empty() || offer.public == Some(asked.gestione == "pubblica"))
            && asked.posti.is_none_or(|least| offer.places.is_some_and(|places| places >= i64::from(least)))
    };
    let found = places.find(&asked.q);
    let words: Vec<&str> = found.rest.iter().map(String::as_str).filter(|w| !EMPTY.contains(w) && !w.bytes().all(|b| b.is_ascii_digit())).collect();
    let inside = |offer: &Offer| found.comune.is_some_and(|comune| comune.codice_istat == offer.comune);
    let says = |offer: &Offer| {
        if words.is_empty() || (found.comune.is_some() && !inside(offer)) {
            return false;
        }
        let text = format!(" {} {} ", plain(offer.address.as_deref().unwrap_or_default()), plain(&offer.name));
        words.iter().all(|word| text.contains(&format!(" {word}")))
    };
    let mut hits: Vec<Hit> = offers.into_iter().map(|offer| Hit { km: None, inside: inside(&offer), said: says(&offer), offer }).collect();
    // Where an address is said, it says where one is, whatever kind of offer is looked for.
    let origin = origin(asked, found.comune.and_then(|c| centre(c.codice_istat.as_str(), &c.comune, c.latitudine, c.longitudine)), &hits);
    let any_said = hits.iter().any(|hit| hit.said);
    hits.retain(|hit| fits(&hit.offer));
    let mut answer = Answer { unknown: if any_said { String::new() } else { words.join(" ") }, ..Answer::default() };
    if origin.is_none() && !asked.q.is_empty() {
        answer.offers = found.offers.iter().map(|c| (c.codice_istat.clone(), c.comune.clone())).collect();
        return answer;
    }
    if let Some(origin) = &origin {
        for hit in &mut hits {
            hit.km = hit.offer.point.map(|point| origin.point.distance(point));
        }
        let near = |hit: &Hit| asked.raggio.is_none_or(|radius| hit.km.is_some_and(|km| km <= f64::from(radius)));
        hits.retain(|hit| hit.said || hit.inside || near(hit));
    }
    hits.sort_by(|a, b| {
        let distance = |hit: &Hit| if hit.inside && !hit.offer.exact { 0.0 } else { hit.km.unwrap_or(f64::MAX) };
        let known = b.said.cmp(&a.said).then(distance(a).total_cmp(&distance(b)));
        known
            .then(b.inside.cmp(&a.inside))
            .then_with(|| a.offer.town.cmp(&b.offer.town))
            .then(b.offer.places.cmp(&a.offer.places))
            .then_with(|| a.offer.code.cmp(&b.offer.code))
    });
    answer.origin = origin;
    answer.hits = hits;
    answer
}

/// The browser's position, else an exact address that is said, else the municipality.
fn origin(asked: &Asked, comune: Option<Origin>, hits: &[Hit]) -> Option<Origin> {
    if let Some(point) = asked.qui {
        return Some(Origin { name: String::new(), comune: None, point });
    }
    let said = || hits.iter().filter(|hit| hit.said).find_map(|hit| Some((hit, hit.offer.point?)));
    comune.or_else(|| {
        let (hit, point) = said()?;
        Some(Origin { name: hit.offer.town.clone(), comune: Some(hit.offer.comune.clone()), point })
    })
}

fn centre(code: &str, name: &str, latitude: Option<f64>, longitude: Option<f64>) -> Option<Origin> {
    Some(Origin { name: name.to_owned(), comune: Some(code.to_owned()), point: Point { latitude: latitude?, longitude: longitude? } })
}

#[cfg(test)]
mod tests;
