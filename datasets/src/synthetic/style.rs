//! How each sender writes: every office has its own program, encoding, headers and habits, and keeps to them.

use rand::Rng;

use super::cell::{Cell, decimal};
use super::random::{pick, stream, weighted};
use super::sheet::Sheet;

/// Rows above which an office exports CSV rather than a worksheet or one JSON array.
pub const MANY: usize = 20_000;

#[derive(Clone, Debug)]
pub struct Style {
    pub form: Form,
    /// Which of a column's other names stands in the header; `None` is the contract's name.
    pub alias: Option<usize>,
    pub italian_dates: bool,
    pub decimal_mark: char,
    /// False and true.
    pub booleans: [&'static str; 2],
}

#[derive(Clone, Debug)]
pub enum Form {
    Csv(Csv),
    /// Cells are numbers and dates when `typed`, else all text.
    Xlsx {
        typed: bool,
    },
    Json,
    Ndjson,
}

#[derive(Clone, Debug)]
pub struct Csv {
    pub delimiter: u8,
    pub encoding: Encoding,
    pub windows_lines: bool,
    pub quote_all: bool,
    pub pack: Pack,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Utf8,
    Utf8Bom,
    Cp1252,
    Utf16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pack {
    Plain,
    Gzip,
    Zip,
}

/// The region writes plain CSV; everyone else in their own manner, the same for every dataset.
pub fn of(sheet: &Sheet, seed: u64) -> Style {
    if sheet.sender == "lazio" {
        let pack = if sheet.rows.len() > MANY { Pack::Gzip } else { Pack::Plain };
        let csv = Csv { delimiter: b',', encoding: Encoding::Utf8, windows_lines: false, quote_all: false, pack };
        return Style { form: Form::Csv(csv), alias: None, italian_dates: false, decimal_mark: '.', booleans: ["false", "true"] };
    }
    let mut rng = stream(seed, &format!("style {}", sheet.sender));
    let csv = Csv {
        delimiter: weighted(&mut rng, &[(b';', 60), (b',', 30), (b'\t', 10)]),
        encoding: weighted(&mut rng, &[(Encoding::Utf8, 45), (Encoding::Utf8Bom, 20), (Encoding::Cp1252, 25), (Encoding::Utf16, 10)]),
        windows_lines: rng.random_bool(0.6),
        quote_all: rng.random_bool(0.2),
        pack: weighted(&mut rng, &[(Pack::Plain, 80), (Pack::Gzip, 8), (Pack::Zip, 12)]),
    };
    let form = match rng.random_range(0..100) {
        0..65 => Form::Csv(csv),
        _ if sheet.rows.len() > MANY => Form::Csv(csv),
        65..75 => Form::Xlsx { typed: true },
        75..83 => Form::Xlsx { typed: false },
        83..91 => Form::Json,
        _ => Form::Ndjson,
    };
    Style {
        alias: weighted(&mut rng, &[(None, 50), (Some(0), 30), (Some(1), 20)]),
        italian_dates: rng.random_bool(0.6),
        decimal_mark: if rng.random_bool(0.6) { ',' } else { '.' },
        booleans: *pick(&mut rng, &[&["no", "sì"], &["false", "true"], &["0", "1"], &["N", "S"], &["FALSO", "VERO"]]),
        form,
    }
}

impl Style {
    pub fn extension(&self) -> &'static str {
        match &self.form {
            Form::Csv(csv) => match csv.pack {
                Pack::Plain => "csv",
                Pack::Gzip => "csv.gz",
                Pack::Zip => "zip",
            },
            Form::Xlsx { .. } => "xlsx",
            Form::Json => "json",
            Form::Ndjson => "ndjson",
        }
    }

    /// A cell as this sender writes it.
    pub fn text(&self, cell: &Cell) -> String {
        match cell {
            Cell::Empty => String::new(),
            Cell::Text(text) | Cell::Raw(text) => text.clone(),
            Cell::Integer(number) => number.to_string(),
            Cell::Decimal { units, scale } => decimal(*units, *scale, self.decimal_mark),
            Cell::Double(digits) => digits.replace('.', &self.decimal_mark.to_string()),
            Cell::Boolean(value) => self.booleans[usize::from(*value)].to_owned(),
            Cell::Date(date) if self.italian_dates => date.format("%d/%m/%Y").to_string(),
            Cell::Date(date) => date.format("%Y-%m-%d").to_string(),
            Cell::Moment(moment) => moment.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        }
    }
}
