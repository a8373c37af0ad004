//! Every bound refuses with its own sentence, before memory grows.

use std::io::Write;

use super::formats::{xlsx, zipped};
use super::saved;
use crate::read::{Bounds, ErrorKind, Hints, ReadError, open, to_csv};

fn refused(bytes: &[u8], bounds: Bounds) -> ReadError {
    let file = saved(bytes);
    let read_all = || -> Result<(), ReadError> {
        let mut source = open(file.path(), &Hints::default(), &bounds)?;
        while source.next()?.is_some() {}
        Ok(())
    };
    let error = read_all().unwrap_err();
    let same = to_csv(file.path(), &Hints::default(), &bounds, &mut std::io::sink()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Bound, "{error}");
    assert_eq!(same.kind, ErrorKind::Bound, "{same}");
    assert!(error.it.contains("limite") && error.en.contains("limit"), "{error:?}");
    error
}

fn gzip_of(unit: &[u8], times: usize) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for _ in 0..times {
        gz.write_all(unit).unwrap();
    }
    gz.finish().unwrap()
}

#[test]
fn of_the_file() {
    refused(b"a,b\n1,2\n3,4\n", Bounds { bytes: 8, ..Bounds::default() });
    refused(b"a,b\n1,2\n3,4\n", Bounds { rows: 2, ..Bounds::default() });
    refused(b"a,b,c\n1,2,3\n3,4,5\n", Bounds { columns: 2, ..Bounds::default() });
    refused(b"a,b\n1,2\nxxxxxxxxxxxxxxxxxxxx,4\n", Bounds { cell: 10, ..Bounds::default() });
    refused(&vec![b'x'; 5 << 20], Bounds { record: 1 << 20, ..Bounds::default() });
}

#[test]
fn a_quote_that_never_closes_swallows_no_file() {
    let mut text = String::from("a,b,c\n1,\"aperta,3\n");
    for i in 0..300_000 {
        text += &format!("{i},testo,x\n");
    }
    let file = saved(text.as_bytes());
    let mut source = open(file.path(), &Hints::default(), &Bounds::default()).unwrap();
    let mut rows = 0;
    while let Some(batch) = source.next().unwrap() {
        rows += batch.lines.len();
        assert!(batch.ragged.is_empty());
    }
    assert_eq!(rows, 300_001);
    assert!(source.understanding.oddities.has("quotes"));
}

#[test]
fn of_what_is_packed() {
    let zeros = vec![b'0'; 1 << 20];
    let bomb = gzip_of(&zeros, 64);
    refused(&bomb, Bounds { decompressed: 4 << 20, record: 64 << 20, cell: 64 << 20, ..Bounds::default() });
    let ratio = refused(&bomb, Bounds { record: 128 << 20, cell: 128 << 20, ..Bounds::default() });
    assert!(ratio.en.contains("ratio"), "{ratio}");
    let big = vec![b'0'; 32 << 20];
    refused(&zipped(&[("d.csv", &big)]), Bounds::default());
    let many: Vec<(String, &[u8])> = (0..20).map(|i| (format!("{i}.csv"), &b"a\n"[..])).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|(n, b)| (n.as_str(), *b)).collect();
    refused(&zipped(&many), Bounds { members: 10, ..Bounds::default() });
}

#[test]
fn of_workbooks() {
    let cell = |at: &str| format!("<c r=\"{at}\"><v>1</v></c>");
    let corners = format!("<row r=\"1\">{}</row><row r=\"1048576\">{}</row>", cell("A1"), cell("XFD1048576"));
    refused(&xlsx(&[("S", "visible", &corners)]), Bounds::default());
    let rows: String = (1..200).map(|r| format!("<row r=\"{r}\">{}{}</row>", cell(&format!("A{r}")), cell(&format!("B{r}")))).collect();
    refused(&xlsx(&[("S", "visible", &rows)]), Bounds { cells: 100, ..Bounds::default() });
    refused(&xlsx(&[("S", "visible", &rows)]), Bounds { workbook: 1_000, ..Bounds::default() });
    refused(&xlsx(&[("S", "visible", &rows), ("T", "visible", ""), ("U", "visible", "")]), Bounds { sheets: 2, ..Bounds::default() });
    let spaces = format!("{}<row r=\"1\">{}</row>", " ".repeat(40 << 20), cell("A1"));
    refused(&xlsx(&[("S", "visible", &spaces)]), Bounds::default());
    let cells = "<table:table-cell office:value-type=\"string\" table:number-columns-repeated=\"1000\"><text:p>x</text:p></table:table-cell>";
    let ods = format!(
        "<?xml version=\"1.0\"?><d><table:table table:name=\"S\"><table:table-row table:number-rows-repeated=\"1000000\">{cells}</table:table-row></table:table></d>"
    );
    refused(&zipped(&[("mimetype", b"x"), ("content.xml", ods.as_bytes())]), Bounds { cells: 1_000_000, ..Bounds::default() });
}

#[test]
fn of_json() {
    let deep = format!("[{{\"a\": {}1{}}}]", "[".repeat(100), "]".repeat(100));
    refused(deep.as_bytes(), Bounds::default());
    let keys: Vec<String> = (0..30).map(|i| format!("\"k{i}\": {i}")).collect();
    refused(format!("[{{{}}}]", keys.join(", ")).as_bytes(), Bounds { columns: 20, ..Bounds::default() });
    let long = format!("[{{\"a\": \"{}\"}}]", "x".repeat(3 << 20));
    refused(long.as_bytes(), Bounds { record: 1 << 20, ..Bounds::default() });
    refused(long.as_bytes(), Bounds { cell: 1 << 20, ..Bounds::default() });
}

#[test]
fn a_missing_file_is_an_io_error() {
    let path = saved(b"").path().to_path_buf();
    let error = open(&path, &Hints::default(), &Bounds::default()).err().unwrap();
    assert_eq!(error.kind, ErrorKind::Io);
}
