//! What a contract sees: header, batches, lines, ragged rows, oddities.

use arrow::array::AsArray;

use super::source;
use crate::read::{Container, Hints, LineEnding, Ragged, Source, TextBatch};

fn whats(source: &Source) -> Vec<(&str, Option<i64>, u64)> {
    source.understanding.oddities.0.iter().map(|o| (o.what.as_str(), o.line, o.count)).collect()
}

fn column(batch: &TextBatch, name: &str) -> Vec<Option<String>> {
    let column = batch.columns.column_by_name(name).unwrap().as_string::<i32>();
    column.iter().map(|v| v.map(String::from)).collect()
}

fn some(cells: &[&str]) -> Vec<Option<String>> {
    cells.iter().map(|c| Some(c.to_string())).collect()
}

#[test]
fn codes_keep_their_zeros_and_lines_are_physical() {
    let mut s = source(b"codice;nome;note\n058091;Roma;\"due\nrighe\"\n058120;Fiumicino;\"\"\n", &Hints::default());
    let known = s.understanding.clone();
    let dialect = known.dialect.unwrap();
    assert_eq!((dialect.delimiter.as_str(), dialect.quote, dialect.line_ending), (";", Some('"'), LineEnding::Lf));
    assert_eq!((known.container, known.encoding.as_deref(), known.header_line), (Container::Plain, Some("UTF-8"), Some(1)));
    let batch = s.next().unwrap().unwrap();
    assert_eq!(batch.lines, [2, 4]);
    assert_eq!(column(&batch, "codice"), some(&["058091", "058120"]));
    assert_eq!(column(&batch, "note"), some(&["due\nrighe", ""]));
    assert!(s.next().unwrap().is_none());
    assert!(s.understanding.oddities.0.is_empty());
}

#[test]
fn ragged_rows_are_kept_and_shown() {
    let mut s = source(b"a,b,c\n1,2,3\n4,5\n6,7,8,9,10\n\n,,\n11,12,13\n", &Hints::default());
    let batch = s.next().unwrap().unwrap();
    assert_eq!(batch.lines, [2, 3, 4, 7]);
    assert_eq!(column(&batch, "c"), [Some("3".into()), None, Some("8".into()), Some("13".into())]);
    let extra = vec!["9".to_string(), "10".to_string()];
    assert_eq!(batch.ragged, [Ragged { row: 1, line: 3, cells: 2, extra: vec![] }, Ragged { row: 2, line: 4, cells: 5, extra }]);
    assert_eq!(whats(&s), [("ragged", Some(3), 2), ("blank", Some(5), 2)]);
}

#[test]
fn titles_above_the_header_are_passed_over() {
    let text = "Elenco delle strutture;;\n\nCodice;Nome;Posti\n1;Casa;12\n2;Villa;9\n";
    let s = source(text.as_bytes(), &Hints::default());
    assert_eq!(s.understanding.header, ["Codice", "Nome", "Posti"]);
    assert_eq!(s.understanding.header_line, Some(3));
    assert_eq!(s.understanding.preamble, ["Elenco delle strutture"]);
}

#[test]
fn the_header_can_be_told() {
    let text = b"1,2\nx,y\n3,4\n";
    let told = |hints: Hints| source(text, &hints).understanding;
    assert_eq!(told(Hints { header_row: Some(2), ..Hints::default() }).header, ["x", "y"]);
    let none = told(Hints { header_row: Some(0), ..Hints::default() });
    assert_eq!((none.header, none.header_line), (vec!["colonna_1".to_string(), "colonna_2".to_string()], None));
    let names = Hints { columns: Some(vec!["Y".into(), "X".into()]), ..Hints::default() };
    assert_eq!(told(names).header_line, Some(2));
}

#[test]
fn names_are_made_usable_and_reported() {
    let s = source(b" nome ,nome,,et\xc3\xa0\nA,B,C,D\nE,F,G,H\n", &Hints::default());
    assert_eq!(s.understanding.header, ["nome", "nome_2", "colonna_3", "età"]);
    assert_eq!(s.understanding.header_text[0], " nome ");
    assert_eq!(whats(&s), [("empty_header", Some(1), 1), ("duplicate_header", Some(1), 1)]);
}

#[test]
fn odd_bytes_are_reported_with_their_line() {
    let text = b"nome,nota\ncaff\xc3\xa8,uno\nperch\xe8,due\nzero\0,tre\n\xc3\xa8,\xc3\xa0\xc3\xb9\xc3\xac\xc3\xb2\xc3\xa8\xc3\xa9\xc3\xa8\xc3\xa0\xc3\xb9\xc3\xac\xc3\xb2\n";
    let mut s = source(text, &Hints::default());
    let batch = s.next().unwrap().unwrap();
    assert_eq!(column(&batch, "nome"), some(&["caffè", "perchè", "zero\0", "è"]));
    assert_eq!(whats(&s), [("invalid_bytes", Some(3), 1), ("nul", Some(4), 1)]);
}

#[test]
fn stray_quotes_are_repaired_and_reported() {
    let mut text = String::from("a,b,c\n");
    for i in 0..20 {
        text += &format!("{i},\"testo, {i}\",x\n");
    }
    let broken = text.replace("7,\"testo, 7\",x", "7,\"testo,x").replace("9,\"testo, 9\"", "9,\"il \"vecchio\", 9\"");
    let mut s = source(broken.as_bytes(), &Hints::default());
    let batch = s.next().unwrap().unwrap();
    assert_eq!(batch.lines.len(), 20);
    assert_eq!(column(&batch, "b")[7].as_deref(), Some("\"testo"));
    assert_eq!(column(&batch, "b")[9].as_deref(), Some("il \"vecchio\", 9"));
    assert_eq!(column(&batch, "b")[10].as_deref(), Some("testo, 10"));
    assert_eq!(whats(&s), [("quotes", Some(9), 2)]);
}

#[test]
fn long_files_come_in_batches_with_their_lines() {
    let mut text = String::from("n,m\n");
    for i in 0..50_000 {
        text += &format!("{i},x{i}\n");
    }
    let mut s = source(text.as_bytes(), &Hints::default());
    let mut seen = 0;
    while let Some(batch) = s.next().unwrap() {
        assert_eq!(batch.lines.len(), batch.columns.num_rows());
        assert_eq!(batch.lines[0], seen + 2);
        assert_eq!(column(&batch, "n")[0], Some(seen.to_string()));
        seen += batch.lines.len() as i64;
    }
    assert_eq!(seen, 50_000);
}

#[test]
fn an_empty_file_is_no_error() {
    for text in ["", "\n", "\u{feff}"] {
        let mut s = source(text.as_bytes(), &Hints::default());
        assert!(s.next().unwrap().is_none());
        assert!(s.understanding.header.is_empty());
    }
}
