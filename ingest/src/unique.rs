//! Repeated keys within one delivery, at any size in flat memory: hashes go to bucket files, each small enough to sort.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write};

use arrow::array::{Array, ArrayRef, BooleanArray, Int64Array};
use arrow::row::{RowConverter, SortField};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

const BUCKETS: usize = 128;
/// Entries kept in memory before the buckets are used: 24 MiB.
const IN_MEMORY: usize = 1 << 20;

type Entry = (u128, i64);

/// Collects the keys of valid rows; [`Self::finish`] gives the lines whose key stands on an earlier line.
pub struct Keys {
    converter: RowConverter,
    entries: Vec<Entry>,
    spilled: Vec<BufWriter<File>>,
}

/// A line whose key was already on `first`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeated {
    pub line: i64,
    pub first: i64,
}

impl Keys {
    pub fn new(columns: &[ArrayRef]) -> Result<Self> {
        let fields = columns.iter().map(|c| SortField::new(c.data_type().clone())).collect();
        let converter = RowConverter::new(fields).map_err(|e| Error::internal("unique.keys", e))?;
        Ok(Self { converter, entries: Vec::new(), spilled: Vec::new() })
    }

    /// Adds the key columns of the rows that are `valid`.
    pub fn add(&mut self, columns: &[ArrayRef], lines: &Int64Array, valid: &BooleanArray) -> Result<()> {
        let rows = self.converter.convert_columns(columns).map_err(|e| Error::internal("unique.keys", e))?;
        for (i, row) in rows.iter().enumerate() {
            if valid.value(i) {
                self.entries.push((hash(row.as_ref()), lines.value(i)));
            }
        }
        if self.entries.len() >= IN_MEMORY { self.spill() } else { Ok(()) }
    }

    /// Repeated lines in ascending order.
    pub fn finish(mut self) -> Result<Vec<Repeated>> {
        let mut out = Vec::new();
        if self.spilled.is_empty() {
            repeated(&mut self.entries, &mut out);
        } else {
            self.spill()?;
            for bucket in std::mem::take(&mut self.spilled) {
                repeated(&mut read_back(bucket)?, &mut out);
            }
        }
        out.sort_unstable_by_key(|r| r.line);
        Ok(out)
    }

    fn spill(&mut self) -> Result<()> {
        if self.spilled.is_empty() {
            self.spilled = (0..BUCKETS).map(|_| Ok(BufWriter::new(tempfile::tempfile()?))).collect::<Result<_>>()?;
        }
        for (hash, line) in self.entries.drain(..) {
            let bucket = &mut self.spilled[(hash % BUCKETS as u128) as usize];
            bucket.write_all(&hash.to_le_bytes())?;
            bucket.write_all(&line.to_le_bytes())?;
        }
        Ok(())
    }
}

/// The first 128 bits of a SHA-256: two keys that differ do not meet by accident nor by design.
fn hash(key: &[u8]) -> u128 {
    let digest = Sha256::digest(key);
    u128::from_le_bytes(digest[..16].try_into().expect("a digest has 32 bytes"))
}

fn read_back(bucket: BufWriter<File>) -> Result<Vec<Entry>> {
    let mut file = bucket.into_inner().map_err(|e| Error::internal("unique.spill", e.into_error()))?;
    file.rewind()?;
    let count = file.metadata()?.len() as usize / 24;
    let mut reader = BufReader::new(file);
    let mut entries = Vec::with_capacity(count);
    let (mut hash, mut line) = ([0; 16], [0; 8]);
    for _ in 0..count {
        reader.read_exact(&mut hash)?;
        reader.read_exact(&mut line)?;
        entries.push((u128::from_le_bytes(hash), i64::from_le_bytes(line)));
    }
    Ok(entries)
}

fn repeated(entries: &mut [Entry], out: &mut Vec<Repeated>) {
    entries.sort_unstable();
    let mut first: Option<Entry> = None;
    for &(hash, line) in entries.iter() {
        match first {
            Some((h, l)) if h == hash => out.push(Repeated { line, first: l }),
            _ => first = Some((hash, line)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::StringArray;

    use super::*;

    #[test]
    fn repeated_keys_are_found_in_memory_and_spilled() {
        for rows in [10usize, IN_MEMORY + 5] {
            let key = |i: usize| if i == rows - 1 { "k3".to_owned() } else { format!("k{i}") };
            let column: ArrayRef = Arc::new(StringArray::from_iter_values((0..rows).map(key)));
            let lines = Int64Array::from_iter_values((0..rows as i64).map(|l| l + 2));
            let mut keys = Keys::new(std::slice::from_ref(&column)).unwrap();
            keys.add(std::slice::from_ref(&column), &lines, &BooleanArray::from(vec![true; rows])).unwrap();
            assert_eq!(keys.finish().unwrap(), vec![Repeated { line: rows as i64 + 1, first: 5 }]);
        }
    }

    #[test]
    fn a_refused_row_does_not_make_its_twin_a_repetition() {
        let column: ArrayRef = Arc::new(StringArray::from(vec!["a", "a"]));
        let mut keys = Keys::new(std::slice::from_ref(&column)).unwrap();
        keys.add(std::slice::from_ref(&column), &Int64Array::from(vec![2, 3]), &BooleanArray::from(vec![false, true])).unwrap();
        assert!(keys.finish().unwrap().is_empty());
    }
}
