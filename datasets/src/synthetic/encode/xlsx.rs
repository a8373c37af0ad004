//! An Excel workbook of one worksheet. Codes are always text cells, as their senders have learnt.

use chrono::Datelike;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use super::Encoded;
use crate::synthetic::cell::{Cell, decimal};
use crate::synthetic::error::{Error, Result};
use crate::synthetic::sheet::Sheet;
use crate::synthetic::style::Style;

pub fn encode(sheet: &Sheet, style: &Style, typed: bool, headers: &[String]) -> Result<Encoded> {
    let bytes = workbook(sheet, style, typed, headers).map_err(Error::encode)?;
    Ok(Encoded { bytes, lines: (2..sheet.rows.len() as u64 + 2).collect() })
}

fn workbook(sheet: &Sheet, style: &Style, typed: bool, headers: &[String]) -> std::result::Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    // Without a fixed day the bytes would change with the clock.
    book.set_properties(&DocProperties::new().set_creation_datetime(&ExcelDateTime::from_ymd(2026, 11, 1)?));
    let page = book.add_worksheet();
    for (column, header) in headers.iter().enumerate() {
        page.write_string(0, column as u16, header)?;
    }
    let format = Format::new().set_num_format("dd/mm/yyyy");
    for (line, row) in sheet.rows.iter().enumerate() {
        for (column, cell) in row.cells.iter().enumerate() {
            let (line, column) = (line as u32 + 1, column as u16);
            if typed {
                write_typed(page, line, column, cell, style, &format)?;
            } else if !cell.is_empty() {
                page.write_string(line, column, style.text(cell))?;
            }
        }
    }
    book.save_to_buffer()
}

fn write_typed(page: &mut Worksheet, line: u32, column: u16, cell: &Cell, style: &Style, format: &Format) -> std::result::Result<(), XlsxError> {
    match cell {
        Cell::Empty => return Ok(()),
        Cell::Integer(n) => page.write_number(line, column, *n as f64)?,
        Cell::Decimal { units, scale } => page.write_number(line, column, decimal(*units, *scale, '.').parse::<f64>().unwrap_or_default())?,
        Cell::Double(digits) => page.write_number(line, column, digits.parse::<f64>().unwrap_or_default())?,
        Cell::Boolean(value) => page.write_boolean(line, column, *value)?,
        // Excel knows no day before 1900: there it is text, as it was typed.
        Cell::Date(date) if date.year() < 1900 => page.write_string(line, column, style.text(cell))?,
        Cell::Date(date) => {
            page.write_datetime_with_format(line, column, &ExcelDateTime::from_ymd(date.year() as u16, date.month() as u8, date.day() as u8)?, format)?
        }
        Cell::Text(_) | Cell::Moment(_) | Cell::Raw(_) => page.write_string(line, column, style.text(cell))?,
    };
    Ok(())
}
