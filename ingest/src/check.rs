//! Judges rows by the contract: every finding with line, column, rule and value; at most one per cell, the plainest first.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, BooleanBufferBuilder, Int64Array, RecordBatch, StringArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datasets::derive::checks::{Check, CheckKind, checks};
use datasets::model::{Contract, DatasetName, Sender, Severity, Text, Type};
use datasets::system;
use warehouse::evaluator::Evaluator;
use warehouse::lake::Lake;

use crate::convert::{Formats, clean, convert};
use crate::error::{Error, Result};
use crate::identity::Identity;
use crate::messages::sentence;
use crate::read::Ragged;
use crate::report::Violation;
use crate::vault::{Arriving, HIDDEN};

/// A contract's checks, compiled once for all its deliveries.
pub struct Rules {
    pub contract: Contract,
    checks: Vec<Check>,
    evaluator: Evaluator,
    schema: SchemaRef,
    judged: SchemaRef,
}

impl Rules {
    pub fn new(contract: &Contract) -> Result<Self> {
        let mut checks = checks(contract);
        let derived = |check: &Check| check.column.as_deref().and_then(|c| contract.column(c)).is_some_and(|c| c.lookup.is_some());
        checks.sort_by_key(|c| (matches!(c.kind, CheckKind::Sender), derived(c)));
        let schema = with_line(&datasets::derive::arrow::lake_schema(contract));
        let judged = judged(contract, &with_line(&datasets::derive::arrow::schema(contract)));
        let sql: Vec<&str> = checks.iter().filter_map(|c| if let CheckKind::Sql(sql) = &c.kind { Some(sql.as_str()) } else { None }).collect();
        let evaluator = Evaluator::new(judged.clone(), &sql)?;
        Ok(Self { contract: contract.clone(), checks, evaluator, schema, judged })
    }
}

/// The rules for one delivery, with the reference values of its moment.
pub struct Checker {
    rules: Arc<Rules>,
    sender: String,
    formats: Formats,
    /// For each check of a code list or a reference: the values that may be.
    allowed: Vec<Option<Arc<HashSet<String>>>>,
    /// For each column with a lookup: its values by key.
    lookups: HashMap<usize, Arc<HashMap<String, String>>>,
    /// Comuni of the sender, when it is a district.
    members: HashSet<String>,
    /// For a contract that tells who persons are.
    identity: Option<Identity>,
}

/// A judged batch.
pub struct Checked {
    /// All rows, in the lake's schema plus the line.
    rows: RecordBatch,
    /// Persons of the rows that stood before [`Self::refuse`], for the vault.
    persons: Vec<Arriving>,
    pub findings: Vec<Violation>,
    pub lines: Int64Array,
    /// By row of the batch: whether it stands.
    pub stands: BooleanArray,
    /// Key columns of the whole batch, for uniqueness.
    pub keys: Vec<ArrayRef>,
    /// Rows that stand, but whose key may turn out to be that of an earlier line.
    pub doubtful: Vec<usize>,
    warned: HashSet<usize>,
}

impl Checked {
    /// The rows that stand, and apart from them those that are doubtful.
    pub fn valid(&self) -> Result<(RecordBatch, Option<RecordBatch>)> {
        let only = |rows: &BooleanArray| filter_record_batch(&self.rows, rows).map_err(|e| Error::internal("check.filter", e));
        if self.doubtful.is_empty() {
            return Ok((if self.stands.true_count() == self.stands.len() { self.rows.clone() } else { only(&self.stands)? }, None));
        }
        let mut doubtful = BooleanBufferBuilder::new(self.stands.len());
        doubtful.append_n(self.stands.len(), false);
        self.doubtful.iter().for_each(|row| doubtful.set_bit(*row, true));
        let doubtful = doubtful.finish();
        let sure = self.stands.values() & &!&doubtful;
        Ok((only(&BooleanArray::new(sure, None))?, Some(only(&BooleanArray::new(doubtful, None))?)))
    }

    /// Refuses more rows, each for its finding.
    pub fn refuse(&mut self, more: Vec<(usize, Violation)>) {
        if more.is_empty() {
            return;
        }
        let rows: HashSet<usize> = more.iter().map(|(row, _)| *row).collect();
        self.stands = (0..self.stands.len()).map(|row| Some(self.stands.value(row) && !rows.contains(&row))).collect();
        self.findings.extend(more.into_iter().map(|(_, finding)| finding));
        self.findings.sort_by_key(|v| v.line);
    }

    /// The persons of the rows that stand.
    pub fn persons(&mut self) -> Vec<Arriving> {
        let mut persons = std::mem::take(&mut self.persons);
        if !persons.is_empty() {
            let standing: HashSet<i64> = self.lines.values().iter().enumerate().filter(|(row, _)| self.stands.value(*row)).map(|(_, line)| *line).collect();
            persons.retain(|one| standing.contains(&one.line));
        }
        persons
    }

    /// Rows with at least one warning among those that stand.
    pub fn warned(&self) -> u64 {
        self.warned.iter().filter(|row| self.stands.value(**row)).count() as u64
    }
}

impl Checker {
    pub async fn new(rules: Arc<Rules>, sender: &str, formats: Formats, lake: &Lake, identity: Option<Identity>) -> Result<Self> {
        let contract = &rules.contract;
        let mut allowed = Vec::new();
        for check in &rules.checks {
            allowed.push(match &check.kind {
                CheckKind::CodeList(name) => {
                    let list = lake.catalog().code_lists.get(name).ok_or_else(|| Error::internal("check.code_list", name.clone()))?;
                    Some(Arc::new(list.codes.iter().map(|c| c.code.clone()).collect::<HashSet<_>>()))
                }
                CheckKind::Reference { dataset, column } => Some(lake.distinct(dataset, column).await?),
                _ => None,
            });
        }
        let mut lookups = HashMap::new();
        for (i, column) in contract.columns.iter().enumerate() {
            if let Some(l) = &column.lookup {
                let target = lake.catalog().get(&l.dataset).ok_or_else(|| Error::internal("check.lookup", l.dataset.to_string()))?;
                lookups.insert(i, lake.lookup(&l.dataset, &target.key[0], &l.column).await?);
            }
        }
        let members = match contract.feed.senders {
            Sender::Ambito => members(lake, sender).await?,
            _ => HashSet::new(),
        };
        Ok(Self { rules, sender: sender.to_owned(), formats, allowed, lookups, members, identity })
    }

    /// What is said of a repeated key.
    pub fn repeated(&self) -> Text {
        let check = self.rules.checks.iter().find(|c| c.kind == CheckKind::Unique);
        check.map_or_else(|| sentence("key.unique", ""), |c| c.message.clone())
    }

    /// Judges the cells of one batch, given in contract order. A row with more filled cells than the header has columns is refused:
    /// nobody can say which cell is which.
    pub fn check(&self, lines: &[i64], cells: Vec<StringArray>, ragged: &[Ragged]) -> Result<Checked> {
        let lines = &Int64Array::from(lines.to_vec());
        let cells: Vec<StringArray> = cells.iter().map(|c| clean(c, &self.formats)).collect();
        let mut typed = self.typed(&cells);
        let mut columns: Vec<ArrayRef> = vec![Arc::new(lines.clone())];
        columns.extend(typed.iter().cloned());
        columns.extend(self.untyped().map(|i| Arc::new(cells[i].clone()) as ArrayRef));
        let whole = RecordBatch::try_new(self.rules.judged.clone(), columns).map_err(|e| Error::internal("check.batch", e))?;
        let mut conditions = self.rules.evaluator.booleans(&whole)?.into_iter();
        // Conditions see what was delivered; from here on a person is a pseudonym.
        for (at, pseudonyms) in self.identity.iter().flat_map(|identity| identity.pseudonyms(&cells)) {
            typed[at] = Arc::new(pseudonyms);
        }

        let rows = lines.len();
        let mut flagged: HashMap<usize, HashSet<usize>> = HashMap::new();
        let (mut refused, mut warned, mut findings) = (HashSet::new(), HashSet::new(), Vec::new());
        for row in ragged.iter().filter(|r| r.extra.iter().any(|cell| !cell.trim().is_empty())) {
            refused.insert(row.row);
            let value = if self.identity.is_some() { HIDDEN.to_owned() } else { row.extra.join(" | ") };
            let message = sentence("row.cells", &value);
            findings.push(Violation { line: Some(row.line), column: None, rule: "row.cells".into(), severity: Severity::Error, value: Some(value), message });
        }
        for (check, allowed) in self.rules.checks.iter().zip(&self.allowed) {
            let at = check.column.as_deref().and_then(|name| self.rules.contract.columns.iter().position(|c| c.name == name));
            let hits: Vec<usize> = match &check.kind {
                CheckKind::Sql(_) => trues(&conditions.next().expect("one condition per SQL check")),
                CheckKind::CodeList(_) | CheckKind::Reference { .. } => self.not_among(at, &cells, &typed, allowed.as_deref()),
                CheckKind::Sender => self.not_sender(&cells, &typed),
                CheckKind::Unique | CheckKind::Set(_) => continue,
            };
            for row in hits {
                let depends = at
                    .and_then(|c| self.rules.contract.columns[c].lookup.as_ref())
                    .and_then(|l| self.rules.contract.columns.iter().position(|c| c.name == l.by));
                let seen = |c: Option<usize>| c.is_some_and(|c| flagged.get(&c).is_some_and(|rows| rows.contains(&row)));
                if seen(at) || seen(depends) {
                    continue;
                }
                if let Some(c) = at {
                    flagged.entry(c).or_default().insert(row);
                }
                if check.severity == Severity::Error {
                    refused.insert(row)
                } else {
                    warned.insert(row)
                };
                let value = at.map(|c| self.shown(c, row, &cells, &typed)).unwrap_or_default();
                findings.push(Violation {
                    line: Some(lines.value(row)),
                    column: check.column.clone(),
                    rule: check.rule.clone(),
                    severity: check.severity,
                    message: filled(&check.message, value.as_deref().unwrap_or("")),
                    value,
                });
            }
        }
        findings.sort_by_key(|v| v.line);
        let mut stands = BooleanBufferBuilder::new(rows);
        stands.append_n(rows, true);
        refused.iter().for_each(|r| stands.set_bit(*r, false));
        let stands = BooleanArray::new(stands.finish(), None);
        let keys = self
            .rules
            .contract
            .key
            .iter()
            .map(|k| typed[self.rules.contract.columns.iter().position(|c| c.name == *k).expect("the key is checked at load")].clone())
            .collect();
        let persons = match &self.identity {
            Some(identity) => identity.persons(lines, &cells, &typed, &stands)?,
            None => Vec::new(),
        };
        let in_vault = |at: usize| self.rules.contract.columns[at].identity == Some(datasets::model::Identity::Vault);
        let mut kept: Vec<ArrayRef> = typed.into_iter().enumerate().filter(|(at, _)| !in_vault(*at)).map(|(_, column)| column).collect();
        kept.push(Arc::new(lines.clone()));
        let batch = RecordBatch::try_new(self.rules.schema.clone(), kept).map_err(|e| Error::internal("check.batch", e))?;
        Ok(Checked { rows: batch, persons, findings, stands, keys, doubtful: Vec::new(), lines: lines.clone(), warned })
    }

    fn typed(&self, cells: &[StringArray]) -> Vec<ArrayRef> {
        let position = |name: &str| self.rules.contract.columns.iter().position(|c| c.name == name).expect("checked at load");
        let one = |(i, column): (usize, &datasets::model::Column)| match self.lookups.get(&i) {
            Some(values) => {
                let by = &cells[position(&column.lookup.as_ref().expect("it has one").by)];
                let found: StringArray = by.iter().map(|key| key.and_then(|k| values.get(k))).collect();
                convert(column, &found, &self.formats)
            }
            None => convert(column, &cells[i], &self.formats),
        };
        self.rules.contract.columns.iter().enumerate().map(one).collect()
    }

    fn untyped(&self) -> impl Iterator<Item = usize> {
        self.rules.contract.columns.iter().enumerate().filter(|(_, c)| c.r#type != Type::Text).map(|(i, _)| i)
    }

    fn not_among(&self, at: Option<usize>, cells: &[StringArray], typed: &[ArrayRef], allowed: Option<&HashSet<String>>) -> Vec<usize> {
        let (Some(at), Some(allowed)) = (at, allowed) else { return Vec::new() };
        let values =
            if self.lookups.contains_key(&at) || self.rules.contract.columns[at].identity.is_some() { typed[at].as_string::<i32>() } else { &cells[at] };
        values.iter().enumerate().filter(|(_, v)| v.is_some_and(|v| !allowed.contains(v))).map(|(i, _)| i).collect()
    }

    /// Rows that are not about the sender: by its own code, or for a district by that of one of its comuni.
    fn not_sender(&self, cells: &[StringArray], typed: &[ArrayRef]) -> Vec<usize> {
        let Some(at) = self.rules.contract.feed.sender_column.as_deref().and_then(|s| self.rules.contract.columns.iter().position(|c| c.name == s)) else {
            return Vec::new();
        };
        let values = if self.lookups.contains_key(&at) { typed[at].as_string::<i32>() } else { &cells[at] };
        let own = |value: &str| value == self.sender || self.members.contains(value);
        values.iter().enumerate().filter(|(_, v)| v.is_some_and(|v| !own(v))).map(|(i, _)| i).collect()
    }

    fn shown(&self, column: usize, row: usize, cells: &[StringArray], typed: &[ArrayRef]) -> Option<String> {
        let values = match typed[column].as_string_opt::<i32>() {
            Some(found) if self.lookups.contains_key(&column) => found,
            _ => &cells[column],
        };
        let value = values.is_valid(row).then(|| values.value(row).to_owned())?;
        Some(self.identity.iter().fold(value, |value, identity| identity.shown(column, row, value, cells)))
    }
}

/// Codes of the comuni of a district.
async fn members(lake: &Lake, ambito: &str) -> Result<HashSet<String>> {
    let comuni = DatasetName { area: "territorio".into(), name: "comuni".into() };
    let districts = lake.lookup(&comuni, "codice_istat", "ambito").await?;
    Ok(districts.iter().filter(|(_, a)| *a == ambito).map(|(code, _)| code.clone()).collect())
}

/// Columns, each of which may be empty, and the line.
fn with_line(schema: &Schema) -> SchemaRef {
    let mut fields: Vec<Arc<Field>> = schema.fields().iter().map(|f| Arc::new(f.as_ref().clone().with_nullable(true))).collect();
    fields.push(Arc::new(Field::new(system::LINE, DataType::Int64, false)));
    Arc::new(Schema::new(fields))
}

/// What conditions see: the line, the typed columns, and the text of each column that is not text.
fn judged(contract: &Contract, stored: &SchemaRef) -> SchemaRef {
    let mut fields = vec![stored.fields()[stored.fields().len() - 1].clone()];
    fields.extend(stored.fields()[..stored.fields().len() - 1].iter().cloned());
    let text = contract.columns.iter().filter(|c| c.r#type != Type::Text);
    fields.extend(text.map(|c| Arc::new(Field::new(format!("{}__testo", c.name), DataType::Utf8, true))));
    Arc::new(Schema::new(fields))
}

fn trues(condition: &BooleanArray) -> Vec<usize> {
    if condition.true_count() == 0 {
        return Vec::new();
    }
    (0..condition.len()).filter(|i| condition.is_valid(*i) && condition.value(*i)).collect()
}

fn filled(message: &Text, value: &str) -> Text {
    Text { it: message.it.replace("{value}", value), en: message.en.replace("{value}", value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_that_stands_is_sure_or_doubtful() {
        let lines = Int64Array::from(vec![2, 3, 4, 5]);
        let rows = RecordBatch::try_from_iter([("riga", Arc::new(lines.clone()) as ArrayRef)]).unwrap();
        let stands = BooleanArray::from(vec![true, false, true, true]);
        let mut checked = Checked { rows, persons: vec![], findings: vec![], lines, stands, keys: vec![], doubtful: vec![], warned: HashSet::new() };
        let told = |part: &RecordBatch| part.column(0).as_primitive::<arrow::datatypes::Int64Type>().values().to_vec();
        let (sure, doubtful) = checked.valid().unwrap();
        assert_eq!((told(&sure), doubtful), (vec![2, 4, 5], None));
        checked.doubtful = vec![2];
        let (sure, doubtful) = checked.valid().unwrap();
        assert_eq!((told(&sure), told(&doubtful.unwrap())), (vec![2, 5], vec![4]));
    }
}
