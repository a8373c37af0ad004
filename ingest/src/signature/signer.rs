//! One signer's signature by itself: is it this person's, over these bytes? Trust comes later.

use openssl::hash::MessageDigest;

use super::ber::{Element, SET};
use super::certificate::Certificate;
use super::cms::{self, Name, SignerInfo};
use super::crypto;
use super::finding::{Finding, Weight, finding};
use super::moment::{self, Moment};

/// What the signature says by itself.
pub struct Checked {
    pub certificate: Option<Certificate>,
    pub findings: Vec<Finding>,
    pub digest: String,
    /// The digest within the signature's algorithm.
    pub signature_digest: &'static str,
    pub algorithm: String,
    /// The time that the signer claims.
    pub claimed: Option<Moment>,
}

/// Checks a signature over `content`; none if the content is not at hand. `content_type` is none for countersignatures.
pub fn check(info: &SignerInfo, content_type: Option<&str>, content: Option<&[u8]>, pool: &[Certificate]) -> Checked {
    let mut checked =
        Checked { certificate: None, findings: Vec::new(), digest: info.digest.clone(), signature_digest: "", algorithm: String::new(), claimed: None };
    checked.claimed = info.signed_value(cms::SIGNING_TIME).and_then(|time| moment::read(&time).ok());
    let Some((digest, digest_name)) = crypto::digest_of(&info.digest) else {
        checked.findings.push(finding(Weight::Unproven, "algorithm.unknown", &info.digest));
        return checked;
    };
    checked.digest = digest_name.to_string();
    match content {
        None => checked.findings.push(finding(Weight::Unproven, "content.absent", "")),
        Some(content) if info.signed.is_some() => checked.findings.extend(attributes(info, content_type, digest, content)),
        Some(content) => checked.findings.extend(bare(content)),
    }
    let Some(algorithm) = crypto::algorithm(&info.algorithm, &info.digest) else {
        checked.findings.push(finding(Weight::Unproven, "algorithm.unknown", oid(&info.algorithm)));
        return checked;
    };
    checked.algorithm = algorithm.name.clone();
    checked.signature_digest = algorithm.digest_name;
    let forms = if info.signed.is_some() { info.signed_forms() } else { content.map(|content| vec![content.to_vec()]).unwrap_or_default() };
    if forms.is_empty() {
        return checked;
    }
    let candidates = candidates(info, pool);
    if candidates.is_empty() {
        checked.findings.push(finding(Weight::Unproven, "certificate.absent", ""));
        return checked;
    }
    let signs = |candidate: &&Certificate| candidate.key().is_some_and(|key| forms.iter().any(|form| algorithm.verify(&key, form, &info.signature)));
    match candidates.iter().copied().find(signs) {
        None => {
            checked.findings.push(finding(Weight::Broken, "signature.false", ""));
            checked.certificate = candidates.first().map(|candidate| (*candidate).clone());
        }
        Some(signer) => {
            match reference(info, signer) {
                Some(true) => {}
                Some(false) => checked.findings.push(finding(Weight::Unknown, "certificate.exchanged", "")),
                None if content_type.is_some() => checked.findings.push(finding(Weight::Note, "certificate.unreferenced", "")),
                None => {}
            }
            checked.certificate = Some(signer.clone());
        }
    }
    checked
}

fn oid(algorithm: &Element) -> String {
    algorithm.children().ok().and_then(|parts| parts.first()?.oid().ok()).unwrap_or_default()
}

/// The attributes must carry the digest of the content, and its type.
fn attributes(info: &SignerInfo, content_type: Option<&str>, digest: MessageDigest, content: &[u8]) -> Vec<Finding> {
    let mut found = Vec::new();
    match info.signed_value(cms::MESSAGE_DIGEST).and_then(|value| value.octets().ok()) {
        None => found.push(finding(Weight::Broken, "attributes.no_digest", "")),
        Some(stated) if crypto::hash(digest, content).as_deref() != Some(&stated) => found.push(finding(Weight::Broken, "content.altered", "")),
        Some(_) => {}
    }
    let stated = info.signed_value(cms::CONTENT_TYPE).and_then(|value| value.oid().ok());
    if let (Some(expected), Some(stated)) = (content_type, stated)
        && expected != stated
    {
        found.push(finding(Weight::Broken, "attributes.other_type", stated));
    }
    found
}

/// Without attributes the content itself is signed. Content that reads as attributes may be another signature's attributes, presented as a
/// document that nobody signed (RFC 5652 §11, "signed attributes confusion").
fn bare(content: &[u8]) -> Vec<Finding> {
    let is_attributes = super::ber::whole(content).is_ok_and(|element| {
        let members = element.children().unwrap_or_default();
        element.tag == SET
            && members.iter().any(|member| member.children().ok().and_then(|parts| parts.first()?.oid().ok()).as_deref() == Some(cms::MESSAGE_DIGEST))
    });
    if is_attributes { vec![finding(Weight::Broken, "content.is_attributes", "")] } else { vec![finding(Weight::Note, "attributes.none", "")] }
}

/// Certificates that may be the signer's: those it names, else those that its reference names by hash.
fn candidates<'p>(info: &SignerInfo, pool: &'p [Certificate]) -> Vec<&'p Certificate> {
    let named = |certificate: &&Certificate| match &info.name {
        Name::Issued { issuer, serial } => certificate.issuer == *issuer && certificate.serial == *serial,
        Name::Key(id) => certificate.x509.subject_key_id().is_some_and(|own| own.as_slice() == *id),
    };
    let found: Vec<&Certificate> = pool.iter().filter(named).collect();
    if !found.is_empty() {
        return found;
    }
    // Issuers write their names in more than one encoding: the serial alone is tried too, the signature decides.
    let by_serial = |certificate: &&Certificate| matches!(&info.name, Name::Issued { serial, .. } if certificate.serial == *serial);
    pool.iter().filter(|certificate| reference(info, certificate) == Some(true) || by_serial(certificate)).collect()
}

/// Does the signed reference (ESS signing-certificate, RFC 5035) name this certificate? None if there is no reference.
pub fn reference(info: &SignerInfo, certificate: &Certificate) -> Option<bool> {
    let (value, mut digest) = match info.signed_value(cms::SIGNING_CERTIFICATE_V2) {
        Some(value) => (value, MessageDigest::sha256()),
        None => (info.signed_value(cms::SIGNING_CERTIFICATE)?, MessageDigest::sha1()),
    };
    let read = || {
        let parts = value.children().ok()?.first()?.children().ok()?.first()?.children().ok()?;
        let mut hash = *parts.first()?;
        if hash.is_constructed() {
            digest = crypto::digest_of(&hash.children().ok()?.first()?.oid().ok()?)?.0;
            hash = *parts.get(1)?;
        }
        Some(crypto::hash(digest, &certificate.der)? == hash.content)
    };
    Some({ read }().unwrap_or(false))
}
