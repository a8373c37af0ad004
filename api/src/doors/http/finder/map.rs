//! The map of the finder: marks on a plane in tenths of a kilometre, over an outline of the municipalities that is a picture of its own.

use std::collections::BTreeMap;

use serde::Serialize;

use super::near::{Answer, Hit};
use super::offers::Point;

/// The plane: equirectangular, true at the latitude of Rome, its zero at the north-western corner of the region.
const NORTH: f64 = 42.86;
const WEST: f64 = 11.42;
/// Tenths of a kilometre of a degree of latitude, and of longitude at 41.9 degrees.
const LATITUDE: f64 = 1_112.0;
const LONGITUDE: f64 = 828.5;
pub const WIDTH: f64 = 2_170.0;
pub const HEIGHT: f64 = 2_340.0;
/// Least and most half-width of a view around an origin.
const NEAR: f64 = 45.0;
const FAR: f64 = 700.0;
/// Marks with a name written beside.
const NAMED: usize = 25;

#[derive(Clone, Debug, Serialize)]
pub struct View {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
    /// Size of a letter, in units of the plane.
    pub letter: f64,
    pub marks: Vec<Mark>,
    /// Where distances are measured from.
    pub origin: Option<(f64, f64)>,
}

/// One facility that is where it is, or all offers of a municipality at its centre.
#[derive(Clone, Debug, Serialize)]
pub struct Mark {
    pub x: f64,
    pub y: f64,
    pub radius: f64,
    pub exact: bool,
    pub count: usize,
    pub places: i64,
    pub town: String,
    pub comune: String,
    /// Of a single offer.
    pub code: Option<String>,
    pub name: Option<String>,
    pub named: bool,
}

/// The place of a point on the plane, to a hundredth of a unit: a metre.
pub fn plane(point: Point) -> (f64, f64) {
    let round = |v: f64| (v * 100.0).round() / 100.0;
    (round((point.longitude - WEST) * LONGITUDE), round((NORTH - point.latitude) * LATITUDE))
}

pub fn draw(answer: &Answer) -> View {
    let origin = answer.origin.as_ref().map(|origin| plane(origin.point));
    let (x, y, width, height) = frame(origin, &answer.hits);
    let letter = width / 42.0;
    let mut marks = marks(&answer.hits, letter);
    // Large ones first, so that small ones stand on them.
    marks.sort_by(|a, b| b.radius.total_cmp(&a.radius).then_with(|| a.comune.cmp(&b.comune)).then_with(|| a.code.cmp(&b.code)));
    for mark in marks.iter_mut().filter(|mark| !mark.exact).take(NAMED) {
        mark.named = origin.is_some();
    }
    View { x, y, width, height, letter, marks, origin }
}

/// The whole region, or what is around the origin up to the farthest hit that is not too far.
fn frame(origin: Option<(f64, f64)>, hits: &[Hit]) -> (f64, f64, f64, f64) {
    let Some((x, y)) = origin else { return (0.0, 0.0, WIDTH, HEIGHT) };
    let far = hits.iter().filter_map(|hit| hit.km).fold(0.0, f64::max) * 10.0;
    let half = (far * 1.15).clamp(NEAR, FAR);
    let round = |v: f64| v.round();
    (round(x - half), round(y - half), round(half * 2.0), round(half * 2.0))
}

fn marks(hits: &[Hit], letter: f64) -> Vec<Mark> {
    let mut towns: BTreeMap<&str, Mark> = BTreeMap::new();
    let mut marks = Vec::new();
    for hit in hits {
        let offer = &hit.offer;
        let Some((x, y)) = offer.point.map(plane) else { continue };
        let places = offer.places.unwrap_or_default();
        let one = Mark {
            x,
            y,
            radius: (letter * 45.0).round() / 100.0,
            exact: offer.exact,
            count: 1,
            places,
            town: offer.town.clone(),
            comune: offer.comune.clone(),
            code: Some(offer.code.clone()),
            name: Some(offer.name.clone()),
            named: false,
        };
        if offer.exact {
            marks.push(one);
            continue;
        }
        let town = towns.entry(&offer.comune).or_insert_with(|| Mark { count: 0, places: 0, code: None, name: None, ..one });
        town.count += 1;
        town.places += places;
        // Area follows the number of offers.
        town.radius = (letter * 60.0 * (town.count as f64).sqrt().min(4.0)).round() / 100.0;
    }
    marks.extend(towns.into_values());
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn north_is_up_and_the_region_fits() {
        let corners = [(40.79, 13.42), (42.83, 12.4), (41.9, 11.45), (41.5, 14.02)];
        for (latitude, longitude) in corners {
            let (x, y) = plane(Point { latitude, longitude });
            assert!((0.0..=WIDTH).contains(&x) && (0.0..=HEIGHT).contains(&y), "{latitude} {longitude}: {x} {y}");
        }
        assert!(plane(Point { latitude: 42.0, longitude: 12.0 }).1 < plane(Point { latitude: 41.0, longitude: 12.0 }).1);
    }
}
