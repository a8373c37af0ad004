//! What every door and command works with: one concrete value, cheaply cloned. To test, change the values, never the type.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use datasets::catalog::Catalog;
use ingest::certification::Certifications;
use ingest::deliver::Deliveries;
use ingest::read::Bounds;
use ingest::siuss::Siuss;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use rustls::ServerConfig;
use tokio::sync::Mutex;
use warehouse::Warehouse;
use warehouse::audit::mirror::Mirror;
use warehouse::audit::{Action, Audit, Event};
use warehouse::config::{Config, Limits};
use warehouse::release::Releases;
use warehouse::system::SystemLog;
use warehouse::worker::{Pool, PoolConfig};

use crate::accounts::{Accounts, SEAL, protected};
use crate::config::{Data, Listen, is_loopback};
use crate::doors::http::answers::Answers;
use crate::doors::http::boards::Boards;
use crate::doors::http::waas::voucher::Vouchers;
use crate::intake::Intake;
use crate::intake::hand_over::Receiver;
use crate::oidc::Oidc;
use crate::queries;
use crate::releases;
use crate::search::Search;
use crate::server::Addresses;
use crate::shelf::Shelf;
use crate::sign_ins::SignIns;
use crate::site::Site;
use crate::state::State;
use crate::tls::Tls;

/// A clone is one more count: every layer and handler of a request takes one.
#[derive(Clone)]
pub struct App(Arc<Parts>);

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

pub struct Parts {
    pub warehouse: Warehouse,
    /// Worker processes: the only place where SQL that a user wrote runs.
    pub pool: Pool,
    pub accounts: Accounts,
    /// Where people sign in with an identity they have already, if that is configured.
    pub oidc: Option<Arc<Oidc>>,
    /// People's own queries.
    pub shelf: Shelf,
    /// The body's own protocol system, if it is told the numbers.
    pub protocol: Option<Receiver>,
    /// Forms on their way, and what became of them.
    pub intake: Intake,
    pub deliveries: Deliveries,
    pub certifications: Certifications,
    /// What is published, and has been.
    pub releases: Releases,
    /// The national flows.
    pub siuss: Siuss,
    /// What vouchers of PDND are checked against, if they are taken.
    pub vouchers: Option<Vouchers>,
    /// Templates, words and static files of the pages.
    pub site: Site,
    /// Dashboards and the boundaries of maps.
    pub boards: Boards,
    /// Words of the catalogue.
    pub search: Search,
    /// The service's own tables (`sistema.*`).
    pub system: SystemLog,
    /// The log of who did what.
    pub audit: Audit,
    pub sign_ins: SignIns,
    /// Brings `sistema.audit` up to date.
    pub mirror: Mutex<Mirror>,
    pub tls: Tls,
    pub listen: Listen,
    /// What strangers were answered, while it holds.
    pub answers: Answers,
    pub metrics: PrometheusHandle,
    pub started: DateTime<Utc>,
    /// Local folder of state, TLS key and uploads under way.
    pub home: PathBuf,
    /// Where the doors listen, known once they are open: the start page says it.
    pub addresses: OnceLock<Addresses>,
}

impl App {
    /// Opens lake, accounts and certificate and starts the workers, each with the command line `worker`. Any fault is an error:
    /// nothing starts half.
    pub async fn open(data: &Data, limits: Limits, listen: Listen, worker: Vec<String>) -> anyhow::Result<Self> {
        let home = data.home()?;
        let site = Site::load(&Site::find_dir(listen.site.as_deref())?).context("the site")?;
        let tls = Tls::load(&listen, &home)?;
        if tls.self_made && !listen.loopback() {
            tracing::warn!("the certificate is self-made: clients cannot verify it unless they are given the file; see --tls-cert");
        }
        let audit = data.audit()?;
        let config = Config { kept_bytes: listen.public.kept_memory << 20, ..data.warehouse(limits.clone())? };
        let warehouse = Warehouse::open(config).await?.audited(&audit);
        let releases = Releases::load(warehouse.clone(), releases::scratch(&home)).await?;
        let search = Search::new(warehouse.catalog());
        let state = State::open(&data.state()?).await.context("the state store")?;
        let oidc = Oidc::load(&listen.oidc, warehouse.catalog(), state.clone()).context("sign-in by OpenID Connect")?;
        if oidc.is_some() && listen.public.public_url.is_none() && !listen.loopback() {
            bail!("sign-in by OpenID Connect needs --public-url: the provider sends people back to exactly that address");
        }
        let accounts = Accounts::new(state.clone()).await.context("the state store")?;
        let system = SystemLog::start(warehouse.clone());
        let vault = data.vault(&audit).await?;
        let intake = Intake::new(state.clone(), vault.clone());
        let accounts = accounts.with_seal(vault.secret(SEAL)?).demanding(second_factor_roles(&listen, warehouse.catalog()));
        let deliveries = Deliveries::new(&warehouse, system.clone(), vault, Bounds::default(), home.join("spool"))?;
        let certifications = Certifications::new(&deliveries);
        let siuss = Siuss::new(&deliveries, &listen.siuss_operator);
        let vouchers = match (&listen.waas_keys, &listen.waas_audience) {
            (Some(keys), Some(audience)) => Some(Vouchers::load(keys, audience, &listen.waas_clients).context("the keys of PDND vouchers")?),
            _ => None,
        };
        let protocol = match (&listen.protocol_url, &listen.protocol_secret) {
            (Some(url), Some(secret)) => {
                let secret = std::fs::read(secret).with_context(|| secret.display().to_string())?;
                Some(Receiver::new(url, secret.trim_ascii()).map_err(anyhow::Error::msg).context("the protocol system")?)
            }
            _ => None,
        };
        let boards = Boards::load(warehouse.catalog())?;
        let answers = Answers::new(&listen.public, warehouse.catalog(), &site);
        if listen.public.contact == crate::config::CONTACT && !listen.loopback() {
            tracing::warn!("no office is named that answers for the data: see --contact");
        }
        let log = queries::log(warehouse.catalog(), system.clone())?;
        let pool = Pool::start(PoolConfig { command: worker, limits, log, reads: warehouse.reads() }).await?;
        let mirror = Mutex::new(Mirror::new(&audit, &warehouse, &system)?);
        audit.record(Event::new(Action::Start, "siss").why(env!("CARGO_PKG_VERSION"))).await?;
        Ok(Self(Arc::new(Parts {
            warehouse,
            pool,
            sign_ins: SignIns::new(accounts.clone(), audit.clone()),
            audit,
            mirror,
            accounts,
            oidc,
            shelf: Shelf::new(state),
            intake,
            protocol,
            deliveries,
            certifications,
            releases,
            siuss,
            vouchers,
            site,
            boards,
            search,
            system,
            tls,
            listen,
            answers,
            metrics: metrics(),
            started: Utc::now(),
            home,
            addresses: OnceLock::new(),
        })))
    }

    /// TLS of pages and REST on this address; `None` means plaintext, allowed on loopback and behind a proxy that speaks TLS.
    pub fn http_tls(&self, address: SocketAddr) -> Option<Arc<ServerConfig>> {
        (!is_loopback(address.ip()) && !self.listen.behind_proxy).then(|| self.tls.server.clone())
    }

    /// TLS of Flight SQL on this address; `None` means plaintext, allowed on loopback.
    pub fn flight_tls(&self, address: SocketAddr) -> Option<Arc<ServerConfig>> {
        (!is_loopback(address.ip())).then(|| self.tls.server.clone())
    }

    /// Ends the workers, makes what is recorded durable and closes the state store.
    pub async fn close(&self) {
        self.pool.close().await;
        if let Err(error) = self.deliveries.flush().await {
            tracing::error!(%error, "records of deliveries are not written; the next start writes them");
        }
        if let Err(error) = self.system.close().await {
            tracing::error!(%error, "records of queries are not written");
        }
        if let Err(error) = self.audit.record(Event::new(Action::Stop, "siss")).await {
            tracing::error!(%error, "the stop is not recorded");
        }
        if let Err(error) = self.mirror.lock().await.follow().await {
            tracing::error!(%error, "the audit log is whole, sistema.audit is behind it; the next start brings it up to date");
        }
        self.audit.close().await;
        self.deliveries.vault().close().await;
        self.accounts.close().await;
    }
}

/// Roles whose accounts must have a second factor: administrators and who sees data about persons, once others can reach us.
fn second_factor_roles(listen: &Listen, catalog: &Catalog) -> BTreeSet<String> {
    let reached = listen.behind_proxy || !listen.loopback();
    catalog.roles.keys().filter(|name| reached && protected(catalog, name)).cloned().collect()
}

/// The process's one recorder of metrics; a process has one however many apps it opens.
fn metrics() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    let install = || {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        // Another recorder set by a test harness keeps its place; ours then stays empty.
        let _ = metrics::set_global_recorder(recorder);
        handle
    };
    HANDLE.get_or_init(install).clone()
}
