//! The boundaries of municipalities, read from TopoJSON: borders are arcs that neighbours share, and a district is what is left of
//! its municipalities' arcs when those between two of them are dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

/// Where the file is, in the folder of contracts.
pub const FILE: &str = "territorio/data/confini.topojson";

/// Points in degrees.
type Line = Vec<(f64, f64)>;

#[derive(Clone, Debug, Default)]
pub struct Boundaries {
    arcs: Vec<Line>,
    /// Rings of arcs by municipality; an arc `!i` is arc `i` backwards.
    comuni: BTreeMap<String, Vec<Vec<i64>>>,
}

#[derive(Deserialize)]
struct Topology {
    transform: Transform,
    objects: Objects,
    arcs: Vec<Vec<(i64, i64)>>,
}

#[derive(Deserialize)]
struct Transform {
    scale: (f64, f64),
    translate: (f64, f64),
}

#[derive(Deserialize)]
struct Objects {
    comuni: Geometries,
}

#[derive(Deserialize)]
struct Geometries {
    geometries: Vec<Geometry>,
}

#[derive(Deserialize)]
struct Geometry {
    id: String,
    /// Polygons of rings of arcs.
    arcs: Vec<Vec<Vec<i64>>>,
}

impl Boundaries {
    /// Errors: a sentence that names the file.
    pub fn load(datasets: &Path) -> Result<Self, String> {
        let file = datasets.join(FILE);
        let text = std::fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        Self::parse(&text).map_err(|e| format!("{}: {e}; scripts/boundaries.py makes it", file.display()))
    }

    pub fn parse(text: &str) -> Result<Self, String> {
        let topology: Topology = serde_json::from_str(text).map_err(|e| e.to_string())?;
        let Transform { scale, translate } = topology.transform;
        let unfold = |arc: &Vec<(i64, i64)>| {
            let (mut x, mut y) = (0, 0);
            let point = |(dx, dy): &(i64, i64)| {
                (x, y) = (x + dx, y + dy);
                (x as f64 * scale.0 + translate.0, y as f64 * scale.1 + translate.1)
            };
            arc.iter().map(point).collect()
        };
        let arcs: Vec<Line> = topology.arcs.iter().map(unfold).collect();
        let mut comuni = BTreeMap::new();
        for Geometry { id, arcs: polygons } in topology.objects.comuni.geometries {
            let rings: Vec<Vec<i64>> = polygons.into_iter().flatten().collect();
            if rings.iter().flatten().any(|i| index(*i) >= arcs.len()) {
                return Err(format!("the borders of {id} name an arc that is not there"));
            }
            comuni.insert(id, rings);
        }
        Ok(Self { arcs, comuni })
    }

    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.comuni.keys().map(String::as_str)
    }

    /// The rings of one municipality.
    pub fn comune(&self, code: &str) -> Vec<Line> {
        self.comuni.get(code).into_iter().flatten().map(|ring| self.ring(ring)).collect()
    }

    /// The outline of several municipalities together: arcs of two of them are within and dropped, the others joined end to end.
    pub fn outline<'a>(&self, codes: impl IntoIterator<Item = &'a str>) -> Vec<Line> {
        let mut edge: BTreeSet<i64> = BTreeSet::new();
        for arc in codes.into_iter().filter_map(|code| self.comuni.get(code)).flatten().flatten() {
            if !edge.remove(&!arc) {
                edge.insert(*arc);
            }
        }
        let mut starts: BTreeMap<(i64, i64), Vec<i64>> = BTreeMap::new();
        for arc in &edge {
            starts.entry(key(self.end(*arc, true))).or_default().push(*arc);
        }
        let mut rings = Vec::new();
        while let Some(first) = edge.pop_first() {
            let mut ring = vec![first];
            let mut at = first;
            while key(self.end(at, false)) != key(self.end(first, true)) {
                let next = starts.get(&key(self.end(at, false))).and_then(|ways| ways.iter().find(|way| edge.contains(way)));
                let Some(next) = next.copied() else { break };
                edge.remove(&next);
                ring.push(next);
                at = next;
            }
            rings.push(self.ring(&ring));
        }
        rings
    }

    /// Where municipalities of different groups meet, and the outer edge: each border once. `group` names the group of a code.
    pub fn borders<'a>(&self, group: impl Fn(&str) -> Option<&'a str>) -> Vec<Line> {
        let mut sides: BTreeMap<usize, Vec<Option<&str>>> = BTreeMap::new();
        for (code, rings) in &self.comuni {
            for arc in rings.iter().flatten() {
                sides.entry(index(*arc)).or_default().push(group(code));
            }
        }
        let parts = |groups: &[Option<&str>]| groups.len() == 1 || groups.windows(2).any(|pair| pair[0] != pair[1]);
        chained(sides.iter().filter(|(_, groups)| parts(groups)).map(|(arc, _)| self.arcs[*arc].clone()).collect())
    }

    /// Of some municipalities only.
    pub fn of(&self, wanted: impl Fn(&str) -> bool) -> Self {
        let comuni = self.comuni.iter().filter(|(code, _)| wanted(code)).map(|(code, rings)| (code.clone(), rings.clone())).collect();
        Self { arcs: self.arcs.clone(), comuni }
    }

    /// West, south, east, north.
    pub fn extent(&self) -> (f64, f64, f64, f64) {
        let start = (f64::MAX, f64::MAX, f64::MIN, f64::MIN);
        let used = self.comuni.values().flatten().flatten().filter_map(|arc| self.arcs.get(index(*arc)));
        used.flatten().fold(start, |e, (x, y)| (e.0.min(*x), e.1.min(*y), e.2.max(*x), e.3.max(*y)))
    }

    fn ring(&self, arcs: &[i64]) -> Line {
        let mut line: Line = Vec::new();
        for arc in arcs {
            let points = &self.arcs[index(*arc)];
            let backwards = *arc < 0;
            let ordered: Box<dyn Iterator<Item = &(f64, f64)>> = if backwards { Box::new(points.iter().rev()) } else { Box::new(points.iter()) };
            line.extend(ordered.skip(usize::from(!line.is_empty())));
        }
        line
    }

    fn end(&self, arc: i64, start: bool) -> (f64, f64) {
        let points = &self.arcs[index(arc)];
        let end = if start == (arc >= 0) { points.first() } else { points.last() };
        end.copied().unwrap_or_default()
    }
}

/// Lines that meet at their ends as one: fewer starts to write.
fn chained(lines: Vec<Line>) -> Vec<Line> {
    let mut left: BTreeMap<usize, Line> = lines.into_iter().enumerate().collect();
    let mut ends: BTreeMap<(i64, i64), Vec<usize>> = BTreeMap::new();
    for (i, line) in &left {
        for end in [line.first(), line.last()].into_iter().flatten() {
            ends.entry(key(*end)).or_default().push(*i);
        }
    }
    let mut chains = Vec::new();
    while let Some((_, mut chain)) = left.pop_first() {
        while let Some(end) = chain.last().copied() {
            let next = ends.get(&key(end)).into_iter().flatten().find(|i| left.contains_key(i));
            let Some(mut line) = next.and_then(|i| left.remove(i)) else { break };
            if line.first().is_none_or(|first| key(*first) != key(end)) {
                line.reverse();
            }
            chain.extend(line.into_iter().skip(1));
        }
        chains.push(chain);
    }
    chains
}

fn index(arc: i64) -> usize {
    let arc = if arc < 0 { !arc } else { arc };
    usize::try_from(arc).unwrap_or(usize::MAX)
}

/// A point as a key: finer than the grid of the file.
fn key((x, y): (f64, f64)) -> (i64, i64) {
    ((x * 1e6).round() as i64, (y * 1e6).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn real() -> Boundaries {
        Boundaries::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../datasets")).expect("the file of the tree")
    }

    fn surface(rings: &[Line]) -> f64 {
        let one = |ring: &Line| ring.iter().zip(ring.iter().skip(1)).map(|(a, b)| a.0 * b.1 - b.0 * a.1).sum::<f64>() / 2.0;
        rings.iter().map(one).sum::<f64>().abs()
    }

    #[test]
    fn every_municipality_has_closed_rings() {
        let all = real();
        assert_eq!(all.codes().count(), 378);
        for code in all.codes() {
            let rings = all.comune(code);
            assert!(!rings.is_empty() && rings.iter().all(|r| r.len() >= 4 && key(r[0]) == key(r[r.len() - 1])), "{code}");
        }
    }

    #[test]
    fn an_outline_covers_exactly_its_municipalities() {
        let all = real();
        let codes: Vec<&str> = all.codes().filter(|code| code.starts_with("057")).collect();
        let parts: f64 = codes.iter().map(|code| surface(&all.comune(code))).sum();
        let whole = all.outline(codes);
        assert!((surface(&whole) - parts).abs() < parts * 1e-6, "{} and {parts}", surface(&whole));
        assert!(whole.iter().all(|ring| key(ring[0]) == key(ring[ring.len() - 1])), "a ring is open");
    }

    #[test]
    fn borders_of_one_group_are_its_outline() {
        let all = real();
        let points = |lines: Vec<Line>| lines.iter().map(|line| line.len() - 1).sum::<usize>();
        assert_eq!(points(all.borders(|_| Some("Lazio"))), points(all.outline(all.codes())));
        let provinces = points(all.borders(|code| ["056", "057", "058", "059", "060"].into_iter().find(|p| code.starts_with(p))));
        assert!(provinces > points(all.outline(all.codes())), "no border within the region");
    }

    #[test]
    fn a_file_that_is_not_one_is_refused_with_its_name() {
        let error = Boundaries::load(Path::new("/nowhere")).expect_err("no file");
        assert!(error.contains("confini.topojson"), "{error}");
        assert!(Boundaries::parse("{}").is_err());
    }
}
