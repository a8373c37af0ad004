//! What an account must carry: a role of `roles.toml` and the facts that the role asks for.

use datasets::catalog::{Catalog, STRANGER};
use datasets::model::Class;
use warehouse::Warehouse;
use warehouse::error::{Error, Kind, Result};
use warehouse::principal::Principal;

use super::NewAccount;
use crate::intake::SERVICE_ACCOUNT;

/// The fact that names a comune, and the one that names its district.
const COMUNE: &str = "codice_istat";
const AMBITO: &str = "ambito";

/// The role of citizens.
pub const CITIZEN: &str = "cittadino";

/// Whether a role may see rows or columns about persons, or works for the service itself: a password alone must not be enough for it.
pub fn protected(catalog: &Catalog, role: &str) -> bool {
    role == CITIZEN
        || catalog.roles.get(role).is_none_or(|role| role.staff)
        || catalog.visible(role).any(|(_, access)| access.classes.iter().any(|class| *class >= Class::Personal))
}

/// The principal of a caller who has not signed in.
pub fn stranger() -> Principal {
    Principal::new(STRANGER, STRANGER)
}

/// Checks name, role and facts against the catalog; says everything that is wrong at once.
pub fn validate(catalog: &Catalog, new: &NewAccount<'_>) -> Result<()> {
    let mut wrong = Vec::new();
    let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'.' || b == b'-';
    if new.name.is_empty() || new.name.len() > 63 || !new.name.bytes().all(letters) {
        wrong.push("a name has 1 to 63 of a-z, 0-9, '_', '.', '-'".to_string());
    }
    if new.name == STRANGER {
        wrong.push(format!("'{STRANGER}' is whoever has not signed in"));
    }
    if new.name == SERVICE_ACCOUNT {
        wrong.push(format!("'{SERVICE_ACCOUNT}' is who writes rows of forms"));
    }
    match catalog.roles.get(new.role) {
        None => wrong.push(format!("'{}' is not a role; roles are {}", new.role, catalog.roles.keys().cloned().collect::<Vec<_>>().join(", "))),
        Some(role) => {
            for fact in &role.facts {
                match new.facts.get(fact).map(|value| value.trim()) {
                    None | Some("") => wrong.push(format!("role '{}' needs the fact '{fact}'", new.role)),
                    Some(_) => {}
                }
            }
            for fact in new.facts.keys().filter(|fact| !role.facts.contains(fact)) {
                wrong.push(format!("role '{}' has no fact '{fact}'", new.role));
            }
        }
    }
    if let Some(code) = new.facts.get(COMUNE)
        && (code.len() != 6 || !code.bytes().all(|b| b.is_ascii_digit()))
    {
        wrong.push(format!("'{code}' is not an ISTAT code of six digits"));
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(Error::new(Kind::Invalid, "accounts.invalid", wrong.join("; "))),
    }
}

/// Adds the district of the comune that the facts name, from `territorio.comuni`, if the role asks for it and nobody gave it.
/// Leaves the facts as they are when the table does not know the comune.
pub async fn derive_ambito(warehouse: &Warehouse, new: &mut NewAccount<'_>) -> Result<()> {
    let asked = warehouse.catalog().roles.get(new.role).is_some_and(|role| role.facts.iter().any(|fact| fact == AMBITO));
    let Some(comune) = new.facts.get(COMUNE).filter(|_| asked && !new.facts.contains_key(AMBITO)) else { return Ok(()) };
    let Ok(comuni) = datasets::model::DatasetName::try_from("territorio.comuni".to_string()) else { return Ok(()) };
    if warehouse.catalog().get(&comuni).is_none() {
        return Ok(());
    }
    if let Some(ambito) = warehouse.lake().lookup(&comuni, COMUNE, AMBITO).await?.get(comune) {
        new.facts.insert(AMBITO.to_string(), ambito.clone());
    }
    Ok(())
}
