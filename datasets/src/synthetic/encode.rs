//! A sheet as the bytes of a file, with the line on which each row will be found.

use crate::model::Contract;

use super::error::Result;
use super::sheet::Sheet;
use super::style::{Form, Style};

mod csv;
mod json;
mod xlsx;

pub struct Encoded {
    pub bytes: Vec<u8>,
    /// For each row: the physical line of its start, the row of the worksheet, or the element of a JSON array, from 1.
    pub lines: Vec<u64>,
}

pub fn encode(contract: &Contract, sheet: &Sheet, style: &Style) -> Result<Encoded> {
    let headers = headers(contract, sheet, style);
    match &style.form {
        Form::Csv(form) => csv::encode(sheet, style, form, &headers),
        Form::Xlsx { typed } => xlsx::encode(sheet, style, *typed, &headers),
        Form::Json => json::array(sheet, style, &headers),
        Form::Ndjson => json::lines(sheet, style, &headers),
    }
}

/// The header this sender uses for each column.
pub fn headers(contract: &Contract, sheet: &Sheet, style: &Style) -> Vec<String> {
    let header = |name: &String| {
        let aliases = contract.column(name).map(|c| c.aliases.as_slice()).unwrap_or_default();
        style.alias.and_then(|n| aliases.get(n)).unwrap_or(name).clone()
    };
    sheet.columns.iter().map(header).collect()
}
