//! Our own fixed query over one dataset: what the page and REST ask, without a word of SQL from outside.

use serde::{Deserialize, Serialize};

use crate::lake::At;

/// One comparison of a [`Filter`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operator {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    /// Text that starts with the value.
    Prefix,
    /// Text that has the value in it, in capitals or not.
    Contains,
    IsNull,
    NotNull,
}

/// `column operator value`; the value is text and takes the column's type (dates ISO, decimals with a point).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    pub column: String,
    pub operator: Operator,
    /// Absent for `IsNull` and `NotNull`.
    pub value: Option<String>,
}

impl Filter {
    /// `column = value`
    pub fn eq(column: &str, value: impl Into<String>) -> Self {
        Self { column: column.into(), operator: Operator::Eq, value: Some(value.into()) }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sort {
    pub column: String,
    #[serde(default)]
    pub descending: bool,
}

/// Which rows and columns of a dataset; filters are combined with AND.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Page {
    /// Empty: all visible columns, in the contract's order.
    pub columns: Vec<String>,
    pub filters: Vec<Filter>,
    pub sort: Vec<Sort>,
    pub limit: Option<usize>,
    pub offset: usize,
    /// All recorded versions (`<name>_storia`) instead of the current rows.
    pub history: bool,
    /// An earlier version of the table; absent: the newest.
    #[serde(skip)]
    pub at: Option<At>,
}
