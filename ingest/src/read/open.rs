//! From a path to rows: unwraps the container, tells the format, finds encoding and dialect.

use std::io::{Cursor, Read};
use std::path::Path;

use encoding_rs::Encoding;

use super::container::{self, Content, Magic};
use super::csv::CsvRows;
use super::json::{JsonRows, value_end};
use super::text::{self, TextReader};
use super::{Bounds, Container, Dialect, ErrorKind, Format, Hints, LineEnding, Oddities, ReadError, Rows, SheetInfo, dialect, parquet, sheet};

/// Bytes of a text that encoding and dialect are judged by.
const SAMPLE: usize = 1 << 20;
/// Bytes of decoded text that dialects are tried on.
const DIALECT_SAMPLE: usize = 128 << 10;
/// Elements of a JSON file whose keys make its columns, when not all are asked for.
const KEYS: i64 = 1_000;

/// An opened file: its rows and what is known of it so far.
pub(super) struct Opened {
    pub rows: Box<dyn Rows>,
    pub container: Container,
    pub format: Format,
    pub encoding: Option<String>,
    pub bom: bool,
    pub dialect: Option<Dialect>,
    /// Usual number of cells; 0 when the format does not tell.
    pub usual: usize,
    /// Column names of formats that carry them apart from the rows.
    pub names: Option<Vec<String>>,
    pub sheets: Vec<SheetInfo>,
    pub odd: Oddities,
}

/// `all_keys` makes the columns of a JSON file from all its elements.
pub(super) fn open(path: &Path, hints: &Hints, bounds: &Bounds, all_keys: bool) -> Result<Opened, ReadError> {
    let opened = container::open(path, hints, bounds)?;
    let mut found = Opened {
        rows: Box::new(Nothing),
        container: opened.container,
        format: Format::Csv,
        encoding: None,
        bom: false,
        dialect: None,
        usual: 0,
        names: None,
        sheets: Vec::new(),
        odd: Oddities::default(),
    };
    match opened.content {
        Content::File(file, magic @ (Magic::Workbook | Magic::BinaryWorkbook | Magic::OpenDocument | Magic::Ole)) => {
            let book = sheet::open(file, magic, hints, bounds, &mut found.odd)?;
            found.rows = Box::new(book.rows);
            found.format = book.format;
            found.sheets = book.sheets;
        }
        Content::File(file, Magic::Parquet) => {
            let (names, rows) = parquet::open(file, bounds)?;
            found.rows = Box::new(rows);
            found.format = Format::Parquet;
            found.names = Some(names);
        }
        Content::File(_, Magic::Pdf) => return Err(ReadError::unsupported("Il file è un PDF.", "The file is a PDF.")),
        Content::File(_, _) => return Err(ReadError::unsupported("Il file è un archivio.", "The file is an archive.")),
        Content::Stream(stream) => open_text(stream, path, hints, bounds, all_keys, &mut found)?,
    }
    Ok(found)
}

/// The rows of an empty file.
struct Nothing;

impl Rows for Nothing {
    fn next(&mut self, _: &mut super::Row, _: &mut Oddities) -> Result<bool, ReadError> {
        Ok(false)
    }
}

fn open_text(mut stream: Box<dyn Read + Send>, path: &Path, hints: &Hints, bounds: &Bounds, all_keys: bool, found: &mut Opened) -> Result<(), ReadError> {
    let mut sample = vec![0; SAMPLE];
    let n = container::fill(&mut *stream, &mut sample)?;
    sample.truncate(n);
    let whole = n < SAMPLE;
    let (guess, bom) = text::detect(&sample, whole);
    let encoding = match &hints.encoding {
        Some(label) => Encoding::for_label(label.as_bytes()).ok_or_else(|| unknown_encoding(label))?,
        None => guess,
    };
    let bom = if encoding == guess { bom } else { 0 };
    found.bom = bom > 0;
    found.encoding = Some(encoding.name().to_string());
    let decoded = decode(&sample[bom..], encoding)?;
    refuse_other_texts(&decoded, hints)?;
    found.format = format(&decoded, whole, hints);
    sample.drain(..bom);
    let text = TextReader::new(Box::new(Cursor::new(sample).chain(stream)), encoding);
    match found.format {
        Format::Json | Format::Ndjson => {
            let lines = found.format == Format::Ndjson;
            let first = reopen(path, hints, bounds, encoding, bom)?;
            let most = if all_keys { i64::MAX } else { KEYS };
            let keys = JsonRows::open(first, lines, hints, bounds)?.collect_keys(most, bounds)?;
            let rows = JsonRows::open(text, lines, hints, bounds)?;
            if !keys.is_empty() {
                found.names = Some(keys.clone());
            }
            found.rows = Box::new(rows.with_keys(keys));
        }
        _ => {
            // A few huge records say less than many small ones: then all that was read is looked at.
            let short = decoded.len().min(DIALECT_SAMPLE);
            let few = memchr::memchr2_iter(b'\n', b'\r', &decoded[..short]).take(40).count() < 40;
            let head = if few { &decoded[..] } else { &decoded[..short] };
            let detected = dialect::detect(head, whole && head.len() == decoded.len(), hints);
            found.usual = detected.usual;
            if detected.dialect.line_ending == LineEnding::Mixed {
                found.odd.note(
                    "line_endings",
                    None,
                    "I fine riga sono di più tipi (LF, CR LF, CR): ognuno chiude una riga.",
                    "Line ends are of several kinds (LF, CR LF, CR): each ends a row.",
                );
            }
            found.rows = Box::new(CsvRows::new(text, &detected, bounds));
            found.dialect = Some(detected.dialect);
        }
    }
    Ok(())
}

/// The same text from its start, for a second look.
fn reopen(path: &Path, hints: &Hints, bounds: &Bounds, encoding: &'static Encoding, bom: usize) -> Result<TextReader, ReadError> {
    let Content::Stream(mut stream) = container::open(path, hints, bounds)?.content else {
        return Err(ReadError::damaged("JSON", "the file changed while it was read"));
    };
    container::fill(&mut *stream, &mut vec![0; bom])?;
    Ok(TextReader::new(stream, encoding))
}

fn decode(sample: &[u8], encoding: &'static Encoding) -> Result<Vec<u8>, ReadError> {
    let mut reader = TextReader::new(Box::new(Cursor::new(sample.to_vec())), encoding);
    let mut out = Vec::new();
    while reader.fill(&mut out)? {}
    Ok(out)
}

fn unknown_encoding(label: &str) -> ReadError {
    ReadError::new(
        ErrorKind::Choice,
        format!("La codifica \"{label}\" non è conosciuta; provare utf-8, windows-1252, utf-16le."),
        format!("The encoding \"{label}\" is not known; try utf-8, windows-1252, utf-16le."),
    )
}

fn refuse_other_texts(text: &[u8], hints: &Hints) -> Result<(), ReadError> {
    let start = text.trim_ascii_start();
    let head = start[..start.len().min(200)].to_ascii_lowercase();
    if hints.format.is_some() {
        return Ok(());
    }
    if [&b"<!doctype html"[..], b"<html", b"<head", b"<table"].iter().any(|tag| head.starts_with(tag)) {
        return Err(ReadError::unsupported("Il file è una pagina web (HTML).", "The file is a web page (HTML)."));
    }
    if head.starts_with(b"<?xml") {
        return Err(ReadError::unsupported("Il file è XML.", "The file is XML."));
    }
    if head.starts_with(b"{\\rtf") {
        return Err(ReadError::unsupported("Il file è un documento RTF.", "The file is an RTF document."));
    }
    if is_binary(text) {
        return Err(ReadError::unsupported("Il file non è un testo (dati binari).", "The file is not a text (binary data)."));
    }
    Ok(())
}

/// More control characters than a damaged text has. Those that serve as separators do not count, NUL bytes by their own measure:
/// some programs pad with them.
fn is_binary(text: &[u8]) -> bool {
    let nuls = memchr::memchr_iter(0, text).count();
    let controls = text.iter().filter(|b| matches!(b, 0x01..=0x08 | 0x0e..=0x1b | 0x7f)).count();
    controls > 8 && controls * 50 > text.len() || nuls > 64 && nuls * 5 > text.len()
}

/// Tells JSON from delimited text: by whole values, not by the first character alone.
fn format(text: &[u8], whole: bool, hints: &Hints) -> Format {
    if let Some(asked @ (Format::Csv | Format::Json | Format::Ndjson)) = hints.format {
        return asked;
    }
    let start = text.trim_ascii_start();
    let valid = |value: &[u8]| serde_json::from_slice::<serde::de::IgnoredAny>(value).is_ok();
    let value = |text: &[u8]| value_end(text, whole, usize::MAX).ok().flatten();
    match start.first() {
        Some(b'{') => match value(start) {
            Some(end) if !valid(&start[..end]) => Format::Csv,
            Some(end) => match start[end..].trim_ascii_start().first() {
                None => Format::Json,
                Some(b'{') => Format::Ndjson,
                Some(_) => Format::Csv,
            },
            None if start.len() > 1 && start[1..].trim_ascii_start().starts_with(b"\"") => Format::Json,
            None => Format::Csv,
        },
        Some(b'[') => {
            let inside = start[1..].trim_ascii_start();
            match (inside.first(), value(inside)) {
                (Some(b']'), _) => Format::Json,
                (Some(b'{' | b'[' | b'"'), None) if !whole => Format::Json,
                (Some(_), Some(end)) if valid(&inside[..end]) => match inside[end..].trim_ascii_start().first() {
                    Some(b',' | b']') => json_array(start, &value),
                    _ => Format::Csv,
                },
                _ => Format::Csv,
            }
        }
        _ => Format::Csv,
    }
}

/// An array that is followed by another one is a line of NDJSON.
fn json_array(text: &[u8], value: &dyn Fn(&[u8]) -> Option<usize>) -> Format {
    match value(text).map(|end| text[end..].trim_ascii_start()) {
        None => Format::Json,
        Some(rest) => match rest.first() {
            None => Format::Json,
            Some(b'[') => Format::Ndjson,
            Some(_) => Format::Csv,
        },
    }
}
