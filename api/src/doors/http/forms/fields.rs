//! A form as its template sees it: sections of fields, each with label, hint, choices and what is wrong with its answer. All of it is the
//! contract's.

use std::collections::BTreeMap;

use datasets::form::Filled;
use datasets::model::{Column, Contract, DatasetName, Severity, Type};
use ingest::form::Answers;
use serde_json::{Value, json};
use warehouse::principal::Principal;

use crate::app::App;
use crate::doors::http::forms::references::Register;
use crate::doors::http::problem::Result;
use crate::intake::Payload;
use crate::intake::fill::{Finding, fixed};
use crate::site::words::Language;

/// Choices that are offered for a reference; more of them are searched.
const CHOICES: usize = 500;

/// What fields are drawn from.
pub struct Drawn<'a> {
    pub app: &'a App,
    pub filled: Filled<'a>,
    pub language: Language,
    pub who: &'a Principal,
    pub payload: &'a Payload,
    pub findings: &'a [Finding],
}

impl Drawn<'_> {
    /// Sections with their fields.
    pub async fn sections(&self) -> Result<Vec<Value>> {
        let fixed = fixed(self.filled, self.who);
        let mut sections = Vec::new();
        for section in &self.filled.form.sections {
            let mut fields = Vec::new();
            for name in &section.columns {
                let Some(column) = self.filled.contract.column(name) else { continue };
                let value = fixed.get(name).or(self.payload.values.get(name));
                let mut field = self.field(column, value, &format!("v.{name}"), None).await?;
                field["fixed"] = json!(fixed.contains_key(name));
                fields.push(field);
            }
            sections.push(json!({ "title": self.language.say(&section.title), "fields": fields }));
        }
        Ok(sections)
    }

    /// Parts with their rows; one empty row where there is none.
    pub async fn parts(&self) -> Result<Vec<Value>> {
        let mut parts = Vec::new();
        for part in &self.filled.form.parts {
            let (dataset, Some(contract)) = (part.dataset.to_string(), self.app.warehouse.catalog().get(&part.dataset)) else { continue };
            let empty = vec![Answers::new()];
            let answered = self.payload.parts.get(&dataset).filter(|rows| !rows.is_empty()).unwrap_or(&empty);
            let mut rows = Vec::new();
            for (i, row) in answered.iter().enumerate() {
                let mut fields = Vec::new();
                for name in &part.columns {
                    let Some(column) = contract.column(name) else { continue };
                    let id = format!("p.{dataset}.{i}.{name}");
                    fields.push(self.field(column, row.get(name), &id, Some((&dataset, i + 1))).await?);
                }
                let about = self.about(Some((&dataset, i + 1)), &part.columns);
                rows.push(json!({ "fields": fields, "said": about }));
            }
            let more = rows.len() < part.most as usize;
            parts.push(json!({ "title": self.language.say(&part.title), "dataset": dataset, "rows": rows, "more": more }));
        }
        Ok(parts)
    }

    /// Attachments with what was attached and what is wrong with it.
    pub fn attachments(&self) -> Vec<Value> {
        let one = |attachment: &datasets::form::Attachment| {
            let document = self.payload.documents.iter().rev().find(|one| one.name == attachment.name);
            json!({
                "id": format!("a.{}", attachment.name), "title": self.language.say(&attachment.title), "required": attachment.required,
                "signed": attachment.signed, "document": document.map(|one| super::document(one, self.language)),
                "wrong": self.said(None, &attachment.name),
            })
        };
        self.filled.form.attachments.iter().map(one).collect()
    }

    /// Everything that is wrong, in the form's order, each with the field it is about.
    pub fn summary(&self) -> Vec<Value> {
        let mut all: Vec<(usize, Value)> = Vec::new();
        let order: BTreeMap<&str, usize> = self.filled.form.asked().enumerate().map(|(i, name)| (name, i)).collect();
        for one in self.findings {
            let (contract, asked): (&Contract, Vec<&str>) = match &one.part {
                Some((dataset, _)) => {
                    let Some(part) = self.filled.form.parts.iter().find(|part| part.dataset.to_string() == *dataset) else { continue };
                    let Some(contract) = self.app.warehouse.catalog().get(&part.dataset) else { continue };
                    (contract, part.columns.iter().map(String::as_str).collect())
                }
                None => (self.filled.contract, self.filled.form.asked().collect()),
            };
            // What is looked up is mended where it is looked up by.
            let column = one.column.as_deref().map(|name| contract.column(name).and_then(|c| c.lookup.as_ref()).map_or(name, |lookup| lookup.by.as_str()));
            let attached = column.filter(|name| one.part.is_none() && self.filled.form.attachments.iter().any(|a| a.name == *name));
            let to = match (&one.part, attached, column.filter(|name| asked.contains(name))) {
                (_, Some(name), _) => Some(format!("a.{name}")),
                (Some((dataset, row)), _, Some(name)) => Some(format!("p.{dataset}.{}.{name}", row - 1)),
                (None, _, Some(name)) => Some(format!("v.{name}")),
                _ => None,
            };
            let place = column.and_then(|name| order.get(name).copied()).unwrap_or(usize::MAX);
            all.push((place, json!({ "to": to, "message": self.language.say(&one.message), "error": one.severity == Severity::Error })));
        }
        all.sort_by_key(|(place, _)| *place);
        all.into_iter().map(|(_, one)| one).collect()
    }

    async fn field(&self, column: &Column, value: Option<&String>, id: &str, part: Option<(&str, usize)>) -> Result<Value> {
        let say = |text| self.language.say(text);
        let mut register = None;
        let (kind, choices) = match (&column.code_list, &column.references, column.r#type) {
            (Some(list), _, _) => ("select", self.codes(list)),
            (None, Some(_), _) => {
                let (choices, many) = self.referred(column).await?;
                register = many;
                ("text", choices)
            }
            (None, None, Type::Boolean) => ("boolean", Vec::new()),
            (None, None, Type::Date) => ("date", Vec::new()),
            (None, None, Type::Integer) => ("integer", Vec::new()),
            (None, None, Type::Decimal(..) | Type::Double) => ("number", Vec::new()),
            (None, None, _) => (if column.max_length.is_some_and(|most| most > 250) { "long" } else { "text" }, Vec::new()),
        };
        let dataset = part.map_or_else(|| self.filled.contract.name.to_string(), |(dataset, _)| dataset.to_owned());
        let search = register
            .as_ref()
            .map(|register| json!({ "field": format!("{dataset}.{}", column.name), "page": format!("/dataset/{}/{}", register.area, register.name) }));
        let bound = |bound: &Option<toml::Value>| bound.as_ref().map(|value| value.to_string().trim_matches('"').to_owned());
        Ok(json!({
            "id": id, "fixed": false, "name": column.name, "kind": kind, "title": say(&column.title), "hint": say(&column.description), "required": column.required,
            "value": value.map(String::as_str).unwrap_or_default(), "pattern": column.pattern, "most": column.max_length, "unit": column.unit,
            "example": column.example.as_ref().filter(|_| kind != "select" && kind != "boolean"), "min": bound(&column.min), "max": bound(&column.max),
            "choices": choices, "wrong": self.said(part, &column.name), "search": search,
            "list": (kind == "text" && (!choices.is_empty() || register.is_some())).then(|| format!("{id}.scelte")),
        }))
    }

    /// Sentences about one field.
    fn said(&self, part: Option<(&str, usize)>, column: &str) -> Vec<&str> {
        let here = |one: &&Finding| one.part.as_ref().map(|(dataset, row)| (dataset.as_str(), *row)) == part && one.column.as_deref() == Some(column);
        self.findings.iter().filter(here).map(|one| self.language.say(&one.message)).collect()
    }

    /// Sentences about a row that belong to none of its fields.
    fn about(&self, part: Option<(&str, usize)>, asked: &[String]) -> Vec<&str> {
        let here = |one: &&Finding| {
            let same = one.part.as_ref().map(|(dataset, row)| (dataset.as_str(), *row)) == part;
            same && one.column.as_ref().is_none_or(|column| !asked.contains(column))
        };
        self.findings.iter().filter(here).map(|one| self.language.say(&one.message)).collect()
    }

    fn codes(&self, list: &str) -> Vec<Value> {
        let list = self.app.warehouse.catalog().code_lists.get(list);
        list.into_iter()
            .flat_map(|list| &list.codes)
            .map(|code| json!({ "code": code.code, "label": if self.language == Language::English { &code.en } else { &code.it } }))
            .collect()
    }

    /// The rows a reference may name; none where they are too many, which are searched then.
    async fn referred(&self, column: &Column) -> Result<(Vec<Value>, Option<DatasetName>)> {
        let session = self.app.warehouse.session(self.who).await?;
        let Some(register) = Register::of(&session, column) else { return Ok((Vec::new(), None)) };
        let (rows, more) = register.rows(&session, Vec::new(), CHOICES + 1).await?;
        Ok(if more { (Vec::new(), Some(register.dataset)) } else { (rows, None) })
    }
}
