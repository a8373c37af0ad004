//! What one sender delivers of one dataset for one period, before it is a file.

use std::sync::Arc;

use crate::catalog::Catalog;
use crate::model::DatasetName;

use super::cell::Cell;
use super::error::{Error, Result};

#[derive(Clone, Debug)]
pub struct Sheet {
    pub dataset: DatasetName,
    pub sender: String,
    pub period: String,
    /// The columns a sender gives, in the contract's order.
    pub columns: Arc<[String]>,
    pub rows: Vec<Row>,
}

#[derive(Clone, Debug)]
pub struct Row {
    pub cells: Vec<Cell>,
    pub fault: Option<Planted>,
}

/// The one check that a row breaks.
#[derive(Clone, Debug)]
pub struct Planted {
    pub rule: String,
    pub column: Option<String>,
}

impl Sheet {
    /// An empty sheet. Errors: the contract is not in the catalog.
    pub fn new(catalog: &Catalog, dataset: &str, sender: &str, period: &str) -> Result<Self> {
        let dataset: DatasetName = dataset.parse().map_err(Error::Reference)?;
        let contract = catalog.get(&dataset).ok_or_else(|| Error::contract(&dataset, "the contract is missing"))?;
        let columns = contract.delivered().map(|c| c.name.clone()).collect();
        Ok(Self { dataset, sender: sender.to_owned(), period: period.to_owned(), columns, rows: vec![] })
    }

    /// Adds a row; columns that are not named stay empty. Errors: a name is not a delivered column of the contract.
    pub fn push(&mut self, cells: impl IntoIterator<Item = (&'static str, Cell)>) -> Result<()> {
        let mut row = vec![Cell::Empty; self.columns.len()];
        for (name, cell) in cells {
            let at = self.position(name).ok_or_else(|| Error::contract(&self.dataset, format!("column {name} is not delivered")))?;
            row[at] = cell;
        }
        self.rows.push(Row { cells: row, fault: None });
        Ok(())
    }

    pub fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|c| c == column)
    }

    pub fn cell<'a>(&self, row: &'a Row, column: &str) -> Option<&'a Cell> {
        row.cells.get(self.position(column)?)
    }
}
