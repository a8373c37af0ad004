//! The files of the log: `000001.log`, `000002.log`, … one record a line.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::audit::record::Record;
use crate::error::Result;

/// The file whose lock whoever appends holds.
pub const LOCK: &str = "lock";

/// Bytes looked at first for the end of a file.
const LOOK: u64 = 64 << 10;

pub fn name(number: u32) -> String {
    format!("{number:06}.log")
}

pub fn path(folder: &Path, number: u32) -> PathBuf {
    folder.join(name(number))
}

/// The numbers of the segments, ascending.
pub fn numbers(folder: &Path) -> Result<Vec<u32>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let file = entry?.file_name();
        let Some(digits) = file.to_str().and_then(|name| name.strip_suffix(".log")) else { continue };
        if digits.len() >= 6 && digits.bytes().all(|b| b.is_ascii_digit()) {
            numbers.extend(digits.parse::<u32>().ok());
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// The end of a file of lines.
pub struct Tail {
    /// The last whole line, without its end.
    pub last: Option<Vec<u8>>,
    /// Bytes up to the end of the last whole line.
    pub whole: u64,
    /// What stands behind it: a line that has no end.
    pub torn: Vec<u8>,
}

/// Reads the end of a file, however long it is.
pub fn tail(mut file: &File) -> Result<Tail> {
    let length = file.metadata()?.len();
    let mut look = LOOK;
    loop {
        let from = length.saturating_sub(look);
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(from))?;
        file.take(length - from).read_to_end(&mut bytes)?;
        let end = bytes.iter().rposition(|b| *b == b'\n');
        let start = end.and_then(|end| bytes[..end].iter().rposition(|b| *b == b'\n').map(|before| before + 1));
        match (start, end, from) {
            (Some(start), Some(end), _) => {
                return Ok(Tail { last: Some(bytes[start..end].to_vec()), whole: from + end as u64 + 1, torn: bytes[end + 1..].to_vec() });
            }
            (None, Some(end), 0) => return Ok(Tail { last: Some(bytes[..end].to_vec()), whole: end as u64 + 1, torn: bytes[end + 1..].to_vec() }),
            (_, None, 0) => return Ok(Tail { last: None, whole: 0, torn: bytes }),
            _ => look *= 4,
        }
    }
}

/// The first record of a segment; `None` when it has none that can be read.
pub fn first(folder: &Path, number: u32) -> Result<Option<Record>> {
    let mut line = Vec::new();
    BufReader::new(File::open(path(folder, number))?).read_until(b'\n', &mut line)?;
    Ok(line.strip_suffix(b"\n").and_then(Record::read))
}

/// The last whole record of a segment.
pub fn last(folder: &Path, number: u32) -> Result<Option<Record>> {
    Ok(tail(&File::open(path(folder, number))?)?.last.and_then(|line| Record::read(&line)))
}

/// Held while nothing may be appended: whoever appends holds the whole lock until the records are on disk. A copy of a log may have no lock:
/// nobody appends to it.
pub fn held(folder: &Path) -> Result<Option<File>> {
    match File::open(folder.join(LOCK)) {
        Ok(lock) => {
            lock.lock_shared()?;
            Ok(Some(lock))
        }
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// How far the log goes: segments with their lengths. All of it is on disk while [`held`].
pub fn extent(folder: &Path) -> Result<Vec<(u32, u64)>> {
    numbers(folder)?.into_iter().map(|number| Ok((number, std::fs::metadata(path(folder, number))?.len()))).collect()
}
