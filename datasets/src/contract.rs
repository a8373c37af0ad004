//! What follows from a contract without any other file.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use crate::model::{Access, Column, Contract, DatasetName, Identity, SetRule};

impl Contract {
    /// Folder of the table under the root of the lake: `tables/<area>/<name>`.
    pub fn storage_path(&self) -> String {
        format!("tables/{}/{}", self.name.area, self.name.name)
    }

    /// What `role` may see; `None` when the table does not exist for it.
    pub fn access_for(&self, role: &str) -> Option<&Access> {
        self.access.iter().find(|access| access.roles.iter().any(|r| r == role))
    }

    /// Columns that a sender gives: those whose value is not looked up.
    pub fn delivered(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.lookup.is_none())
    }

    /// Columns of the lake: those that are not kept in the vault.
    pub fn in_lake(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.identity != Some(Identity::Vault))
    }

    /// The column whose pseudonym opens the vault for a row.
    pub fn pseudonym(&self) -> Option<&Column> {
        self.columns.iter().find(|column| column.identity == Some(Identity::Pseudonym))
    }

    /// The datasets this one refers to, looks values up in, is computed from or is judged by, each once.
    pub fn targets(&self) -> BTreeSet<DatasetName> {
        let derived = self.derived.iter().flat_map(|derived| derived.from.iter().cloned());
        self.columns.iter().flat_map(Column::targets).chain(derived).chain(self.set_rules.iter().flat_map(SetRule::datasets)).collect()
    }
}

impl Column {
    /// Few different values, however many rows: a code of a list, or a place of the region.
    pub fn is_few(&self) -> bool {
        let place = |dataset: &str| dataset.starts_with("territorio.");
        self.code_list.is_some() || self.references.as_deref().is_some_and(place) || self.lookup.as_ref().is_some_and(|l| place(&l.dataset.to_string()))
    }

    /// `references` as dataset and column; `None` without one or when it is malformed.
    pub fn reference(&self) -> Option<(DatasetName, String)> {
        let (dataset, column) = self.references.as_deref()?.rsplit_once('.')?;
        Some((dataset.parse().ok()?, column.to_owned()))
    }

    pub fn targets(&self) -> impl Iterator<Item = DatasetName> {
        self.reference().map(|(dataset, _)| dataset).into_iter().chain(self.lookup.as_ref().map(|l| l.dataset.clone()))
    }
}

impl SetRule {
    /// The datasets whose rows the rule also looks at.
    pub fn datasets(&self) -> impl Iterator<Item = DatasetName> {
        tables(&self.sql).into_iter().filter_map(|name| name.parse().ok())
    }
}

impl Access {
    /// Whether a column is there for these roles, plain or masked. What is in the vault is there for nobody.
    pub fn shows(&self, column: &Column) -> bool {
        column.identity != Some(Identity::Vault) && self.shows_class(column)
    }

    fn shows_class(&self, column: &Column) -> bool {
        self.classes.contains(&column.class) || self.mask.contains_key(&column.name)
    }

    /// The facts that the row condition and the masks name (`$ambito`), outside string literals.
    pub fn facts(&self) -> BTreeSet<String> {
        std::iter::once(&self.rows).chain(self.mask.values()).flat_map(|sql| facts(sql)).collect()
    }
}

/// The names after `$` in an SQL expression, outside string literals and quoted names.
pub fn facts(sql: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut quote = None;
    for (i, c) in sql.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '$') => {
                let name: String = sql[i + 1..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                found.insert(name);
            }
            (None, _) => {}
        }
    }
    found
}

static AFTER_FROM: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)\b(?:from|join)\s+([a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)?)").expect("a pattern of our own"));
static BEFORE_AS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?i)\b([a-z_][a-z0-9_]*)\s+as\s*(?:materialized\s*)?\(").expect("a pattern of our own"));

/// The tables that a query names after FROM and JOIN, outside literals and comments, without those it makes itself in WITH.
pub fn tables(sql: &str) -> BTreeSet<String> {
    let plain = without_literals(sql);
    let made: BTreeSet<String> = BEFORE_AS.captures_iter(&plain).map(|found| found[1].to_lowercase()).collect();
    // `extract(year FROM x)` and `substring(x FROM 1)` name no table: their argument stands inside the call's brackets.
    let call = |at: usize| {
        let before = &plain[..at];
        let open = before.rfind('(').filter(|open| !before[*open..].contains(')'));
        open.is_some_and(|open| before[..open].ends_with(|c: char| c.is_alphanumeric()) && !before[open..].to_lowercase().contains("select"))
    };
    let compared = |at: usize| plain[..at].trim_end().to_lowercase().ends_with("distinct");
    let named = AFTER_FROM.captures_iter(&plain).filter(|found| !found.get(0).is_some_and(|m| call(m.start()) || compared(m.start())));
    named.map(|found| found[1].to_lowercase()).filter(|name| !made.contains(name)).collect()
}

/// A query with the text of its literals and comments blanked.
pub fn without_literals(sql: &str) -> String {
    let mut plain = String::with_capacity(sql.len());
    let (mut quoted, mut comment, mut last) = (false, false, ' ');
    for c in sql.chars() {
        match c {
            '\n' => comment = false,
            '\'' if !comment => quoted = !quoted,
            '-' if last == '-' && !quoted && !comment => {
                comment = true;
                plain.pop();
                plain.push(' ');
            }
            _ => {}
        }
        plain.push(if quoted || comment { ' ' } else { c });
        last = c;
    }
    plain
}

/// Whether an expression names a column, outside literals.
pub fn names_column(sql: &str, column: &str) -> bool {
    without_literals(sql).split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word.eq_ignore_ascii_case(column))
}

/// The form of a pseudonym in the lake.
pub const PSEUDONYM: &str = "[0-9a-f]{32}";

/// An identifier in SQL, quoted.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text in SQL, quoted.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_stand_outside_literals_and_quoted_names() {
        let names = |sql: &str| facts(sql).into_iter().collect::<Vec<_>>();
        assert_eq!(names("codice_istat = $codice_istat AND ambito=$ambito"), ["ambito", "codice_istat"]);
        assert_eq!(names("nota = 'it''s $no' AND \"$no\" = $si"), ["si"]);
        assert_eq!(names("true"), Vec::<String>::new());
    }

    #[test]
    fn tables_stand_after_from_and_join() {
        let names = |sql: &str| tables(sql).into_iter().collect::<Vec<_>>();
        assert_eq!(names("SELECT c.riga_consegna FROM consegna c JOIN assa.strutture AS s ON s.a = c.a"), ["assa.strutture", "consegna"]);
        assert_eq!(names("WITH p AS (SELECT extract(year FROM d) FROM dopo) SELECT 1 FROM p WHERE x = 'from b.c' -- from d.e"), ["dopo"]);
        assert_eq!(names("SELECT 1 FROM dopo d WHERE d.a IS DISTINCT FROM d.b"), ["dopo"]);
        assert_eq!(names("SELECT 1 FROM (SELECT 2 FROM a.b) t WHERE max(x) IN (SELECT y FROM c.d)"), ["a.b", "c.d"]);
    }

    #[test]
    fn columns_are_whole_words_outside_literals() {
        assert!(names_column("length(cognome) > 2", "cognome"));
        assert!(!names_column("nota = 'cognome' OR cognome_madre IS NULL", "cognome"));
    }
}
