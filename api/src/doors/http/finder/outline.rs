//! `GET /mappa/confini.svg`: the outlines of the municipalities on the plane of the finder's map. A picture of its own, so that pages
//! stay small and browsers keep it.

use std::fmt::Write;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use dashboards::boundaries::Boundaries;
use http::header;

use super::map::{HEIGHT, WIDTH, plane};
use super::offers::Point;
use crate::app::App;
use crate::doors::http::problem::{Problem, Result};

/// Boundaries change with a version of the program, not with data.
const KEPT: &str = "public, max-age=86400";

pub async fn outline(State(app): State<App>) -> Result<Response> {
    let boundaries = Boundaries::load(&app.warehouse.catalog().dir).map_err(|e| Problem::internal("finder.boundaries", e))?;
    Ok(([(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, KEPT)], svg(&boundaries)).into_response())
}

fn svg(boundaries: &Boundaries) -> String {
    let mut path = String::new();
    for ring in boundaries.codes().flat_map(|code| boundaries.comune(code)) {
        let mut at = (0, 0);
        for (n, (longitude, latitude)) in ring.into_iter().enumerate() {
            let (x, y) = plane(Point { latitude, longitude });
            let (x, y) = (x.round() as i64, y.round() as i64);
            // Steps are shorter to write than places.
            let _ = if n == 0 { write!(path, "M{x} {y}") } else { write!(path, "l{} {}", x - at.0, y - at.1) };
            at = (x, y);
        }
        path.push('z');
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\">\
         <path d=\"{path}\" fill=\"#f3f6f9\" stroke=\"#9aabbc\" stroke-width=\"2\" stroke-linejoin=\"round\"/></svg>"
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_picture_is_small_and_within_its_plane() {
        let boundaries = Boundaries::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../datasets")).unwrap();
        let svg = svg(&boundaries);
        assert!(svg.len() < 250_000, "{}", svg.len());
        let (west, south, east, north) = boundaries.extent();
        let (left, top) = plane(Point { latitude: north, longitude: west });
        let (right, bottom) = plane(Point { latitude: south, longitude: east });
        assert!(left >= 0.0 && top >= 0.0 && right <= WIDTH && bottom <= HEIGHT, "{left} {top} {right} {bottom}");
    }
}
