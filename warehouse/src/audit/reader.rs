//! Reading records in their order, from one on.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::audit::record::Record;
use crate::audit::segments;
use crate::error::{Error, Kind, Result};

/// A place in the log.
pub struct Reader {
    folder: PathBuf,
    /// The record that comes next.
    next: u64,
    /// Segment and byte where to go on; `None`: to be found.
    place: Option<(u32, u64)>,
}

impl Reader {
    /// Reads the log in `folder` from record `next` on.
    pub fn new(folder: &Path, next: u64) -> Self {
        Self { folder: folder.to_owned(), next, place: None }
    }

    /// Whether something was appended since the last record given; costs a look at one file's length.
    pub fn behind(&self) -> Result<bool> {
        let Some((number, offset)) = self.place else { return Ok(true) };
        let length = std::fs::metadata(segments::path(&self.folder, number)).map(|file| file.len());
        Ok(!length.is_ok_and(|length| length == offset) || segments::path(&self.folder, number + 1).exists())
    }

    /// The next records, `most` at most; none at the end. All of them are on disk.
    /// Errors: `Conflict` when one cannot be read.
    pub fn some(&mut self, most: usize) -> Result<Vec<Record>> {
        let held = segments::held(&self.folder)?;
        let extent = segments::extent(&self.folder)?;
        drop(held);
        let start = match self.place {
            Some(place) => place,
            None => (self.segment(&extent)?, 0),
        };
        let mut found = Vec::new();
        for (number, length) in extent.into_iter().filter(|(number, _)| *number >= start.0) {
            let mut offset = if number == start.0 { start.1 } else { 0 };
            let mut file = File::open(segments::path(&self.folder, number))?;
            file.seek(SeekFrom::Start(offset))?;
            let mut lines = BufReader::new(file.take(length.saturating_sub(offset)));
            loop {
                self.place = Some((number, offset));
                if found.len() == most {
                    return Ok(found);
                }
                let mut line = Vec::new();
                let read = lines.read_until(b'\n', &mut line)? as u64;
                // An end without its end of line is for whoever appends next to take away.
                let Some(text) = line.strip_suffix(b"\n") else { break };
                let what = || format!("a record of the audit log cannot be read ({} at byte {offset}): see `siss audit verify`", segments::name(number));
                let record = Record::read(text).ok_or_else(|| Error::new(Kind::Conflict, "audit.damaged", what()))?;
                offset += read;
                if record.seq >= self.next {
                    self.next = record.seq + 1;
                    found.push(record);
                }
            }
        }
        Ok(found)
    }

    /// The last segment that begins with the next record or before it.
    fn segment(&self, extent: &[(u32, u64)]) -> Result<u32> {
        let mut wanted = extent.first().map_or(1, |(number, _)| *number);
        for (number, _) in extent {
            match segments::first(&self.folder, *number)? {
                Some(first) if first.seq <= self.next => wanted = *number,
                _ => break,
            }
        }
        Ok(wanted)
    }
}
