//! A workbook's parts, read back.

use std::io::Read;
use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, StringArray};

use super::*;

fn batch(texts: &[&str]) -> RecordBatch {
    let numbers = Decimal128Array::from_iter_values((0..texts.len()).map(|i| 12_345_678_901_234_567 + i as i128)).with_precision_and_scale(22, 4).unwrap();
    RecordBatch::try_from_iter([("codice", Arc::new(StringArray::from(texts.to_vec())) as ArrayRef), ("n", Arc::new(numbers))]).unwrap()
}

fn written(texts: &[&str], most: u32) -> (zip::ZipArchive<File>, bool) {
    let mut file = tempfile::tempfile().unwrap();
    let mut book = Xlsx::with_rows(file.try_clone().unwrap(), &["codice", "n"], most).unwrap();
    book.rows(&batch(texts)).unwrap();
    let fits = Box::new(book).end().unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    (zip::ZipArchive::new(file).unwrap(), fits)
}

fn part(zip: &mut zip::ZipArchive<File>, name: &str) -> String {
    let mut text = String::new();
    zip.by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}

#[test]
fn rows_past_the_limit_go_on_in_the_next_sheet() {
    let (mut zip, fits) = written(&["a", "b", "c", "d", "e"], 3);
    assert!(fits);
    let rows: Vec<usize> = (1..=3).map(|n| part(&mut zip, &format!("xl/worksheets/sheet{n}.xml")).matches("<row ").count()).collect();
    assert_eq!(rows, [3, 3, 2], "two rows and the header, two, one");
    assert_eq!(part(&mut zip, "xl/workbook.xml").matches("<sheet ").count(), 3);
}

#[test]
fn codes_and_long_numbers_are_text() {
    let (mut zip, _) = written(&["058091", "a<b & _x0041_\u{1}"], 10);
    let sheet = part(&mut zip, "xl/worksheets/sheet1.xml");
    assert!(sheet.contains("t=\"inlineStr\"><is><t xml:space=\"preserve\">058091</t>"), "{sheet}");
    assert!(sheet.contains("<t xml:space=\"preserve\">1234567890123.4567</t>"), "{sheet}");
    assert!(sheet.contains("a&lt;b &amp; _x005F_x0041__x0001_"), "{sheet}");
}

#[test]
fn a_text_that_no_cell_holds_makes_no_workbook() {
    assert!(!written(&[&"x".repeat(CELL + 1)], 10).1);
    assert!(written(&[&"x".repeat(CELL)], 10).1);
}

#[test]
fn columns_and_days_are_named_as_excel_does() {
    assert_eq!([0, 25, 26, 701, 702].map(letters), ["A", "Z", "AA", "ZZ", "AAA"]);
    assert_eq!((serial("1900-03-01"), serial("2026-11-28"), serial("1899-01-01")), (Some(61), Some(46354), None));
}
