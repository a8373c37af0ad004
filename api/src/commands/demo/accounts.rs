//! The demo's accounts: one per role, named after it, and two comuni.

use std::collections::BTreeMap;

use anyhow::Context;
use datasets::model::DatasetName;
use warehouse::audit::{Action, Event};

use crate::accounts::{NewAccount, derive_ambito};
use crate::app::App;

/// Name, role, and the facts that are not looked up.
type Account = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// One account of each role; two of a comune, so that one can try the other's door.
pub const ACCOUNTS: [Account; 12] = [
    ("pianificatore", "pianificatore", &[]),
    ("distretto_rm_5_1", "distretto", &[("ambito", "RM 5.1")]),
    ("comune_058091", "comune", &[("codice_istat", "058091")]),
    ("comune_058120", "comune", &[("codice_istat", "058120")]),
    ("ispettore", "ispettore", &[]),
    ("steward", "steward", &[]),
    ("amministratore", "amministratore", &[]),
    ("inps", "inps", &[]),
    ("funzionario", "funzionario", &[]),
    ("ministero", "ministero", &[]),
    ("gestore", "gestore", &[]),
    ("cittadino", "cittadino", &[]),
];

/// Facts that the region itself gives: of the first row, by its key, that has one. Role, fact, dataset, key, column.
const FOUND: [(&str, &str, &str, &str, &str); 2] = [
    ("gestore", "codice_fiscale_gestore", "assa.strutture", "codice_struttura", "codice_fiscale_gestore"),
    ("cittadino", "persona", "sirse.domande_contributo", "id_domanda", "id_persona"),
];

/// Makes the accounts that are missing and gives all of them the password.
pub async fn make(app: &App, password: &str) -> anyhow::Result<()> {
    for (name, role, facts) in ACCOUNTS {
        if app.accounts.principal(name).await?.is_none() {
            let mut facts: BTreeMap<String, String> = facts.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            for (_, fact, dataset, key, column) in FOUND.iter().filter(|found| found.0 == role) {
                let dataset = DatasetName::try_from(dataset.to_string()).map_err(anyhow::Error::msg)?;
                let rows = app.warehouse.lake().lookup(&dataset, key, column).await?;
                let first = rows.iter().filter(|(_, value)| !value.is_empty()).min();
                facts.insert(fact.to_string(), first.map(|(_, value)| value.clone()).with_context(|| format!("no {column} in {dataset}"))?);
            }
            let mut new = NewAccount { name, role, facts, password: None };
            derive_ambito(&app.warehouse, &mut new).await?;
            app.accounts.add(app.warehouse.catalog(), &new).await?;
            app.audit.record(Event::new(Action::Administration, format!("utenza {name}")).why("creata per la dimostrazione")).await?;
        }
        app.accounts.set_password(name, password).await?;
    }
    Ok(())
}
