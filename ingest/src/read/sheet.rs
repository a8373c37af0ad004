//! One sheet of a workbook as rows, with bounds before and while parsing.

mod cells;
mod ods;
mod show;

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use calamine::{Data, DataRef, Reader, SheetVisible, Sheets};

pub(crate) use cells::SheetRows;

use super::container::{Magic, measure_workbook};
use super::{Bounds, ErrorKind, Format, Hints, Oddities, ReadError, SheetInfo};

pub(crate) struct Opened {
    pub rows: SheetRows,
    pub format: Format,
    pub sheets: Vec<SheetInfo>,
}

/// The sheets of a workbook and the cells of the one that is read.
#[derive(Default)]
struct Book {
    sheets: Vec<Sheet>,
    read: Option<(usize, SheetRows)>,
}

struct Sheet {
    name: String,
    hidden: bool,
    /// It holds at least one cell.
    data: bool,
}

impl Book {
    /// Notes a sheet and keeps its cells when it is the one to read: the one asked for, else the first visible one with
    /// data, else the first with data.
    fn offer(&mut self, sheet: Sheet, rows: SheetRows, hints: &Hints) {
        let better = match (&hints.sheet, &self.read) {
            (Some(asked), _) => *asked == sheet.name,
            (None, None) => sheet.data,
            (None, Some((i, _))) => sheet.data && !sheet.hidden && self.sheets[*i].hidden,
        };
        self.sheets.push(sheet);
        if better {
            self.read = Some((self.sheets.len() - 1, rows));
        }
    }
}

pub(crate) fn open(mut file: File, magic: Magic, hints: &Hints, bounds: &Bounds, odd: &mut Oddities) -> Result<Opened, ReadError> {
    if magic == Magic::Ole {
        refuse_locked(&mut file, bounds)?;
    } else {
        measure_workbook(&mut file, bounds)?;
    }
    let (format, book) = match magic {
        Magic::OpenDocument => (Format::Ods, ods::read(file, hints, bounds)?),
        Magic::Ole => {
            let book = calamine::Xls::new(BufReader::new(file)).map_err(|e| match e {
                calamine::XlsError::Password => locked(),
                e => ReadError::damaged("XLS", e),
            })?;
            (Format::Xls, excel(Sheets::Xls(book), hints, bounds)?)
        }
        Magic::BinaryWorkbook => {
            let book = calamine::Xlsb::new(BufReader::new(file)).map_err(|e| ReadError::damaged("XLSB", e))?;
            (Format::Xlsx, excel(Sheets::Xlsb(book), hints, bounds)?)
        }
        _ => {
            let book = calamine::Xlsx::new(BufReader::new(file)).map_err(|e| ReadError::damaged("XLSX", e))?;
            (Format::Xlsx, excel(Sheets::Xlsx(book), hints, bounds)?)
        }
    };
    let read = book.read.as_ref().map(|(i, _)| *i);
    if let (Some(asked), None) = (&hints.sheet, read) {
        let list = book.sheets.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(ReadError::new(
            ErrorKind::Choice,
            format!("Il foglio \"{asked}\" non c'è; ci sono: {list}."),
            format!("There is no sheet \"{asked}\"; there are: {list}."),
        ));
    }
    note(&book, hints, odd);
    let sheets = book.sheets.into_iter().enumerate().map(|(i, s)| SheetInfo { name: s.name, hidden: s.hidden, read: read == Some(i) }).collect();
    Ok(Opened { rows: book.read.map(|(_, rows)| rows).unwrap_or_default(), format, sheets })
}

fn note(book: &Book, hints: &Hints, odd: &mut Oddities) {
    let read = book.read.as_ref().map(|(i, _)| *i);
    let others = book.sheets.iter().enumerate().filter(|(i, s)| s.data && Some(*i) != read).count();
    if let (Some(i), true, true) = (read, others > 0, hints.sheet.is_none()) {
        let name = &book.sheets[i].name;
        odd.note(
            "sheets",
            None,
            &format!("Ci sono altri fogli con dati ({others}): è stato letto solo \"{name}\"."),
            &format!("Other sheets hold data ({others}): only \"{name}\" was read."),
        );
    }
    if book.sheets.iter().any(|s| s.hidden) {
        odd.note("hidden_sheets", None, "Ci sono fogli nascosti.", "There are hidden sheets.");
    }
    for line in book.read.iter().flat_map(|(_, rows)| &rows.errors) {
        odd.note("formula_error", Some(*line), "Ci sono celle con un errore di formula.", "Some cells hold a formula error.");
    }
}

fn locked() -> ReadError {
    ReadError::unsupported("Il foglio di calcolo è protetto da password.", "The workbook is protected by a password.")
}

/// An encrypted XLSX is an OLE file too: it must be told apart from an old XLS.
fn refuse_locked(file: &mut File, bounds: &Bounds) -> Result<(), ReadError> {
    let most = bounds.workbook / 4;
    if file.metadata()?.len() > most {
        return Err(ReadError::bound("Il file XLS è troppo grande", "The XLS file is too large", format!("{most} byte")));
    }
    let mut all = Vec::new();
    file.read_to_end(&mut all)?;
    file.seek(SeekFrom::Start(0))?;
    let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    match memchr::memmem::find(&all, &name) {
        Some(_) => Err(locked()),
        None => Ok(()),
    }
}

fn excel(mut book: Sheets<BufReader<File>>, hints: &Hints, bounds: &Bounds) -> Result<Book, ReadError> {
    let known: Vec<(String, bool)> = book.sheets_metadata().iter().map(|s| (s.name.clone(), s.visible != SheetVisible::Visible)).collect();
    if known.len() > bounds.sheets {
        return Err(ReadError::bound("Ci sono troppi fogli", "There are too many sheets", bounds.sheets));
    }
    let mut found = Book::default();
    for (name, hidden) in known {
        let settled = found.read.as_ref().is_some_and(|(i, _)| !found.sheets[*i].hidden);
        let wanted = hints.sheet.as_ref().is_none_or(|asked| *asked == name);
        let rows = cells_of(&mut book, &name, bounds, settled || !wanted)?;
        found.offer(Sheet { name, hidden, data: !rows.is_empty() }, rows, hints);
    }
    Ok(found)
}

/// All cells of a sheet that hold something; only the first one when `probe`.
fn cells_of(book: &mut Sheets<BufReader<File>>, name: &str, bounds: &Bounds, probe: bool) -> Result<SheetRows, ReadError> {
    let mut rows = SheetRows::default();
    let Sheets::Xlsx(book) = book else {
        let range = book.worksheet_range(name).map_err(|e| ReadError::damaged("XLS", e))?;
        let (top, left) = range.start().unwrap_or_default();
        for (row, column, value) in range.used_cells() {
            put(&mut rows, row as u32 + top, column as u32 + left, value, None, bounds)?;
            if probe {
                break;
            }
        }
        return Ok(rows.sorted());
    };
    let damaged = |e: calamine::XlsxError| ReadError::damaged("XLSX", e);
    // Cell by cell: a range would be as large as its far corner says.
    let mut reader = match book.worksheet_cells_reader(name) {
        Ok(reader) => reader,
        Err(calamine::XlsxError::NotAWorksheet(_)) => return Ok(rows),
        Err(e) => return Err(damaged(e)),
    };
    let formats: Vec<Option<String>> = reader.styles().iter().map(|s| s.number_format.as_ref().map(|f| f.format_code.clone())).collect();
    while let Some((cell, style)) = reader.next_cell_with_style_id().map_err(damaged)? {
        let (row, column) = cell.get_position();
        let format = formats.get(style).and_then(|f| f.as_deref());
        match cell.get_value() {
            DataRef::SharedString(text) => rows.put(row, column, text, bounds)?,
            other => put(&mut rows, row, column, &Data::from(other.clone()), format, bounds)?,
        }
        if probe && !rows.is_empty() {
            break;
        }
    }
    Ok(rows.sorted())
}

fn put(rows: &mut SheetRows, row: u32, column: u32, value: &Data, format: Option<&str>, bounds: &Bounds) -> Result<(), ReadError> {
    match value {
        Data::Empty => Ok(()),
        Data::String(text) => rows.put(row, column, text, bounds),
        Data::Int(n) if n.unsigned_abs() >= 1 << 50 => rows.put(row, column, &n.to_string(), bounds),
        Data::Int(n) => rows.put(row, column, &show::number(*n as f64, format), bounds),
        Data::Float(x) => rows.put(row, column, &show::number(*x, format), bounds),
        Data::Bool(b) => rows.put(row, column, if *b { "true" } else { "false" }, bounds),
        Data::DateTime(at) => rows.put(row, column, &show::moment(at), bounds),
        Data::DateTimeIso(text) => rows.put(row, column, show::iso_moment(text), bounds),
        Data::DurationIso(text) => rows.put(row, column, &show::duration(text), bounds),
        Data::Error(e) => {
            rows.put_error(row);
            rows.put(row, column, &e.to_string(), bounds)
        }
    }
}
