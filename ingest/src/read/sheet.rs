//! One sheet of a workbook as rows, through calamine, with bounds before and while parsing.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use calamine::{Data, DataRef, ExcelDateTime, Reader, SheetVisible, Sheets};

use super::container::{Magic, measure_workbook};
use super::{Bounds, ErrorKind, Format, Hints, Oddities, ReadError, Row, Rows, SheetInfo};

type Book = Sheets<BufReader<File>>;

pub(crate) struct Opened {
    pub rows: SheetRows,
    pub format: Format,
    pub sheets: Vec<SheetInfo>,
}

/// Cells of a sheet in reading order, text in one buffer.
#[derive(Default)]
pub(crate) struct SheetRows {
    text: Vec<u8>,
    cells: Vec<Place>,
    next: usize,
    row: u32,
    width: u32,
    errors: Vec<i64>,
}

#[derive(Clone, Copy)]
struct Place {
    row: u32,
    column: u32,
    start: usize,
    end: usize,
}

pub(crate) fn open(mut file: File, magic: Magic, hints: &Hints, bounds: &Bounds, odd: &mut Oddities) -> Result<Opened, ReadError> {
    if magic == Magic::Ole {
        refuse_locked(&mut file, bounds)?;
    } else {
        measure_workbook(&mut file, bounds)?;
    }
    let mut book = book(file, magic)?;
    let format = match &book {
        Sheets::Xls(_) => Format::Xls,
        Sheets::Ods(_) => Format::Ods,
        _ => Format::Xlsx,
    };
    let known: Vec<(String, bool)> =
        book.sheets_metadata().iter().map(|s| (s.name.clone(), s.visible != SheetVisible::Visible)).collect();
    if known.len() > bounds.sheets {
        return Err(ReadError::bound("Ci sono troppi fogli", "There are too many sheets", bounds.sheets));
    }
    let (name, rows) = choose(&mut book, &known, hints, bounds, format)?;
    let mut others = 0;
    let sheets: Vec<SheetInfo> =
        known.into_iter().map(|(n, hidden)| SheetInfo { read: n == name, name: n, hidden }).collect();
    for sheet in sheets.iter().filter(|s| !s.read) {
        others += usize::from(!cells(&mut book, &sheet.name, &Bounds { cells: u64::MAX, ..bounds.clone() }, format, true)?.cells.is_empty());
    }
    if others > 0 && hints.sheet.is_none() {
        odd.note(
            "sheets",
            None,
            &format!("Ci sono altri fogli con dati ({others}): è stato letto solo \"{name}\"."),
            &format!("Other sheets hold data ({others}): only \"{name}\" was read."),
        );
    }
    if sheets.iter().any(|s| s.hidden) {
        odd.note("hidden_sheets", None, "Ci sono fogli nascosti.", "There are hidden sheets.");
    }
    for line in &rows.errors {
        odd.note("formula_error", Some(*line), "Ci sono celle con un errore di formula.", "Some cells hold a formula error.");
    }
    Ok(Opened { rows, format, sheets })
}

fn book(file: File, magic: Magic) -> Result<Book, ReadError> {
    let input = BufReader::new(file);
    let damaged = |e: &dyn std::fmt::Display| ReadError::damaged("Excel/OpenDocument", e);
    let locked = || ReadError::unsupported("Il foglio di calcolo è protetto da password.", "The workbook is protected by a password.");
    match magic {
        Magic::OpenDocument => calamine::Ods::new(input).map(Sheets::Ods).map_err(|e| match e {
            calamine::OdsError::Password => locked(),
            e => damaged(&e),
        }),
        Magic::Ole => calamine::Xls::new(input).map(Sheets::Xls).map_err(|e| match e {
            calamine::XlsError::Password => locked(),
            e => damaged(&e),
        }),
        Magic::BinaryWorkbook => calamine::Xlsb::new(input).map(Sheets::Xlsb).map_err(|e| damaged(&e)),
        _ => calamine::Xlsx::new(input).map(Sheets::Xlsx).map_err(|e| damaged(&e)),
    }
}

/// An encrypted XLSX is an OLE file too: it must be told apart from an old XLS, and any other OLE from both.
fn refuse_locked(file: &mut File, bounds: &Bounds) -> Result<(), ReadError> {
    if file.metadata()?.len() > bounds.workbook / 4 {
        return Err(ReadError::bound("Il file XLS è troppo grande", "The XLS file is too large", format!("{} MiB", bounds.workbook >> 22)));
    }
    let mut all = Vec::new();
    file.read_to_end(&mut all)?;
    file.seek(SeekFrom::Start(0))?;
    let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    match memchr::memmem::find(&all, &name) {
        Some(_) => Err(ReadError::unsupported("Il foglio di calcolo è protetto da password.", "The workbook is protected by a password.")),
        None => Ok(()),
    }
}

/// The sheet asked for, else the first visible one with data, else the first with data.
fn choose(book: &mut Book, known: &[(String, bool)], hints: &Hints, bounds: &Bounds, format: Format) -> Result<(String, SheetRows), ReadError> {
    if let Some(asked) = &hints.sheet {
        if !known.iter().any(|(name, _)| name == asked) {
            let list = known.iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>().join(", ");
            return Err(ReadError::new(
                ErrorKind::Choice,
                format!("Il foglio \"{asked}\" non c'è; ci sono: {list}."),
                format!("There is no sheet \"{asked}\"; there are: {list}."),
            ));
        }
        return Ok((asked.clone(), cells(book, asked, bounds, format, false)?));
    }
    for hidden in [false, true] {
        for (name, _) in known.iter().filter(|(_, h)| *h == hidden) {
            let rows = cells(book, name, bounds, format, false)?;
            if !rows.cells.is_empty() {
                return Ok((name.clone(), rows));
            }
        }
    }
    Ok((known.first().map(|(n, _)| n.clone()).unwrap_or_default(), SheetRows::default()))
}

/// All cells of a sheet that hold something; only the first one when `probe`.
fn cells(book: &mut Book, name: &str, bounds: &Bounds, format: Format, probe: bool) -> Result<SheetRows, ReadError> {
    let damaged = |e: &dyn std::fmt::Display| ReadError::damaged(format.name(), e);
    let mut rows = SheetRows::default();
    if let Sheets::Xlsx(xlsx) = book {
        // Cell by cell: a range would be as large as its far corner says.
        let mut reader = match xlsx.worksheet_cells_reader(name) {
            Ok(reader) => reader,
            Err(calamine::XlsxError::NotAWorksheet(_)) => return Ok(rows),
            Err(e) => return Err(damaged(&e)),
        };
        while let Some(cell) = reader.next_cell().map_err(|e| damaged(&e))? {
            let (row, column) = cell.get_position();
            rows.put_ref(row, column, cell.get_value(), bounds)?;
            if probe && !rows.cells.is_empty() {
                break;
            }
        }
    } else {
        let range = book.worksheet_range(name).map_err(|e| damaged(&e))?;
        let (top, left) = range.start().unwrap_or_default();
        for (row, column, value) in range.used_cells() {
            rows.put(row as u32 + top, column as u32 + left, value, bounds)?;
            if probe && !rows.cells.is_empty() {
                break;
            }
        }
    }
    if !rows.cells.is_sorted_by_key(|p| (p.row, p.column)) {
        rows.cells.sort_by_key(|p| (p.row, p.column));
    }
    Ok(rows)
}

impl SheetRows {
    fn put_ref(&mut self, row: u32, column: u32, value: &DataRef<'_>, bounds: &Bounds) -> Result<(), ReadError> {
        match value {
            DataRef::SharedString(text) => self.place(row, column, text, bounds),
            other => self.put(row, column, &Data::from(other.clone()), bounds),
        }
    }

    fn put(&mut self, row: u32, column: u32, value: &Data, bounds: &Bounds) -> Result<(), ReadError> {
        match value {
            Data::Empty => Ok(()),
            Data::String(text) => self.place(row, column, text, bounds),
            Data::Int(n) => self.place(row, column, &n.to_string(), bounds),
            Data::Float(x) => self.place(row, column, &number(*x), bounds),
            Data::Bool(b) => self.place(row, column, if *b { "true" } else { "false" }, bounds),
            Data::DateTime(at) => self.place(row, column, &moment(at), bounds),
            Data::DateTimeIso(text) => self.place(row, column, text.strip_suffix("T00:00:00").unwrap_or(text), bounds),
            Data::DurationIso(text) => self.place(row, column, &duration(text), bounds),
            Data::Error(e) => {
                if self.errors.len() < Oddities::LINES {
                    self.errors.push(i64::from(row) + 1);
                }
                self.place(row, column, &e.to_string(), bounds)
            }
        }
    }

    fn place(&mut self, row: u32, column: u32, text: &str, bounds: &Bounds) -> Result<(), ReadError> {
        if text.is_empty() {
            return Ok(());
        }
        if column as usize >= bounds.columns {
            return Err(ReadError::bound("Ci sono troppe colonne", "There are too many columns", bounds.columns));
        }
        if self.cells.len() as u64 >= bounds.cells {
            return Err(ReadError::bound("Il foglio ha troppe celle", "The sheet has too many cells", bounds.cells));
        }
        let start = self.text.len();
        self.text.extend_from_slice(text.as_bytes());
        self.width = self.width.max(column + 1);
        self.cells.push(Place { row, column, start, end: self.text.len() });
        Ok(())
    }
}

impl Rows for SheetRows {
    fn next(&mut self, row: &mut Row, _: &mut Oddities) -> Result<bool, ReadError> {
        row.clear();
        if self.next == self.cells.len() {
            return Ok(false);
        }
        row.line = i64::from(self.row) + 1;
        if self.cells[self.next].row > self.row {
            self.row += 1;
            return Ok(true);
        }
        for column in 0..self.width {
            match self.cells.get(self.next) {
                Some(place) if place.row == self.row && place.column == column => {
                    row.push(&self.text[place.start..place.end]);
                    // A cell met twice: the last one stands, as in Excel.
                    while self.cells.get(self.next).is_some_and(|p| p.row == self.row && p.column == column) {
                        self.next += 1;
                    }
                }
                _ => row.push(b""),
            }
        }
        self.row += 1;
        Ok(true)
    }
}

/// A number as Excel shows it: fifteen digits, no ".0".
fn number(x: f64) -> String {
    if x.fract() == 0.0 && x.abs() < 1e15 {
        return format!("{}", x as i64);
    }
    let rounded: f64 = format!("{x:.14e}").parse().unwrap_or(x);
    format!("{rounded}")
}

/// ISO 8601: a date, a time of day, or both.
fn moment(at: &ExcelDateTime) -> String {
    let value = at.as_f64();
    if at.is_duration() {
        let seconds = (value * 86_400.0).round() as i64;
        return clock(seconds);
    }
    let (y, mo, d, h, mi, s, ms) = at.to_ymd_hms_milli();
    let time = match ms {
        0 => format!("{h:02}:{mi:02}:{s:02}"),
        ms => format!("{h:02}:{mi:02}:{s:02}.{ms:03}"),
    };
    match () {
        _ if value < 1.0 && value >= 0.0 => time,
        _ if time == "00:00:00" => format!("{y:04}-{mo:02}-{d:02}"),
        _ => format!("{y:04}-{mo:02}-{d:02}T{time}"),
    }
}

/// `PT12H30M15S` as `12:30:15`; anything else as it stands.
fn duration(text: &str) -> String {
    let mut seconds = 0.0;
    let mut part = String::new();
    let Some(rest) = text.strip_prefix("PT") else { return text.to_string() };
    for c in rest.chars() {
        match (c, part.replace(',', ".").parse::<f64>()) {
            ('H', Ok(n)) => seconds += n * 3600.0,
            ('M', Ok(n)) => seconds += n * 60.0,
            ('S', Ok(n)) => seconds += n,
            ('0'..='9' | '.' | ',', _) => {
                part.push(c);
                continue;
            }
            _ => return text.to_string(),
        }
        part.clear();
    }
    clock(seconds.round() as i64)
}

fn clock(seconds: i64) -> String {
    let sign = if seconds < 0 { "-" } else { "" };
    let s = seconds.abs();
    format!("{sign}{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
}
