//! Repeated keys within one delivery. Up to about two million rows they are found as the rows come; beyond, at any size in flat
//! memory, at the end: hashes go to bucket files, each small enough to sort. Which rows these can be is told as they come.

mod seen;

use std::collections::HashMap;
use std::collections::hash_map::Entry as Place;
use std::fs::File;
use std::hash::{BuildHasherDefault, Hasher};
use std::io::{BufReader, BufWriter, Read, Seek, Write};

use arrow::array::{Array, ArrayRef, BooleanArray, Int64Array};
use arrow::row::{RowConverter, SortField};
use sha2::{Digest, Sha256};

use self::seen::Seen;
use crate::error::{Error, Result};

const BUCKETS: u64 = 128;
/// Keys held before the buckets are used: as many as a table of 2^21 places takes, about 50 MiB.
const IN_MEMORY: usize = 7 << 18;

/// The first 128 bits of a SHA-256: two keys that differ do not meet by accident nor by design.
type Hash = (u64, u64);
type Entry = (Hash, i64);

/// Collects the keys of valid rows and tells those that stand on an earlier line.
pub struct Keys {
    converter: RowConverter,
    /// The line of each key, until there are too many.
    first: HashMap<Hash, i64, BuildHasherDefault<AsIs>>,
    spilled: Vec<BufWriter<File>>,
    /// Once there are too many.
    seen: Option<Seen>,
}

/// What is known at once of the rows of a batch, by their place in it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Known {
    pub repeated: Vec<(usize, Repeated)>,
    /// Rows whose key may stand on an earlier line; of all others it is certain that it does not.
    pub doubtful: Vec<usize>,
}

/// A row whose key was already on the line `first`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeated {
    pub line: i64,
    pub first: i64,
}

impl Keys {
    pub fn new(columns: &[ArrayRef]) -> Result<Self> {
        let fields = columns.iter().map(|c| SortField::new(c.data_type().clone())).collect();
        let converter = RowConverter::new(fields).map_err(|e| Error::internal("unique.keys", e))?;
        Ok(Self { converter, first: HashMap::default(), spilled: Vec::new(), seen: None })
    }

    /// Adds the key columns of the rows that are `valid`.
    pub fn add(&mut self, columns: &[ArrayRef], lines: &Int64Array, valid: &BooleanArray) -> Result<Known> {
        let rows = self.converter.convert_columns(columns).map_err(|e| Error::internal("unique.keys", e))?;
        let mut known = Known::default();
        for (i, row) in rows.iter().enumerate().filter(|(i, _)| valid.value(*i)) {
            let (hash, line) = (hash(row.as_ref()), lines.value(i));
            if let Some(seen) = &mut self.seen {
                if seen.note(hash) {
                    known.doubtful.push(i);
                }
                self.spill(hash, line)?;
                continue;
            }
            match self.first.entry(hash) {
                Place::Occupied(earlier) => known.repeated.push((i, Repeated { line, first: *earlier.get() })),
                Place::Vacant(place) => {
                    place.insert(line);
                }
            }
            if self.first.len() >= IN_MEMORY {
                self.leave_memory()?;
            }
        }
        Ok(known)
    }

    /// The repeated lines that [`Self::add`] could not tell yet, each of which it called doubtful, in ascending order.
    pub fn finish(self) -> Result<Vec<Repeated>> {
        let mut out = Vec::new();
        for bucket in self.spilled {
            repeated(&mut read_back(bucket)?, &mut out);
        }
        out.sort_unstable_by_key(|r| r.line);
        Ok(out)
    }

    fn leave_memory(&mut self) -> Result<()> {
        self.spilled = (0..BUCKETS).map(|_| Ok(BufWriter::new(tempfile::tempfile()?))).collect::<Result<_>>()?;
        let mut seen = Seen::new();
        for (hash, line) in std::mem::take(&mut self.first) {
            seen.note(hash);
            self.spill(hash, line)?;
        }
        self.seen = Some(seen);
        Ok(())
    }

    fn spill(&mut self, hash: Hash, line: i64) -> Result<()> {
        let bucket = &mut self.spilled[(hash.0 % BUCKETS) as usize];
        for part in [hash.0.to_le_bytes(), hash.1.to_le_bytes(), line.to_le_bytes()] {
            bucket.write_all(&part)?;
        }
        Ok(())
    }
}

/// Takes a part of a hash as it is: a digest needs no second one.
#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |all, b| all.rotate_left(8) ^ u64::from(*b));
    }

    fn write_u64(&mut self, part: u64) {
        self.0 ^= part;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

fn hash(key: &[u8]) -> Hash {
    let digest = Sha256::digest(key);
    let part = |from: usize| u64::from_le_bytes(digest[from..from + 8].try_into().expect("a digest has 32 bytes"));
    (part(0), part(8))
}

fn read_back(bucket: BufWriter<File>) -> Result<Vec<Entry>> {
    let mut file = bucket.into_inner().map_err(|e| Error::internal("unique.spill", e.into_error()))?;
    file.rewind()?;
    let count = file.metadata()?.len() as usize / 24;
    let mut reader = BufReader::new(file);
    let mut entries = Vec::with_capacity(count);
    let mut part = [0; 8];
    let mut next = || reader.read_exact(&mut part).map(|()| part);
    for _ in 0..count {
        let hash = (u64::from_le_bytes(next()?), u64::from_le_bytes(next()?));
        entries.push((hash, i64::from_le_bytes(next()?)));
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
    fn repeated_keys_are_found_at_once_and_when_spilled() {
        for rows in [10usize, IN_MEMORY + 5] {
            let key = |i: usize| if i == rows - 1 { "k3".to_owned() } else { format!("k{i}") };
            let column: ArrayRef = Arc::new(StringArray::from_iter_values((0..rows).map(key)));
            let lines = Int64Array::from_iter_values((0..rows as i64).map(|l| l + 2));
            let mut keys = Keys::new(std::slice::from_ref(&column)).unwrap();
            // The last row comes once the others are there, and the keys may have left memory.
            let one = |at: usize, count: usize| (column.slice(at, count), lines.slice(at, count), BooleanArray::from(vec![true; count]));
            let mut add = |(column, lines, valid): (ArrayRef, Int64Array, BooleanArray)| keys.add(&[column], &lines, &valid).unwrap();
            assert_eq!(add(one(0, rows - 1)), Known::default());
            let known = add(one(rows - 1, 1));
            let later = keys.finish().unwrap();
            let twin = Repeated { line: rows as i64 + 1, first: 5 };
            let expected = if rows < IN_MEMORY {
                (Known { repeated: vec![(0, twin)], doubtful: vec![] }, vec![])
            } else {
                (Known { repeated: vec![], doubtful: vec![0] }, vec![twin])
            };
            assert_eq!((known, later), expected);
        }
    }

    #[test]
    fn a_refused_row_does_not_make_its_twin_a_repetition() {
        let column: ArrayRef = Arc::new(StringArray::from(vec!["a", "a"]));
        let mut keys = Keys::new(std::slice::from_ref(&column)).unwrap();
        let found = keys.add(std::slice::from_ref(&column), &Int64Array::from(vec![2, 3]), &BooleanArray::from(vec![false, true])).unwrap();
        assert!(found == Known::default() && keys.finish().unwrap().is_empty());
    }
}
