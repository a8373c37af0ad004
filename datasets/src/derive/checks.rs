//! Every check of a delivered row, and the one SQL query that finds the violations of those that are SQL.
//! The SQL runs unchanged in DataFusion and, as a test's oracle, in DuckDB (with a macro `regexp_like` over `regexp_matches`).

use serde::Serialize;

use crate::bound::bound;
use crate::contract::{literal, quoted};
use crate::fiscal_code;
use crate::locale::{CHECKS, say};
use crate::model::{Column, Contract, DatasetName, Identity, Sender, Severity, Text, Type};
use crate::system;
use crate::verify::columns::anchored;

/// The table of the rows to check: each column of the contract under its name and type, and beside each that is not text its raw
/// text as [`raw`]; a cell without text is NULL.
pub const TABLE: &str = "consegna";
/// For a set rule, beside [`TABLE`] (then the rows that passed the checks of a row, as the lake would hold them, and their line): the
/// dataset as it will be, its current rows with those of the delivery in their place; the line is NULL for a row that was there.
pub const AFTER: &str = "dopo";

/// One check. `rule` is unique within a contract and stands in reports.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    pub rule: String,
    /// The column whose value is at fault; `None` when it is the row as a whole.
    pub column: Option<String>,
    pub severity: Severity,
    /// What the sender reads; `{value}` stands for the cell as delivered.
    pub message: Text,
    pub kind: CheckKind,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// A condition over [`TABLE`]: TRUE is a violation, FALSE and NULL are not.
    Sql(String),
    /// The value must be a code of this list.
    CodeList(String),
    /// The value must be among the current ones of that column.
    Reference { dataset: DatasetName, column: String },
    /// The key must be unique within the delivery.
    Unique,
    /// The sender column must name the sender (or, for a district, a comune of it).
    Sender,
    /// A query over [`TABLE`], [`AFTER`] and other datasets: the lines of the rows that, together with others, break a rule.
    Set(String),
}

/// Name of the column with the raw text of a column that is not text.
pub fn raw(column: &str) -> String {
    format!("{column}__testo")
}

/// Every check of a row: those of each column in the contract's order, its rules, the key, the sender.
pub fn checks(contract: &Contract) -> Vec<Check> {
    let mut checks: Vec<Check> = contract.columns.iter().flat_map(|column| of_column(contract, column)).collect();
    for rule in &contract.rules {
        checks.push(Check {
            rule: rule.id.clone(),
            column: None,
            severity: rule.severity,
            message: rule.message.clone(),
            // Line breaks keep a comment at the condition's end from swallowing the bracket.
            kind: CheckKind::Sql(format!("NOT (\n{}\n)", rule.sql.trim())),
        });
    }
    if !contract.key.is_empty() {
        let titles: Vec<&Text> = contract.key.iter().filter_map(|name| Some(&contract.column(name)?.title)).collect();
        let list = |of: fn(&Text) -> &str, open: &str, close: &str| titles.iter().map(|t| format!("{open}{}{close}", of(t))).collect::<Vec<_>>().join(", ");
        let key = Text::new(list(|t| &t.it, "«", "»"), list(|t| &t.en, "“", "”"));
        checks.push(Check {
            rule: "key.unique".into(),
            column: None,
            severity: Severity::Error,
            message: say(&CHECKS, "key_unique").fill("key", &key),
            kind: CheckKind::Unique,
        });
    }
    if let Some(column) = contract.feed.sender_column.as_ref().and_then(|name| contract.column(name)) {
        let message = match contract.feed.senders {
            Sender::Comune => "sender_comune",
            Sender::Ambito => "sender_ambito",
            Sender::Regione => "sender_regione",
        };
        let check = of(column, "sender", message, CheckKind::Sender);
        checks.push(Check { rule: "feed.sender".into(), ..check });
    }
    checks
}

/// The checks of rows together, to be made of the rows that passed [`checks`].
pub fn set_checks(contract: &Contract) -> Vec<Check> {
    let of_rule = |rule: &crate::model::SetRule| Check {
        rule: rule.id.clone(),
        column: None,
        severity: rule.severity,
        message: rule.message.clone(),
        kind: CheckKind::Set(rule.sql.trim().to_owned()),
    };
    contract.set_rules.iter().map(of_rule).collect()
}

/// One query over [`TABLE`]: the line of each row and, for every check that is SQL, a column named by its rule that is true where
/// the row violates it.
pub fn violations_sql(contract: &Contract) -> String {
    let mut sql = format!("SELECT {}", quoted(system::LINE));
    for check in checks(contract) {
        if let CheckKind::Sql(violation) = check.kind {
            sql.push_str(&format!(",\n  coalesce({violation}, false) AS {}", quoted(&check.rule)));
        }
    }
    sql.push_str(&format!("\nFROM {TABLE}"));
    sql
}

fn of_column(contract: &Contract, column: &Column) -> Vec<Check> {
    let name = quoted(&column.name);
    let text = if column.r#type == Type::Text { name.clone() } else { quoted(&raw(&column.name)) };
    let empty = format!("({text} IS NULL OR trim({text}) = '')");
    let sql = |condition: String| CheckKind::Sql(condition);
    let mut checks = vec![];
    if column.required {
        checks.push(required(contract, column, empty.clone()));
    }
    if column.r#type != Type::Text {
        checks.push(typed(column, sql(format!("{name} IS NULL AND NOT {empty}"))));
    }
    if column.identity == Some(Identity::Pseudonym) {
        checks.push(of(column, "fiscal_code", "fiscal_code", sql(fiscal_code::not_valid_sql(&name))));
    }
    if let Some(pattern) = &column.pattern {
        let message = if column.example.is_some() { "pattern_example" } else { "pattern" };
        checks.push(of(column, "pattern", message, sql(format!("NOT regexp_like({name}, {})", literal(&anchored(pattern))))));
    }
    for (rule, operator, value) in [("min", "<", &column.min), ("max", ">", &column.max)] {
        let Some(bound) = value.as_ref().and_then(|value| bound(column.r#type, value).ok()) else { continue };
        let day = matches!(column.r#type, Type::Date | Type::Timestamp);
        let message = format!("{rule}{}", if day { "_day" } else { "" });
        let mut check = of(column, rule, &message, sql(format!("{name} {operator} {}", bound.sql)));
        check.message = check.message.fill(rule, &bound.shown);
        checks.push(check);
    }
    if let Some(max) = column.max_length {
        checks.push(of(column, "max_length", "max_length", sql(format!("length({name}) > {max}"))));
    }
    if let Some(list) = &column.code_list {
        checks.push(of(column, "code_list", "code_list", CheckKind::CodeList(list.clone())));
    }
    if let Some((dataset, target)) = column.reference() {
        checks.push(of(column, "references", "references", CheckKind::Reference { dataset, column: target }));
    }
    checks
}

fn required(contract: &Contract, column: &Column, empty: String) -> Check {
    let by = column.lookup.as_ref().and_then(|lookup| contract.column(&lookup.by));
    let mut check = of(column, "required", if by.is_some() { "required_lookup" } else { "required" }, CheckKind::Sql(empty));
    if let Some(by) = by {
        check.message = check.message.fill("by", &by.title);
    }
    check
}

fn typed(column: &Column, kind: CheckKind) -> Check {
    let (message, example) = match column.r#type {
        Type::Text | Type::Integer => ("type_integer", Text::new("12", "12")),
        Type::Decimal(_, 0) => ("type_decimal", Text::new("1234", "1234")),
        Type::Decimal(..) => ("type_decimal", Text::new("1234,5", "1234.5")),
        Type::Double => ("type_double", Text::new("12,5", "12.5")),
        Type::Boolean => ("type_boolean", Text::new("sì", "sì")),
        Type::Date => ("type_date", Text::new("31/12/2024", "31/12/2024")),
        Type::Timestamp => ("type_timestamp", Text::new("2024-12-31T10:30:00Z", "2024-12-31T10:30:00Z")),
    };
    let mut check = of(column, "type", message, kind);
    check.message = say(&CHECKS, message).fill("title", &column.title).fill("example", &example);
    if let Type::Decimal(precision, scale) = column.r#type {
        let number = |n: i16| Text::new(n.to_string(), n.to_string());
        check.message = check.message.fill("scale", &number(scale.into())).fill("whole", &number(i16::from(precision) - i16::from(scale)));
    }
    check
}

/// A check of one column with its sentence, filled with what the column says of itself.
fn of(column: &Column, rule: &str, message: &str, kind: CheckKind) -> Check {
    let same = |text: &str| Text::new(text, text);
    let max_length = column.max_length.map(|n| n.to_string()).unwrap_or_default();
    let message = say(&CHECKS, message)
        .fill("title", &column.title)
        .fill("column", &same(&column.name))
        .fill("example", &same(column.example.as_deref().unwrap_or_default()))
        .fill("max_length", &same(&max_length))
        .fill("code_list", &same(column.code_list.as_deref().unwrap_or_default()))
        .fill("references", &same(column.references.as_deref().unwrap_or_default()));
    Check { rule: format!("{}.{rule}", column.name), column: Some(column.name.clone()), severity: Severity::Error, message, kind }
}
