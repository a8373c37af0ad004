//! Where people sign in with an identity they have already: the region's provider of SPID and CIE, by OpenID Connect.

use std::path::PathBuf;

use clap::Args;
use url::Url;

use super::is_loopback;

/// What people call the provider where nobody says otherwise.
const NAME: &str = "SPID o CIE";
const NAME_EN: &str = "SPID or CIE";

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "OpenID Connect")]
pub struct OidcOptions {
    /// Issuer of the identity provider; with it people sign in there too, and --oidc-client and --oidc-mapping are needed
    #[arg(long, env = "SISS_OIDC_ISSUER", value_name = "URL", value_parser = issuer, requires = "oidc_client", requires = "oidc_mapping")]
    pub oidc_issuer: Option<String>,
    /// Our name at the provider
    #[arg(long, env = "SISS_OIDC_CLIENT", value_name = "ID", requires = "oidc_issuer")]
    pub oidc_client: Option<String>,
    /// File with our secret at the provider [default: none, a public client]
    #[arg(long, env = "SISS_OIDC_SECRET", value_name = "FILE", requires = "oidc_issuer")]
    pub oidc_secret: Option<PathBuf>,
    /// TOML file that says what claims mean: levels of assurance, the person, roles
    #[arg(long, env = "SISS_OIDC_MAPPING", value_name = "FILE", requires = "oidc_issuer")]
    pub oidc_mapping: Option<PathBuf>,
    /// What people call the provider, on Italian pages
    #[arg(long, env = "SISS_OIDC_NAME", default_value = NAME, value_name = "TEXT")]
    pub oidc_name: String,
    /// The same on English pages
    #[arg(long, env = "SISS_OIDC_NAME_EN", default_value = NAME_EN, value_name = "TEXT")]
    pub oidc_name_en: String,
}

impl Default for OidcOptions {
    fn default() -> Self {
        Self { oidc_issuer: None, oidc_client: None, oidc_secret: None, oidc_mapping: None, oidc_name: NAME.into(), oidc_name_en: NAME_EN.into() }
    }
}

/// An issuer is compared letter by letter with what tokens say: it is kept as it was written.
fn issuer(text: &str) -> Result<String, String> {
    let url = Url::parse(text).map_err(|e| format!("not an address: {e}"))?;
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() || url.host().is_none() {
        return Err("an issuer has scheme, host and perhaps a path".into());
    }
    if !may_ask(&url) {
        return Err("an issuer is https://, or http:// on this machine".into());
    }
    Ok(text.to_owned())
}

/// Whether an address may be asked at all: by TLS, or without it on this very machine.
pub fn may_ask(url: &Url) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(ip)) => is_loopback(ip.into()),
            Some(url::Host::Ipv6(ip)) => is_loopback(ip.into()),
            None => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::issuer;

    #[test]
    fn an_issuer_is_reached_by_tls_or_on_this_machine() {
        for right in
            ["https://id.regione.example", "https://id.regione.example/realms/siss", "http://127.0.0.1:4000", "http://localhost:4000", "http://[::1]:4000"]
        {
            assert_eq!(issuer(right).as_deref(), Ok(right));
        }
        let wrong = [
            "http://id.regione.example",
            "http://10.0.0.1",
            "ftp://127.0.0.1",
            "id.regione.example",
            "https://id.example/?a=1",
            "https://a:b@id.example",
            "file:///etc/passwd",
        ];
        for wrong in wrong {
            assert!(issuer(wrong).is_err(), "{wrong}");
        }
    }
}
