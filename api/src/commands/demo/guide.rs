//! What to open and how to sign in, for people who have just started the demo.

use std::io::Write;

use super::accounts::ACCOUNTS;
use crate::app::App;
use crate::server::Addresses;

/// Says who can sign in.
pub fn accounts(password: Option<&str>) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "accounts   {}", ACCOUNTS.map(|(name, _, _)| name).join(", "))?;
    match password {
        Some(password) => writeln!(out, "password   {password}")?,
        None => writeln!(out, "password   the one you gave, for all")?,
    }
    Ok(out.flush()?)
}

/// Says how to sign in to each door.
pub fn doors(at: &Addresses, app: &App, password: Option<&str>) -> anyhow::Result<()> {
    let (host, port) = at.postgres.rsplit_once(':').unwrap_or((&at.postgres, ""));
    let certificate = app.tls.certificate_file.display();
    let mut out = std::io::stdout().lock();
    writeln!(out)?;
    writeln!(out, "page       {}", at.http)?;
    writeln!(out, "REST       curl -u pianificatore '{}/api/v1/datasets/assa/strutture/rows?limit=5'", at.http)?;
    writeln!(out, "PostgreSQL psql 'host={host} port={port} dbname=siss user=pianificatore sslmode=verify-ca sslrootcert={certificate}'")?;
    writeln!(out, "Flight SQL {} (user and password, or a bearer token)", at.flight)?;
    writeln!(out, "token      siss token --data {} --account pianificatore", app.home.display())?;
    drop(out);
    accounts(password)?;
    println!();
    Ok(())
}
