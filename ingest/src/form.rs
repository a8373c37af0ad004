//! Rows that come by form: judged by the very checks that rows of a file meet, and handed to the ordinary pipeline as a file.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datasets::model::{Column, Contract, Frequency, Severity, Type};
use serde_json::{Map, Value};

use crate::check::Checker;
use crate::convert::{Formats, clean, convert};
use crate::deliver::Deliveries;
use crate::error::{Error, Kind, Result};
use crate::identity::Identity;
use crate::incoming::Incoming;
use crate::report::{Report, Violation};

mod kept;

/// One row as it was answered: text by column; absent or blank is no value.
pub type Answers = BTreeMap<String, String>;

/// Name of the file that a form becomes.
pub const FILE: &str = "modulo.json";

/// Rows and what was found of them.
#[derive(Debug, Default)]
pub struct Judged {
    /// As they were answered, in one way of writing: days ISO, numbers with a point; columns that are looked up are there too.
    pub rows: Vec<Answers>,
    /// `line` counts rows from 1.
    pub findings: Vec<Violation>,
}

impl Judged {
    /// Whether the rows may be sent: warnings are no hindrance.
    pub fn stands(&self) -> bool {
        !self.findings.iter().any(|one| one.severity == Severity::Error)
    }
}

impl Deliveries {
    /// Judges rows of one dataset from one sender by every check that looks at a row. Rules about rows together are the pipeline's.
    /// Errors: `Invalid` for a column that the dataset has not.
    pub async fn judge(&self, dataset: &str, sender: &str, rows: &[Answers]) -> Result<Judged> {
        let rules = self.rules(dataset)?;
        let contract = &rules.contract;
        if let Some(unknown) = rows.iter().flat_map(BTreeMap::keys).find(|name| contract.column(name).is_none()) {
            return Err(Error::new(Kind::Invalid, "form.column", unknown));
        }
        let formats = Formats::default();
        let cells: Vec<StringArray> =
            contract.columns.iter().map(|column| rows.iter().map(|row| row.get(&column.name).map(String::as_str)).collect()).collect();
        let mut canonical: Vec<Answers> = vec![Answers::new(); rows.len()];
        for (column, cells) in contract.columns.iter().zip(&cells).filter(|(column, _)| column.lookup.is_none()) {
            let written = written(column, &clean(cells, &formats), &formats)?;
            for (row, value) in written.iter().enumerate().filter_map(|(row, value)| Some((row, value?))) {
                canonical[row].insert(column.name.clone(), value.to_owned());
            }
        }
        for row in &mut canonical {
            row.extend(self.looked_up(contract, row).await?);
        }
        let identity = Identity::of(contract, self.vault());
        let checker = Checker::new(rules.clone(), sender, formats, self.lake(), identity).await?;
        let lines: Vec<i64> = (1..).take(rows.len()).collect();
        let checked = checker.check(&lines, cells, &[])?;
        Ok(Judged { rows: canonical, findings: checked.findings })
    }

    /// The values of a row that are looked up by its others.
    pub async fn looked_up(&self, contract: &Contract, row: &Answers) -> Result<Answers> {
        let mut found = Answers::new();
        for (column, lookup) in contract.columns.iter().filter_map(|column| Some((column, column.lookup.as_ref()?))) {
            let target = self.lake().catalog().get(&lookup.dataset);
            let key = target.and_then(|target| target.key.first()).ok_or_else(|| Error::internal("form.lookup", lookup.dataset.to_string()))?;
            let values = self.lake().lookup(&lookup.dataset, key, &lookup.column).await?;
            if let Some(value) = row.get(&lookup.by).and_then(|by| values.get(by.trim())) {
                found.insert(column.name.clone(), value.clone());
            }
        }
        Ok(found)
    }

    /// Hands rows to the pipeline as a file of `sender` and gives its report, in which lines count rows from 1. `marks` say which steps of which
    /// cases the rows come from: the same rows of the same steps are the same delivery, and a row that is changed back is another.
    pub async fn enter(&self, contract: &Contract, sender: &str, account: &str, period: String, marks: &[String], rows: &[Answers]) -> Result<Report> {
        let incoming =
            Incoming { dataset: contract.name.to_string(), sender: sender.into(), period, account: account.into(), file_name: FILE.into(), mapping: None };
        let receipt = self.receive(incoming, &file(contract, marks, rows)[..]).await?;
        self.process(&receipt.id, &|_| {}).await
    }
}

/// The period that a row of today belongs to.
pub fn period(frequency: Frequency, today: chrono::NaiveDate) -> String {
    use chrono::Datelike;
    match frequency {
        Frequency::Once | Frequency::Yearly => today.format("%Y").to_string(),
        Frequency::Monthly => today.format("%Y-%m").to_string(),
        Frequency::Quarterly => format!("{}-Q{}", today.year(), today.month0() / 3 + 1),
    }
}

/// What a sender gives of the rows, in the contract's order, as a JSON array, the marks before it.
fn file(contract: &Contract, marks: &[String], rows: &[Answers]) -> Vec<u8> {
    let object = |row: &Answers| -> Value {
        let given = contract.delivered().filter_map(|column| Some((column.name.clone(), Value::String(row.get(&column.name)?.clone()))));
        Value::Object(given.collect::<Map<_, _>>())
    };
    // An element without a key of the first one would not say so: each has every column.
    let mut whole: Vec<Value> = rows.iter().map(object).collect();
    for row in whole.iter_mut().filter_map(Value::as_object_mut) {
        for column in contract.delivered() {
            row.entry(column.name.clone()).or_insert(Value::Null);
        }
    }
    serde_json::json!({ "passi": marks, "righe": whole }).to_string().into_bytes()
}

/// Cells as the column's type is written everywhere; what cannot be read stays as it is, for the checks to say so.
fn written(column: &Column, cells: &StringArray, formats: &Formats) -> Result<StringArray> {
    if column.r#type == Type::Text {
        return Ok(cells.clone());
    }
    let typed = convert(column, cells, formats);
    let text = cast(&typed, &DataType::Utf8).map_err(|e| Error::internal("form.text", e))?;
    let text = text.as_string::<i32>();
    let number = matches!(column.r#type, Type::Decimal(..) | Type::Double);
    let one = |row: usize| match (text.is_valid(row), number) {
        (true, true) => Some(unambiguous(text.value(row))),
        (true, false) => Some(text.value(row).to_owned()),
        (false, _) => cells.is_valid(row).then(|| cells.value(row).to_owned()),
    };
    Ok((0..cells.len()).map(one).collect())
}

/// A number that reads one way only: three decimals could be thousands.
fn unambiguous(number: &str) -> String {
    match number.rsplit_once('.') {
        Some((_, decimals)) if decimals.len() == 3 => format!("{number}0"),
        _ => number.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_reads_one_way_however_it_was_typed() {
        let column: Column =
            toml::from_str("name = 'a'\ntype = 'decimal(12,3)'\ntitle = { it = 'a', en = 'a' }\ndescription = { it = 'a', en = 'a' }\nclass = 'public'")
                .unwrap();
        let cells = StringArray::from(vec![Some("1234,5"), Some("1.234,500"), None, Some("molto")]);
        let text = written(&column, &cells, &Formats::default()).unwrap();
        assert_eq!(text.iter().collect::<Vec<_>>(), [Some("1234.5000"), Some("1234.5000"), None, Some("molto")]);
    }

    #[test]
    fn a_row_belongs_to_the_period_of_its_day() {
        let day = chrono::NaiveDate::from_ymd_opt(2026, 11, 29).unwrap();
        assert_eq!([Frequency::Yearly, Frequency::Monthly, Frequency::Quarterly].map(|f| period(f, day)), ["2026", "2026-11", "2026-Q4"]);
    }
}
