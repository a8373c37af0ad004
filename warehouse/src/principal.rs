//! Who is asking. Made by sign-in, never from SQL text or headers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// An authenticated caller: its account, role and facts (`codice_istat`, `ambito`), from which a session derives all rights.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Principal {
    /// Account name, such as `distretto_rm_5_1`; `anonimo` for a stranger.
    pub account: String,
    /// A role of `roles.toml`.
    pub role: String,
    /// Typed facts by name; a row condition that names a fact the principal lacks gives no session.
    pub facts: BTreeMap<String, String>,
}

impl Principal {
    pub fn new(account: impl Into<String>, role: impl Into<String>) -> Self {
        Self { account: account.into(), role: role.into(), facts: BTreeMap::new() }
    }

    pub fn with_fact(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.facts.insert(name.into(), value.into());
        self
    }
}
