//! A row on its way to being faulty.

use chrono::{NaiveDate, NaiveDateTime};
use rand::rngs::StdRng;

use super::known::Known;
use crate::synthetic::cell::Cell;
use crate::synthetic::error::{Error, Result};
use crate::synthetic::sheet::Sheet;

pub struct Draft<'a> {
    /// Where the row will stand.
    pub sheet: &'a Sheet,
    pub cells: Vec<Cell>,
    /// The valid row it is a copy of.
    pub before: &'a [Cell],
    /// Number of the fault within its dataset.
    pub n: usize,
    /// What other datasets hold.
    pub known: &'a Known,
    pub rng: &'a mut StdRng,
}

impl Draft<'_> {
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

    pub fn moment(&self, column: &str) -> Result<NaiveDateTime> {
        match self.get(column)? {
            Cell::Moment(moment) => Ok(*moment),
            other => Err(Error::contract(&self.sheet.dataset, format!("{column} is not a moment but {other:?}"))),
        }
    }

    /// A cell of the valid row.
    pub fn was(&self, column: &str) -> Result<Cell> {
        Ok(self.before[self.at(column)?].clone())
    }

    /// A value of the column that another valid row of the sheet has and this one has not.
    pub fn another(&self, column: &str) -> Result<Cell> {
        let at = self.at(column)?;
        Ok(self.other_row(column)?[at].clone())
    }

    /// A valid row of the sheet that has another value of the column.
    pub fn other_row(&self, column: &str) -> Result<&[Cell]> {
        let at = self.at(column)?;
        let other = |cells: &&[Cell]| !cells[at].is_empty() && cells[at] != self.before[at];
        let found = self.sheet.rows.iter().filter(|row| row.fault.is_none()).map(|row| row.cells.as_slice()).find(other);
        found.ok_or_else(|| Error::contract(&self.sheet.dataset, format!("{column} has one value only")))
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
