//! Who somebody is here whom the provider has identified.
//!
//! The pair (issuer, subject) has an account of its own, under a keyed pseudonym that tells nothing of either. Accounts that an administrator
//! gave to a person (`siss user person`) are found by the pseudonym of the fiscal code. E-mail addresses and names play no part.

use std::collections::BTreeMap;

use warehouse::error::{Error, Kind};

use super::mapping::Unknown;
use super::{Oidc, Proven};
use crate::accounts::identity::Proof;
use crate::accounts::{CITIZEN, NewAccount, derive_ambito, protected};
use crate::app::App;

/// The fact of citizens.
const PERSON: &str = "persona";

/// What became of somebody whom the provider identified.
pub enum Outcome {
    /// The account to begin a session of, and what stays of the proof.
    Known(String, Proof),
    /// The level of assurance is too low for the role.
    Level,
    /// No role, and no place for whoever has none.
    Nobody,
}

/// Finds or makes the account. Errors are ours; that somebody is not let in is an outcome.
pub async fn who(app: &App, oidc: &Oidc, proven: Proven) -> Result<Outcome, Error> {
    let vault = app.deliveries.vault();
    let person = oidc.mapping.fiscal_code(&proven.claims).and_then(|code| vault.pseudonym(code));
    let subject = subject(app, oidc, &proven.subject);
    let proof = Proof {
        level: oidc.mapping.level(&proven.claims),
        provider_session: super::token::text(&proven.claims, "sid").map(|sid| provider_session(app, oidc, sid)),
        subject: subject.clone(),
        person: person.clone(),
        id_token: proven.id_token.clone(),
    };
    let held = match &person {
        Some(person) => app.accounts.of_person(person).await?,
        None => Vec::new(),
    };
    let enough = |role: &str| enough(app, role, proof.level);
    // The pair's own account follows the claims at each sign-in, whether or not it is the one that is used.
    let given = match oidc.mapping.role(&proven.claims) {
        Some((role, facts)) => Some((role.to_owned(), facts)),
        None => match (oidc.mapping.unknown, &person) {
            (Unknown::Cittadino, Some(person)) => Some((CITIZEN.to_owned(), BTreeMap::from([(PERSON.to_owned(), person.clone())]))),
            _ => None,
        },
    };
    match &given {
        Some((role, facts)) if enough(role) => keep(app, &subject, role, facts).await?,
        Some(_) => {}
        // A role that the provider took back must not live on here.
        None => drop(app.accounts.remove(&subject).await?),
    }
    if let Some(account) = held.first() {
        return Ok(if enough(&account.role) { Outcome::Known(account.name.clone(), proof) } else { Outcome::Level });
    }
    Ok(match given {
        Some((role, _)) if enough(&role) => Outcome::Known(subject, proof),
        Some(_) => Outcome::Level,
        None => Outcome::Nobody,
    })
}

/// The provider's name of a session as we keep it.
pub fn provider_session(app: &App, oidc: &Oidc, sid: &str) -> String {
    app.deliveries.vault().fingerprint(format!("oidc session\0{}\0{sid}", oidc.provider.issuer).as_bytes())
}

/// The account of a subject of the provider, its own and nobody else's.
pub fn subject(app: &App, oidc: &Oidc, subject: &str) -> String {
    format!("id-{}", app.deliveries.vault().fingerprint(format!("oidc\0{}\0{subject}", oidc.provider.issuer).as_bytes()))
}

/// Whether a level of assurance suffices for a role.
pub fn enough(app: &App, role: &str, level: i64) -> bool {
    app.oidc.as_ref().is_some_and(|oidc| level >= oidc.mapping.needed(protected(app.warehouse.catalog(), role)))
}

async fn keep(app: &App, name: &str, role: &str, facts: &BTreeMap<String, String>) -> Result<(), Error> {
    let mut new = NewAccount { name, role, facts: facts.clone(), password: None };
    derive_ambito(&app.warehouse, &mut new).await?;
    match app.accounts.keep(app.warehouse.catalog(), &new).await {
        // A claim that is missing or cannot be: the account's owner cannot mend it here.
        Err(error) if error.kind == Kind::Invalid => {
            tracing::warn!(role, "the claims of a sign-in lack what the role needs");
            Err(Error::new(
                Kind::Forbidden,
                "oidc.claims",
                "the identity provider does not say all that your role needs: your body's office must complete it there",
            ))
        }
        other => other,
    }
}
