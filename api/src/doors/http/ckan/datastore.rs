//! `datastore_search`: rows of a resource's dataset, as everybody may see them, with filters, words, order and pages.

use ::arrow::array::{BooleanArray, RecordBatch};
use ::arrow::compute::filter_record_batch;
use ::arrow::datatypes::{DataType, SchemaRef};
use ::arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::{StreamExt, TryStreamExt};
use serde_json::{Map, Value, json};
use url::form_urlencoded;
use warehouse::session::rows::{Filter, Operator, Page, Sort};
use warehouse::statement::Rows;

use super::{Failure, Outcome, Parameters, Site, flag, list, number, required, text};
use crate::accounts::stranger;
use crate::doors::http::encode;
use crate::doors::http::problem::Problem;

/// Rows of one answer at most, as CKAN has it.
const MOST: usize = 32_000;

/// What the engine cannot be asked for: one of several values, and words anywhere.
#[derive(Default)]
struct Further {
    among: Vec<(String, Vec<String>)>,
    words: Vec<String>,
}

impl Site<'_> {
    pub(super) async fn datastore_search(&self, with: &Parameters) -> Outcome {
        let id = required(with, "resource_id")?;
        let (dataset, _, _) = self.find(id)?;
        let name = &dataset.contract.name;
        let session = self.app.warehouse.session(&stranger()).await?;
        let columns: Vec<String> = session.dataset(name)?.columns.iter().map(|c| c.name.clone()).collect();
        let (limit, offset) = (number(with, "limit", 100)?.min(MOST), number(with, "offset", 0)?);
        let format = text(with, "records_format").unwrap_or("objects");
        if !["objects", "lists"].contains(&format) {
            return Err(Failure::Invalid("records_format", "objects or lists; files are at the resource's url".into()));
        }
        if flag(with, "distinct", false) {
            return Err(Failure::Invalid("distinct", "rows are not made distinct here".into()));
        }
        let known = |field: &'static str, column: &str| match columns.iter().any(|c| c == column) {
            true => Ok(()),
            false => Err(Failure::Invalid(field, format!("field \"{column}\" not in table"))),
        };
        let fields = list(with, "fields");
        fields.iter().try_for_each(|field| known("fields", field))?;
        let (filters, among) = filters(with)?;
        filters.iter().map(|f| &f.column).chain(among.iter().map(|(column, _)| column)).try_for_each(|column| known("filters", column))?;
        let mut sort = sort(with);
        sort.iter().try_for_each(|s| known("sort", &s.column))?;
        // Pages follow each other only in an order without ties.
        for key in dataset.contract.key.iter().filter(|key| columns.contains(key)) {
            if sort.iter().all(|s| s.column != *key) {
                sort.push(Sort { column: key.clone(), descending: false });
            }
        }
        let words = text(with, "q").unwrap_or_default().split_whitespace().map(str::to_lowercase).collect();
        let further = Further { among, words };

        // All rows: the page is counted off here, because the total is to be known.
        let page = Page { filters, sort, ..Page::default() };
        let rows = session.rows(name, page).await?;
        let schema = rows.schema.clone();
        let (found, total) = count_off(rows, &further, offset, limit).await?;
        let found = encode::gathered(found).await?;
        let shown: Vec<&str> = if fields.is_empty() { columns.iter().map(String::as_str).collect() } else { fields.iter().map(String::as_str).collect() };
        let records: Vec<Value> = found
            .into_iter()
            .map(|mut row| match format {
                "lists" => shown.iter().map(|column| row[*column].take()).collect(),
                _ => shown.iter().map(|column| ((*column).to_owned(), row[*column].take())).collect::<Map<_, _>>().into(),
            })
            .collect();
        let fields: Vec<Value> = shown.iter().map(|column| json!({ "id": column, "type": kind(&schema, column) })).collect();
        let mut result = json!({
            "resource_id": id, "fields": fields, "records": records, "records_format": format, "limit": limit, "offset": offset,
            "include_total": flag(with, "include_total", true), "_links": links(with, limit, offset),
        });
        if flag(with, "include_total", true) {
            result["total"] = total.into();
            result["total_was_estimated"] = false.into();
        }
        if let Some(filters) = with.get("filters") {
            result["filters"] = filters.clone();
        }
        Ok(result)
    }
}

/// The rows from `offset` on, `limit` at most, and how many there are in all. Memory is that of the page.
async fn count_off(rows: Rows, further: &Further, offset: usize, limit: usize) -> Result<(Rows, usize), Failure> {
    let Rows { schema, mut batches, snapshot } = rows;
    let (mut kept, mut total) = (Vec::new(), 0);
    while let Some(batch) = batches.try_next().await? {
        let batch = further.filter(batch).map_err(|e| Problem::internal("ckan.filter", e))?;
        let (from, until) = (offset.max(total), (offset.saturating_add(limit)).min(total + batch.num_rows()));
        if from < until {
            kept.push(Ok(batch.slice(from - total, until - from)));
        }
        total += batch.num_rows();
    }
    Ok((Rows { schema, batches: futures::stream::iter(kept).boxed(), snapshot }, total))
}

impl Further {
    fn filter(&self, batch: RecordBatch) -> Result<RecordBatch, ::arrow::error::ArrowError> {
        if self.among.is_empty() && self.words.is_empty() {
            return Ok(batch);
        }
        let options = FormatOptions::default();
        let cells = batch.columns().iter().map(|c| ArrayFormatter::try_new(c.as_ref(), &options)).collect::<Result<Vec<_>, _>>()?;
        let among: Vec<(usize, &Vec<String>)> =
            self.among.iter().filter_map(|(column, values)| Some((batch.schema().index_of(column).ok()?, values))).collect();
        let holds = |row: usize| {
            let listed = among.iter().all(|(column, values)| values.contains(&cells[*column].value(row).to_string()));
            if !listed || self.words.is_empty() {
                return listed;
            }
            let text = cells.iter().map(|c| c.value(row).to_string()).collect::<Vec<_>>().join(" ").to_lowercase();
            self.words.iter().all(|word| text.contains(word.as_str()))
        };
        let keep: BooleanArray = (0..batch.num_rows()).map(|row| Some(holds(row))).collect();
        filter_record_batch(&batch, &keep)
    }
}

type Listed = Vec<(String, Vec<String>)>;

/// `filters`: an object, or its text, of values or lists of values by column.
fn filters(with: &Parameters) -> Result<(Vec<Filter>, Listed), Failure> {
    let wrong = || Failure::Invalid("filters", "an object of values by field, such as {\"comune\": \"Roma\"}".into());
    let given = match with.get("filters") {
        None | Some(Value::Null) => return Ok((Vec::new(), Vec::new())),
        Some(Value::String(text)) => serde_json::from_str(text).map_err(|_| wrong())?,
        Some(other) => other.clone(),
    };
    let Value::Object(given) = given else { return Err(wrong()) };
    let (mut single, mut among) = (Vec::new(), Vec::new());
    for (column, value) in given {
        match value {
            Value::Array(values) if values.len() != 1 => among.push((column, values.iter().map(plain).collect::<Option<_>>().ok_or_else(wrong)?)),
            Value::Array(values) => single.push(equal(column, &values[0]).ok_or_else(wrong)?),
            value => single.push(equal(column, &value).ok_or_else(wrong)?),
        }
    }
    Ok((single, among))
}

fn equal(column: String, value: &Value) -> Option<Filter> {
    if value.is_null() {
        return Some(Filter { column, operator: Operator::IsNull, value: None });
    }
    Some(Filter { column, operator: Operator::Eq, value: Some(plain(value)?) })
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        _ => None,
    }
}

/// `posti desc, comune`.
fn sort(with: &Parameters) -> Vec<Sort> {
    let parts = list(with, "sort");
    let one = |part: &String| {
        let (column, direction) = part.trim().rsplit_once(' ').unwrap_or((part.trim(), "asc"));
        Sort { column: column.trim_matches('"').to_owned(), descending: direction.to_ascii_lowercase().contains("desc") }
    };
    parts.iter().map(one).collect()
}

fn kind(schema: &SchemaRef, column: &str) -> &'static str {
    match schema.field_with_name(column).map(|f| f.data_type()) {
        Ok(DataType::Boolean) => "bool",
        Ok(DataType::Date32) => "date",
        Ok(DataType::Timestamp(..)) => "timestamp",
        Ok(t) if t.is_integer() => "int8",
        Ok(t) if t.is_numeric() => "numeric",
        _ => "text",
    }
}

fn links(with: &Parameters, limit: usize, offset: usize) -> Value {
    let at = |offset: usize| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in with.iter().filter(|(name, _)| *name != "offset") {
            query.append_pair(name, &value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        }
        format!("/api/3/action/datastore_search?{}", query.append_pair("offset", &offset.to_string()).finish())
    };
    json!({ "start": at(0), "next": at(offset.saturating_add(limit)) })
}
