//! What follows from a contract without any other file.

use std::collections::BTreeSet;

use crate::model::{Access, Column, Contract, DatasetName};

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

    /// The datasets this one refers to or looks values up in, each once.
    pub fn targets(&self) -> BTreeSet<DatasetName> {
        self.columns.iter().flat_map(Column::targets).collect()
    }
}

impl Column {
    /// `references` as dataset and column; `None` without one or when it is malformed.
    pub fn reference(&self) -> Option<(DatasetName, String)> {
        let (dataset, column) = self.references.as_deref()?.rsplit_once('.')?;
        Some((dataset.parse().ok()?, column.to_owned()))
    }

    pub fn targets(&self) -> impl Iterator<Item = DatasetName> {
        self.reference().map(|(dataset, _)| dataset).into_iter().chain(self.lookup.as_ref().map(|l| l.dataset.clone()))
    }
}

impl Access {
    /// Whether a column is there for these roles, plain or masked.
    pub fn shows(&self, column: &Column) -> bool {
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
}
