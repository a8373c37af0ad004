//! Formats other than delimited text, and what they are wrapped in.

use std::io::{Cursor, Write};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, ListArray, StringArray};
use arrow::datatypes::Int32Type;
use arrow::record_batch::RecordBatch;
use zip::write::SimpleFileOptions;

use super::{rows, rows_of, saved, source, table};
use crate::read::{Bounds, Container, ErrorKind, Format, Hints, describe, open};

pub(super) fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap()
}

/// A workbook as small as Excel accepts, with the given XML for each sheet.
pub(super) fn xlsx(sheets: &[(&str, &str, &str)]) -> Vec<u8> {
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let (mut list, mut links, mut members) = (String::new(), String::new(), Vec::new());
    for (i, (name, state, cells)) in sheets.iter().enumerate() {
        list += &format!("<sheet name=\"{name}\" sheetId=\"{0}\" state=\"{state}\" r:id=\"r{0}\"/>", i + 1);
        links += &format!("<Relationship Id=\"r{0}\" Type=\"{office}/worksheet\" Target=\"worksheets/sheet{0}.xml\"/>", i + 1);
        members.push((format!("xl/worksheets/sheet{}.xml", i + 1), format!("{head}<worksheet xmlns=\"{main}\"><sheetData>{cells}</sheetData></worksheet>")));
    }
    links += &format!("<Relationship Id=\"s1\" Type=\"{office}/styles\" Target=\"styles.xml\"/>");
    members.push(("xl/workbook.xml".into(), format!("{head}<workbook xmlns=\"{main}\" xmlns:r=\"{office}\"><sheets>{list}</sheets></workbook>")));
    members.push((
        "xl/_rels/workbook.xml.rels".into(),
        format!("{head}<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">{links}</Relationships>"),
    ));
    members.push(("xl/styles.xml".into(), format!("{head}<styleSheet xmlns=\"{main}\"><numFmts count=\"1\"><numFmt numFmtId=\"164\" formatCode=\"000000\"/></numFmts><cellXfs count=\"3\"><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/><xf numFmtId=\"164\"/></cellXfs></styleSheet>")));
    members.push(("_rels/.rels".into(), format!("{head}<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"w\" Type=\"{office}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>")));
    members.push(("[Content_Types].xml".into(), format!("{head}<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>")));
    let members: Vec<(&str, &[u8])> = members.iter().map(|(n, b)| (n.as_str(), b.as_bytes())).collect();
    zipped(&members)
}

const ROWS: &str = "<row r=\"2\"><c r=\"A2\" t=\"inlineStr\"><is><t>058091</t></is></c><c r=\"B2\"><v>12</v></c><c r=\"C2\"><v>0.30000000000000004</v></c><c r=\"D2\" s=\"1\"><v>45000</v></c><c r=\"E2\" t=\"b\"><v>1</v></c><c r=\"F2\" s=\"2\"><v>58091</v></c></row>";
const HEADER: &str = "<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>codice</t></is></c><c r=\"B1\" t=\"inlineStr\"><is><t>posti</t></is></c><c r=\"C1\" t=\"inlineStr\"><is><t>quota</t></is></c><c r=\"D1\" t=\"inlineStr\"><is><t>dal</t></is></c><c r=\"E1\" t=\"inlineStr\"><is><t>attiva</t></is></c><c r=\"F1\" t=\"inlineStr\"><is><t>istat</t></is></c></row>";

#[test]
fn a_workbook_shows_values_as_people_see_them() {
    let book = xlsx(&[("Note", "hidden", HEADER), ("Vuoto", "visible", ""), ("Dati", "visible", &format!("{HEADER}{ROWS}")), ("Altro", "visible", HEADER)]);
    let file = saved(&book);
    let cells = rows_of(file.path(), &Hints::default()).unwrap();
    assert_eq!(cells[1], ["058091", "12", "0.3", "2023-03-15", "true", "058091"]);
    let known = describe(file.path(), &Hints::default(), &Bounds::default()).unwrap().understanding;
    let read: Vec<&str> = known.sheets.iter().filter(|s| s.read).map(|s| s.name.as_str()).collect();
    assert_eq!((known.format, read.as_slice()), (Format::Xlsx, ["Dati"].as_slice()));
    assert!(known.oddities.has("sheets") && known.oddities.has("hidden_sheets"));
    let hints = Hints { sheet: Some("Altro".into()), ..Hints::default() };
    assert_eq!(rows_of(file.path(), &hints).unwrap().len(), 1);
    let hints = Hints { sheet: Some("Manca".into()), ..Hints::default() };
    assert_eq!(rows_of(file.path(), &hints).unwrap_err().kind, ErrorKind::Choice);
}

#[test]
fn an_open_document_shows_values_as_people_see_them() {
    let content = "<?xml version=\"1.0\"?><office:document-content xmlns:office=\"o\" xmlns:table=\"t\" xmlns:text=\"x\"><office:body><office:spreadsheet><table:table table:name=\"Dati\"><table:table-row><table:table-cell office:value-type=\"string\"><text:p>codice</text:p></table:table-cell><table:table-cell office:value-type=\"string\"><text:p>nota &amp; altro</text:p></table:table-cell><table:table-cell table:number-columns-repeated=\"16000\"/></table:table-row><table:table-row table:number-rows-repeated=\"2\"><table:table-cell office:value-type=\"float\" office:value=\"58091\"><text:p>058091</text:p></table:table-cell><table:table-cell office:value-type=\"string\"><office:annotation><text:p>commento</text:p></office:annotation><text:p>due<text:s text:c=\"2\"/>spazi</text:p><text:p>due righe</text:p></table:table-cell></table:table-row><table:table-row table:number-rows-repeated=\"1048000\"><table:table-cell table:number-columns-repeated=\"16384\"/></table:table-row></table:table></office:spreadsheet></office:body></office:document-content>";
    let book = zipped(&[("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"), ("content.xml", content.as_bytes())]);
    let data = ["058091", "due  spazi\ndue righe"];
    assert_eq!(rows(&book), table(&[&["codice", "nota & altro"], &data, &data]));
}

#[test]
fn json_keeps_digits_nesting_and_absence() {
    let text = br#"[{"a": 1.50, "b": "x"}, {"b": null, "c": {"k": [1, 2]}, "a": 12345678901234567890}]"#;
    assert_eq!(rows(text), table(&[&["a", "b", "c"], &["1.50", "x", ""], &["12345678901234567890", "", r#"{"k": [1, 2]}"#]]));
    let mut s = source(text, &Hints::default());
    let batch = s.next().unwrap().unwrap();
    assert_eq!(batch.lines, [1, 2]);
    assert_eq!(batch.columns.column(1).null_count(), 1);
    assert_eq!(batch.columns.column(2).null_count(), 1);
    assert!(batch.ragged.is_empty());
}

#[test]
fn json_is_found_inside_an_object_and_by_line() {
    let wrapped = br#"{"totale": 2, "tags": ["x"], "righe": [{"a": "1"}, {"a": "2"}], "altro": {}}"#;
    assert_eq!(rows(wrapped), table(&[&["a"], &["1"], &["2"]]));
    let lines = b"{\"a\": \"uno\"}\n\n{\"a\": \"due\\ntre\", \"b\": true}\n";
    assert_eq!(rows(lines), table(&[&["a", "b"], &["uno", ""], &["due\ntre", "true"]]));
    let mut s = source(lines, &Hints::default());
    assert_eq!((s.understanding.format, s.next().unwrap().unwrap().lines), (Format::Ndjson, vec![1, 3]));
    assert_eq!(rows(br#"{"a": "sola", "b": 2}"#), table(&[&["a", "b"], &["sola", "2"]]));
    assert_eq!(rows(br#"[["a", "b"], [1, 2]]"#), table(&[&["a", "b"], &["1", "2"]]));
    assert_eq!(rows(b"[a],b\n1,2\n"), table(&[&["[a]", "b"], &["1", "2"]]));
    let cut = rows_of(saved(br#"[{"a": 1}, {"a": "#).path(), &Hints::default());
    assert_eq!(cut.unwrap_err().kind, ErrorKind::Damaged);
}

#[test]
fn parquet_becomes_text() {
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), Some(2)]), None]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("codice", Arc::new(StringArray::from(vec![Some("058091"), None]))),
        ("n", Arc::new(Int64Array::from(vec![1, 2]))),
        ("x", Arc::new(Float64Array::from(vec![1.0, 2.5]))),
        ("si", Arc::new(BooleanArray::from(vec![true, false]))),
        ("dal", Arc::new(Date32Array::from(vec![19_000, 19_001]))),
        ("euro", Arc::new(Decimal128Array::from(vec![12345, 5]).with_precision_and_scale(10, 2).unwrap())),
        ("lista", Arc::new(lists)),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let cells = rows(&bytes);
    assert_eq!(cells[1], ["058091", "1", "1", "true", "2022-01-08", "123.45", "[1, 2]"]);
    assert_eq!(cells[2], ["", "2", "2.5", "false", "2022-01-09", "0.05", ""]);
    let mut s = source(&bytes, &Hints::default());
    assert_eq!(s.next().unwrap().unwrap().columns.column(0).null_count(), 1);
}

#[test]
fn containers_are_opened() {
    let text = b"a,b\n1,2\n";
    let expected = table(&[&["a", "b"], &["1", "2"]]);
    assert_eq!(rows(&gzipped(text)), expected);
    assert_eq!(rows(&[gzipped(b"a,b\n"), gzipped(b"1,2\n")].concat()), expected);
    assert_eq!(rows(&zipped(&[("__MACOSX/._d.csv", b"x"), ("cartella/d.csv", text)])), expected);
    let book = xlsx(&[("Dati", "visible", HEADER)]);
    assert_eq!(rows(&gzipped(&book)).len(), 1);
    assert_eq!(rows(&zipped(&[("d.xlsx", &book)])).len(), 1);
    let two = saved(&zipped(&[("uno.csv", text), ("due.csv", b"x,y\n")]));
    assert_eq!(rows_of(two.path(), &Hints::default()).unwrap_err().kind, ErrorKind::Choice);
    let hints = Hints { member: Some("due.csv".into()), ..Hints::default() };
    let s = open(two.path(), &hints, &Bounds::default()).unwrap();
    assert_eq!((s.understanding.header, s.understanding.container), (vec!["x".to_string(), "y".to_string()], Container::Zip { member: "due.csv".into() }));
}

#[test]
fn what_is_not_a_table_is_refused() {
    for text in [&b"%PDF-1.7 ..."[..], b"<!DOCTYPE html><html></html>", b"<?xml version=\"1.0\"?><a/>"] {
        assert_eq!(rows_of(saved(text).path(), &Hints::default()).unwrap_err().kind, ErrorKind::Unsupported);
    }
    let noise: Vec<u8> = (0u32..5000).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let program = [&b"\x7fELF\x02\x01\x01"[..], &[0; 500], b"/lib64/ld-linux"].concat();
    for bytes in [noise, program] {
        assert_eq!(rows_of(saved(&bytes).path(), &Hints::default()).unwrap_err().kind, ErrorKind::Unsupported);
    }
    assert_eq!(rows(b"nome,nota\nAnna\x00,a\x01b\n").len(), 2, "a few stray bytes are a damaged text");
    for bytes in [&b"PK\x03\x04 cut"[..], b"\x1f\x8b\x08 cut", b"PAR1 cut", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 cut"] {
        assert_eq!(rows_of(saved(bytes).path(), &Hints::default()).unwrap_err().kind, ErrorKind::Damaged, "{bytes:?}");
    }
}
