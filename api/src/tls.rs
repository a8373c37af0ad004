//! The certificate of all doors: configured, or self-made at the first start. Any fault means no start; nothing falls back to plaintext.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::{Listen, private_folder};

/// What the doors need to speak TLS. Cloning is cheap.
#[derive(Clone)]
pub struct Tls {
    /// Without ALPN: a door that wants it (HTTP/2) clones and sets its own.
    pub server: Arc<ServerConfig>,
    /// The chain as PEM, for SCRAM channel binding.
    pub certificate_pem: Arc<[u8]>,
    pub key_pem: Arc<[u8]>,
    /// Clients cannot verify it without being given the file.
    pub self_made: bool,
    /// Where the chain is, for clients that are to verify it.
    pub certificate_file: PathBuf,
}

/// Names in a self-made certificate.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

impl Tls {
    /// Loads the configured certificate, or the one in `HOME/tls`, which is made if it is not there.
    pub fn load(listen: &Listen, home: &Path) -> anyhow::Result<Self> {
        match (&listen.tls_cert, &listen.tls_key) {
            (Some(certificate), Some(key)) => Self::read(certificate, key, false),
            (None, None) => {
                let (certificate, key) = (home.join("tls").join("cert.pem"), home.join("tls").join("key.pem"));
                if !certificate.exists() && !key.exists() {
                    make(&certificate, &key).context("making a certificate")?;
                }
                Self::read(&certificate, &key, true)
            }
            _ => bail!("--tls-cert and --tls-key come together"),
        }
    }

    fn read(certificate: &Path, key: &Path, self_made: bool) -> anyhow::Result<Self> {
        let certificate_pem = std::fs::read(certificate).with_context(|| format!("certificate {}", certificate.display()))?;
        let key_pem = std::fs::read(key).with_context(|| format!("private key {}", key.display()))?;
        let chain = CertificateDer::pem_slice_iter(&certificate_pem).collect::<Result<Vec<_>, _>>();
        let chain = chain.with_context(|| format!("certificate {}", certificate.display()))?;
        if chain.is_empty() {
            bail!("{} holds no certificate", certificate.display());
        }
        let private = PrivateKeyDer::from_pem_slice(&key_pem).with_context(|| format!("private key {}", key.display()))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, private)
            .with_context(|| format!("certificate {} and key {}", certificate.display(), key.display()))?;
        Ok(Self { server: Arc::new(server), certificate_pem: certificate_pem.into(), key_pem: key_pem.into(), self_made, certificate_file: certificate.into() })
    }
}

fn make(certificate: &Path, key: &Path) -> anyhow::Result<()> {
    let mut params = rcgen::CertificateParams::new(NAMES.map(String::from))?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, "siss");
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2099, 12, 31);
    let pair = rcgen::KeyPair::generate()?;
    let made = params.self_signed(&pair)?;
    if let Some(folder) = key.parent() {
        private_folder(folder)?;
    }
    write(key, pair.serialize_pem().as_bytes(), 0o600)?;
    write(certificate, made.pem().as_bytes(), 0o644)
}

fn write(path: &Path, text: &[u8], mode: u32) -> anyhow::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(text)?;
    Ok(file.sync_all()?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn listen(cert: Option<&Path>, key: Option<&Path>) -> Listen {
        let local = "127.0.0.1:0".parse().unwrap();
        let (tls_cert, tls_key) = (cert.map(Into::into), key.map(Into::into));
        Listen {
            http: local,
            postgres: local,
            flight: local,
            site: None,
            tls_cert,
            tls_key,
            behind_proxy: false,
            grace: 1,
            waas_keys: None,
            waas_audience: None,
            waas_clients: Vec::new(),
            trust: Vec::new(),
            protocol_url: None,
            protocol_secret: None,
            siuss_operator: String::new(),
            oidc: crate::config::OidcOptions::default(),
            public: crate::config::Public::default(),
        }
    }

    #[test]
    fn makes_a_certificate_once_and_keeps_the_key_to_itself() {
        let home = tempfile::tempdir().unwrap();
        let first = Tls::load(&listen(None, None), home.path()).unwrap();
        assert!(first.self_made);
        assert_eq!(first.certificate_pem, Tls::load(&listen(None, None), home.path()).unwrap().certificate_pem);
        let mode = home.path().join("tls/key.pem").metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn any_fault_is_an_error() {
        let home = tempfile::tempdir().unwrap();
        Tls::load(&listen(None, None), home.path()).unwrap();
        let (cert, key) = (home.path().join("tls/cert.pem"), home.path().join("tls/key.pem"));
        assert!(!Tls::load(&listen(Some(&cert), Some(&key)), home.path()).unwrap().self_made);
        assert!(Tls::load(&listen(Some(&cert), None), home.path()).is_err());
        assert!(Tls::load(&listen(Some(&home.path().join("none.pem")), Some(&key)), home.path()).is_err());
        let other = tempfile::tempdir().unwrap();
        Tls::load(&listen(None, None), other.path()).unwrap();
        assert!(Tls::load(&listen(Some(&cert), Some(&other.path().join("tls/key.pem"))), home.path()).is_err());
        std::fs::write(&cert, "no certificate").unwrap();
        assert!(Tls::load(&listen(None, None), home.path()).is_err());
        std::fs::remove_file(&cert).unwrap();
        assert!(Tls::load(&listen(None, None), home.path()).is_err());
    }
}
