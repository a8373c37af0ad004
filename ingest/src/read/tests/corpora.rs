//! Files made to break parsers, read from `../shared/data/messy-csv` where it is at hand.

use std::path::{Path, PathBuf};

use super::{rows_of, table};
use crate::read::{Bounds, Described, ErrorKind, Format, Hints, describe};

fn corpus(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/messy-csv");
    let path = root.join(name);
    if !path.exists() {
        println!("skipped: {} is not there", path.display());
        return None;
    }
    Some(path)
}

fn rows(path: &Path) -> Vec<Vec<String>> {
    rows_of(path, &Hints::default()).unwrap()
}

fn described(path: &Path) -> Described {
    describe(path, &Hints::default(), &Bounds::default()).unwrap()
}

#[test]
fn csv_spectrum_agrees_with_its_json() {
    let Some(dir) = corpus("csv-spectrum") else { return };
    let mut files = 0;
    for entry in std::fs::read_dir(dir.join("csvs")).unwrap() {
        let csv = entry.unwrap().path();
        let json = dir.join("json").join(csv.file_stem().unwrap()).with_extension("json");
        let expected: Vec<serde_json::Map<String, serde_json::Value>> = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
        let found = rows(&csv);
        let header = &found[0];
        assert_eq!(found.len() - 1, expected.len(), "{csv:?}");
        for (row, object) in found[1..].iter().zip(&expected) {
            assert_eq!(row.len(), object.len(), "{csv:?}");
            for (name, cell) in header.iter().zip(row) {
                // Git took the carriage returns out of the files, not out of the oracle.
                assert_eq!(object[name].as_str().unwrap().replace('\r', ""), cell.replace('\r', ""), "{csv:?}");
            }
        }
        files += 1;
    }
    assert_eq!(files, 11);
}

#[test]
fn csvlint_files_come_back() {
    let Some(dir) = corpus("csvlint") else { return };
    let small = table(&[&["Foo", "Bsr", "Baz"], &["Biff", "Baff", "Boff"], &["Qux", "Teaspoon", "Doge"]]);
    for name in ["crlf-line-endings", "lf-line-endings", "inconsistent-line-endings", "inconsistent-line-endings-unquoted"] {
        assert_eq!(rows(&dir.join(format!("{name}.csv"))), small, "{name}");
    }
    assert_eq!(rows(&dir.join("cr-line-endings.csv"))[1..], small[1..]);
    let titled = described(&dir.join("title-row.csv")).understanding;
    assert_eq!((titled.header_line, titled.header), (Some(2), small[0].clone()));
    let broken = rows(&dir.join("invalid_many_rows.csv"));
    assert!(broken.contains(&vec!["1".into(), "2".into(), "3\" ".into()]), "{broken:?}");
    let bank = rows(&dir.join("invalid-byte-sequence.csv"));
    assert_eq!((bank.len(), bank[0][2].as_str()), (24, "Histórico"));
    for name in ["spreadsheet.xls", "spreadsheet.xlsx"] {
        assert_eq!(rows(&dir.join(name)), table(&[&["a", "b", "c"]]), "{name}");
    }
}

#[test]
fn messytables_files_are_understood() {
    let Some(dir) = corpus("messytables-horror") else { return };
    let see = |name: &str| described(&dir.join(name));
    let shape = |d: &Described| (d.understanding.header.len(), d.understanding.header_line, d.rows);
    assert_eq!(shape(&see("excel_pasting.csv")), (9, Some(4), 16));
    assert_eq!(shape(&see("weird_head_padding.csv")).1, Some(12));
    assert_eq!(shape(&see("mixedGLB.csv")), (19, Some(4), 133));
    assert_eq!(shape(&see("211.csv")), (96, Some(1), 2132));
    assert_eq!(shape(&see("long.csv")), (1, Some(1), 3999));
    assert_eq!(shape(&see("simple.unknown")), (0, None, 0));
    assert_eq!(shape(&see("null.csv")), (4, None, 10));
    assert_eq!(see("characters.csv").understanding.encoding.as_deref(), Some("Big5"));
    let wide = see("utf-16le_encoded.csv");
    assert_eq!((wide.understanding.encoding.as_deref(), wide.rows), (Some("UTF-16LE"), 327));
    let spanish = see("spanish_chars.csv");
    assert_eq!((spanish.understanding.encoding.as_deref(), spanish.understanding.header.len()), (Some("windows-1252"), 8));
    for name in ["simple.csv", "simple.ssv", "simple.zip", "simple.xls", "simple.xlsx"] {
        assert_eq!(see(name).understanding.header, ["date", "temperature", "place"], "{name}");
        assert_eq!(see(name).rows, 6, "{name}");
    }
    for name in ["simple.ods", "blank_line.ods", "loffice-4.4.1.2.ods"] {
        let cells: Vec<Vec<String>> = rows(&dir.join(name));
        assert_eq!(cells[1], ["Bob", "20", "2010-10-10"], "{name}");
    }
    assert_eq!(rows(&dir.join("multilineods.ods"))[0][0], "1\n2\n3\n4");
    let locked = describe(&dir.join("encrypted_no_password.xls"), &Hints::default(), &Bounds::default()).unwrap_err();
    assert_eq!(locked.kind, ErrorKind::Unsupported);
}

#[test]
fn a_municipality_s_files_are_understood() {
    let Some(dir) = corpus("comune-alessandria/dataset") else { return };
    for (name, columns, rows) in [
        ("numeri-civici/numeri-civici.csv", 11, 26_160),
        ("segnalazioni-municipium/segnalazioni-municipium.csv", 7, 4_651),
        ("viario/viario.csv", 7, 852),
        ("ingressi-biblioteca/ingressi-biblioteca-2021.csv", 7, 12),
    ] {
        let d = described(&dir.join(name));
        let known = &d.understanding;
        assert_eq!((known.format, known.header.len(), known.header_line, d.rows), (Format::Csv, columns, Some(1), rows), "{name}");
        assert_eq!(known.dialect.as_ref().unwrap().delimiter, ";");
        assert!(known.oddities.0.is_empty(), "{name}: {:?}", known.oddities);
    }
}
