//! The map of the finder: marks on a plane in tenths of a kilometre, over the outlines of the municipalities. What is too much to be told
//! apart stands together in one mark that leads nearer.

use std::collections::BTreeMap;
use std::fmt::Write;

use dashboards::boundaries::Boundaries;
use serde::Serialize;
use url::form_urlencoded;

use super::near::{Answer, Hit};
use super::offers::Point;
use crate::doors::http::places::Places;

/// The plane: equirectangular, true at the latitude of Rome, its zero at the north-western corner of the region.
const NORTH: f64 = 42.86;
const WEST: f64 = 11.42;
/// Tenths of a kilometre of a degree of latitude, and of longitude at 41.9 degrees.
const LATITUDE: f64 = 1_112.0;
const LONGITUDE: f64 = 828.5;
pub const WIDTH: f64 = 2_170.0;
pub const HEIGHT: f64 = 2_340.0;
/// Least and most half-width of a view around an origin.
const NEAR: f64 = 100.0;
const FAR: f64 = 700.0;
/// Marks with a name written beside, and towns that are named only so that people know where they are.
const NAMED: usize = 25;
const AROUND_NAMED: usize = 14;
/// Facilities that stand where they are; of more, those in one square of the view stand together.
const EXACT: usize = 150;
const SQUARES: f64 = 16.0;
/// How far around the view outlines are drawn: the pointer may move it.
const AROUND: f64 = 3.0;

#[derive(Clone, Debug, Serialize)]
pub struct View {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
    /// Size of a letter, in units of the plane.
    pub letter: f64,
    pub marks: Vec<Mark>,
    /// Towns without a mark, by their centres.
    pub names: Vec<(f64, f64, String)>,
    /// Outlines of the municipalities in and around the view, as a path.
    pub outline: String,
    /// Where distances are measured from.
    pub origin: Option<(f64, f64)>,
}

/// One facility that is where it is, all offers of a municipality at its centre, or several facilities at the middle of them.
#[derive(Clone, Debug, Serialize)]
pub struct Mark {
    pub kind: Kind,
    pub x: f64,
    pub y: f64,
    pub radius: f64,
    pub count: usize,
    pub places: i64,
    /// Name of the facility or of the municipality.
    pub name: String,
    /// Code of either.
    pub code: String,
    /// Has its name written beside.
    pub named: bool,
    /// What leads nearer: `q` of a municipality, or `lat` and `lon` of the middle of several.
    pub near: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Facility,
    Town,
    Several,
}

/// The place of a point on the plane, to a hundredth of a unit: a metre.
pub fn plane(point: Point) -> (f64, f64) {
    let round = |v: f64| (v * 100.0).round() / 100.0;
    (round((point.longitude - WEST) * LONGITUDE), round((NORTH - point.latitude) * LATITUDE))
}

pub fn draw(answer: &Answer, boundaries: &Boundaries, places: &Places) -> View {
    let origin = answer.origin.as_ref().map(|origin| plane(origin.point));
    let (x, y, width, height) = frame(origin, &answer.hits);
    let letter = (width / 3.4).round() / 10.0;
    let mut marks = marks(&answer.hits, letter, width / SQUARES);
    // Large ones first, so that small ones stand on them.
    marks.sort_by(|a, b| b.radius.total_cmp(&a.radius).then_with(|| (a.kind, &a.code).cmp(&(b.kind, &b.code))));
    for mark in marks.iter_mut().filter(|mark| mark.kind == Kind::Town).take(NAMED) {
        mark.named = origin.is_some();
    }
    let names = origin.map_or_else(Vec::new, |origin| names(places, origin, (x, y, width, height), &marks));
    let (dx, dy) = (width * (AROUND - 1.0) / 2.0, height * (AROUND - 1.0) / 2.0);
    let outline = outline(boundaries, (x - dx, y - dy, x + width + dx, y + height + dy));
    View { x, y, width, height, letter, marks, names, outline, origin }
}

/// The towns nearest to the origin that lie well within the view, have no mark, and do not write over one another.
fn names(places: &Places, origin: (f64, f64), (x, y, width, height): (f64, f64, f64, f64), marks: &[Mark]) -> Vec<(f64, f64, String)> {
    let (dx, dy) = (width * 0.1, height * 0.03);
    let mut found: Vec<(f64, f64, String)> = Vec::new();
    let mut towns: Vec<(f64, f64, &str)> = Vec::new();
    for comune in places.comuni.values().filter(|comune| marks.iter().all(|mark| mark.kind != Kind::Town || mark.code != comune.codice_istat)) {
        let (Some(latitude), Some(longitude)) = (comune.latitudine, comune.longitudine) else { continue };
        let (cx, cy) = plane(Point { latitude, longitude });
        if cx > x + dx && cx < x + width - dx && cy > y + dy && cy < y + height - dy {
            towns.push((cx, cy, &comune.comune));
        }
    }
    towns.sort_by(|a, b| (a.0 - origin.0).hypot(a.1 - origin.1).total_cmp(&(b.0 - origin.0).hypot(b.1 - origin.1)));
    let taken = |cx: f64, cy: f64, found: &[(f64, f64, String)]| {
        let near = |px: f64, py: f64| (px - cx).abs() < dx * 2.2 && (py - cy).abs() < dy * 2.0;
        found.iter().any(|(px, py, _)| near(*px, *py)) || marks.iter().any(|mark| near(mark.x, mark.y)) || near(origin.0, origin.1)
    };
    for (cx, cy, name) in towns {
        if found.len() < AROUND_NAMED && !taken(cx, cy, &found) {
            found.push((cx, cy, name.to_owned()));
        }
    }
    found
}

/// Outlines that reach into a rectangle of the plane: left, top, right, bottom.
fn outline(boundaries: &Boundaries, (left, top, right, bottom): (f64, f64, f64, f64)) -> String {
    let mut path = String::new();
    for ring in boundaries.codes().flat_map(|code| boundaries.comune(code)) {
        let points: Vec<(f64, f64)> = ring.into_iter().map(|(longitude, latitude)| plane(Point { latitude, longitude })).collect();
        let reach = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
        let ((west, east), (north, south)) = (reach(|p| p.0), reach(|p| p.1));
        if east < left || west > right || south < top || north > bottom {
            continue;
        }
        let mut at = (0, 0);
        for (n, (x, y)) in points.into_iter().enumerate() {
            let (x, y) = (x.round() as i64, y.round() as i64);
            // Steps are shorter to write than places.
            let _ = if n == 0 { write!(path, "M{x} {y}") } else { write!(path, "l{} {}", x - at.0, y - at.1) };
            at = (x, y);
        }
        path.push('z');
    }
    path
}

/// The whole region, or what is around the origin up to the farthest hit that is not too far.
fn frame(origin: Option<(f64, f64)>, hits: &[Hit]) -> (f64, f64, f64, f64) {
    let Some((x, y)) = origin else { return (0.0, 0.0, WIDTH, HEIGHT) };
    let far = hits.iter().filter_map(|hit| hit.km).fold(0.0, f64::max) * 10.0;
    let half = (far * 1.15).clamp(NEAR, FAR);
    let round = |v: f64| v.round();
    (round(x - half), round(y - half), round(half * 2.0), round(half * 2.0))
}

fn marks(hits: &[Hit], letter: f64, square: f64) -> Vec<Mark> {
    let crowded = hits.iter().filter(|hit| hit.offer.exact).count() > EXACT;
    let mut groups: BTreeMap<(Kind, String), Vec<(&Hit, Point)>> = BTreeMap::new();
    for hit in hits {
        let offer = &hit.offer;
        let Some(point) = offer.point else { continue };
        let (x, y) = plane(point);
        let group = match (offer.exact, crowded) {
            (false, _) => (Kind::Town, offer.comune.clone()),
            (true, false) => (Kind::Facility, offer.code.clone()),
            (true, true) => (Kind::Several, format!("{}.{}", (x / square).floor(), (y / square).floor())),
        };
        groups.entry(group).or_default().push((hit, point));
    }
    groups.into_iter().map(|((kind, code), hits)| mark(kind, code, &hits, letter)).collect()
}

/// `hits` are at least one.
fn mark(kind: Kind, code: String, hits: &[(&Hit, Point)], letter: f64) -> Mark {
    let count = hits.len();
    let middle = |of: fn(&Point) -> f64| hits.iter().map(|(_, point)| of(point)).sum::<f64>() / count as f64;
    let point = Point { latitude: middle(|p| p.latitude), longitude: middle(|p| p.longitude) };
    // One of several that is alone is itself.
    let first = &hits[0].0.offer;
    let (kind, code) = if kind == Kind::Several && count == 1 { (Kind::Facility, first.code.clone()) } else { (kind, code) };
    let name = if kind == Kind::Facility { &first.name } else { &first.town };
    // Area follows the number of offers.
    let size = if kind == Kind::Facility { 0.45 } else { 0.6 * (count as f64).sqrt().min(4.0) };
    let (x, y) = plane(point);
    let places = hits.iter().filter_map(|(hit, _)| hit.offer.places).sum();
    let mut near = form_urlencoded::Serializer::new(String::new());
    match kind {
        Kind::Several => near.append_pair("lat", &format!("{:.3}", point.latitude)).append_pair("lon", &format!("{:.3}", point.longitude)),
        Kind::Town | Kind::Facility => near.append_pair("q", &first.town),
    };
    let radius = (letter * size * 100.0).round() / 100.0;
    Mark { kind, x, y, radius, count, places, name: name.clone(), code, named: false, near: near.finish() }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::doors::http::finder::offers::Offer;

    #[test]
    fn what_crowds_a_square_stands_together() {
        let offer = |n: usize| Offer {
            code: format!("S{n}"),
            name: format!("Casa {n}"),
            kind: "casa".into(),
            what: "Casa".into(),
            comune: "058091".into(),
            town: "Roma".into(),
            address: None,
            public: None,
            places: Some(2),
            year: None,
            hours: None,
            months: None,
            accredited: None,
            users: None,
            point: Some(Point { latitude: 41.9 + (n % 3) as f64 * 0.3, longitude: 12.5 }),
            exact: true,
        };
        let hits: Vec<Hit> = (0..EXACT + 30).map(|n| Hit { offer: offer(n), km: None, inside: false, said: false }).collect();
        let few = marks(&hits[..EXACT], 50.0, 130.0);
        assert_eq!((few.len(), few[0].kind, few[0].name.as_str()), (EXACT, Kind::Facility, "Casa 0"));
        let many = marks(&hits, 50.0, 130.0);
        assert_eq!((many.len(), many.iter().map(|mark| mark.count).sum::<usize>()), (3, hits.len()));
        assert!(many.iter().all(|mark| mark.kind == Kind::Several && mark.places == 2 * mark.count as i64));
    }

    #[test]
    fn outlines_are_light_and_only_those_of_the_view() {
        let boundaries = Boundaries::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../datasets")).unwrap();
        let (west, south, east, north) = boundaries.extent();
        let (left, top) = plane(Point { latitude: north, longitude: west });
        let (right, bottom) = plane(Point { latitude: south, longitude: east });
        assert!(left >= 0.0 && top >= 0.0 && right <= WIDTH && bottom <= HEIGHT, "{left} {top} {right} {bottom}");
        let whole = outline(&boundaries, (0.0, 0.0, WIDTH, HEIGHT));
        let near = outline(&boundaries, (800.0, 1000.0, 900.0, 1100.0));
        assert!(whole.len() < 60_000 && !near.is_empty() && near.len() * 4 < whole.len(), "{} {}", whole.len(), near.len());
    }

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
