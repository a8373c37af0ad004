//! The empty file that a sender fills in.

use crate::model::{Column, Contract};

/// A header line for a sender to fill in under, as Italian spreadsheets open it: UTF-8 with mark, semicolons. Only columns that the sender gives.
pub fn csv_template(contract: &Contract) -> String {
    format!("\u{feff}{}\r\n", line(contract, |column| &column.name))
}

/// The same with one line of the contract's examples; empty where a column has none.
pub fn csv_example(contract: &Contract) -> String {
    format!("{}{}\r\n", csv_template(contract), line(contract, |column| column.example.as_deref().unwrap_or_default()))
}

fn line(contract: &Contract, cell: fn(&Column) -> &str) -> String {
    let cells: Vec<String> = contract.delivered().map(|column| quoted(cell(column))).collect();
    cells.join(";")
}

fn quoted(cell: &str) -> String {
    if cell.contains([';', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}
