//! The site of this repository, and what is refused at start.

use http::{HeaderMap, Uri};
use serde_json::json;

use super::filters::grouped;
use super::words::{Language, load, same_keys};
use super::*;
use crate::accounts::stranger;

/// The site as it stands in this repository.
pub fn site() -> Site {
    Site::load(&Site::find_dir(None).unwrap()).unwrap_or_else(|error| panic!("{error:#}"))
}

pub fn frame(language: Language) -> Frame {
    Frame::new(language, stranger(), &Uri::from_static("/"))
}

fn rendered(template: &'static str, language: Language, values: serde_json::Value) -> Result<String> {
    let mut pages = Environment::new();
    pages.set_undefined_behavior(UndefinedBehavior::Strict);
    filters::add(&mut pages);
    functions::add(&mut pages, &Arc::default());
    pages.add_template("x.html", template).unwrap();
    Site(Arc::new(Inner { pages, italian: Words::new(), english: Words::new(), assets: Arc::default(), fingerprint: [0; 32] })).html(
        "x.html",
        &frame(language),
        values,
    )
}

#[test]
fn numbers_are_written_as_each_language_writes_them() {
    let template = "{{ a|number }} {{ a|decimal(1) }} {{ b|number }} {{ c|percent }} {{ d|euro }} {{ e|number }} {{ n|number }} {{ f|bytes }}";
    let values = json!({ "a": 1234567.25, "b": "0012345678901234567.10", "c": 0.1234, "d": -1234.5, "e": 1000, "n": null, "f": 1234567 });
    let italian = rendered(template, Language::Italian, values.clone()).unwrap();
    assert_eq!(italian, "1.234.567,25 1.234.567,2 0.012.345.678.901.234.567,10 12,3% -1.234,50\u{a0}€ 1.000 – 1,2\u{a0}MB");
    let english = rendered(template, Language::English, values).unwrap();
    assert!(english.starts_with("1,234,567.25") && english.contains("€-1,234.50"), "{english}");
    assert!(rendered("{{ a|number }}", Language::Italian, json!({ "a": "tanti" })).is_err());
    assert_eq!(["1", "999", "-999", "1000", "123456"].map(|n| grouped(n, true)), ["1", "999", "-999", "1,000", "123,456"]);
}

#[test]
fn dates_are_written_as_each_language_writes_them() {
    let values = json!({ "a": "2026-11-01", "b": "2026-12-31T23:59:59+00:00" });
    assert_eq!(rendered("{{ a|date }}, {{ b|date }}", Language::Italian, values.clone()).unwrap(), "1 novembre 2026, 31 dicembre 2026");
    assert_eq!(rendered("{{ a|date }}, {{ b|date }}", Language::English, values).unwrap(), "1 November 2026, 31 December 2026");
}

#[test]
fn links_keep_the_language_that_was_chosen_only() {
    let text = |uri: &'static str| {
        let mut pages = Environment::new();
        functions::add(&mut pages, &Arc::default());
        pages.add_template("x.txt", "{{ link('/cerca?q=a#b') }} {{ frame.other }}").unwrap();
        let site = Site(Arc::new(Inner { pages, italian: Words::new(), english: Words::new(), assets: Arc::default(), fingerprint: [0; 32] }));
        let uri = Uri::from_static(uri);
        site.html("x.txt", &Frame::new(Language::of(uri.query(), &HeaderMap::new()), stranger(), &uri), ()).unwrap()
    };
    assert_eq!(text("/a?b=1"), "/cerca?q=a#b /a?b=1&lang=en");
    assert_eq!(text("/a?lang=en&b=%26"), "/cerca?q=a&lang=en#b /a?b=%26&lang=it");
}

#[test]
fn a_word_said_twice_or_in_one_language_only_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.toml"), "x = \"1\"").unwrap();
    let one = load(folder.path()).unwrap();
    std::fs::write(folder.path().join("b.toml"), "x = \"2\"").unwrap();
    assert!(load(folder.path()).unwrap_err().to_string().contains("'x'"));
    assert!(same_keys(&one, &Words::new()).unwrap_err().to_string().contains("\"x\""));
}

#[test]
fn files_are_served_for_ever_under_their_content() {
    let site = site();
    let address = site.assets().address("siss.css").unwrap();
    let [_, _, hash, name] = address.split('/').collect::<Vec<_>>()[..] else { panic!("{address}") };
    let mut headers = HeaderMap::new();
    let plain = site.assets().answer(hash, name, &headers).unwrap();
    assert!(plain.headers()["cache-control"].to_str().unwrap().contains("immutable") && !plain.headers().contains_key("content-encoding"));
    headers.insert("accept-encoding", "br, gzip;q=0.5".parse().unwrap());
    assert_eq!(site.assets().answer(hash, name, &headers).unwrap().headers()["content-encoding"], "gzip");
    let older = site.assets().answer("0000000000000000", name, &headers).unwrap();
    assert_eq!((older.status().as_u16(), older.headers()["location"].to_str().unwrap()), (302, address.as_str()));
    assert!(site.assets().answer(hash, "package.json", &headers).is_none());
}

#[test]
fn without_npm_packages_pages_are_plain_but_there() {
    let whole = Site::find_dir(None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for part in ["templates", "locales/it", "locales/en", "static"] {
        std::fs::create_dir_all(folder.path().join(part)).unwrap();
        for entry in std::fs::read_dir(whole.join(part)).unwrap().flatten().filter(|entry| entry.path().is_file()) {
            std::fs::copy(entry.path(), folder.path().join(part).join(entry.file_name())).unwrap();
        }
    }
    let site = Site::load(folder.path()).unwrap();
    assert!(site.assets().address("bootstrap-italia.css").is_none());
    let values = json!({ "heading": "h", "detail": "d", "detail_lang": "it", "status": 404, "code": "not_found" });
    assert!(site.html("problem.html", &frame(Language::Italian), values).unwrap().contains("siss.css"));
    std::fs::write(folder.path().join("templates/wrong.html"), "{% if %}").unwrap();
    assert!(Site::load(folder.path()).map(|_| ()).unwrap_err().to_string().contains("wrong.html"));
}
