//! One row of text as every format gives it: cells in one buffer, absent apart from empty.

use super::{Oddities, ReadError};

/// A reused row. A row without cells is a blank line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    /// Physical line, sheet row or element number, from 1.
    pub line: i64,
    pub data: Vec<u8>,
    cells: Vec<Cell>,
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    end: usize,
    null: bool,
}

impl Row {
    pub fn clear(&mut self) {
        self.data.clear();
        self.cells.clear();
    }

    pub fn push(&mut self, cell: &[u8]) {
        self.data.extend_from_slice(cell);
        self.end_cell();
    }

    pub fn push_null(&mut self) {
        self.cells.push(Cell { end: self.data.len(), null: true });
    }

    /// Closes the cell whose bytes were appended to `data` directly.
    pub fn end_cell(&mut self) {
        self.cells.push(Cell { end: self.data.len(), null: false });
    }

    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// The bytes of a cell: always whole UTF-8, `None` where the cell is absent.
    pub fn get(&self, i: usize) -> Option<&[u8]> {
        let cell = self.cells.get(i)?;
        if cell.null {
            return None;
        }
        let start = if i == 0 { 0 } else { self.cells[i - 1].end };
        Some(&self.data[start..cell.end])
    }

    pub fn text(&self, i: usize) -> Option<&str> {
        self.get(i).map(|bytes| std::str::from_utf8(bytes).unwrap_or_default())
    }

    pub fn texts(&self) -> Vec<String> {
        (0..self.len()).map(|i| self.text(i).unwrap_or_default().to_string()).collect()
    }

    /// True when no cell holds anything but white space.
    pub fn is_void(&self) -> bool {
        self.data.iter().all(|b| b.is_ascii_whitespace())
    }

    /// Length in bytes of the longest cell.
    pub fn longest(&self) -> usize {
        let mut start = 0;
        let mut longest = 0;
        for cell in &self.cells {
            longest = longest.max(cell.end - start);
            start = cell.end;
        }
        longest
    }
}

/// A source of rows: one per format.
pub(crate) trait Rows: Send {
    /// Fills `row` with the next one; false at the end. Oddities met on the way are noted.
    fn next(&mut self, row: &mut Row, odd: &mut Oddities) -> Result<bool, ReadError>;
}
