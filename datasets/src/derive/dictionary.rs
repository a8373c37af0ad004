//! The data dictionary: everything a reader of a dataset needs to know, in one language, as a struct and as Markdown.

use serde::Serialize;

use crate::bound::bound;
use crate::catalog::Catalog;
use crate::code_list::CodeList;
use crate::derive::arrow::class_name;
use crate::language::Language;
use crate::locale::{DICTIONARY, say};
use crate::model::{Column, Contract, Frequency, Identity, Mode, Rule, Sender, SetRule, Severity, Text, Type};

/// A dataset in words, in one language.
#[derive(Clone, Debug, Serialize)]
pub struct Dictionary {
    pub dataset: String,
    pub version: String,
    pub title: String,
    pub description: String,
    /// What is not confirmed by an official source, if anything.
    pub provisional: Option<String>,
    pub legal_basis: Vec<String>,
    /// Who sends it, how often, by when.
    pub feed: String,
    /// How a delivery meets what is there.
    pub mode: String,
    pub key: Vec<String>,
    pub columns: Vec<DictionaryColumn>,
    pub rules: Vec<DictionaryRule>,
    pub code_lists: Vec<DictionaryCodes>,
}

#[derive(Clone, Debug, Serialize)]
pub struct DictionaryColumn {
    pub name: String,
    pub title: String,
    pub description: String,
    /// The type in words.
    pub r#type: String,
    pub class: String,
    pub required: bool,
    /// One phrase each: pattern, bounds, code list, reference, unit, example, aliases.
    pub conditions: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct DictionaryRule {
    pub id: String,
    pub message: String,
    /// What a violation leads to.
    pub severity: String,
    pub source: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct DictionaryCodes {
    pub name: String,
    pub title: String,
    pub provisional: bool,
    /// Code and label.
    pub codes: Vec<(String, String)>,
}

/// The dictionary of a dataset with all its columns; who shows it leaves out what its reader may not see.
pub fn dictionary(catalog: &Catalog, contract: &Contract, language: Language) -> Dictionary {
    let word = |name: &str| say(&DICTIONARY, name).get(language).to_owned();
    let text = |text: &Text| text.get(language).to_owned();
    let mut lists: Vec<&CodeList> = contract.columns.iter().filter_map(|c| catalog.code_lists.get(c.code_list.as_ref()?)).collect();
    lists.sort_by(|a, b| a.name.cmp(&b.name));
    lists.dedup_by(|a, b| a.name == b.name);
    Dictionary {
        dataset: contract.name.to_string(),
        version: contract.version.clone(),
        title: text(&contract.title),
        description: text(&contract.description),
        provisional: contract.provisional.as_ref().map(text),
        legal_basis: contract.legal_basis.iter().map(text).collect(),
        feed: feed(contract).get(language).to_owned(),
        mode: word(match contract.mode {
            Mode::Append => "append",
            Mode::Versions => "versions",
            Mode::Replace => "replace",
        }),
        key: contract.key.clone(),
        columns: contract.columns.iter().map(|c| column(contract, c, language)).collect(),
        rules: rules(contract, language),
        code_lists: lists
            .into_iter()
            .map(|list| DictionaryCodes {
                name: list.name.clone(),
                title: text(&list.title),
                provisional: list.provisional,
                codes: list.codes.iter().map(|c| (c.code.clone(), Text::new(&c.it, &c.en).get(language).to_owned())).collect(),
            })
            .collect(),
    }
}

/// The rules of a row, then those of rows together.
fn rules(contract: &Contract, language: Language) -> Vec<DictionaryRule> {
    let rule = |id: &str, message: &Text, severity: Severity, source: &Option<String>| DictionaryRule {
        id: id.to_owned(),
        message: message.get(language).to_owned(),
        severity: say(&DICTIONARY, if severity == Severity::Error { "error" } else { "warning" }).get(language).to_owned(),
        source: source.clone(),
    };
    let of_row = contract.rules.iter().map(|Rule { id, message, severity, source, .. }| rule(id, message, *severity, source));
    let of_set = contract.set_rules.iter().map(|SetRule { id, message, severity, source, .. }| rule(id, message, *severity, source));
    of_row.chain(of_set).collect()
}

/// The dictionary as Markdown.
pub fn markdown(dictionary: &Dictionary, language: Language) -> String {
    let word = |name: &str| say(&DICTIONARY, name).get(language).to_owned();
    let mut lines = vec![
        format!("# {} (`{}`)", dictionary.title, dictionary.dataset),
        String::new(),
        dictionary.description.clone(),
        String::new(),
        format!("- {}: {}", word("version"), dictionary.version),
        format!("- {}: {}", word("legal_basis"), dictionary.legal_basis.join("; ")),
        format!("- {}: {}", word("feed"), dictionary.feed),
        format!("- {}: {}", word("key"), dictionary.key.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ")),
        format!("- {}", dictionary.mode),
    ];
    lines.extend(dictionary.provisional.iter().map(|text| format!("- **{}**: {text}", word("provisional"))));
    heading(&mut lines, &word("columns"));
    row(&mut lines, &[word("column"), word("meaning"), word("type"), word("required"), word("class"), word("conditions")]);
    row(&mut lines, &["---"; 6].map(String::from));
    for column in &dictionary.columns {
        let required = word(if column.required { "yes" } else { "no" });
        let meaning = format!("**{}**. {}", column.title, column.description);
        row(&mut lines, &[format!("`{}`", column.name), meaning, column.r#type.clone(), required, column.class.clone(), column.conditions.join("; ")]);
    }
    if !dictionary.rules.is_empty() {
        heading(&mut lines, &word("rules"));
        row(&mut lines, &[word("rule"), word("meaning"), word("severity"), word("source")]);
        row(&mut lines, &["---"; 4].map(String::from));
        for rule in &dictionary.rules {
            row(&mut lines, &[format!("`{}`", rule.id), rule.message.clone(), rule.severity.clone(), rule.source.clone().unwrap_or_default()]);
        }
    }
    for list in &dictionary.code_lists {
        let provisional = if list.provisional { format!(" ({})", word("provisional").to_lowercase()) } else { String::new() };
        heading(&mut lines, &format!("{} (`{}`){provisional}", list.title, list.name));
        row(&mut lines, &[word("code"), word("meaning")]);
        row(&mut lines, &["---"; 2].map(String::from));
        for (code, label) in &list.codes {
            row(&mut lines, &[format!("`{code}`"), label.clone()]);
        }
    }
    lines.join("\n") + "\n"
}

fn heading(lines: &mut Vec<String>, text: &str) {
    lines.extend([String::new(), format!("## {text}"), String::new()]);
}

/// A row of a Markdown table.
pub(crate) fn row(lines: &mut Vec<String>, cells: &[String]) {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|").replace('\n', " ")).collect();
    lines.push(format!("| {} |", cells.join(" | ")));
}

fn feed(contract: &Contract) -> Text {
    if let Some(derived) = &contract.derived {
        let from: Vec<String> = derived.from.iter().map(|name| format!("`{name}`")).collect();
        return say(&DICTIONARY, "derived").fill("from", &same(from.join(", ")));
    }
    let sender = say(
        &DICTIONARY,
        match contract.feed.senders {
            Sender::Comune => "comune",
            Sender::Ambito => "ambito",
            Sender::Regione => "regione",
        },
    );
    let frequency = say(
        &DICTIONARY,
        match contract.feed.frequency {
            Frequency::Once => "once",
            Frequency::Monthly => "monthly",
            Frequency::Quarterly => "quarterly",
            Frequency::Yearly => "yearly",
        },
    );
    say(&DICTIONARY, "due")
        .fill("sender", &sender)
        .fill("frequency", &frequency)
        .fill("days", &same(contract.feed.due_days))
        .fill("subsystem", &same(&contract.feed.subsystem))
}

fn column(contract: &Contract, column: &Column, language: Language) -> DictionaryColumn {
    DictionaryColumn {
        name: column.name.clone(),
        title: column.title.get(language).to_owned(),
        description: column.description.get(language).to_owned(),
        r#type: type_name(column.r#type).get(language).to_owned(),
        class: say(&DICTIONARY, class_name(column.class)).get(language).to_owned(),
        required: column.required,
        conditions: conditions(contract, column).iter().map(|text| text.get(language).to_owned()).collect(),
    }
}

fn conditions(contract: &Contract, column: &Column) -> Vec<Text> {
    let phrase = |name: &str, value: &Text| say(&DICTIONARY, name).fill(name, value);
    let code = |text: &String| same(format!("`{text}`"));
    let mut phrases = vec![];
    if let Some(by) = column.lookup.as_ref().and_then(|lookup| contract.column(&lookup.by)) {
        phrases.push(say(&DICTIONARY, "lookup").fill("by", &code(&by.name)));
    }
    phrases.extend(column.identity.map(|identity| say(&DICTIONARY, if identity == Identity::Vault { "vault" } else { "pseudonym" })));
    phrases.extend(column.pattern.as_ref().map(|pattern| phrase("pattern", &code(pattern))));
    for (name, value) in [("min", &column.min), ("max", &column.max)] {
        let bound = value.as_ref().and_then(|value| bound(column.r#type, value).ok());
        let day = if matches!(column.r#type, Type::Date | Type::Timestamp) { "_day" } else { "" };
        phrases.extend(bound.map(|bound| say(&DICTIONARY, &format!("{name}{day}")).fill(name, &bound.shown)));
    }
    phrases.extend(column.max_length.map(|max| phrase("max_length", &same(max))));
    phrases.extend(column.code_list.as_ref().map(|list| phrase("code_list", &code(list))));
    phrases.extend(column.references.as_ref().map(|target| phrase("references", &code(target))));
    phrases.extend(column.unit.as_ref().map(|unit| phrase("unit", &same(unit))));
    phrases.extend(column.example.as_ref().map(|example| phrase("example", &code(example))));
    phrases.extend(column.before.as_ref().map(|before| phrase("before", &code(before))));
    if !column.aliases.is_empty() {
        phrases.push(phrase("aliases", &same(column.aliases.join(", "))));
    }
    phrases
}

fn type_name(of: Type) -> Text {
    let name = match of {
        Type::Text => "text",
        Type::Integer => "integer",
        Type::Decimal(_, scale) => return say(&DICTIONARY, "decimal").fill("scale", &same(scale)),
        Type::Double => "double",
        Type::Boolean => "boolean",
        Type::Date => "date",
        Type::Timestamp => "timestamp",
    };
    say(&DICTIONARY, name)
}

fn same(value: impl ToString) -> Text {
    Text::new(value.to_string(), value.to_string())
}
