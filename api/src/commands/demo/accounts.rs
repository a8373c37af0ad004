//! The demo's accounts: one per role, named after it, and two comuni.

use std::collections::BTreeMap;

use warehouse::audit::{Action, Event};

use crate::accounts::{NewAccount, derive_ambito};
use crate::app::App;

/// Name, role, and the facts that are not looked up.
pub const ACCOUNTS: [(&str, &str, &[(&str, &str)]); 8] = [
    ("pianificatore", "pianificatore", &[]),
    ("distretto_rm_5_1", "distretto", &[("ambito", "RM 5.1")]),
    ("comune_058091", "comune", &[("codice_istat", "058091")]),
    ("comune_058120", "comune", &[("codice_istat", "058120")]),
    ("ispettore", "ispettore", &[]),
    ("steward", "steward", &[]),
    ("amministratore", "amministratore", &[]),
    ("inps", "inps", &[]),
];

/// Makes the accounts that are missing and gives all of them the password.
pub async fn make(app: &App, password: &str) -> anyhow::Result<()> {
    for (name, role, facts) in ACCOUNTS {
        if app.accounts.principal(name).await?.is_none() {
            let facts: BTreeMap<String, String> = facts.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            let mut new = NewAccount { name, role, facts, password: None };
            derive_ambito(&app.warehouse, &mut new).await?;
            app.accounts.add(app.warehouse.catalog(), &new).await?;
            app.audit.record(Event::new(Action::Administration, format!("utenza {name}")).why("creata per la dimostrazione")).await?;
        }
        app.accounts.set_password(name, password).await?;
    }
    Ok(())
}
