//! The cells of one sheet, compactly, and as rows: row and column numbers are the sheet's own.

use crate::read::{Bounds, Oddities, ReadError, Row, Rows};

/// Cells of a sheet in reading order, their text in one buffer.
#[derive(Default)]
pub(crate) struct SheetRows {
    text: Vec<u8>,
    cells: Vec<Place>,
    next: usize,
    row: u32,
    width: u32,
    /// Rows with a formula error, from 1.
    pub errors: Vec<i64>,
}

#[derive(Clone, Copy)]
struct Place {
    row: u32,
    column: u32,
    start: u32,
    len: u32,
}

impl SheetRows {
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Adds a cell; row and column count from 0. Empty text is no cell.
    pub fn put(&mut self, row: u32, column: u32, text: &str, bounds: &Bounds) -> Result<(), ReadError> {
        if text.is_empty() {
            return Ok(());
        }
        if column as usize >= bounds.columns {
            return Err(ReadError::bound("Ci sono troppe colonne", "There are too many columns", bounds.columns));
        }
        if text.len() > bounds.cell {
            let at = row + 1;
            return Err(ReadError::bound(
                &format!("Alla riga {at} c'è una cella troppo lunga"),
                &format!("Row {at} holds a cell too long"),
                format!("{} byte", bounds.cell),
            ));
        }
        let start = self.text.len();
        if self.cells.len() as u64 >= bounds.cells || start + text.len() > u32::MAX as usize {
            return Err(ReadError::bound("Il foglio ha troppe celle", "The sheet has too many cells", bounds.cells));
        }
        self.text.extend_from_slice(text.as_bytes());
        self.width = self.width.max(column + 1);
        self.cells.push(Place { row, column, start: start as u32, len: text.len() as u32 });
        Ok(())
    }

    pub fn put_error(&mut self, row: u32) {
        if self.errors.len() < Oddities::LINES {
            self.errors.push(i64::from(row) + 1);
        }
    }

    /// Puts cells in reading order where the file does not keep to it.
    pub fn sorted(mut self) -> Self {
        if !self.cells.is_sorted_by_key(|p| (p.row, p.column)) {
            self.cells.sort_by_key(|p| (p.row, p.column));
        }
        self
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
                    row.push(&self.text[place.start as usize..][..place.len as usize]);
                    // A cell written twice is malformed: the first one stands.
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
