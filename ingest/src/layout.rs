//! Which part of the sender's file fills which column of the contract, decided once per delivery from its header.

use std::collections::HashMap;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef};
use datasets::model::{Column, Contract, DatasetName, Severity};
use warehouse::evaluator::Evaluator;
use warehouse::lake::Lake;

use crate::error::{Error, Kind, Result};
use crate::mapping::{Mapping, Origin, Rule, fold};
use crate::messages::sentence;
use crate::report::Violation;

/// Characters of a header that is not ours, as the sender is told of it.
const FOUND: usize = 300;

/// The source of one contract column.
enum From {
    Header(usize),
    Value(String),
    /// Index into the evaluator's expressions.
    Sql(usize),
    Nothing,
}

/// A contract column's source and what is done to its cells.
struct Filler {
    from: From,
    /// Keys by folded name: the cell is a name that stands for a key.
    keys: HashMap<String, String>,
    codes: HashMap<String, String>,
}

pub struct Layout {
    columns: Vec<Filler>,
    sql: Option<Evaluator>,
}

impl Layout {
    /// The layout, and what the sender should know of it (unknown columns are warnings; a missing required one is an error that
    /// refuses the file).
    pub async fn new(contract: &Contract, mapping: Option<&Mapping>, header: &SchemaRef, lake: &Lake) -> Result<(Self, Vec<Violation>)> {
        let names: Vec<&str> = header.fields().iter().map(|f| f.name().as_str()).collect();
        let mut used = vec![false; names.len()];
        let (mut columns, mut findings, mut sql) = (Vec::new(), Vec::new(), Vec::new());
        for column in &contract.columns {
            let mut keys = HashMap::new();
            let from = match mapping.and_then(|m| m.columns.get(&column.name)) {
                Some(origin) => {
                    if let Origin::Rule(Rule { lookup: Some(target), .. }) = origin {
                        keys = names_to_keys(target, lake).await?;
                    }
                    Self::declared(origin, &names, &mut used, &mut sql)?
                }
                None if column.lookup.is_some() => From::Nothing,
                None => Self::found(column, &names, &mut used, &mut findings),
            };
            if matches!(from, From::Nothing) && column.lookup.is_none() && column.required {
                findings.push(about_column("file.missing_column", &column.name, Severity::Error));
            }
            let codes = mapping.and_then(|m| m.codes.get(&column.name)).map(|c| c.iter().map(|(k, v)| (k.clone(), v.clone())).collect());
            columns.push(Filler { from, keys, codes: codes.unwrap_or_default() });
        }
        if !used.iter().any(|u| *u) && sql.is_empty() {
            let found: String = names.join(", ").chars().take(FOUND).collect();
            findings.push(Violation { value: None, ..about_column("file.no_header", &found, Severity::Error) });
        } else if mapping.is_none() {
            let ours = |name: &str| contract.columns.iter().any(|c| fold(name) == c.name && c.lookup.is_some());
            let unknown = names.iter().zip(&used).filter(|(name, used)| !**used && !name.is_empty() && !ours(name));
            findings.extend(unknown.map(|(name, _)| about_column("file.unknown_column", name, Severity::Warning)));
        }
        let sql = (!sql.is_empty())
            .then(|| Evaluator::new(header.clone(), &sql))
            .transpose()
            .map_err(|e| Error::new(Kind::Invalid, "mapping.invalid", &e.message))?;
        Ok((Self { columns, sql }, findings))
    }

    /// By place in the file: whether its cells go as they are to a column for which `plain` says yes.
    pub fn straight(&self, headers: usize, plain: impl Fn(usize) -> bool) -> Vec<bool> {
        let mut straight = vec![false; headers];
        for (column, filler) in self.columns.iter().enumerate() {
            if let From::Header(at) = filler.from {
                straight[at] = plain(column);
            }
        }
        straight
    }

    fn declared(origin: &Origin, names: &[&str], used: &mut [bool], sql: &mut Vec<String>) -> Result<From> {
        let wrong = |what: String| Error::new(Kind::Invalid, "mapping.invalid", &what);
        let mut at = |header: &str| match names.iter().position(|n| fold(n) == fold(header)) {
            Some(i) => {
                used[i] = true;
                Ok(i)
            }
            None => Err(wrong(format!("header '{header}' is not in the file"))),
        };
        Ok(match origin {
            Origin::Header(header) => From::Header(at(header)?),
            Origin::Rule(rule) => match (&rule.header, &rule.value, &rule.sql) {
                (Some(header), None, None) => From::Header(at(header)?),
                (None, Some(value), None) => From::Value(value.clone()),
                (None, None, Some(text)) => {
                    sql.push(text.clone());
                    From::Sql(sql.len() - 1)
                }
                _ => return Err(wrong("a column takes one of header, value and sql".into())),
            },
        })
    }

    fn found(column: &Column, names: &[&str], used: &mut [bool], findings: &mut Vec<Violation>) -> From {
        let wanted: Vec<String> = [&column.name, &column.title.it, &column.title.en].into_iter().chain(&column.aliases).map(|n| fold(n)).collect();
        let matches: Vec<usize> = (0..names.len()).filter(|i| wanted.contains(&fold(names[*i]))).collect();
        matches.iter().for_each(|i| used[*i] = true);
        if matches.len() > 1 {
            findings.push(about_column("file.repeated_column", &column.name, Severity::Error));
        }
        matches.first().map_or(From::Nothing, |i| From::Header(*i))
    }

    /// The cells of each contract column, in contract order, as text; all null where the file has nothing for it.
    pub fn cells(&self, batch: &RecordBatch) -> Result<Vec<StringArray>> {
        let computed = self.sql.as_ref().map(|e| e.evaluate(batch)).transpose()?.unwrap_or_default();
        let text = |array: &ArrayRef| -> Result<StringArray> {
            let array = cast(array, &DataType::Utf8).map_err(|e| Error::internal("layout.text", e))?;
            Ok(array.as_string::<i32>().clone())
        };
        let mut out = Vec::with_capacity(self.columns.len());
        for Filler { from, keys, codes } in &self.columns {
            let cells = match from {
                From::Header(i) => batch.column(*i).as_string::<i32>().clone(),
                From::Value(value) => StringArray::from_iter_values(std::iter::repeat_n(value, batch.num_rows())),
                From::Sql(i) => text(&computed[*i])?,
                From::Nothing => StringArray::new_null(batch.num_rows()),
            };
            // A name or code that is not known stays as it is: the contract's checks then show it to the sender.
            let known = |c: &str| keys.get(&fold(c)).or_else(|| codes.get(c.trim())).cloned().unwrap_or_else(|| c.to_owned());
            out.push(if keys.is_empty() && codes.is_empty() { cells } else { cells.iter().map(|c| c.map(known)).collect() });
        }
        Ok(out)
    }
}

async fn names_to_keys(target: &str, lake: &Lake) -> Result<HashMap<String, String>> {
    let wrong = || Error::new(Kind::Invalid, "mapping.invalid", &format!("'{target}' is not area.dataset.column"));
    let (dataset, column) = target.rsplit_once('.').ok_or_else(wrong)?;
    let dataset: DatasetName = dataset.parse().map_err(|_| wrong())?;
    let contract = lake.catalog().get(&dataset).ok_or_else(wrong)?;
    let key = contract.key.first().ok_or_else(wrong)?;
    let by_name = lake.lookup(&dataset, column, key).await?;
    Ok(by_name.iter().map(|(name, key)| (fold(name), key.clone())).collect())
}

fn about_column(code: &'static str, column: &str, severity: Severity) -> Violation {
    Violation { line: None, column: Some(column.to_owned()), rule: code.to_owned(), severity, value: None, message: sentence(code, column) }
}
