//! Reads a received file as rows of text, whatever it is, and says how it was understood. No types are guessed: they come
//! from the contract. Nothing is dropped or trimmed; what is odd is reported with its line.

mod batch;
mod bounds;
mod container;
mod csv;
mod describe;
mod dialect;
mod error;
mod header;
mod json;
mod open;
mod parquet;
mod row;
mod sheet;
mod source;
mod text;
mod understanding;
mod write;

#[cfg(test)]
mod tests;

pub use batch::{Ragged, TextBatch};
pub use bounds::{Bounds, Hints};
pub use describe::{Described, describe, to_csv};
pub use error::{ErrorKind, ReadError};
pub use source::{Source, open};
pub use understanding::{Container, Dialect, Format, LineEnding, Oddities, Oddity, SheetInfo, Understanding};

pub(crate) use row::{Row, Rows};
