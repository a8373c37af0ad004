//! An answer as a spreadsheet (XLSX). Codes stay text, text is never a formula, and what does not fit is refused: never a part of the rows.

use ::arrow::array::{Array, RecordBatch};
use ::arrow::datatypes::{DataType, SchemaRef};
use ::arrow::util::display::{ArrayFormatter, FormatOptions};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use http::{StatusCode, header};
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook, Worksheet, XlsxError};
use warehouse::statement::Rows;

use super::names;
use crate::doors::http::problem::{Problem, Result};

/// Rows below the header that a sheet can hold.
const ROWS: usize = 1_048_575;
/// Cells that are held in memory for a file.
const CELLS: usize = 2_000_000;
/// Characters of a cell, a bound of the format.
const TEXT: usize = 32_767;
/// Digits that a spreadsheet's numbers keep; longer ones go as text.
const DIGITS: usize = 15;
const MEDIA: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// The response; `file` is its name without extension.
pub async fn sheet(rows: Rows, file: &'static str) -> Result<Response> {
    let schema = names::unique(&rows.schema);
    let most = ROWS.min(CELLS / schema.fields().len().max(1));
    let (mut batches, mut held, mut count) = (rows.batches, Vec::new(), 0);
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        count += batch.num_rows();
        if count > most {
            return Err(too_large(most));
        }
        held.push(batch);
    }
    let made = tokio::task::spawn_blocking(move || written(&schema, &held)).await.map_err(|e| Problem::internal("encode.sheet", e))?;
    let headers = [(header::CONTENT_TYPE, MEDIA.to_owned()), (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{file}.xlsx\""))];
    Ok((headers, [("siss-complete", "true".to_owned()), ("siss-count", count.to_string())], made?).into_response())
}

fn written(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Vec<u8>> {
    let mut book = Workbook::new();
    let page = book.add_worksheet();
    let day = Format::new().set_num_format("yyyy-mm-dd");
    let bold = Format::new().set_bold();
    for (column, field) in (0u16..).zip(schema.fields()) {
        page.write_string_with_format(0, column, field.name(), &bold).map_err(fault)?;
        if matches!(field.data_type(), DataType::Date32 | DataType::Date64) {
            page.set_column_format(column, &day).map_err(fault)?;
        }
    }
    page.set_freeze_panes(1, 0).map_err(fault)?;
    let mut first = 1u32;
    for batch in batches {
        for (column, cells) in (0u16..).zip(batch.columns()) {
            let shown = ArrayFormatter::try_new(cells, &FormatOptions::default()).map_err(super::unsupported)?;
            for row in (0..batch.num_rows()).filter(|row| cells.is_valid(*row)) {
                cell(page, first + row as u32, column, cells.data_type(), &shown.value(row).to_string(), &day)?;
            }
        }
        first += batch.num_rows() as u32;
    }
    book.save_to_buffer().map_err(fault)
}

fn cell(page: &mut Worksheet, row: u32, column: u16, kind: &DataType, text: &str, day: &Format) -> Result<()> {
    let number = || text.parse::<f64>().ok().filter(|n| n.is_finite() && text.bytes().filter(u8::is_ascii_digit).count() <= DIGITS);
    if let Some(number) = kind.is_numeric().then(number).flatten() {
        page.write_number(row, column, number).map_err(fault)?;
    } else if let Some(date) = matches!(kind, DataType::Date32).then(|| ExcelDateTime::parse_from_str(text).ok()).flatten() {
        page.write_datetime_with_format(row, column, &date, day).map_err(fault)?;
    } else if *kind == DataType::Boolean {
        page.write_boolean(row, column, text == "true").map_err(fault)?;
    } else if text.chars().count() > TEXT {
        let detail = format!("row {row} has a cell of more than {TEXT} characters, which a spreadsheet cannot hold: take CSV or Parquet");
        let italian = format!("Alla riga {row} c'è una cella di più di {TEXT} caratteri, che un foglio di calcolo non può tenere: scegliere CSV o Parquet.");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "sheet.cell", detail).with("detail_it", italian));
    } else {
        page.write_string(row, column, text).map_err(fault)?;
    }
    Ok(())
}

fn too_large(most: usize) -> Problem {
    let detail = format!("the answer has more than {most} rows, too many for a spreadsheet: take CSV or Parquet, or ask for less");
    let italian = format!("La risposta ha più di {most} righe, troppe per un foglio di calcolo: scegliere CSV o Parquet, o chiedere meno righe.");
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "sheet.rows", detail).with("detail_it", italian)
}

fn fault(error: XlsxError) -> Problem {
    Problem::internal("encode.sheet", error)
}
