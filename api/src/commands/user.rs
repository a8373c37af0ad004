//! `siss user`: accounts.

use std::collections::BTreeMap;
use std::io::Read;
use std::process::ExitCode;

use anyhow::{Context, bail};
use ingest::vault::Vault;
use warehouse::Warehouse;
use warehouse::audit::{Action as Act, Event, Outcome};
use warehouse::config::Limits;

use crate::accounts::{Accounts, NewAccount, SEAL, derive_ambito, password_rule, random_password};
use crate::config::Data;

/// Adds, lists and removes accounts, and says how people sign in to them
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    pub data: Data,
    #[command(subcommand)]
    pub action: Action,
}

#[derive(clap::Subcommand, Debug)]
pub enum Action {
    /// Adds an account; its district is looked up when its comune is known
    Add {
        name: String,
        /// A role of `roles.toml`
        #[arg(long)]
        role: String,
        /// A fact that the role asks for, such as `codice_istat=058091`; repeatable
        #[arg(long = "fact", value_name = "NAME=VALUE", value_parser = fact)]
        facts: Vec<(String, String)>,
        #[command(flatten)]
        password: Secret,
    },
    /// Lists the accounts, one JSON object per line
    List,
    /// Removes an account, its tokens, its sessions and its saved queries
    Remove { name: String },
    /// Ends the sessions of an account in browsers
    SignOut { name: String },
    /// Sets up the second factor of an account, in place of an earlier one, and prints it once: secret, address for a QR code, recovery codes
    SecondFactor {
        name: String,
        /// Takes it away instead
        #[arg(long)]
        remove: bool,
    },
    /// Says which person works with an account: who signs in at the identity provider with that fiscal code is let in with it
    Person {
        name: String,
        /// Reads the fiscal code from standard input, so that it stands in no command line; it is not kept, only its pseudonym
        #[arg(long, required_unless_present = "remove")]
        fiscal_code_stdin: bool,
        /// Takes the account back instead
        #[arg(long, conflicts_with = "fiscal_code_stdin")]
        remove: bool,
    },
    /// Gives an account a new password
    Password {
        name: String,
        #[command(flatten)]
        password: Secret,
    },
}

/// Where a password comes from: standard input, or chance.
#[derive(clap::Args, Debug)]
pub struct Secret {
    /// Reads the password that its owner chose from standard input [default: a first one is made at random and printed, to be changed at the first
    /// sign-in]
    #[arg(long)]
    pub password_stdin: bool,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let audit = args.data.audit()?;
    let accounts = Accounts::open(&args.data.state()?).await?;
    let event = act(&args.action);
    let done = perform(args, &accounts).await;
    if let Some(event) = event {
        audit.record(event.outcome(Outcome::of(&done))).await?;
    }
    audit.close().await;
    accounts.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

/// What an action is in the audit log. An account's facts may tell who a person is, and stay out of it.
fn act(action: &Action) -> Option<Event> {
    let (name, why) = match action {
        Action::Add { name, role, .. } => (name, format!("creata con il ruolo {role}")),
        Action::Remove { name } => (name, "rimossa".into()),
        Action::SignOut { name } => (name, "sessioni chiuse".into()),
        Action::SecondFactor { name, remove } => (name, if *remove { "secondo fattore tolto" } else { "secondo fattore attivato" }.into()),
        Action::Person { name, remove, .. } => (name, if *remove { "persona tolta" } else { "persona associata" }.into()),
        Action::Password { name, .. } => (name, "password cambiata".into()),
        Action::List => return None,
    };
    Some(Event::new(Act::Administration, format!("utenza {name}")).why(why))
}

async fn perform(args: Args, accounts: &Accounts) -> anyhow::Result<()> {
    match args.action {
        Action::Add { name, role, facts, password } => {
            let warehouse = Warehouse::open(args.data.warehouse(Limits::default())?).await?;
            let password = password.take(&name)?;
            let mut new = NewAccount { name: &name, role: &role, facts: BTreeMap::from_iter(facts), password: None };
            derive_ambito(&warehouse, &mut new).await?;
            accounts.add(warehouse.catalog(), &new).await?;
            password.give(accounts, &name).await?;
        }
        Action::List => {
            for account in accounts.list().await? {
                println!("{}", serde_json::to_string(&account)?);
            }
        }
        Action::Remove { name } => {
            if !accounts.remove(&name).await? {
                bail!("there is no account '{name}'");
            }
        }
        Action::SignOut { name } => {
            if accounts.principal(&name).await?.is_none() {
                bail!("there is no account '{name}'");
            }
            accounts.end_sessions(&name).await?;
        }
        Action::SecondFactor { name, remove: true } => {
            if !accounts.unenrol(&name).await? {
                bail!("'{name}' has no second factor");
            }
        }
        Action::SecondFactor { name, remove: false } => {
            let enrolment = sealed(accounts.clone(), &args.data).await?.enrol(&name).await?;
            println!("secret: {}\naddress: {}\nrecovery codes: {}", enrolment.secret, enrolment.uri, enrolment.recovery.join(" "));
        }
        Action::Person { name, remove: true, .. } => accounts.set_person(&name, None).await?,
        Action::Person { name, .. } => {
            let mut code = String::new();
            std::io::stdin().read_to_string(&mut code).context("the fiscal code on standard input")?;
            let vault = vault(&args.data).await?;
            let person = vault.pseudonym(code.trim()).context("what came on standard input is not a fiscal code")?;
            accounts.set_person(&name, Some(&person)).await?;
            vault.close().await;
        }
        Action::Password { name, password } => {
            password.take(&name)?.give(accounts, &name).await?;
        }
    }
    Ok(())
}

async fn vault(data: &Data) -> anyhow::Result<Vault> {
    data.vault(&data.audit()?).await
}

/// The accounts with what seals their secrets.
async fn sealed(accounts: Accounts, data: &Data) -> anyhow::Result<Accounts> {
    let vault = vault(data).await?;
    let sealed = accounts.with_seal(vault.secret(SEAL)?);
    vault.close().await;
    Ok(sealed)
}

/// A password for an account.
enum Password {
    /// Of its owner's choice.
    Chosen(String),
    /// Made by chance, to come in once.
    First(String),
}

impl Secret {
    fn take(&self, account: &str) -> anyhow::Result<Password> {
        if !self.password_stdin {
            return Ok(Password::First(random_password()?));
        }
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("the password on standard input")?;
        let text = text.trim_end_matches(['\r', '\n']).to_string();
        password_rule(&text, account)?;
        Ok(Password::Chosen(text))
    }
}

impl Password {
    /// What chance made is shown once.
    async fn give(self, accounts: &Accounts, account: &str) -> anyhow::Result<()> {
        match self {
            Self::Chosen(text) => accounts.set_password(account, &text).await?,
            Self::First(text) => {
                let until = accounts.give_password(account, &text).await?;
                println!("password: {text}");
                eprintln!("a first password: until {} its owner chooses another at /accedi; it opens nothing else", moment(until));
            }
        }
        Ok(())
    }
}

/// Seconds since 1970 as a date and time.
fn moment(seconds: i64) -> String {
    chrono::DateTime::from_timestamp(seconds, 0).unwrap_or_default().to_rfc3339()
}

fn fact(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => Ok((name.to_string(), value.to_string())),
        _ => Err("expected NAME=VALUE".to_string()),
    }
}
