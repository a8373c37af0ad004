//! Delimited text in a sender's dialect and encoding, plain, gzipped or in a zip archive.

use std::io::{Cursor, Write};

use csv::{QuoteStyle, Terminator, WriterBuilder};
use encoding_rs::WINDOWS_1252;
use flate2::{Compression, GzBuilder};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::Encoded;
use crate::synthetic::error::{Error, Result};
use crate::synthetic::sheet::Sheet;
use crate::synthetic::style::{Csv, Encoding, Pack, Style};

pub fn encode(sheet: &Sheet, style: &Style, form: &Csv, headers: &[String]) -> Result<Encoded> {
    let mut writer = WriterBuilder::new()
        .delimiter(form.delimiter)
        .terminator(if form.windows_lines { Terminator::CRLF } else { Terminator::Any(b'\n') })
        .quote_style(if form.quote_all { QuoteStyle::Always } else { QuoteStyle::Necessary })
        .from_writer(Vec::new());
    writer.write_record(headers).map_err(Error::encode)?;
    let mut line = 2;
    let mut lines = Vec::with_capacity(sheet.rows.len());
    for row in &sheet.rows {
        let cells: Vec<String> = row.cells.iter().map(|cell| style.text(cell)).collect();
        writer.write_record(&cells).map_err(Error::encode)?;
        lines.push(line);
        // A line break inside a cell makes the record longer than one line.
        line += 1 + cells.iter().map(|cell| cell.matches('\n').count() as u64).sum::<u64>();
    }
    let text = String::from_utf8(writer.into_inner().map_err(Error::encode)?).map_err(Error::encode)?;
    let bytes = pack(encoded(&text, form.encoding), form.pack, &sheet.sender)?;
    Ok(Encoded { bytes, lines })
}

fn encoded(text: &str, encoding: Encoding) -> Vec<u8> {
    match encoding {
        Encoding::Utf8 => text.as_bytes().to_vec(),
        Encoding::Utf8Bom => ["\u{feff}", text].concat().into_bytes(),
        Encoding::Cp1252 => WINDOWS_1252.encode(text).0.into_owned(),
        Encoding::Utf16 => std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect(),
    }
}

/// Archives carry no clock time, so that the same content gives the same bytes.
fn pack(bytes: Vec<u8>, pack: Pack, sender: &str) -> Result<Vec<u8>> {
    match pack {
        Pack::Plain => Ok(bytes),
        Pack::Gzip => {
            let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::default());
            gzip.write_all(&bytes)?;
            Ok(gzip.finish()?)
        }
        Pack::Zip => {
            let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
            let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).last_modified_time(DateTime::default());
            zip.start_file(format!("{sender}.csv"), options).map_err(Error::encode)?;
            zip.write_all(&bytes)?;
            Ok(zip.finish().map_err(Error::encode)?.into_inner())
        }
    }
}
