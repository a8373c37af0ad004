//! Every form of chart as it is drawn, and that its table says the same.

mod samples;

use std::collections::BTreeSet;

use dashboards::boundaries::Boundaries;
use dashboards::chart::Chart;
use dashboards::theme::Theme;
use dashboards::{map, png, svg, table};
use datasets::language::Language;
use resvg::usvg::{Options, Tree};
use samples::{charts, choropleths};

fn boundaries() -> Boundaries {
    Boundaries::load(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../datasets")).expect("boundaries")
}

#[test]
fn every_form_is_drawn_as_before() {
    for (name, chart) in charts(Language::It) {
        // One element a line, so that a difference can be read.
        insta::assert_snapshot!(name, svg(&chart, &Theme::narrow()).replace("><", ">\n<"));
    }
}

#[test]
fn the_table_of_every_form_is_as_before() {
    for (name, chart) in charts(Language::En) {
        insta::assert_json_snapshot!(format!("{name}_table"), table::table(&chart));
    }
}

/// What is drawn says each number of the table, and no mark says another.
#[test]
fn marks_and_table_hold_the_same_numbers() {
    for (name, chart) in charts(Language::It) {
        let said = titles(&svg(&chart, &Theme::wide()));
        let expected: BTreeSet<String> = if name == "histogram" { bins(&chart) } else { (0..chart.categories.len()).flat_map(|c| says(&chart, c)).collect() };
        assert_eq!(said, expected, "{name}");
    }
}

#[test]
fn pictures_keep_to_a_strict_policy() {
    let all = charts(Language::It).into_iter().map(|(name, chart)| (name.to_owned(), svg(&chart, &Theme::file())));
    let maps = choropleths(Language::It).into_iter().map(|(name, map)| (name.to_owned(), map::svg(&map, &boundaries(), &Theme::file())));
    for (name, drawn) in all.chain(maps) {
        for banned in [" style=", "<style", "<script", " onload", "href", "NaN", "\"inf", " inf", "-inf"] {
            assert!(!drawn.contains(banned), "{name} holds {banned}");
        }
        assert!(drawn.contains("role=\"img\"") && drawn.contains("<title id=") && drawn.contains("<desc id="), "{name}");
        Tree::from_str(&drawn, &Options::default()).unwrap_or_else(|e| panic!("{name} is no SVG: {e}"));
    }
}

#[test]
fn text_stays_within_the_picture() {
    for (name, chart) in charts(Language::It) {
        for theme in [Theme::narrow(), Theme::wide()] {
            for x in svg(&chart, &theme).split("<text x=\"").skip(1) {
                let x: f64 = x.split('"').next().and_then(|x| x.parse().ok()).expect("a number");
                assert!((0.0..=theme.width).contains(&x), "{name}: text at {x} of {}", theme.width);
            }
        }
    }
}

#[test]
fn a_name_cannot_become_an_element() {
    let (_, mut chart) = charts(Language::It).remove(0);
    chart.categories[0].label = "<script>alert(1)</script>&\"\u{0}".into();
    let drawn = svg(&chart, &Theme::file());
    assert!(drawn.contains("&lt;script&gt;") && !drawn.contains("<script"));
    Tree::from_str(&drawn, &Options::default()).expect("still SVG");
}

#[test]
fn every_class_of_a_map_is_counted() {
    for (name, map) in choropleths(Language::It) {
        let classes = map.classes();
        assert_eq!(classes.iter().map(|c| c.count).sum::<usize>(), map.values.len(), "{name}");
        assert!(classes.len() <= 5 && classes.windows(2).all(|pair| pair[0].high.position() < pair[1].low.position()), "{name}: {classes:?}");
        let drawn = map::svg(&map, &boundaries(), &Theme::narrow());
        assert!(drawn.len() < 60_000, "{name}: {} bytes", drawn.len());
        let drawn = map::svg(&map, &boundaries(), &Theme::file());
        // A ring too small for the grid is left out: renderers stop at a path that says `l` and nothing.
        let paths = drawn.split(" d=\"").skip(1).filter_map(|rest| rest.split('"').next());
        assert!(paths.clone().all(|d| !d.is_empty() && !d.contains("lz") && !d.ends_with('l')), "{name}");
        assert_eq!(table::Row { label: String::new(), ..map::table(&map).rows[0].clone() }.cells.len(), 1);
        for row in map::table(&map).rows {
            assert!(drawn.contains(&format!("{}: {}", row.label, row.cells[0])), "{name}: {} is not on the map", row.label);
        }
    }
}

#[test]
fn a_png_has_the_width_that_was_asked() {
    let (_, chart) = charts(Language::It).remove(0);
    let picture = png::png(&svg(&chart, &Theme::file()), 640).expect("a machine with a font");
    assert_eq!(&picture[..8], b"\x89PNG\r\n\x1a\n");
    assert_eq!(u32::from_be_bytes(picture[16..20].try_into().expect("four bytes")), 640);
}

/// Every municipality is there: the sea and what is not Lazio stay white, and Rome does not.
#[test]
fn rome_is_on_the_map() {
    let (_, mut map) = choropleths(Language::It).remove(0);
    map.values.insert("058091".into(), dashboards::number::Number::new(999_999, 2));
    let drawn = map::svg(&map, &boundaries(), &Theme::file());
    let rome = drawn.split("<path ").find(|path| path.contains("data-k=\"058091\"")).expect("Rome");
    let d = rome.split(" d=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a path");
    assert!(d.len() > 400 && d.matches('M').count() <= 4, "{d}");
    Tree::from_str(&drawn, &Options::default()).expect("SVG");
}

/// `SISS_GALLERY=DIR cargo test -p dashboards`: every picture as a file, to be looked at.
#[test]
fn gallery() {
    let Ok(dir) = std::env::var("SISS_GALLERY") else { return };
    let write = |name: &str, svg: String| {
        std::fs::write(format!("{dir}/{name}.svg"), &svg).expect("written");
        std::fs::write(format!("{dir}/{name}.png"), png::png(&svg, 720).expect("drawn")).expect("written");
    };
    for theme in [Theme { width: 360.0, standalone: true }, Theme::file()] {
        for (name, chart) in charts(Language::It) {
            write(&format!("{name}-{}", theme.width), svg(&chart, &theme));
        }
        for (name, map) in choropleths(Language::It) {
            write(&format!("{name}-{}", theme.width), map::svg(&map, &boundaries(), &theme));
        }
    }
}

fn says(chart: &Chart, category: usize) -> Vec<String> {
    let drawn = if chart.kind == dashboards::chart::Kind::Progress { 1 } else { chart.series.len() };
    (0..drawn).filter_map(|series| chart.says(category, series)).collect()
}

fn bins(chart: &Chart) -> BTreeSet<String> {
    table::classes(chart).into_iter().map(|bin| format!("{}: {}", bin.label, bin.count)).collect()
}

fn titles(drawn: &str) -> BTreeSet<String> {
    drawn.split("<title>").skip(1).filter_map(|rest| rest.split("</title>").next()).map(str::to_owned).collect()
}
