//! A row on its way to being faulty.

use chrono::NaiveDate;
use rand::rngs::StdRng;

use crate::synthetic::cell::Cell;
use crate::synthetic::error::{Error, Result};
use crate::synthetic::sheet::Sheet;

pub struct Draft<'a> {
    /// Where the row will stand.
    pub sheet: &'a Sheet,
    pub cells: Vec<Cell>,
    /// Number of the fault within its dataset.
    pub n: usize,
    /// Inspections that an act may name.
    pub inspections: &'a [String],
    pub rng: &'a mut StdRng,
}

impl Draft<'_> {
    pub fn dataset(&self) -> String {
        self.sheet.dataset.to_string()
    }

    pub fn get(&self, column: &str) -> Result<&Cell> {
        let at = self.at(column)?;
        Ok(&self.cells[at])
    }

    pub fn text(&self, column: &str) -> Result<&str> {
        match self.get(column)? {
            Cell::Text(text) => Ok(text),
            other => Err(Error::contract(&self.sheet.dataset, format!("{column} is not text but {other:?}"))),
        }
    }

    pub fn number(&self, column: &str) -> Result<i64> {
        match self.get(column)? {
            Cell::Integer(number) => Ok(*number),
            other => Err(Error::contract(&self.sheet.dataset, format!("{column} is not a number but {other:?}"))),
        }
    }

    pub fn date(&self, column: &str) -> Result<NaiveDate> {
        match self.get(column)? {
            Cell::Date(date) => Ok(*date),
            other => Err(Error::contract(&self.sheet.dataset, format!("{column} is not a date but {other:?}"))),
        }
    }

    pub fn set(&mut self, column: &str, cell: impl Into<Cell>) -> Result<()> {
        let at = self.at(column)?;
        self.cells[at] = cell.into();
        Ok(())
    }

    /// Several columns at once.
    pub fn all<const N: usize>(&mut self, cells: [(&str, Cell); N]) -> Result<()> {
        cells.into_iter().try_for_each(|(column, cell)| self.set(column, cell))
    }

    fn at(&self, column: &str) -> Result<usize> {
        self.sheet.position(column).ok_or_else(|| Error::contract(&self.sheet.dataset, format!("column {column} is not delivered")))
    }
}
