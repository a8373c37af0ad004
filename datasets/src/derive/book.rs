//! The data dictionary as a book: an index, one page per area and one of code lists, each in both languages side by side.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::Catalog;
use crate::derive::arrow::class_name;
use crate::derive::dictionary::{Dictionary, dictionary, row};
use crate::language::Language;
use crate::locale::{DICTIONARY, say};
use crate::model::{Access, Contract, Text};

/// The index, and the folder of the other pages beside it.
pub const INDEX: &str = "DIZIONARIO.md";
pub const FOLDER: &str = "dizionario";
const CODE_LISTS: &str = "elenchi";

/// Every page: its path under the folder of documents, and its Markdown.
pub fn book(catalog: &Catalog) -> BTreeMap<String, String> {
    let areas: BTreeSet<&str> = catalog.contracts.keys().map(|name| name.area.as_str()).collect();
    let mut pages = BTreeMap::from([(INDEX.to_owned(), index(catalog, &areas)), (path(CODE_LISTS), code_lists(catalog))]);
    for area in areas {
        let mut lines = vec![format!("# {}", line(&say(&DICTIONARY, "area").fill("area", &Text::new(area, area)))), String::new(), back()];
        for contract in catalog.contracts.values().filter(|contract| contract.name.area == area) {
            dataset(catalog, contract, &mut lines);
        }
        pages.insert(path(area), lines.join("\n") + "\n");
    }
    pages
}

fn path(page: &str) -> String {
    format!("{FOLDER}/{page}.md")
}

fn back() -> String {
    format!("[{}](../{INDEX})", line(&word("book")))
}

fn index(catalog: &Catalog, areas: &BTreeSet<&str>) -> String {
    let says = word("book_says");
    let mut lines = vec![format!("# {}", line(&word("book"))), String::new(), says.it, String::new(), format!("*{}*", says.en), String::new()];
    lines.push(format!("[{}]({})", line(&word("code_lists")), path(CODE_LISTS)));
    for area in areas {
        heading(&mut lines, 2, &format!("[{}]({})", line(&say(&DICTIONARY, "area").fill("area", &Text::new(*area, *area))), path(area)));
        table(&mut lines, &["dataset", "meaning", "update"]);
        for contract in catalog.contracts.values().filter(|contract| contract.name.area == *area) {
            let name = contract.name.to_string();
            let feed = Language::BOTH.map(|language| dictionary(catalog, contract, language).feed);
            row(&mut lines, &[format!("[`{name}`]({}#{})", path(area), anchor(&name)), cell(&contract.title), cell(&Text::new(&feed[0], &feed[1]))]);
        }
    }
    lines.join("\n") + "\n"
}

/// The fragment of the heading `` `name` ``, as forges make it.
fn anchor(name: &str) -> String {
    name.replace('.', "")
}

fn dataset(catalog: &Catalog, contract: &Contract, lines: &mut Vec<String>) {
    let [it, en] = Language::BOTH.map(|language| dictionary(catalog, contract, language));
    heading(lines, 2, &format!("`{}`", it.dataset));
    lines.extend([format!("**{}**. {}", it.title, it.description), String::new(), format!("***{}.** {}*", en.title, en.description), String::new()]);
    let both = |of: &dyn Fn(&Dictionary) -> String| item(&Text::new(of(&it), of(&en)));
    lines.push(format!("- {}: {}", line(&word("version")), it.version));
    lines.push(format!("- {}: {}", line(&word("legal_basis")), both(&|d| d.legal_basis.join("; "))));
    lines.push(format!("- {}: {}", line(&word("feed")), both(&|d| d.feed.clone())));
    lines.push(format!("- {}: {}", line(&word("key")), it.key.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")));
    lines.push(format!("- {}", both(&|d| d.mode.clone())));
    if let Some(provisional) = &contract.provisional {
        lines.push(format!("- **{}**: {}", line(&word("provisional")), item(provisional)));
    }
    for formula in catalog.indicators.get(&contract.name).iter().flat_map(|indicator| &indicator.formulas) {
        let until = formula.valid_to.map_or(String::new(), |year| year.to_string());
        lines.push(format!("- {} {} ({}-{until}): {}", line(&word("formula")), formula.version, formula.valid_from, item(&formula.text)));
    }
    columns(&it, &en, lines);
    rules(&it, &en, lines);
    heading(lines, 3, &line(&word("who_sees")));
    table(lines, &["who", "rows", "classes", "masked"]);
    contract.access.iter().for_each(|access| rights(catalog, access, lines));
}

fn columns(it: &Dictionary, en: &Dictionary, lines: &mut Vec<String>) {
    heading(lines, 3, &line(&word("columns")));
    table(lines, &["column", "meaning", "type", "required", "class", "conditions"]);
    for (it, en) in it.columns.iter().zip(&en.columns) {
        let required = word(if it.required { "yes" } else { "no" });
        let meaning = Text::new(format!("**{}**. {}", it.title, it.description), format!("{}. {}", en.title, en.description));
        let conditions = Text::new(it.conditions.join("; "), en.conditions.join("; "));
        let [kind, class] = [Text::new(&it.r#type, &en.r#type), Text::new(&it.class, &en.class)];
        row(lines, &[format!("`{}`", it.name), cell(&meaning), cell(&kind), cell(&required), cell(&class), cell(&conditions)]);
    }
}

fn rules(it: &Dictionary, en: &Dictionary, lines: &mut Vec<String>) {
    if it.rules.is_empty() {
        return;
    }
    heading(lines, 3, &line(&word("rules")));
    table(lines, &["rule", "meaning", "severity", "source"]);
    for (it, en) in it.rules.iter().zip(&en.rules) {
        let [message, severity] = [Text::new(&it.message, &en.message), Text::new(&it.severity, &en.severity)];
        row(lines, &[format!("`{}`", it.id), cell(&message), cell(&severity), it.source.clone().unwrap_or_default()]);
    }
}

fn rights(catalog: &Catalog, access: &Access, lines: &mut Vec<String>) {
    let titles = access.roles.iter().map(|role| catalog.roles.get(role).map_or_else(|| Text::new(role, role), |role| role.title.clone()));
    let who = titles.reduce(|all, one| Text::new(format!("{}; {}", all.it, one.it), format!("{}; {}", all.en, one.en)));
    let rows = if access.rows == "true" { cell(&word("all_rows")) } else { format!("`{}`", access.rows) };
    let names: Vec<Text> = access.classes.iter().map(|class| word(class_name(*class))).collect();
    let classes =
        Text::new(names.iter().map(|n| n.it.as_str()).collect::<Vec<_>>().join(", "), names.iter().map(|n| n.en.as_str()).collect::<Vec<_>>().join(", "));
    let masked: Vec<String> = access.mask.keys().map(|column| format!("`{column}`")).collect();
    row(lines, &[who.as_ref().map(cell).unwrap_or_default(), rows, cell(&classes), masked.join(", ")]);
}

fn code_lists(catalog: &Catalog) -> String {
    let mut lines = vec![format!("# {}", line(&word("code_lists"))), String::new(), back()];
    for list in catalog.code_lists.values() {
        heading(&mut lines, 2, &format!("`{}`", list.name));
        lines.push(format!("{}{}", line(&list.title), if list.provisional { format!(" (**{}**)", line(&word("provisional"))) } else { String::new() }));
        lines.extend(list.source.iter().flat_map(|source| [String::new(), format!("{}: {source}", line(&word("source")))]));
        lines.push(String::new());
        table(&mut lines, &["code", "meaning"]);
        list.codes.iter().for_each(|code| row(&mut lines, &[format!("`{}`", code.code), cell(&Text::new(&code.it, &code.en))]));
    }
    lines.join("\n") + "\n"
}

fn heading(lines: &mut Vec<String>, level: usize, text: &str) {
    lines.extend([String::new(), format!("{} {text}", "#".repeat(level)), String::new()]);
}

fn table(lines: &mut Vec<String>, names: &[&str]) {
    row(lines, &names.iter().map(|name| line(&word(name))).collect::<Vec<_>>());
    row(lines, &vec!["---".to_owned(); names.len()]);
}

fn word(name: &str) -> Text {
    say(&DICTIONARY, name)
}

/// Both languages on one line: `it / en`, or the text itself where they are the same.
fn line(text: &Text) -> String {
    if text.it == text.en { text.it.clone() } else { format!("{} / {}", text.it, text.en) }
}

/// Both languages in a list item, the second slanted.
fn item(text: &Text) -> String {
    if text.it == text.en { text.it.clone() } else { format!("{} / *{}*", text.it, text.en) }
}

/// Both languages in a cell of a table, one below the other.
fn cell(text: &Text) -> String {
    if text.it == text.en { text.it.clone() } else { format!("{}<br>*{}*", text.it, text.en) }
}
