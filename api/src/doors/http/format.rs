//! Formats of answers: chosen by the path's extension, else by `Accept`.

use http::{HeaderMap, StatusCode, header};

use crate::doors::http::problem::Problem;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    Ndjson,
    Csv,
    Arrow,
    Parquet,
}

impl Format {
    pub const ALL: [Self; 5] = [Self::Json, Self::Ndjson, Self::Csv, Self::Arrow, Self::Parquet];

    pub fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Arrow => "arrow",
            Self::Parquet => "parquet",
        }
    }

    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv",
            Self::Arrow => "application/vnd.apache.arrow.stream",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }

    /// The format a request asks for; JSON when it does not care, 406 when it wants what we cannot write.
    pub fn of(path: &str, headers: &HeaderMap) -> Result<Self, Problem> {
        let last = path.rsplit('/').next().unwrap_or_default();
        if let Some((_, extension)) = last.rsplit_once('.')
            && let Some(format) = Self::ALL.into_iter().find(|f| f.extension() == extension)
        {
            return Ok(format);
        }
        let accept: Vec<&str> = headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok()).collect();
        if accept.is_empty() {
            return Ok(Self::Json);
        }
        preferred(&accept.join(",")).ok_or_else(|| {
            let offered: Vec<&str> = Self::ALL.iter().map(|f| f.media_type()).collect();
            Problem::new(StatusCode::NOT_ACCEPTABLE, "format.unknown", format!("none of the accepted types can be written; offered: {}", offered.join(", ")))
        })
    }
}

/// The best of an `Accept` header: highest quality, first of equals.
fn preferred(accept: &str) -> Option<Format> {
    let mut best: Option<(f32, Format)> = None;
    for item in accept.split(',') {
        let mut parts = item.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default().to_ascii_lowercase();
        let quality = parts.find_map(|p| p.strip_prefix("q=")).and_then(|q| q.parse::<f32>().ok()).unwrap_or(1.0);
        let format = match media.as_str() {
            "*/*" | "application/*" => Some(Format::Json),
            "text/*" => Some(Format::Csv),
            "application/ndjson" | "application/jsonl" => Some(Format::Ndjson),
            other => Format::ALL.into_iter().find(|f| f.media_type() == other),
        };
        match format {
            Some(format) if quality > 0.0 && best.is_none_or(|(q, _)| quality > q) => best = Some((quality, format)),
            _ => {}
        }
    }
    best.map(|(_, format)| format)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_is_read_with_its_qualities() {
        assert_eq!(preferred("text/html, */*;q=0.1"), Some(Format::Json));
        assert_eq!(preferred("text/csv;q=0.5, application/vnd.apache.parquet"), Some(Format::Parquet));
        assert_eq!(preferred("application/json;q=0, text/csv;q=0.2"), Some(Format::Csv));
        assert_eq!(preferred("text/html"), None);
    }

    #[test]
    fn an_extension_wins_over_accept() {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, "application/json".parse().unwrap());
        assert_eq!(Format::of("/api/v1/datasets/a/b/rows.csv", &headers).unwrap(), Format::Csv);
        assert_eq!(Format::of("/api/v1/datasets/a/b/rows", &headers).unwrap(), Format::Json);
    }
}
