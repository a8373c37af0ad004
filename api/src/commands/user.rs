//! `siss user`: accounts.

use std::collections::BTreeMap;
use std::io::Read;
use std::process::ExitCode;

use anyhow::{Context, bail};
use warehouse::Warehouse;
use warehouse::audit::{Action as Act, Event, Outcome};
use warehouse::config::Limits;

use crate::accounts::{Accounts, NewAccount, derive_ambito, password_rule, random_password};
use crate::config::Data;

/// Adds, lists and removes accounts, and sets passwords
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
    /// Reads the password from standard input [default: one is made at random and printed]
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
        Action::Password { name, .. } => (name, "password cambiata".into()),
        Action::List => return None,
    };
    Some(Event::new(Act::Administration, format!("utenza {name}")).why(why))
}

async fn perform(args: Args, accounts: &Accounts) -> anyhow::Result<()> {
    match args.action {
        Action::Add { name, role, facts, password } => {
            let warehouse = Warehouse::open(args.data.warehouse(Limits::default())?).await?;
            let (text, made) = password.take()?;
            let mut new = NewAccount { name: &name, role: &role, facts: BTreeMap::from_iter(facts), password: Some(&text) };
            derive_ambito(&warehouse, &mut new).await?;
            accounts.add(warehouse.catalog(), &new).await?;
            tell(made, &text);
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
        Action::Password { name, password } => {
            let (text, made) = password.take()?;
            accounts.set_password(&name, &text).await?;
            tell(made, &text);
        }
    }
    Ok(())
}

impl Secret {
    /// The password, and whether chance made it.
    fn take(&self) -> anyhow::Result<(String, bool)> {
        if !self.password_stdin {
            return Ok((random_password()?, true));
        }
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("the password on standard input")?;
        let text = text.trim_end_matches(['\r', '\n']).to_string();
        password_rule(&text)?;
        Ok((text, false))
    }
}

/// A password that chance made is shown once.
fn tell(made: bool, password: &str) {
    if made {
        println!("password: {password}");
    }
}

fn fact(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => Ok((name.to_string(), value.to_string())),
        _ => Err("expected NAME=VALUE".to_string()),
    }
}
