//! An Excel workbook, written row by row: the usual library holds every cell in memory. Texts stay texts, so that codes keep their
//! zeros; rows past a sheet's limit go on in the next. A number that a spreadsheet would round is text.

use std::fs::File;
use std::io::{BufWriter, Write as _};

use arrow::array::RecordBatch;
use chrono::NaiveDate;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::cells::{Cells, Kind};
use super::{Fault, Write};

/// Rows of a sheet, header included.
pub const SHEET_ROWS: u32 = 1_048_576;
/// Characters of a cell, as UTF-16.
const CELL: usize = 32_767;
/// Digits of a number that a spreadsheet keeps.
const DIGITS: usize = 15;

const NAMESPACE: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";
const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
/// Plain, bold, day.
const STYLES: &str = "<numFmts count=\"1\"><numFmt numFmtId=\"164\" formatCode=\"yyyy\\-mm\\-dd\"/></numFmts>\
<fonts count=\"2\"><font><sz val=\"11\"/><name val=\"Calibri\"/></font><font><b/><sz val=\"11\"/><name val=\"Calibri\"/></font></fonts>\
<fills count=\"2\"><fill><patternFill patternType=\"none\"/></fill><fill><patternFill patternType=\"gray125\"/></fill></fills>\
<borders count=\"1\"><border><left/><right/><top/><bottom/><diagonal/></border></borders>\
<cellStyleXfs count=\"1\"><xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\"/></cellStyleXfs>\
<cellXfs count=\"3\"><xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\"/>\
<xf numFmtId=\"0\" fontId=\"1\" fillId=\"0\" borderId=\"0\" xfId=\"0\" applyFont=\"1\"/>\
<xf numFmtId=\"164\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\" applyNumberFormat=\"1\"/></cellXfs>\
<cellStyles count=\"1\"><cellStyle name=\"Normal\" xfId=\"0\" builtinId=\"0\"/></cellStyles>";

pub struct Xlsx {
    zip: ZipWriter<BufWriter<File>>,
    header: String,
    letters: Vec<String>,
    sheets: u32,
    /// Row written last in the sheet.
    row: u32,
    /// Rows of a sheet at most.
    most: u32,
    /// Every cell fitted so far.
    fits: bool,
}

impl Xlsx {
    pub fn new(file: File, columns: &[&str]) -> Result<Self, Fault> {
        Self::with_rows(file, columns, SHEET_ROWS)
    }

    fn with_rows(file: File, columns: &[&str], most: u32) -> Result<Self, Fault> {
        let letters: Vec<String> = (0..columns.len()).map(letters).collect();
        let cells = columns.iter().zip(&letters).map(|(name, at)| format!("<c r=\"{at}1\" s=\"1\" t=\"inlineStr\"><is><t>{name}</t></is></c>"));
        let header = format!("<row r=\"1\">{}</row>", cells.collect::<String>());
        let mut book = Self { zip: ZipWriter::new(BufWriter::new(file)), header, letters, sheets: 0, row: 0, most, fits: true };
        book.sheet()?;
        Ok(book)
    }

    fn part(&mut self, name: &str) -> Result<(), Fault> {
        // Without a fixed day equal rows would not be equal bytes.
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).last_modified_time(DateTime::default()).large_file(true);
        Ok(self.zip.start_file(name, options)?)
    }

    fn sheet(&mut self) -> Result<(), Fault> {
        if self.sheets > 0 {
            self.zip.write_all(b"</sheetData></worksheet>")?;
        }
        self.sheets += 1;
        self.row = 1;
        self.part(&format!("xl/worksheets/sheet{}.xml", self.sheets))?;
        let pane = "<sheetViews><sheetView workbookViewId=\"0\"><pane ySplit=\"1\" topLeftCell=\"A2\" activePane=\"bottomLeft\" state=\"frozen\"/></sheetView></sheetViews>";
        Ok(write!(self.zip, "{HEAD}<worksheet xmlns=\"{NAMESPACE}\">{pane}<sheetData>{}", self.header)?)
    }

    /// The parts that hold the sheets together.
    fn frame(&mut self) -> Result<(), Fault> {
        let each = |f: &dyn Fn(u32) -> String| (1..=self.sheets).map(f).collect::<String>();
        let sheets = each(&|n| format!("<sheet name=\"Dati {n}\" sheetId=\"{n}\" r:id=\"rId{n}\"/>"));
        let relations = each(&|n| format!("<Relationship Id=\"rId{n}\" Type=\"{RELATIONS}/worksheet\" Target=\"worksheets/sheet{n}.xml\"/>"));
        let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml";
        let overrides = each(&|n| format!("<Override PartName=\"/xl/worksheets/sheet{n}.xml\" ContentType=\"{kind}.worksheet+xml\"/>"));
        let styles = self.sheets + 1;
        let parts = [
            ("xl/workbook.xml", format!("<workbook xmlns=\"{NAMESPACE}\" xmlns:r=\"{RELATIONS}\"><sheets>{sheets}</sheets></workbook>")),
            (
                "xl/_rels/workbook.xml.rels",
                format!(
                    "<Relationships xmlns=\"{PACKAGE}/relationships\">{relations}<Relationship Id=\"rId{styles}\" Type=\"{RELATIONS}/styles\" Target=\"styles.xml\"/></Relationships>"
                ),
            ),
            ("xl/styles.xml", format!("<styleSheet xmlns=\"{NAMESPACE}\">{STYLES}</styleSheet>")),
            (
                "_rels/.rels",
                format!(
                    "<Relationships xmlns=\"{PACKAGE}/relationships\"><Relationship Id=\"rId1\" Type=\"{RELATIONS}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
                ),
            ),
            (
                "[Content_Types].xml",
                format!(
                    "<Types xmlns=\"{PACKAGE}/content-types\"><Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
                     <Default Extension=\"xml\" ContentType=\"application/xml\"/><Override PartName=\"/xl/workbook.xml\" ContentType=\"{kind}.sheet.main+xml\"/>\
                     <Override PartName=\"/xl/styles.xml\" ContentType=\"{kind}.styles+xml\"/>{overrides}</Types>"
                ),
            ),
        ];
        for (name, text) in parts {
            self.part(name)?;
            write!(self.zip, "{HEAD}{text}")?;
        }
        Ok(())
    }
}

impl Write for Xlsx {
    fn rows(&mut self, batch: &RecordBatch) -> Result<(), Fault> {
        let mut cells = Cells::new(batch)?;
        let mut text = String::new();
        for row in 0..batch.num_rows() {
            if self.row == self.most {
                self.sheet()?;
            }
            self.row += 1;
            text.clear();
            text.push_str(&format!("<row r=\"{}\">", self.row));
            for column in 0..cells.columns() {
                if let (kind, Some(value)) = cells.get(row, column)? {
                    self.fits &= value.len() <= CELL || value.encode_utf16().count() <= CELL;
                    cell(&mut text, &format!("{}{}", self.letters[column], self.row), kind, value);
                }
            }
            text.push_str("</row>");
            self.zip.write_all(text.as_bytes())?;
        }
        Ok(())
    }

    /// A text too long for a cell is not cut: then there is no workbook.
    fn end(mut self: Box<Self>) -> Result<bool, Fault> {
        self.zip.write_all(b"</sheetData></worksheet>")?;
        self.frame()?;
        self.zip.finish()?.flush()?;
        Ok(self.fits)
    }
}

fn cell(text: &mut String, at: &str, kind: Kind, value: &str) {
    let exact = || value.bytes().filter(u8::is_ascii_digit).count() <= DIGITS && !value.contains(['N', 'n', 'f']);
    match kind {
        Kind::Number if exact() => text.push_str(&format!("<c r=\"{at}\"><v>{value}</v></c>")),
        Kind::Boolean => text.push_str(&format!("<c r=\"{at}\" t=\"b\"><v>{}</v></c>", u8::from(value == "true"))),
        _ => match serial(value).filter(|_| kind == Kind::Day) {
            Some(days) => text.push_str(&format!("<c r=\"{at}\" s=\"2\"><v>{days}</v></c>")),
            None => {
                text.push_str(&format!("<c r=\"{at}\" t=\"inlineStr\"><is><t xml:space=\"preserve\">"));
                escape(text, value);
                text.push_str("</t></is></c>");
            }
        },
    }
}

/// Days as Excel counts them; none before March 1900, where it counts a day that never was.
fn serial(day: &str) -> Option<i64> {
    let day: NaiveDate = day.parse().ok()?;
    let days = (day - NaiveDate::from_ymd_opt(1899, 12, 30)?).num_days();
    (days > 60).then_some(days)
}

/// XML text; what XML cannot hold is written as Excel does, `_x0001_`, and a text that looks so by chance is told apart.
fn escape(out: &mut String, text: &str) {
    for (i, c) in text.char_indices() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '_' if looks_escaped(&text[i..]) => out.push_str("_x005F_"),
            '\n' | '\t' => out.push(c),
            c if (c as u32) < 0x20 || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push_str(&format!("_x{:04X}_", c as u32)),
            c => out.push(c),
        }
    }
}

fn looks_escaped(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 7 && bytes[1] == b'x' && bytes[6] == b'_' && bytes[2..6].iter().all(u8::is_ascii_hexdigit)
}

/// `A`, `B`, …, `Z`, `AA`.
fn letters(mut column: usize) -> String {
    let mut letters = String::new();
    loop {
        letters.insert(0, char::from(b'A' + (column % 26) as u8));
        if column < 26 {
            return letters;
        }
        column = column / 26 - 1;
    }
}

#[cfg(test)]
mod tests;
