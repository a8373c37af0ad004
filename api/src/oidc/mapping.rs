//! The mapping file: what a provider's claims mean here. docs/OPERATIONS.md shows one for SPID and CIE.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use datasets::catalog::Catalog;
use serde::Deserialize;
use serde_json::Value;

use super::token::text;

/// Level of assurance (SPID 2, CIE 2, eIDAS substantial) below which nobody reaches personal data, whatever the file says.
pub const PROTECTED: i64 = 2;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// What is asked for beside `openid`.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The level that the provider is asked for (`acr_values`).
    pub ask: Option<String>,
    /// The level that every sign-in needs.
    #[serde(default = "protected")]
    minimum: i64,
    /// What values of `acr` are worth; any other is worth nothing.
    levels: BTreeMap<String, i64>,
    pub person: Option<PersonClaim>,
    /// Whoever has no role by account or claim.
    pub unknown: Unknown,
    #[serde(default, rename = "role")]
    roles: Vec<Rule>,
}

/// Which claim is the fiscal code, and what stands before it: `TINIT-` (ETSI EN 319 412-1).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonClaim {
    claim: String,
    #[serde(default)]
    prefix: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// Is a citizen, who sees what is their own.
    Cittadino,
    /// Is refused.
    Refused,
}

/// A claim that is a text or a list of texts gives a role; facts come from claims by name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    claim: String,
    value: String,
    role: String,
    #[serde(default)]
    facts: BTreeMap<String, String>,
}

fn protected() -> i64 {
    PROTECTED
}

impl Mapping {
    /// Reads the file. A role or fact that does not exist, or a role of administrators, is an error: those are given by name only.
    pub fn load(file: &Path, catalog: &Catalog) -> anyhow::Result<Self> {
        let place = || file.display().to_string();
        Self::read(&std::fs::read_to_string(file).with_context(place)?, catalog).with_context(place)
    }

    fn read(text: &str, catalog: &Catalog) -> anyhow::Result<Self> {
        let mapping: Self = toml::from_str(text)?;
        if !mapping.levels.values().any(|level| *level >= mapping.minimum) {
            bail!("no level reaches the minimum of {}: nobody could sign in", mapping.minimum);
        }
        if let Some(asked) = mapping.ask.as_ref().filter(|asked| !mapping.levels.contains_key(*asked)) {
            bail!("the level that is asked for, '{asked}', is not one of [levels]");
        }
        if mapping.unknown == Unknown::Cittadino && mapping.person.is_none() {
            bail!("a citizen is known by fiscal code: say in [person] which claim it is");
        }
        for rule in &mapping.roles {
            let Some(role) = catalog.roles.get(&rule.role) else { bail!("role '{}' does not exist", rule.role) };
            if role.staff {
                bail!("role '{}' is of administrators: give it to a person with `siss user person`, never by a claim", rule.role);
            }
            if let Some(fact) = rule.facts.keys().find(|fact| !role.facts.contains(fact)) {
                bail!("role '{}' has no fact '{fact}'", rule.role);
            }
        }
        Ok(mapping)
    }

    /// What a sign-in's `acr` is worth; nothing, if it is not known.
    pub fn level(&self, claims: &Value) -> i64 {
        claims["acr"].as_str().and_then(|acr| self.levels.get(acr)).copied().unwrap_or(0)
    }

    /// The level that a role needs.
    pub fn needed(&self, role_is_protected: bool) -> i64 {
        if role_is_protected { self.minimum.max(PROTECTED) } else { self.minimum }
    }

    /// The fiscal code that the claims say, if they say one.
    pub fn fiscal_code<'a>(&self, claims: &'a Value) -> Option<&'a str> {
        let person = self.person.as_ref()?;
        text(claims, &person.claim)?.strip_prefix(person.prefix.as_str())
    }

    /// The first role that the claims give, with its facts. A fact whose claim is missing is left out: the account is then refused.
    pub fn role(&self, claims: &Value) -> Option<(&str, BTreeMap<String, String>)> {
        let given = |rule: &&Rule| match claims.get(&rule.claim) {
            Some(Value::String(one)) => *one == rule.value,
            Some(Value::Array(some)) => some.iter().any(|one| *one == rule.value),
            _ => false,
        };
        let rule = self.roles.iter().find(given)?;
        let facts = rule.facts.iter().filter_map(|(fact, claim)| Some((fact.clone(), text(claims, claim)?.to_owned()))).collect();
        Some((rule.role.as_str(), facts))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The example of the documentation, so that it stays true.
    fn example() -> String {
        let text = include_str!("../../../docs/OPERATIONS.md");
        let start = text.find("# mapping.toml").expect("the example");
        text[start..].split("```").next().unwrap().to_owned()
    }

    fn catalog() -> Catalog {
        Catalog::load(&Catalog::find_dir(None).unwrap()).unwrap()
    }

    #[test]
    fn the_example_says_who_people_are() {
        let mapping = Mapping::read(&example(), &catalog()).unwrap();
        let code = "https://attributes.eid.gov.it/fiscal_number";
        let claims =
            json!({ "acr": "https://www.spid.gov.it/SpidL2", code: "TINIT-RVBDRO50C47H501X", "gruppi": ["altro", "siss-comune"], "codice_istat": "058091" });
        assert_eq!(mapping.fiscal_code(&claims), Some("RVBDRO50C47H501X"));
        assert_eq!(mapping.fiscal_code(&json!({ code: "PASSPORT-1" })), None);
        let facts = BTreeMap::from([("codice_istat".to_owned(), "058091".to_owned())]);
        assert_eq!(mapping.role(&claims), Some(("comune", facts)));
        assert_eq!(mapping.role(&json!({ "gruppi": "siss-comune-vecchio" })), None);
        assert_eq!((mapping.level(&claims), mapping.level(&json!({ "acr": "x" })), mapping.level(&json!({}))), (2, 0, 0));
        assert_eq!((mapping.needed(true), mapping.unknown), (2, Unknown::Cittadino));
    }

    #[test]
    fn a_mapping_that_could_not_be_meant_is_refused() {
        let catalog = catalog();
        let base = "unknown = \"refused\"\n[levels]\na = 2\n";
        assert!(Mapping::read(base, &catalog).is_ok());
        let rule = |role: &str, facts: &str| format!("{base}[[role]]\nclaim = \"g\"\nvalue = \"v\"\nrole = \"{role}\"\nfacts = {{ {facts} }}\n");
        assert!(Mapping::read(&rule("comune", "codice_istat = \"c\""), &catalog).is_ok());
        let wrong = [
            rule("amministratore", ""),
            rule("nessuno", ""),
            rule("comune", "codice = \"c\""),
            "unknown = \"cittadino\"\n[levels]\na = 2\n".into(),
            "unknown = \"refused\"\n[levels]\na = 1\n".into(),
            format!("ask = \"b\"\n{base}"),
            format!("unknwon = 1\n{base}"),
        ];
        for wrong in wrong {
            assert!(Mapping::read(&wrong, &catalog).is_err(), "{wrong}");
        }
        // A lower minimum opens only what shows no person.
        let low = Mapping::read("unknown = \"refused\"\nminimum = 1\n[levels]\na = 1\n", &catalog).unwrap();
        assert_eq!((low.needed(false), low.needed(true)), (1, PROTECTED));
    }
}
