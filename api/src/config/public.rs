//! What the open portal says of itself, how much it answers whom, and what it keeps in memory to answer faster.

use clap::Args;

/// Where no office is named: an address that cannot be anybody's (RFC 2606).
pub const CONTACT: &str = "siss@example.org";

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Open portal")]
pub struct Public {
    /// Address by which the public reaches pages and REST, named in catalogue and links [default: what each request says]
    #[arg(long, env = "SISS_PUBLIC_URL", value_name = "URL", value_parser = address)]
    pub public_url: Option<String>,
    /// E-mail of the office that answers for the data; never a person's
    #[arg(long, env = "SISS_CONTACT", default_value = CONTACT, value_name = "E-MAIL")]
    pub contact: String,
    /// Requests a minute from one address without an account; 0 is without limit
    #[arg(long, env = "SISS_RATE_STRANGER", default_value_t = 1_200, value_name = "N")]
    pub rate_stranger: u32,
    /// Requests a minute of one account; 0 is without limit
    #[arg(long, env = "SISS_RATE_ACCOUNT", default_value_t = 12_000, value_name = "N")]
    pub rate_account: u32,
    /// Requests a minute from this machine itself, accounts or not; 0 is without limit
    #[arg(long, env = "SISS_RATE_LOCAL", default_value_t = 12_000_000, value_name = "N")]
    pub rate_local: u32,
    /// Memory for answers to those without an account, kept until a table changes, in MiB; 0 keeps none
    #[arg(long, env = "SISS_ANSWERS", default_value_t = 64, value_name = "MIB")]
    pub answers: u64,
    /// Memory for rows of open tables whose pages are asked for again and again, in MiB; 0 holds none
    #[arg(long, env = "SISS_KEPT_MEMORY", default_value_t = 128, value_name = "MIB")]
    pub kept_memory: usize,
}

impl Default for Public {
    fn default() -> Self {
        Self { public_url: None, contact: CONTACT.into(), rate_stranger: 1_200, rate_account: 12_000, rate_local: 12_000_000, answers: 64, kept_memory: 128 }
    }
}

/// `https://dati.example.org`, kept without a slash at its end.
fn address(text: &str) -> Result<String, String> {
    let url = url::Url::parse(text).map_err(|e| format!("not an address: {e}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() || url.query().is_some() || url.fragment().is_some() {
        return Err("write scheme and host, such as https://dati.example.org".into());
    }
    Ok(text.trim_end_matches('/').to_owned())
}
