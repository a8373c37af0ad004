//! What an installation may set. Every option is a flag, an environment variable and a key of the TOML file, in that order of
//! precedence; the key is the long flag without dashes in front.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use datasets::catalog::Catalog;
use ingest::vault::Vault;
use warehouse::audit::{Audit, FEWEST};
use warehouse::config::{Config, Limits};
use warehouse::inside::RULE_BYTES;
use warehouse::lake::StoreOptions;

mod file;
mod oidc;
mod public;

pub use file::apply as apply_file;
pub use oidc::{OidcOptions, may_ask};
pub use public::{CONTACT, Public};

/// Options of every subcommand.
#[derive(Args, Clone, Debug)]
pub struct Common {
    /// TOML file with options; a key is a long flag: `http = "127.0.0.1:8080"`
    #[arg(long, global = true, env = "SISS_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How logs are written to standard error
    #[arg(long, global = true, env = "SISS_LOG_FORMAT", value_enum, default_value_t = LogFormat::Human, value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// What is logged: error, warn, info, debug, trace, or per module, such as `info,api=debug`
    #[arg(long, global = true, env = "SISS_LOG", default_value = "info", value_name = "FILTER")]
    pub log: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Human,
    Json,
}

/// Where the data is.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Data")]
pub struct Data {
    /// The lake: a folder, `file:///…` or `s3://bucket/prefix`
    #[arg(long, env = "SISS_DATA", default_value = "data", value_name = "DIR|URL")]
    pub data: String,
    /// Local folder for state store, TLS key and lock [default: --data, if it is a folder]
    #[arg(long, env = "SISS_HOME", value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// Folder of contracts [default: `datasets` here, or beside the program]
    #[arg(long, env = "SISS_CONTRACTS", value_name = "DIR")]
    pub contracts: Option<PathBuf>,
    /// State store (accounts, tokens): `sqlite:///path` or `postgres://user@host/database` [default: sqlite in HOME/state/siss.db]
    #[arg(long, env = "SISS_STATE", hide_env_values = true, value_name = "URL")]
    pub state: Option<String>,
    /// Vault of identities (who persons are, sealed): `sqlite:///path` or `postgres://user@host/database` [default: sqlite in HOME/vault/vault.db]
    #[arg(long, env = "SISS_VAULT", hide_env_values = true, value_name = "URL")]
    pub vault: Option<String>,
    /// Key of the vault, made with it; keep a copy apart from the data: without it identities are lost [default: HOME/vault/key]
    #[arg(long, env = "SISS_VAULT_KEY", value_name = "FILE")]
    pub vault_key: Option<PathBuf>,
    /// Key that the audit log is signed with, made with it [default: HOME/tls/audit.key]
    #[arg(long, env = "SISS_AUDIT_KEY", value_name = "FILE")]
    pub audit_key: Option<PathBuf>,
    /// S3: address of the service, if it is not Amazon's
    #[arg(long, env = "SISS_S3_ENDPOINT", value_name = "URL")]
    pub s3_endpoint: Option<String>,
    /// S3: region
    #[arg(long, env = "SISS_S3_REGION", default_value = "us-east-1", value_name = "NAME")]
    pub s3_region: String,
    /// S3: access key
    #[arg(long, env = "SISS_S3_KEY", hide_env_values = true, value_name = "KEY")]
    pub s3_key: Option<String>,
    /// S3: secret key; better by variable or file than by flag
    #[arg(long, env = "SISS_S3_SECRET", hide_env_values = true, value_name = "SECRET")]
    pub s3_secret: Option<String>,
    /// S3: allow an endpoint without TLS
    #[arg(long, env = "SISS_S3_ALLOW_HTTP")]
    pub s3_allow_http: bool,
    /// Memory of one rule over a whole delivery, in MiB; a delivery that needs more is refused
    #[arg(long, env = "SISS_RULE_MEMORY", default_value_t = RULE_BYTES >> 20, value_name = "MIB")]
    pub rule_memory: usize,
}

/// How long the audit log is kept.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Audit log")]
pub struct AuditKept {
    /// Months that records of the audit log are kept; the law asks for 6 at least
    #[arg(long, env = "SISS_AUDIT_MONTHS", default_value_t = 24, value_name = "N", value_parser = clap::value_parser!(u32).range(i64::from(FEWEST)..=600))]
    pub audit_months: u32,
}

/// What one query, and all together, may use.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Limits of queries")]
pub struct QueryLimits {
    /// Worker processes, hence queries running at once [default: two per core, 4 to 16]
    #[arg(long, env = "SISS_WORKERS", value_name = "N")]
    pub workers: Option<usize>,
    /// Seconds a query may take
    #[arg(long, env = "SISS_QUERY_TIME", default_value_t = 60.0, value_name = "SECONDS")]
    pub query_time: f64,
    /// Memory of one query, in MiB
    #[arg(long, env = "SISS_QUERY_MEMORY", default_value_t = 768, value_name = "MIB")]
    pub query_memory: usize,
    /// Disk one query may use for sorts and aggregates, in MiB
    #[arg(long, env = "SISS_QUERY_SPILL", default_value_t = 4096, value_name = "MIB")]
    pub query_spill: u64,
    /// Queries that may wait for a worker; past it the answer is "busy"
    #[arg(long, env = "SISS_QUEUE", default_value_t = 64, value_name = "N")]
    pub queue: usize,
    /// Seconds a query waits for a worker at most
    #[arg(long, env = "SISS_QUEUE_TIME", default_value_t = 20.0, value_name = "SECONDS")]
    pub queue_time: f64,
    /// Queries of one account running at once
    #[arg(long, env = "SISS_QUERIES_PER_ACCOUNT", default_value_t = 2, value_name = "N")]
    pub queries_per_account: usize,
}

/// Where the server listens; port 0 takes a free one, see the `ready` line.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Server")]
pub struct Listen {
    /// Pages and REST
    #[arg(long, env = "SISS_HTTP", default_value = "127.0.0.1:8080", value_name = "ADDR")]
    pub http: SocketAddr,
    /// PostgreSQL
    #[arg(long, env = "SISS_POSTGRES", default_value = "127.0.0.1:5433", value_name = "ADDR")]
    pub postgres: SocketAddr,
    /// Flight SQL
    #[arg(long, env = "SISS_FLIGHT", default_value = "127.0.0.1:50051", value_name = "ADDR")]
    pub flight: SocketAddr,
    /// Folder of the pages: `templates`, `locales`, `static` [default: `api` here or above, or above the program]
    #[arg(long, env = "SISS_SITE", value_name = "DIR")]
    pub site: Option<PathBuf>,
    /// Certificate chain (PEM) of all doors, with --tls-key [default: self-made on first start in HOME/tls]
    #[arg(long, env = "SISS_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// Private key (PEM) of the certificate
    #[arg(long, env = "SISS_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Serve pages and REST without TLS off loopback, for a proxy in front that speaks TLS
    #[arg(long, env = "SISS_BEHIND_PROXY")]
    pub behind_proxy: bool,
    /// Seconds that running answers get to finish when the server stops
    #[arg(long, env = "SISS_GRACE", default_value_t = 10, value_name = "SECONDS")]
    pub grace: u64,
    /// Keys (JWKS) that PDND vouchers for the national flows are signed with; with --waas-audience [default: only accounts of the role inps]
    #[arg(long, env = "SISS_WAAS_KEYS", requires = "waas_audience", value_name = "FILE")]
    pub waas_keys: Option<PathBuf>,
    /// Audience of those vouchers: the address of the service as registered on PDND
    #[arg(long, env = "SISS_WAAS_AUDIENCE", requires = "waas_keys", value_name = "TEXT")]
    pub waas_audience: Option<String>,
    /// Clients of PDND whose vouchers are taken (INPS's), separated by commas [default: each with a voucher for that audience]
    #[arg(long, env = "SISS_WAAS_CLIENTS", requires = "waas_keys", value_name = "IDS", value_delimiter = ',')]
    pub waas_clients: Vec<String>,
    /// Fiscal code of the body that sends the national flows, named in each of them
    #[arg(long, env = "SISS_SIUSS_OPERATOR", default_value = ingest::siuss::OPERATOR, value_name = "CODE")]
    pub siuss_operator: String,
    /// Whom to trust when signed documents come in: trusted list (ETSI TS 119 612, XML), certificates (PEM, DER)
    #[arg(long, env = "SISS_TRUST", value_name = "FILE", value_delimiter = ':')]
    pub trust: Vec<PathBuf>,
    /// Address of the body's own protocol system, which is told each protocol number (docs/FORMS.md); with --protocol-secret
    #[arg(long, env = "SISS_PROTOCOL_URL", requires = "protocol_secret", value_name = "URL")]
    pub protocol_url: Option<String>,
    /// File with the secret that signs what it is told, 32 bytes or more
    #[arg(long, env = "SISS_PROTOCOL_SECRET", requires = "protocol_url", value_name = "FILE")]
    pub protocol_secret: Option<PathBuf>,
    #[command(flatten)]
    pub oidc: OidcOptions,
    #[command(flatten)]
    pub public: Public,
}

impl Data {
    /// The local folder beside the lake: state, TLS, lock.
    pub fn home(&self) -> anyhow::Result<PathBuf> {
        match (&self.home, self.folder()) {
            (Some(home), _) => Ok(home.clone()),
            (None, Some(folder)) => Ok(folder),
            (None, None) => anyhow::bail!("--data is not a folder: say with --home where state store, TLS key and lock are"),
        }
    }

    /// The folder that `--data` names, if it names one.
    pub fn folder(&self) -> Option<PathBuf> {
        match self.data.split_once("://") {
            None => Some(PathBuf::from(&self.data)),
            Some(("file", _)) => url::Url::parse(&self.data).ok().and_then(|url| url.to_file_path().ok()),
            Some(_) => None,
        }
    }

    /// URL of the state store.
    pub fn state(&self) -> anyhow::Result<String> {
        match &self.state {
            Some(url) => Ok(url.clone()),
            None => Ok(crate::state::sqlite_url(&self.home()?.join("state").join("siss.db"))?),
        }
    }

    /// The log of who did what, opened.
    pub fn audit(&self) -> anyhow::Result<Audit> {
        Audit::open(&self.audit_folder()?, &self.audit_key()?).context("the audit log")
    }

    pub fn audit_folder(&self) -> anyhow::Result<PathBuf> {
        Ok(self.home()?.join("audit"))
    }

    /// The file of the log's key.
    pub fn audit_key(&self) -> anyhow::Result<PathBuf> {
        match &self.audit_key {
            Some(file) => Ok(file.clone()),
            None => Ok(self.home()?.join("tls").join("audit.key")),
        }
    }

    /// The vault of identities, opened.
    pub async fn vault(&self, audit: &Audit) -> anyhow::Result<Vault> {
        let folder = self.home()?.join("vault");
        let url = match &self.vault {
            Some(url) => url.clone(),
            None => crate::state::sqlite_url(&folder.join("vault.db"))?,
        };
        let key = self.vault_key.clone().unwrap_or_else(|| folder.join("key"));
        Vault::open(&url, &key, audit.clone()).await.context("the vault of identities")
    }

    /// The folder of contracts.
    pub fn contracts(&self) -> anyhow::Result<PathBuf> {
        Catalog::find_dir(self.contracts.as_deref()).map_err(anyhow::Error::msg)
    }

    /// What `Warehouse::open` needs.
    pub fn warehouse(&self, limits: Limits) -> anyhow::Result<Config> {
        let contracts = self.contracts()?;
        let store = StoreOptions {
            endpoint: self.s3_endpoint.clone(),
            region: Some(self.s3_region.clone()),
            access_key: self.s3_key.clone(),
            secret_key: self.s3_secret.clone(),
            allow_http: self.s3_allow_http,
            reads_only: false,
        };
        // Only a server is asked for the same rows again and again: it says how many it holds.
        Ok(Config { data: self.data.clone(), contracts, store, limits, kept_bytes: 0, rule_bytes: self.rule_memory << 20 })
    }
}

impl QueryLimits {
    pub fn limits(&self) -> anyhow::Result<Limits> {
        let usual = Limits::default();
        Ok(Limits {
            workers: self.workers.unwrap_or(usual.workers),
            time: Duration::try_from_secs_f64(self.query_time)?,
            memory_bytes: self.query_memory << 20,
            spill_bytes: self.query_spill << 20,
            queue: self.queue,
            queue_time: Duration::try_from_secs_f64(self.queue_time)?,
            per_principal: self.queries_per_account,
            ..usual
        })
    }
}

impl Listen {
    /// Whether every door listens on this machine only.
    pub fn loopback(&self) -> bool {
        [self.http, self.postgres, self.flight].iter().all(|address| is_loopback(address.ip()))
    }
}

/// Whether an address is this machine's own, IPv4 written as IPv6 included: there and only there plaintext is allowed.
pub fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// Whom an address stands for when tries and requests are counted: a client has all addresses of its IPv6 network of 64 bits.
pub fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

/// Makes a folder, with its parents, that only its owner may enter.
pub fn private_folder(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(test)]
mod tests;
