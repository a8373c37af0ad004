//! One clean table and every way of spoiling it that the Pollock benchmark describes (Vitagliano et al., "Pollock: A Data
//! Loading Benchmark", VLDB 2023), each with the cells that must come back.

use super::{rows, rows_of, saved, table};
use crate::read::Hints;

type Table = Vec<Vec<String>>;

const QUOTED: [usize; 2] = [6, 7];

fn clean() -> Table {
    let header = ["DATA", "ORA", "Qta", "CODICE", "Prezzo", "Tipo", "Descrizione", "URL", "Note"];
    let kinds = ["Scarpe d'uomo", "Giacca leggera", "Cuscino, remi di legno", "Tavolo rotondo 48\"", "Boxer, 5\" interno"];
    let texts = [
        "Robuste, leggere e rapide",
        "Dal correre al camminare, la giacca resiste.",
        "Una canna lunga 8\\'9\" perfetta per lei.",
        "Con \"stile\" e qualità, per tutti",
        "Fatto nell'alta Italia: standard esatti",
    ];
    let mut rows = table(&[&header]);
    for i in 0..60 {
        rows.push(vec![
            format!("{:02}/{:02}/2018", i % 28 + 1, i % 12 + 1),
            format!("{:02}:{:02}", i % 24, i % 4 * 15),
            (i % 30).to_string(),
            format!("{}-{}", ["MG", "RI", "CC"][i % 3], 1000 + i * 37),
            format!("€{}.{:02}", i * 7 % 90, i * 13 % 100),
            kinds[i * 3 % 5].to_string(),
            texts[i % 5].to_string(),
            format!("https://www.esempio.it/prodotto/{i}.html"),
            String::new(),
        ]);
    }
    rows
}

/// How a table is written; Pollock's own source is the default.
#[derive(Clone, Copy)]
struct Way<'a> {
    delimiter: &'a str,
    quote: &'a str,
    escape: &'a str,
    line_end: &'a str,
    all: bool,
}

const PLAIN: Way<'static> = Way { delimiter: ",", quote: "\"", escape: "\"", line_end: "\n", all: false };

impl Way<'_> {
    fn cells(&self, row: &[String]) -> Vec<String> {
        let quoted = |i: usize, c: &String| self.all || QUOTED.contains(&i) && row.len() > 7 || c.contains(self.delimiter) || c.contains(self.quote);
        let escaped = |c: &String| c.replace(self.quote, &format!("{}{}", self.escape, self.quote));
        let cell = |(i, c): (usize, &String)| if quoted(i, c) { format!("{0}{1}{0}", self.quote, escaped(c)) } else { c.clone() };
        row.iter().enumerate().map(cell).collect()
    }

    fn write(&self, table: &Table) -> String {
        table.iter().map(|row| self.cells(row).join(self.delimiter) + self.line_end).collect()
    }
}

fn full(table: &[Vec<String>]) -> Table {
    table.iter().filter(|row| row.iter().any(|c| !c.is_empty())).cloned().collect()
}

fn comes_back(name: &str, text: &str, expected: &Table) {
    let found = full(&rows(text.as_bytes()));
    let expected = full(expected);
    let differ = found.iter().zip(&expected).find(|(f, e)| f != e);
    assert!(found == expected, "{name}: {} rows, expected {}; first difference {differ:#?}", found.len(), expected.len());
}

#[test]
fn delimiters() {
    for delimiter in [",", ";", "\t", "|", " ", ":", "^", "~", "#", ", ", "; ", " | ", "\t\t", "||", "::", "|~|", "@@", "\\t", "\u{1f}"] {
        comes_back(&format!("delimiter {delimiter:?}"), &Way { delimiter, ..PLAIN }.write(&clean()), &clean());
        comes_back(&format!("all quoted, {delimiter:?}"), &Way { delimiter, all: true, ..PLAIN }.write(&clean()), &clean());
    }
}

#[test]
fn line_ends() {
    for line_end in ["\n", "\r", "\r\n", "\r\r\n"] {
        comes_back(&format!("{line_end:?}"), &Way { line_end, ..PLAIN }.write(&clean()), &clean());
    }
    let text = PLAIN.write(&clean());
    comes_back("no trailing newline", text.trim_end(), &clean());
    comes_back("double trailing newline", &format!("{text}\n"), &clean());
    let mixed: String = text.lines().enumerate().map(|(i, l)| format!("{l}{}", ["\n", "\r\n", "\r"][i % 3])).collect();
    comes_back("mixed", &mixed, &clean());
}

#[test]
fn quotes_and_escapes() {
    for quote in ["'", "`"] {
        for delimiter in [",", ";", "\t"] {
            comes_back(&format!("quote {quote}"), &Way { quote, escape: quote, delimiter, ..PLAIN }.write(&clean()), &clean());
        }
    }
    for delimiter in [",", ";"] {
        comes_back("backslash", &Way { escape: "\\", delimiter, ..PLAIN }.write(&clean()), &clean());
        comes_back("quotes not escaped at all", &Way { escape: "", delimiter, ..PLAIN }.write(&clean()), &clean());
    }
}

#[test]
fn apostrophes_as_quotes_and_inside() {
    let quoted = |(i, c): (usize, &String)| if QUOTED.contains(&i) || c.contains(',') { format!("'{c}'") } else { c.clone() };
    let line = |row: &Vec<String>| row.iter().enumerate().map(quoted).collect::<Vec<_>>().join(",") + "\n";
    comes_back("apostrophes", &clean().iter().map(line).collect::<String>(), &clean());
}

#[test]
fn a_row_of_mixed_separators_and_a_table_below_notes() {
    let data = clean();
    let lines: Vec<String> = PLAIN.write(&data).lines().map(String::from).collect();
    let text: String = lines.iter().enumerate().map(|(i, l)| if i == 20 { l.replacen(',', ";", 3) } else { l.clone() } + "\n").collect();
    comes_back("mixed separators", &text, &data);
    let small: Table = data[..8].to_vec();
    let notes = "Regione Lazio\nDirezione regionale\n\nElenco provvisorio\nA = attiva\nS = sospesa\nC = chiusa\nLegenda\n\n";
    let above: Table = notes.lines().filter(|l| !l.is_empty()).map(|l| vec![l.to_string()]).collect();
    comes_back("notes", &(notes.to_string() + &Way { delimiter: ";", ..PLAIN }.write(&small)), &[above, small].concat());
}

#[test]
fn headers_and_other_tables() {
    let data = clean();
    comes_back("no header", &PLAIN.write(&data[1..].to_vec()), &data[1..].to_vec());
    comes_back("header only", &PLAIN.write(&data[..1].to_vec()), &data[..1].to_vec());
    comes_back("one row", &PLAIN.write(&data[..2].to_vec()), &data[..2].to_vec());
    comes_back("empty file", "", &Vec::new());
    let twice = [&data[..1], &data[..]].concat();
    comes_back("header twice", &PLAIN.write(&twice), &twice);
    let titled = [table(&[&["Elenco, definitivo", "", "", "", "", "", "", "", ""]]), data.clone()].concat();
    comes_back("delimited preamble", &PLAIN.write(&titled), &titled);
    let text = format!("Elenco prodotti del comune\n\n{}\nFonte: comune\n", PLAIN.write(&data));
    let whole = [table(&[&["Elenco prodotti del comune"]]), data.clone(), table(&[&["Fonte: comune"]])].concat();
    comes_back("preamble and footnote", &text, &whole);
    for width in [3, 9, 12] {
        let mut other = vec![(0..width).map(|i| format!("K{i}")).collect::<Vec<_>>()];
        other.extend((0..60).map(|r| (0..width).map(|i| format!("v{r}_{i}")).collect()));
        let text = format!("{}\n{}", PLAIN.write(&data), Way { all: false, ..PLAIN }.write(&other));
        comes_back(&format!("second table of {width}"), &text, &[data.clone(), other].concat());
    }
    comes_back("sep=", &format!("sep=;\r\n{}", Way { delimiter: ";", ..PLAIN }.write(&data)), &[table(&[&["sep=;"]]), data].concat());
}

#[test]
fn one_spoilt_row() {
    let data = clean();
    let lines: Vec<Vec<String>> = data.iter().map(|row| PLAIN.cells(row)).collect();
    let with = |r: usize, line: String| -> String {
        lines.iter().enumerate().map(|(i, cells)| if i == r { format!("{line}\n") } else { cells.join(",") + "\n" }).collect()
    };
    for r in (0..data.len()).step_by(7) {
        for c in 0..9 {
            let mut cells = lines[r].clone();
            cells[c] = format!("\"{}", cells[c]);
            let mut expected = data.clone();
            expected[r][c] = format!("\"{}", data[r][c]);
            comes_back(&format!("extra quote, row {r} column {c}"), &with(r, cells.join(",")), &expected);
            let mut cells = lines[r].clone();
            cells.insert(c, String::new());
            let mut expected = data.clone();
            expected[r].insert(c, String::new());
            comes_back(&format!("extra separator, row {r} column {c}"), &with(r, cells.join(",")), &expected);
        }
        for c in 0..5 {
            let mut cells = lines[r].clone();
            let second = cells.remove(c + 1);
            cells[c] += &second;
            let mut expected = data.clone();
            let second = expected[r].remove(c + 1);
            expected[r][c] += &second;
            if cells[c].contains('"') {
                continue;
            }
            comes_back(&format!("missing separator, row {r} column {c}"), &with(r, cells.join(",")), &expected);
        }
        for delimiter in [";", "\t", "|", ", "] {
            let other = Way { delimiter, ..PLAIN }.cells(&data[r]).join(delimiter);
            comes_back(&format!("row {r} with {delimiter:?}"), &with(r, other), &data);
        }
        for keep in [0, 5] {
            let mut expected = data.clone();
            expected[r].truncate(keep);
            comes_back(&format!("row {r} cut to {keep}"), &with(r, lines[r][..keep].join(",")), &expected);
        }
    }
}

#[test]
fn encodings() {
    let text = Way { delimiter: ";", ..PLAIN }.write(&clean());
    let wide = |order: fn(u16) -> [u8; 2]| -> Vec<u8> { text.encode_utf16().flat_map(order).collect() };
    let (cp1252, _, _) = encoding_rs::WINDOWS_1252.encode(&text);
    let files: [(&str, Vec<u8>); 7] = [
        ("utf-8", text.clone().into_bytes()),
        ("utf-8 with mark", [b"\xef\xbb\xbf", text.as_bytes()].concat()),
        ("utf-16le", wide(u16::to_le_bytes)),
        ("utf-16be", wide(u16::to_be_bytes)),
        ("utf-16le with mark", [vec![0xff, 0xfe], wide(u16::to_le_bytes)].concat()),
        ("utf-16be with mark", [vec![0xfe, 0xff], wide(u16::to_be_bytes)].concat()),
        ("windows-1252", cp1252.into_owned()),
    ];
    for (name, bytes) in files {
        assert_eq!(full(&rows(&bytes)), full(&clean()), "{name}");
    }
}

#[test]
fn columns_of_every_number_and_cells_of_every_size() {
    let mut wide = vec![(0..1024).map(|i| format!("c{i}")).collect::<Vec<_>>()];
    wide.extend((0..20).map(|r| (0..1024).map(|i| (r * i).to_string()).collect()));
    comes_back("1024 columns", &PLAIN.write(&wide), &wide);
    for c in [0, 3, 8] {
        let mut data = clean();
        data[0][c] = "HEADER".repeat(100_000);
        comes_back("a header of 600 kB", &PLAIN.write(&data), &data);
        data[0][c] = "HEAD/%R".into();
        comes_back("marks in the header", &PLAIN.write(&data), &data);
    }
    let lines =
        table(&[&["indirizzo"], &["Via Roma, 5"], &["Piazza Dante"], &["Largo Argentina, 12, Roma"], &["Via Po, 3"], &["Corso Italia"], &["Via Appia"]]);
    let text: String = lines.iter().map(|r| format!("{}\n", r[0])).collect();
    comes_back("one column of addresses", &text, &lines);
    let times: Table = (0..30).map(|i| vec![format!("{:02}:30:00", i % 24)]).collect();
    comes_back("one column of times", &PLAIN.write(&times), &times);
}

#[test]
fn quoted_cells_with_spaces_around() {
    let expected: Table = (0..20).map(|i| vec![i.to_string(), format!("testo, {i}"), "x".into()]).collect();
    let before: String = expected.iter().map(|r| format!("{}, \"{}\", {}\n", r[0], r[1], r[2])).collect();
    comes_back("before", &before, &expected);
    let after: String = expected.iter().map(|r| format!("{},\"{}\" ,{}\n", r[0], r[1], r[2])).collect();
    comes_back("after", &after, &expected);
}

#[test]
fn a_hint_wins_over_any_guess() {
    let file = saved(b"a;b,c\n1;2,3\n4;5,6\n");
    let hints = Hints { delimiter: Some(",".into()), ..Hints::default() };
    assert_eq!(rows_of(file.path(), &hints).unwrap(), table(&[&["a;b", "c"], &["1;2", "3"], &["4;5", "6"]]));
    let hints = Hints { encoding: Some("latin1".into()), ..Hints::default() };
    assert_eq!(rows_of(saved("a,b\nperch\u{e9},1\n".as_bytes()).path(), &hints).unwrap()[1][0], "perchÃ©");
}
