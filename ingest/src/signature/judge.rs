//! May this certificate be relied on for a signature that existed at a time? Chain, trusted list, validity, revocation, algorithms.

use serde::Serialize;

use super::certificate::{Certificate, Described};
use super::chain;
use super::crypto;
use super::finding::{Finding, Weight, finding};
use super::moment::Moment;
use super::revocation::{Answer, Evidence};
use super::trust::{Purpose, Trust};

/// When the signature existed, as far as is known.
#[derive(Clone, Copy, Debug)]
pub struct Existence {
    /// It existed at this time: proved by a timestamp, or the time of looking.
    pub by: Moment,
    pub proved: bool,
    /// It did not exist before this time: a timestamp of the content says so, or the signer.
    pub after: Option<Moment>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct Judged {
    #[serde(skip)]
    pub findings: Vec<Finding>,
    pub chain: Vec<Described>,
    /// The service of the trusted list that the way ends at, as "provider: service", or `bundle`.
    pub anchor: Option<String>,
    pub revocation: Vec<Answer>,
}

/// Judges the certificate of a signer or of a timestamp.
pub fn judge(certificate: &Certificate, purpose: Purpose, existence: Existence, digests: &[&str], evidence: &Evidence, trust: &Trust) -> Judged {
    let mut judged = Judged::default();
    judged.findings.extend(validity(certificate, existence));
    let key = certificate.key();
    if let Some(weak) = digests.iter().find_map(|digest| crypto::weakness(digest, key.as_ref(), existence.by)) {
        judged.findings.push(finding(Weight::Unknown, "algorithm.weak", weak));
    }
    if purpose == Purpose::Signature && !certificate.may_sign() {
        judged.findings.push(finding(Weight::Failed, "certificate.usage", ""));
    }
    let way = match chain::build(certificate, &evidence.certificates, trust) {
        Ok(way) => way,
        Err(no_way) => {
            judged.chain.push(certificate.describe());
            judged.findings.push(if no_way.is_forged() {
                finding(Weight::Failed, "chain.forged", no_way.text)
            } else if trust.anchors.is_empty() {
                finding(Weight::Unknown, "trust.none", "")
            } else if certificate.issuer == certificate.subject {
                finding(Weight::Unknown, "chain.self_made", "")
            } else {
                finding(Weight::Unknown, "chain.untrusted", "")
            });
            return judged;
        }
    };
    judged.chain = way.iter().map(Certificate::describe).collect();
    if let Some(anchor) = way.last() {
        anchored(anchor, purpose, existence, trust, &mut judged);
    }
    for pair in way.windows(2) {
        let [subject, issuer] = pair else { continue };
        authority(subject, certificate, existence, &mut judged.findings);
        let answer = evidence.ask(subject, issuer, existence.by);
        judged.findings.extend(revoked(&answer, subject.der == certificate.der, existence));
        judged.revocation.push(answer);
    }
    judged
}

/// Was the certificate in force when the signature was made?
fn validity(certificate: &Certificate, existence: Existence) -> Vec<Finding> {
    let (Some(from), Some(to)) = (certificate.not_before(), certificate.not_after()) else {
        return vec![finding(Weight::Unknown, "certificate.dates", "")];
    };
    let day = |time: Moment| time.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    if existence.by < from {
        let weight = if existence.proved { Weight::Failed } else { Weight::Unknown };
        return vec![finding(weight, "certificate.early", day(from))];
    }
    if existence.after.is_some_and(|after| after > to) {
        return vec![finding(Weight::Failed, "certificate.late", day(to))];
    }
    if existence.by > to {
        return vec![finding(Weight::Unknown, "certificate.expired", day(to))];
    }
    Vec::new()
}

/// Steps between the signer and the anchor: in force, with algorithms that hold.
fn authority(step: &Certificate, signer: &Certificate, existence: Existence, findings: &mut Vec<Finding>) {
    let parts = super::ber::whole(&step.der).and_then(|outer| outer.children()).unwrap_or_default();
    let algorithm = parts.get(1).and_then(|identifier| crypto::algorithm(identifier, ""));
    let key = if step.der == signer.der { None } else { step.key() };
    if let Some(weak) = algorithm.and_then(|algorithm| crypto::weakness(algorithm.digest_name, key.as_ref(), existence.by)) {
        findings.push(finding(Weight::Unknown, "chain.weak", weak));
    }
    if step.der != signer.der && !(step.not_before() <= Some(existence.by) && Some(existence.by) <= step.not_after()) {
        findings.push(finding(Weight::Unknown, "chain.expired", step.describe().subject));
    }
}

/// The anchor must be for this purpose, and granted at the time.
fn anchored(anchor: &Certificate, purpose: Purpose, existence: Existence, trust: &Trust, judged: &mut Judged) {
    let (services, bundled) = trust.of(anchor);
    if bundled {
        judged.anchor = Some("bundle".to_string());
        return;
    }
    let mut fitting = services.iter().filter(|service| service.purpose == purpose).peekable();
    if fitting.peek().is_none() {
        judged.findings.push(finding(Weight::Unknown, "service.other", ""));
        return;
    }
    match fitting.clone().find(|service| service.granted(existence.by) == Some(true)) {
        Some(service) => judged.anchor = Some(format!("{}: {}", service.provider, service.name)),
        None => judged.findings.push(finding(Weight::Unknown, "service.not_granted", fitting.next().map_or("", |service| &service.name))),
    }
}

fn revoked(answer: &Answer, is_signer: bool, existence: Existence) -> Option<Finding> {
    let day = |time: Option<Moment>| time.map(|time| time.format("%Y-%m-%d %H:%M:%S UTC").to_string()).unwrap_or_default();
    match answer.status {
        "revoked" if answer.revoked_at > Some(existence.by) => Some(finding(Weight::Note, "revocation.later", day(answer.revoked_at))),
        "revoked" if !is_signer => Some(finding(Weight::Unknown, "revocation.authority", day(answer.revoked_at))),
        // The signer's own word, or a timestamp of the content, puts the signature after the revocation.
        "revoked" if existence.after >= answer.revoked_at => Some(finding(Weight::Failed, "revocation.before", day(answer.revoked_at))),
        "revoked" => Some(finding(Weight::Unknown, "revocation.unproved", day(answer.revoked_at))),
        "unknown" => Some(finding(Weight::Unknown, if is_signer { "revocation.unknown" } else { "revocation.unknown_authority" }, "")),
        "unpublished" => Some(finding(Weight::Note, "revocation.unpublished", "")),
        _ => None,
    }
}
