//! `siss token`: bearer tokens of machines.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use warehouse::audit::{Action, Event, Outcome};

use crate::accounts::Accounts;
use crate::config::Data;

/// Makes a bearer token of an account and prints it; it is not shown again
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    pub data: Data,
    /// Whose token
    #[arg(long, value_name = "NAME")]
    pub account: String,
    /// What it is for, shown in lists
    #[arg(long, default_value = "", value_name = "TEXT")]
    pub label: String,
    /// Days it holds
    #[arg(long, default_value_t = 90, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=3660))]
    pub days: u64,
    /// Lists the account's tokens that hold, instead
    #[arg(long, conflicts_with = "revoke")]
    pub list: bool,
    /// Ends a token, named by its text or its id in the list, instead
    #[arg(long, value_name = "TOKEN|ID")]
    pub revoke: Option<String>,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let audit = args.data.audit()?;
    let accounts = Accounts::open(&args.data.state()?).await?;
    let done = perform(&args, &accounts).await;
    if !args.list {
        let why = match &args.revoke {
            // The text of a token is a secret, its id is none.
            Some(token) if token.bytes().all(|b| b.is_ascii_hexdigit()) => format!("token {token:.12} revocato"),
            Some(_) => "token revocato".into(),
            None => format!("token emesso per {} giorni", args.days),
        };
        audit.record(Event::new(Action::Administration, format!("utenza {}", args.account)).why(why).outcome(Outcome::of(&done))).await?;
    }
    audit.close().await;
    accounts.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

async fn perform(args: &Args, accounts: &Accounts) -> anyhow::Result<()> {
    if args.list {
        for token in accounts.tokens(&args.account).await? {
            println!("{}", serde_json::to_string(&token)?);
        }
    } else if let Some(token) = &args.revoke {
        if !accounts.revoke_token(token).await? {
            bail!("there is no such token");
        }
    } else {
        println!("{}", accounts.issue_token(&args.account, &args.label, Duration::from_secs(args.days * 86_400)).await?);
    }
    Ok(())
}
