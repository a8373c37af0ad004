//! OpenDocument spreadsheets, read as a stream: repeated cells and rows are expanded only as far as the bounds allow.

use std::fs::File;
use std::io::{BufReader, Read};

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use zip::ZipArchive;

use super::cells::SheetRows;
use super::show::{duration, iso_moment, number};
use super::{Book, Sheet};
use crate::read::{Bounds, Hints, ReadError};

type Xml<'a> = Reader<BufReader<zip::read::ZipFile<'a, File>>>;

/// Reads the sheet asked for, else the first visible one with data, else the first with data.
pub(super) fn read(file: File, hints: &Hints, bounds: &Bounds) -> Result<Book, ReadError> {
    let mut archive = ZipArchive::new(file).map_err(damaged)?;
    refuse_locked(&mut archive)?;
    let content = archive.by_name("content.xml").map_err(damaged)?;
    let mut xml = Reader::from_reader(BufReader::new(content));
    xml.config_mut().expand_empty_elements = true;
    let mut book = Book::default();
    let mut style = String::new();
    let mut hidden = Vec::new();
    let mut buf = Vec::new();
    loop {
        buf.clear();
        match xml.read_event_into(&mut buf).map_err(damaged)? {
            Event::Start(e) => match e.name().as_ref() {
                "style:style" => style = attribute(&e, "style:name").unwrap_or_default(),
                "style:table-properties" if attribute(&e, "table:display").as_deref() == Some("false") => hidden.push(style.clone()),
                "table:table" => {
                    let name = attribute(&e, "table:name").unwrap_or_default();
                    let hidden = attribute(&e, "table:style-name").is_some_and(|s| hidden.contains(&s));
                    let rows = table(&mut xml, bounds)?;
                    book.offer(Sheet { name, hidden, data: !rows.is_empty() }, rows, hints);
                    if book.sheets.len() > bounds.sheets {
                        return Err(ReadError::bound("Ci sono troppi fogli", "There are too many sheets", bounds.sheets));
                    }
                }
                _ => {}
            },
            Event::DocType(_) => return Err(damaged("a document type is declared")),
            Event::Eof => return Ok(book),
            _ => {}
        }
    }
}

fn damaged(detail: impl std::fmt::Display) -> ReadError {
    ReadError::damaged("ODS", detail)
}

fn refuse_locked(archive: &mut ZipArchive<File>) -> Result<(), ReadError> {
    let mut manifest = Vec::new();
    if let Ok(member) = archive.by_name("META-INF/manifest.xml") {
        member.take(1 << 20).read_to_end(&mut manifest)?;
    }
    match memchr::memmem::find(&manifest, b"manifest:encryption-data") {
        Some(_) => Err(super::locked()),
        None => Ok(()),
    }
}

fn attribute(e: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = e.attributes().flatten().find(|a| a.key.as_ref() == name)?;
    Some(quick_xml::escape::unescape(&found.value).map(|v| v.into_owned()).unwrap_or_else(|_| found.value.to_string()))
}

/// The cells of the table whose start was read, up to its end.
fn table(xml: &mut Xml<'_>, bounds: &Bounds) -> Result<SheetRows, ReadError> {
    let mut rows = SheetRows::default();
    let mut buf = Vec::new();
    let mut at: u32 = 0;
    loop {
        buf.clear();
        match xml.read_event_into(&mut buf).map_err(damaged)? {
            Event::Start(e) if e.name().as_ref() == "table:table-row" => {
                let repeat = repeated(&e, "table:number-rows-repeated");
                let cells = row(xml, bounds)?;
                for copy in 0..if cells.is_empty() { 0 } else { repeat } {
                    for (column, text, error) in &cells {
                        rows.put(at.saturating_add(copy), *column, text, bounds)?;
                        if *error {
                            rows.put_error(at + copy);
                        }
                    }
                }
                at = at.saturating_add(repeat);
            }
            Event::End(e) if e.name().as_ref() == "table:table" => return Ok(rows),
            Event::Eof => return Err(damaged("a table never ends")),
            _ => {}
        }
    }
}

fn repeated(e: &BytesStart<'_>, name: &str) -> u32 {
    attribute(e, name).and_then(|n| n.parse().ok()).unwrap_or(1).max(1)
}

/// Column, text and error mark of the cells of a row that hold something.
fn row(xml: &mut Xml<'_>, bounds: &Bounds) -> Result<Vec<(u32, String, bool)>, ReadError> {
    let mut cells = Vec::new();
    let mut buf = Vec::new();
    let mut column: u32 = 0;
    loop {
        buf.clear();
        match xml.read_event_into(&mut buf).map_err(damaged)? {
            Event::Start(e) if matches!(e.name().as_ref(), "table:table-cell" | "table:covered-table-cell") => {
                let repeat = repeated(&e, "table:number-columns-repeated");
                let declared = Declared::of(&e);
                let text = declared.show(paragraphs(xml, e.name().as_ref(), bounds)?);
                if !text.is_empty() {
                    if column as usize + repeat as usize > bounds.columns {
                        return Err(ReadError::bound("Ci sono troppe colonne", "There are too many columns", bounds.columns));
                    }
                    cells.extend((0..repeat).map(|copy| (column + copy, text.clone(), declared.error)));
                }
                column = column.saturating_add(repeat);
            }
            Event::End(e) if e.name().as_ref() == "table:table-row" => return Ok(cells),
            Event::Eof => return Err(damaged("a row never ends")),
            _ => {}
        }
    }
}

/// What a cell's attributes say of its value.
struct Declared {
    kind: String,
    value: Option<String>,
    error: bool,
}

impl Declared {
    fn of(e: &BytesStart<'_>) -> Self {
        let kind = attribute(e, "office:value-type").unwrap_or_default();
        let key = match kind.as_str() {
            "date" => "office:date-value",
            "time" => "office:time-value",
            "boolean" => "office:boolean-value",
            "string" => "office:string-value",
            _ => "office:value",
        };
        Declared { value: attribute(e, key), error: attribute(e, "calcext:value-type").as_deref() == Some("error"), kind }
    }

    fn show(&self, shown: String) -> String {
        let Some(value) = &self.value else { return shown };
        match self.kind.as_str() {
            "date" => iso_moment(value).to_string(),
            "time" => duration(value),
            "boolean" => value.to_ascii_lowercase(),
            "string" if self.error => shown,
            "float" | "percentage" | "currency" => match value.parse::<f64>() {
                // A code kept as a number shows its leading zeros only in the text.
                Ok(x) if shown.starts_with('0') && shown.len() > 1 && shown.bytes().all(|b| b.is_ascii_digit()) && shown.parse() == Ok(x) => shown,
                Ok(x) => number(x, None),
                Err(_) => value.clone(),
            },
            _ => value.clone(),
        }
    }
}

/// The text of a cell: its paragraphs as lines; notes are not part of it.
fn paragraphs(xml: &mut Xml<'_>, cell: &str, bounds: &Bounds) -> Result<String, ReadError> {
    let mut text = String::new();
    let mut buf = Vec::new();
    let (mut depth, mut note, mut count) = (0usize, 0usize, 0);
    loop {
        buf.clear();
        let event = xml.read_event_into(&mut buf).map_err(damaged)?;
        match &event {
            Event::Start(e) => match e.name().as_ref() {
                "office:annotation" => note += 1,
                _ if note > 0 => {}
                "text:p" => {
                    if count > 0 {
                        text.push('\n');
                    }
                    count += 1;
                    depth += 1;
                }
                "text:s" => text.extend(std::iter::repeat_n(' ', repeated(e, "text:c").min(1 << 16) as usize)),
                "text:tab" => text.push('\t'),
                "text:line-break" => text.push('\n'),
                _ => {}
            },
            Event::End(e) => match e.name().as_ref() {
                "office:annotation" => note -= 1,
                "text:p" if note == 0 => depth -= 1,
                name if name == cell => return Ok(text),
                _ => {}
            },
            Event::Text(t) if depth > 0 && note == 0 => text.push_str(&t.xml10_content()),
            Event::CData(t) if depth > 0 && note == 0 => text.push_str(&t.xml10_content()),
            Event::GeneralRef(r) if depth > 0 && note == 0 => text.push_str(&entity(r)),
            Event::Eof => return Err(damaged("a cell never ends")),
            _ => {}
        }
        if text.len() > bounds.cell {
            return Err(ReadError::bound("C'è una cella troppo lunga", "There is a cell too long", format!("{} byte", bounds.cell)));
        }
    }
}

/// One of XML's own entities or a character number; any other name stays as it is written.
fn entity(r: &BytesRef<'_>) -> String {
    if let Ok(Some(c)) = r.resolve_char_ref() {
        return c.to_string();
    }
    let name = r.xml10_content();
    quick_xml::escape::resolve_xml_entity(&name).map(String::from).unwrap_or_else(|| format!("&{name};"))
}
