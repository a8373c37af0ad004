//! Rows to bytes: streamed with flat memory, and honest about their end. An answer that ends cleanly is whole, or says
//! where it stops; one that breaks midway is cut off without a clean end, so that no client takes a part for the whole.

mod arrow;
mod body;
mod csv;
mod json;
mod names;
mod parquet;
mod sheet;

pub use self::body::Health;
pub use self::json::gathered;
pub use self::sheet::sheet;

use std::time::Duration;

use ::arrow::array::RecordBatch;
use ::arrow::error::ArrowError;
use axum::body::Body;
use axum::response::Response;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use http::{HeaderValue, StatusCode, header};
use warehouse::statement::Rows;

use crate::doors::http::format::Format;
use crate::doors::http::problem::{Problem, Result};

/// Pages up to this size are gathered before the headers are sent, so that these can say whether more follows.
const GATHERED: usize = 10_000;
/// Rows of an answer that is written whole before it is sent.
const AT_ONCE: u64 = 1_000;
/// Rows encoded into one chunk.
const CHUNK_ROWS: usize = 4_096;

/// One way to write rows. Each call returns the bytes that are ready.
trait Encoder: Send {
    fn start(&mut self) -> std::result::Result<Vec<u8>, ArrowError>;
    fn batch(&mut self, batch: &RecordBatch) -> std::result::Result<Vec<u8>, ArrowError>;
    fn end(&mut self, end: &End) -> std::result::Result<Vec<u8>, ArrowError>;
    /// A proper end that says the answer is not whole; `None` where the format has no place for it.
    fn broken(&mut self, _problem: &Problem, _count: u64) -> Option<Vec<u8>> {
        None
    }
}

/// How an answer ended.
struct End {
    count: u64,
    /// Where the next page is; `None` when this was all.
    next: Option<String>,
}

/// What is asked of an encoder.
pub struct Wanted {
    pub format: Format,
    /// CSV cells exactly as stored; else text that a spreadsheet would take for a formula gets a leading apostrophe.
    pub raw: bool,
    /// File name without extension, for formats that are saved rather than read.
    pub file: Option<String>,
    /// The page's size and the address of the next one. The rows then hold one row more than the page, if there is one.
    pub page: Option<(usize, String)>,
    /// How long a client may leave the answer lying.
    pub patience: Duration,
}

/// The response for `rows`. Errors before the first row are problems; later ones break the answer.
pub async fn answer(rows: Rows, wanted: Wanted) -> Result<Response> {
    let schema = names::unique(&rows.schema);
    let mut encoder: Box<dyn Encoder> = match wanted.format {
        Format::Json => Box::new(json::Json::new(schema.clone(), rows.snapshot.clone())),
        Format::Ndjson => Box::new(json::Ndjson::new()),
        Format::Csv => Box::new(csv::Csv::new(schema.clone(), wanted.raw)),
        Format::Arrow => Box::new(arrow::Stream::new(schema.clone())),
        Format::Parquet => Box::new(parquet::File::new(schema.clone())),
    };
    let first = encoder.start().map_err(unsupported)?;
    let (batches, whole) = look_ahead(rows.batches, wanted.page.as_ref().map(|(size, _)| *size)).await?;

    let mut response = Response::builder().status(StatusCode::OK).header(header::CONTENT_TYPE, content_type(&wanted));
    let snapshot: Vec<String> = rows.snapshot.iter().map(|(name, version)| format!("{name}={version}")).collect();
    response = response.header("siss-snapshot", snapshot.join(", "));
    response = response.header("siss-complete", if whole.is_none_or(|w| w.more) && wanted.page.is_some() { "limit" } else { "true" });
    if let Some(whole) = &whole {
        response = response.header("siss-count", whole.count.to_string());
    }
    if let Some((_, next)) = &wanted.page
        && whole.is_none_or(|w| w.more)
    {
        response = response.header(header::LINK, format!("<{next}>; rel=\"next\""));
    }
    if let Some(file) = &wanted.file {
        response = response.header(header::CONTENT_DISPOSITION, disposition(file, wanted.format));
    }
    let health = Health::default();
    response = response.extension(health.clone());
    let job = body::Job { first, batches, schema, encoder, page: wanted.page, patience: wanted.patience, health };
    let body = match whole {
        Some(whole) if whole.count <= AT_ONCE => Body::from(body::whole(job).await?),
        _ => body::stream(job),
    };
    response.body(body).map_err(|error| Problem::internal("http.response", error))
}

/// What is known of an answer that was gathered before its headers were sent.
#[derive(Clone, Copy)]
struct Whole {
    count: u64,
    more: bool,
}

type Batches = BoxStream<'static, warehouse::error::Result<RecordBatch>>;

/// Waits for the first rows, so that an early error has its own status, and for all rows of a small page.
async fn look_ahead(mut batches: Batches, page: Option<usize>) -> Result<(Batches, Option<Whole>)> {
    let mut gathered = Vec::new();
    let mut count = 0;
    let enough = match page {
        Some(size) if size <= GATHERED => size.saturating_add(1),
        _ => 1,
    };
    let mut ended = false;
    while count < enough && !ended {
        match batches.next().await {
            Some(batch) => {
                let batch = batch?;
                count += batch.num_rows();
                gathered.push(Ok(batch));
            }
            None => ended = true,
        }
    }
    let whole = match page {
        Some(size) if ended || count > size => Some(Whole { count: count.min(size) as u64, more: count > size }),
        None if ended => Some(Whole { count: count as u64, more: false }),
        _ => None,
    };
    // A stream that has ended must not be asked again.
    let rest = if ended { stream::empty().boxed() } else { batches };
    Ok((stream::iter(gathered).chain(rest).boxed(), whole))
}

fn content_type(wanted: &Wanted) -> HeaderValue {
    HeaderValue::from_static(match (wanted.format, wanted.raw) {
        (Format::Csv, false) => "text/csv; charset=utf-8; header=present",
        (Format::Csv, true) => "text/csv; charset=utf-8; header=present; raw=1",
        (format, _) => format.media_type(),
    })
}

/// Dataset names are ASCII words, so the plain form of RFC 6266 is enough; anything else is left out.
fn disposition(file: &str, format: Format) -> String {
    let safe: String = file.chars().filter(|c| c.is_ascii_alphanumeric() || ".-_".contains(*c)).collect();
    format!("attachment; filename=\"{safe}.{}\"", format.extension())
}

fn unsupported(error: ArrowError) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "format.unsupported", format!("this answer cannot be written in the format asked for: {error}"))
}
