//! Unwraps a received file: plain, gzip or zip with one data file, bounded on actual bytes because declared sizes lie.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use zip::ZipArchive;

use super::text::read_some;
use super::{Bounds, Container, ErrorKind, Hints, ReadError};

/// Below this size a high ratio is ordinary (a sheet of equal rows), above it is an attack.
const RATIO_FREE: u64 = 16 << 20;

/// What the first bytes say the content is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Magic {
    Workbook,
    BinaryWorkbook,
    OpenDocument,
    Zip,
    Gzip,
    Ole,
    Parquet,
    Pdf,
    Text,
}

pub(crate) enum Content {
    /// A seekable file, at its start.
    File(File, Magic),
    /// Anything that is read from front to back.
    Stream(Box<dyn Read + Send>),
}

pub(crate) struct Opened {
    pub container: Container,
    pub content: Content,
}

pub(crate) fn open(path: &Path, hints: &Hints, bounds: &Bounds) -> Result<Opened, ReadError> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    if size > bounds.bytes {
        return Err(ReadError::bound("Il file è troppo grande", "The file is too large", bytes(bounds.bytes)));
    }
    let (file, magic) = look(file)?;
    match magic {
        Magic::Gzip => gunzip(file, size, bounds),
        Magic::Zip => {
            let (file, member) = take_member(file, hints, bounds)?;
            let (file, magic) = look(file)?;
            if matches!(magic, Magic::Zip | Magic::Gzip) {
                return Err(nested());
            }
            Ok(Opened { container: Container::Zip { member }, content: content(file, magic) })
        }
        _ => Ok(Opened { container: Container::Plain, content: content(file, magic) }),
    }
}

fn content(file: File, magic: Magic) -> Content {
    match magic {
        Magic::Text => Content::Stream(Box::new(file)),
        _ => Content::File(file, magic),
    }
}

fn nested() -> ReadError {
    ReadError::unsupported("Il file contiene un archivio dentro un archivio.", "The file holds an archive inside an archive.")
}

fn gunzip(file: File, size: u64, bounds: &Bounds) -> Result<Opened, ReadError> {
    let mut stream: Box<dyn Read + Send> = Box::new(Limited::new(MultiGzDecoder::new(BufReader::new(file)), size, bounds.decompressed, bounds));
    let mut head = vec![0; 4096];
    let n = fill(&mut *stream, &mut head).map_err(gzip_error)?;
    head.truncate(n);
    let magic = magic(&head);
    let mut stream: Box<dyn Read + Send> = Box::new(Cursor::new(head).chain(stream));
    let content = match magic {
        Magic::Text => Content::Stream(stream),
        Magic::Gzip => return Err(nested()),
        _ => {
            let mut spool = tempfile::tempfile()?;
            io::copy(&mut stream, &mut spool).map_err(gzip_error)?;
            let (spool, magic) = look(spool)?;
            if magic == Magic::Zip {
                return Err(nested());
            }
            Content::File(spool, magic)
        }
    };
    Ok(Opened { container: Container::Gzip, content })
}

fn gzip_error(error: io::Error) -> ReadError {
    match ReadError::from(error) {
        e if e.kind == ErrorKind::Io => ReadError::damaged("gzip", e.en.trim_end_matches('.')),
        e => e,
    }
}

/// Looks at the first bytes, and into a zip's list, and rewinds.
fn look(mut file: File) -> Result<(File, Magic), ReadError> {
    file.seek(SeekFrom::Start(0))?;
    let mut head = vec![0; 4096];
    let n = fill(&mut file, &mut head)?;
    file.seek(SeekFrom::Start(0))?;
    let mut magic = magic(&head[..n]);
    if magic == Magic::Zip {
        let archive = ZipArchive::new(&mut file).map_err(|e| ReadError::damaged("ZIP", e))?;
        let has = |name: &str| archive.index_for_name(name).is_some();
        if has("xl/workbook.xml") {
            magic = Magic::Workbook;
        } else if has("xl/workbook.bin") {
            magic = Magic::BinaryWorkbook;
        } else if has("content.xml") && has("mimetype") {
            magic = Magic::OpenDocument;
        }
        file.seek(SeekFrom::Start(0))?;
    }
    Ok((file, magic))
}

fn magic(head: &[u8]) -> Magic {
    match head {
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Magic::Zip,
        [0x1f, 0x8b, 8, ..] => Magic::Gzip,
        [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1, ..] => Magic::Ole,
        [b'P', b'A', b'R', b'1', ..] => Magic::Parquet,
        [b'%', b'P', b'D', b'F', ..] => Magic::Pdf,
        _ => Magic::Text,
    }
}

fn take_member(file: File, hints: &Hints, bounds: &Bounds) -> Result<(File, String), ReadError> {
    let mut archive = ZipArchive::new(file).map_err(|e| ReadError::damaged("ZIP", e))?;
    if archive.len() > bounds.members {
        return Err(ReadError::bound("L'archivio ha troppi file", "The archive has too many members", bounds.members));
    }
    let mut names: Vec<String> = archive.file_names().filter(|n| is_data(n)).map(String::from).collect();
    names.sort();
    let name = match (&hints.member, names.as_slice()) {
        (Some(asked), _) if names.contains(asked) => asked.clone(),
        (None, [only]) => only.clone(),
        (None, []) => return Err(ReadError::damaged("ZIP", "no data file inside")),
        _ => {
            let list = names.iter().take(20).cloned().collect::<Vec<_>>().join(", ");
            return Err(ReadError::new(
                ErrorKind::Choice,
                format!("L'archivio contiene {} file ({list}): indicare quale leggere.", names.len()),
                format!("The archive holds {} files ({list}): say which one to read.", names.len()),
            ));
        }
    };
    let member = archive.by_name(&name).map_err(|e| ReadError::damaged("ZIP", e))?;
    let packed = member.compressed_size();
    let mut spool = tempfile::tempfile()?;
    let mut limited = Limited::new(member, packed, bounds.decompressed, bounds);
    io::copy(&mut limited, &mut spool).map_err(|e| match ReadError::from(e) {
        e if e.kind == ErrorKind::Io => ReadError::damaged("ZIP", e.en.trim_end_matches('.')),
        e => e,
    })?;
    Ok((spool, name))
}

fn is_data(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    !name.ends_with('/') && !name.starts_with("__MACOSX/") && !file.starts_with('.') && file != "Thumbs.db"
}

/// Unpacks every member of a workbook into nothing, counting: the parser behind has no bound of its own.
pub(crate) fn measure_workbook(file: &mut File, bounds: &Bounds) -> Result<(), ReadError> {
    let mut archive = ZipArchive::new(&mut *file).map_err(|e| ReadError::damaged("ZIP", e))?;
    if archive.len() > bounds.members {
        return Err(ReadError::bound("Il foglio di calcolo ha troppe parti", "The workbook has too many parts", bounds.members));
    }
    let mut left = bounds.workbook;
    for i in 0..archive.len() {
        let member = archive.by_index(i).map_err(|e| ReadError::damaged("ZIP", e))?;
        let packed = member.compressed_size();
        let mut limited = Limited::new(member, packed, left, bounds);
        left -= io::copy(&mut limited, &mut io::sink()).map_err(|e| match ReadError::from(e) {
            e if e.kind == ErrorKind::Io => ReadError::damaged("XLSX/ODS", e.en.trim_end_matches('.')),
            e => e,
        })?;
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(())
}

/// A decompressing reader that stops at a size or at a ratio no honest file reaches.
struct Limited<R> {
    inner: R,
    packed: u64,
    read: u64,
    limit: u64,
    ratio: u64,
}

impl<R: Read> Limited<R> {
    fn new(inner: R, packed: u64, limit: u64, bounds: &Bounds) -> Self {
        Limited { inner, packed: packed.max(1), read: 0, limit, ratio: bounds.ratio }
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.read += n as u64;
        if self.read > self.limit {
            let limit = bytes(self.limit);
            return Err(ReadError::bound("Il contenuto decompresso è troppo grande", "The decompressed content is too large", limit).into());
        }
        if self.read > RATIO_FREE && self.read / self.packed > self.ratio {
            return Err(ReadError::bound(
                "Il rapporto di compressione non è quello di dati veri",
                "The compression ratio is not that of real data",
                format!("{}:1", self.ratio),
            )
            .into());
        }
        Ok(n)
    }
}

/// Reads until `buf` is full or the input ends.
pub(crate) fn fill(input: &mut dyn Read, buf: &mut [u8]) -> io::Result<usize> {
    let mut n = 0;
    while n < buf.len() {
        match read_some(input, &mut buf[n..])? {
            0 => break,
            more => n += more,
        }
    }
    Ok(n)
}

fn bytes(n: u64) -> String {
    match n {
        n if n >= 1 << 30 => format!("{} GiB", n >> 30),
        n if n >= 1 << 20 => format!("{} MiB", n >> 20),
        n => format!("{n} byte"),
    }
}
