//! Who gives a command, as the audit log names them.

use std::os::unix::fs::MetadataExt;

use warehouse::Warehouse;
use warehouse::audit::Audit;
use warehouse::audit::mirror::Mirror;
use warehouse::system::SystemLog;

/// What the kernel says when nobody logged in: a service started the program.
const NOBODY: u32 = u32::MAX;

/// `os:` and the user of the operating system: the one who logged in, whoever they became since by `sudo`.
pub fn name() -> String {
    let login = std::fs::read_to_string("/proc/self/loginuid").ok().and_then(|text| text.trim().parse().ok()).filter(|uid| *uid != NOBODY);
    let user = login.or_else(|| std::fs::metadata("/proc/self").ok().map(|process| process.uid()));
    let Some(user) = user else { return "os:ignoto".into() };
    let known = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let of = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        (fields.nth(1)?.parse::<u32>().ok()? == user).then_some(name)
    };
    format!("os:{}", known.lines().find_map(of).unwrap_or_else(|| user.to_string()))
}

/// Shows in `sistema.audit` what a command recorded, and closes the log. A server, or the next command, does what fails here.
pub async fn end(audit: &Audit, warehouse: &Warehouse, system: &SystemLog) {
    let shown = match Mirror::new(audit, warehouse, system) {
        Ok(mut mirror) => mirror.follow().await.map(|_| ()),
        Err(error) => Err(error),
    };
    if let Err(error) = shown {
        tracing::error!(%error, "the audit log is whole, sistema.audit is behind it");
    }
    audit.close().await;
}
