//! From a certificate to an anchor, and whether each step of the way may be relied on at a time.

use openssl::stack::Stack;
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::{X509VerifyFlags, X509VerifyParam};
use openssl::x509::{X509StoreContext, X509VerifyResult};

use super::certificate::Certificate;
use super::trust::Trust;

/// Longest way; Italian ones have two or three steps.
const MAX_LENGTH: i32 = 8;
/// Certificates of a file that are tried as steps of the way.
const MAX_CANDIDATES: usize = 200;

/// Why no way leads to an anchor, in OpenSSL's words and number.
pub struct NoWay {
    pub code: i32,
    pub text: &'static str,
}

impl NoWay {
    /// The signature of a step is false, or a step may not issue: not a matter of a missing list.
    pub fn is_forged(&self) -> bool {
        // X509_V_ERR_CERT_SIGNATURE_FAILURE, …_INVALID_CA, …_PATH_LENGTH_EXCEEDED, …_PERMITTED_VIOLATION, …_EXCLUDED_VIOLATION.
        matches!(self.code, 7 | 24 | 25 | 47 | 48)
    }
}

/// The way from a certificate to an anchor, itself first, regardless of time: times are judged step by step.
pub fn build(certificate: &Certificate, candidates: &[Certificate], trust: &Trust) -> Result<Vec<Certificate>, NoWay> {
    let way = attempt(certificate, candidates, trust);
    let _ = openssl::error::ErrorStack::get();
    way.unwrap_or(Err(NoWay { code: 0, text: "certificate path could not be built" }))
}

fn attempt(certificate: &Certificate, candidates: &[Certificate], trust: &Trust) -> Option<Result<Vec<Certificate>, NoWay>> {
    let mut untrusted = Stack::new().ok()?;
    for candidate in candidates.iter().take(MAX_CANDIDATES) {
        untrusted.push(candidate.x509.clone()).ok()?;
    }
    let mut context = X509StoreContext::new().ok()?;
    let store = store(trust)?;
    let outcome = context.init(&store, &certificate.x509, &untrusted, |context| {
        let good = context.verify_cert().unwrap_or(false);
        let chain = context.chain().map(|chain| chain.iter().map(|step| step.to_owned()).collect::<Vec<_>>()).unwrap_or_default();
        Ok((good, chain, context.error()))
    });
    let (good, chain, error): (bool, Vec<_>, X509VerifyResult) = outcome.ok()?;
    if !good {
        return Some(Err(NoWay { code: error.as_raw(), text: error.error_string() }));
    }
    Some(Ok(chain.into_iter().filter_map(|step| Certificate::parse(step).ok()).collect()))
}

/// All anchors; a list names issuing authorities, so that a way may end at one that is not self-signed.
fn store(trust: &Trust) -> Option<X509Store> {
    let mut store = X509StoreBuilder::new().ok()?;
    for anchor in trust.certificates() {
        store.add_cert(anchor.x509.clone()).ok()?;
    }
    let mut parameters = X509VerifyParam::new().ok()?;
    parameters.set_flags(X509VerifyFlags::PARTIAL_CHAIN | X509VerifyFlags::NO_CHECK_TIME).ok()?;
    parameters.set_depth(MAX_LENGTH);
    store.set_param(&parameters).ok()?;
    Some(store.build())
}
