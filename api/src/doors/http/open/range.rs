//! `Range` of a request (RFC 9110 §14): one range of bytes. Several at once, and what is not understood, are answered with the whole.

use std::ops::Range;

use http::{HeaderMap, header};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    Whole,
    Part(Range<u64>),
    /// Nothing of it is in the file.
    Beyond,
}

/// What is asked of a file of `size` bytes, known by `tag` and the moment `modified`.
pub fn asked(headers: &HeaderMap, size: u64, tag: &str, modified: &str) -> Asked {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    // The rest of another file would not fit what the asker has.
    if text(header::IF_RANGE).is_some_and(|known| known != tag && known != modified) {
        return Asked::Whole;
    }
    let Some(set) = text(header::RANGE).and_then(|range| range.strip_prefix("bytes=")) else { return Asked::Whole };
    let Some((first, last)) = set.split_once('-').filter(|_| !set.contains(',')) else { return Asked::Whole };
    let number = |text: &str| text.parse::<u64>().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
    match (first.trim(), last.trim()) {
        ("", suffix) => match number(suffix) {
            None => Asked::Whole,
            Some(0) => Asked::Beyond,
            Some(_) if size == 0 => Asked::Beyond,
            Some(suffix) => Asked::Part(size.saturating_sub(suffix)..size),
        },
        (first, "") => match number(first) {
            None => Asked::Whole,
            Some(first) if first >= size => Asked::Beyond,
            Some(first) => Asked::Part(first..size),
        },
        (first, last) => match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last && first < size => Asked::Part(first..size.min(last.saturating_add(1))),
            (Some(first), Some(last)) if first <= last => Asked::Beyond,
            _ => Asked::Whole,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(range: &str, if_range: Option<&str>) -> Asked {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, range.parse().unwrap());
        if let Some(tag) = if_range {
            headers.insert(header::IF_RANGE, tag.parse().unwrap());
        }
        asked(&headers, 100, "\"a\"", "Sun, 29 Nov 2026 00:00:00 GMT")
    }

    #[test]
    fn one_range_is_a_part() {
        assert_eq!(of("bytes=0-9", None), Asked::Part(0..10));
        assert_eq!(of("bytes=90-", None), Asked::Part(90..100));
        assert_eq!(of("bytes=-5", None), Asked::Part(95..100));
        assert_eq!(of("bytes=-500", None), Asked::Part(0..100));
        assert_eq!(of("bytes=99-18446744073709551615", None), Asked::Part(99..100));
    }

    #[test]
    fn past_the_end_there_is_nothing() {
        assert_eq!([of("bytes=100-", None), of("bytes=100-200", None), of("bytes=-0", None)], [Asked::Beyond, Asked::Beyond, Asked::Beyond]);
    }

    #[test]
    fn what_is_not_understood_is_the_whole() {
        for range in ["bytes=9-0", "bytes=a-b", "bytes=0-1,5-6", "rows=0-1", "bytes=-", "bytes=+1-2"] {
            assert_eq!(of(range, None), Asked::Whole, "{range}");
        }
    }

    #[test]
    fn the_rest_of_another_file_is_not_given() {
        assert_eq!(of("bytes=0-9", Some("\"a\"")), Asked::Part(0..10));
        assert_eq!(of("bytes=0-9", Some("\"b\"")), Asked::Whole);
    }
}
