//! Was a certificate revoked? Answers come from the document or from files, never from the network.

use openssl::x509::{CrlStatus, X509Crl};
use serde::Serialize;

use super::ber::{self, Element, GENERALIZED_TIME, SEQUENCE};
use super::certificate::{Certificate, OCSP_SIGNING};
use super::crypto;
use super::moment::{self, Moment};

const DELTA_CRL: &str = "2.5.29.27";
const ISSUING_POINT: &str = "2.5.29.28";

/// Material that came with the document or beside it.
#[derive(Clone, Default)]
pub struct Evidence {
    pub certificates: Vec<Certificate>,
    pub crls: Vec<Vec<u8>>,
    pub ocsps: Vec<Vec<u8>>,
}

/// The answer on one certificate: `good`, `revoked`, `unknown` (no answer for that time) or `unpublished` (it names no place to ask).
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    pub certificate: String,
    pub status: &'static str,
    pub source: Option<&'static str>,
    pub published: Option<Moment>,
    pub next_update: Option<Moment>,
    pub revoked_at: Option<Moment>,
}

impl Evidence {
    /// Adds a revocation list in DER or PEM, or an OCSP answer in DER; false if it is none of them.
    pub fn add_revocation(&mut self, bytes: &[u8]) -> bool {
        let crl = X509Crl::from_der(bytes).or_else(|_| X509Crl::from_pem(bytes)).and_then(|crl| crl.to_der());
        let _ = openssl::error::ErrorStack::get();
        match crl {
            Ok(der) => self.crls.push(der),
            Err(_) if basic(bytes).is_some() => self.ocsps.push(bytes.to_vec()),
            Err(_) => return false,
        }
        true
    }

    /// The best answer on a certificate for a signature that existed at `time`, looked at from `at`.
    pub fn ask(&self, certificate: &Certificate, issuer: &Certificate, time: Moment) -> Answer {
        let mut answer = Answer { certificate: certificate.sha256(), status: "unknown", source: None, published: None, next_update: None, revoked_at: None };
        let crls = self.crls.iter().filter_map(|crl| from_crl(crl, certificate, issuer));
        let ocsps = self.ocsps.iter().filter_map(|ocsp| from_ocsp(ocsp, certificate, issuer));
        for found in crls.chain(ocsps) {
            // An answer counts for a time that it was given for, or after.
            let covers = found.published.is_some_and(|published| published >= time) || found.next_update.is_some_and(|next| next >= time);
            let revoked = found.status == "revoked";
            let newer = answer.source.is_none() || found.published > answer.published;
            if (revoked && answer.status != "revoked") || (covers && newer && (revoked || answer.status != "revoked")) {
                answer = found;
            }
        }
        if answer.source.is_none() && (certificate.is_never_revoked() || !certificate.names_revocation()) {
            answer.status = "unpublished";
        }
        answer
    }
}

fn from_crl(der: &[u8], certificate: &Certificate, issuer: &Certificate) -> Option<Answer> {
    let crl = X509Crl::from_der(der).ok()?;
    let named = ber::whole(&crl.issuer_name().to_der().ok()?).ok()?.raw == certificate.issuer;
    if !named || !concerns(der, certificate)? {
        return None;
    }
    let key = issuer.key()?;
    let good = crl.verify(&key).unwrap_or(false);
    let _ = openssl::error::ErrorStack::get();
    if !good {
        return None;
    }
    let revoked_at = match crl.get_by_cert(&certificate.x509) {
        CrlStatus::Revoked(entry) => Some(moment::of(entry.revocation_date())?),
        CrlStatus::NotRevoked | CrlStatus::RemoveFromCrl(_) => None,
    };
    Some(Answer {
        certificate: certificate.sha256(),
        status: if revoked_at.is_some() { "revoked" } else { "good" },
        source: Some("CRL"),
        published: moment::of(crl.last_update()),
        next_update: crl.next_update().and_then(moment::of),
        revoked_at,
    })
}

/// A list may be partial: a delta, for authorities only, for some reasons, or of one distribution point (RFC 5280 §5.2.5).
fn concerns(der: &[u8], certificate: &Certificate) -> Option<bool> {
    let outer = ber::whole(der).ok()?.children().ok()?;
    let fields = outer.first()?.children().ok()?;
    let Some(extensions) = fields.iter().find(|field| field.tag == 0xa0) else { return Some(true) };
    for extension in extensions.children().ok()?.first()?.children().ok()? {
        let parts = extension.children().ok()?;
        match parts.first()?.oid().ok()?.as_str() {
            DELTA_CRL => return Some(false),
            ISSUING_POINT => {
                for part in ber::whole(parts.last()?.content).ok()?.children().ok()? {
                    let other = match part.tag {
                        0xa0 => !names_point(&part, certificate),
                        0x81 => part.content != [0] && certificate.is_authority(),
                        0x82 => part.content != [0] && !certificate.is_authority(),
                        0x83 => true,
                        _ => part.content != [0],
                    };
                    if other {
                        return Some(false);
                    }
                }
            }
            _ => {}
        }
    }
    Some(true)
}

/// One of the addresses of the list's distribution point stands in the certificate.
fn names_point(point: &Element, certificate: &Certificate) -> bool {
    let Some(full) = point.children().ok().and_then(|names| names.into_iter().find(|name| name.tag == 0xa0)) else { return true };
    full.children().unwrap_or_default().iter().any(|name| memchr::memmem::find(&certificate.der, name.content).is_some())
}

/// The `BasicOCSPResponse` in an OCSP answer, or the bytes themselves if they are one.
fn basic(bytes: &[u8]) -> Option<Vec<u8>> {
    let answer = ber::whole(bytes).ok()?.expect(SEQUENCE).ok()?.children().ok()?;
    if answer.first()?.tag != 0x0a {
        return (answer.len() >= 3 && answer[0].tag == SEQUENCE && answer[2].tag == ber::BIT_STRING).then(|| bytes.to_vec());
    }
    let wrapped = ber::whole(answer.get(1)?.content).ok()?.children().ok()?;
    wrapped.get(1)?.octets().ok()
}

fn from_ocsp(bytes: &[u8], certificate: &Certificate, issuer: &Certificate) -> Option<Answer> {
    let bytes = basic(bytes)?;
    let parts = ber::whole(&bytes).ok()?.children().ok()?;
    let data = parts.first()?;
    let fields = data.children().ok()?;
    let produced = fields.iter().find(|field| field.tag == GENERALIZED_TIME).and_then(|field| moment::read(field).ok())?;
    let responses = fields.iter().find(|field| field.tag == SEQUENCE)?.children().ok()?;
    let response = responses.iter().find_map(|response| single(response, certificate, issuer))?;
    is_signed(&parts, certificate, issuer, produced)?.then_some(response)
}

/// One answer of a response, if it is on this certificate.
fn single(response: &Element, certificate: &Certificate, issuer: &Certificate) -> Option<Answer> {
    let fields = response.children().ok()?;
    let id = fields.first()?.children().ok()?;
    let digest = crypto::digest_of(&id.first()?.children().ok()?.first()?.oid().ok()?)?.0;
    let same = crypto::hash(digest, &certificate.issuer)? == id.get(1)?.content && crypto::hash(digest, &issuer.key_bits)? == id.get(2)?.content;
    if !same || id.get(3)?.content != certificate.serial {
        return None;
    }
    let state = fields.get(1)?;
    let revoked_at = match state.tag {
        0x80 => None,
        0xa1 => Some(moment::read(state.children().ok()?.first()?).ok()?),
        _ => return None,
    };
    let next = fields.iter().find(|field| field.tag == 0xa0).and_then(|field| moment::read(field.children().ok()?.first()?).ok());
    Some(Answer {
        certificate: certificate.sha256(),
        status: if revoked_at.is_some() { "revoked" } else { "good" },
        source: Some("OCSP"),
        published: Some(moment::read(fields.get(2)?).ok()?),
        next_update: next,
        revoked_at,
    })
}

/// Signed by the issuer, or by a responder that the issuer certified for it and that was in force (RFC 6960 §4.2.2.2).
fn is_signed(parts: &[Element], certificate: &Certificate, issuer: &Certificate, produced: Moment) -> Option<bool> {
    let algorithm = crypto::algorithm(parts.get(1)?, "")?;
    let signature = parts.get(2)?.content.get(1..)?;
    let data = parts.first()?.raw;
    let key = issuer.key()?;
    if algorithm.verify(&key, data, signature) {
        return Some(true);
    }
    let sent = parts.get(3).and_then(|field| field.children().ok()?.first()?.children().ok()).unwrap_or_default();
    for responder in sent.iter().take(8).filter_map(|responder| Certificate::read(responder.raw)) {
        let certified = responder.issuer == certificate.issuer && responder.serves(OCSP_SIGNING) && responder.x509.verify(&key).unwrap_or(false);
        let in_force = responder.not_before()? <= produced && produced <= responder.not_after()?;
        let _ = openssl::error::ErrorStack::get();
        if certified && in_force && algorithm.verify(&responder.key()?, data, signature) {
            return Some(true);
        }
    }
    Some(false)
}
