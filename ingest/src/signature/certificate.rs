//! A certificate as signatures need it: who it names, what it is for, and its bytes.

use base64::Engine;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Public};
use openssl::x509::X509;
use serde::Serialize;

use super::ber::{self, Element, Malformed, OCTET_STRING, SEQUENCE, UTF8_STRING};
use super::moment::{self, Moment};

const KEY_USAGE: &str = "2.5.29.15";
const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
const BASIC_CONSTRAINTS: &str = "2.5.29.19";
const QC_STATEMENTS: &str = "1.3.6.1.5.5.7.1.3";
const CRL_POINTS: &str = "2.5.29.31";
const AUTHORITY_ACCESS: &str = "1.3.6.1.5.5.7.1.1";
const SHORT_TERM: &str = "0.4.0.194121.2.1";
const NO_REVOCATION: &str = "2.5.29.56";
pub const TIME_STAMPING: &str = "1.3.6.1.5.5.7.3.8";
pub const OCSP_SIGNING: &str = "1.3.6.1.5.5.7.3.9";

#[derive(Clone)]
pub struct Certificate {
    pub x509: X509,
    pub der: Vec<u8>,
    pub issuer: Vec<u8>,
    pub subject: Vec<u8>,
    pub serial: Vec<u8>,
    /// The key's bit string without its count of unused bits, as OCSP hashes it.
    pub key_bits: Vec<u8>,
    extensions: Vec<(String, Vec<u8>)>,
}

/// What the report says of a certificate; `der` is its bytes in base64, so that the judgement can be repeated.
#[derive(Clone, Debug, Serialize)]
pub struct Described {
    pub subject: String,
    pub issuer: String,
    pub serial: String,
    pub sha256: String,
    pub not_before: Option<Moment>,
    pub not_after: Option<Moment>,
    /// The issuer states that it is an EU qualified certificate.
    pub qualified: bool,
    /// The issuer states that the key lives in a qualified device.
    pub qualified_device: bool,
    pub der: String,
}

impl Certificate {
    pub fn read(der: &[u8]) -> Option<Certificate> {
        let x509 = X509::from_der(der);
        let _ = openssl::error::ErrorStack::get();
        Self::parse(x509.ok()?).ok()
    }

    pub fn parse(x509: X509) -> Result<Certificate, Malformed> {
        let der = x509.to_der().map_err(|_| Malformed)?;
        let outer = ber::whole(&der)?.expect(SEQUENCE)?.children()?;
        let fields = outer.first().ok_or(Malformed)?.expect(SEQUENCE)?.children()?;
        let start = usize::from(fields.first().is_some_and(|field| field.tag == 0xa0));
        let field = |at: usize| fields.get(start + at).ok_or(Malformed);
        let key = field(5)?.children()?;
        let extensions = fields.iter().find(|field| field.tag == 0xa3);
        Ok(Certificate {
            issuer: field(2)?.raw.to_vec(),
            subject: field(4)?.raw.to_vec(),
            serial: field(0)?.content.to_vec(),
            key_bits: key.get(1).and_then(|bits| bits.content.get(1..)).ok_or(Malformed)?.to_vec(),
            extensions: extensions.map(extensions_of).transpose()?.unwrap_or_default(),
            x509,
            der: der.clone(),
        })
    }

    /// The certificates in PEM or DER bytes.
    pub fn bundle(bytes: &[u8]) -> Vec<Certificate> {
        let is_pem = memchr::memmem::find(bytes, b"-----BEGIN").is_some();
        let found = if is_pem { X509::stack_from_pem(bytes) } else { X509::from_der(bytes).map(|one| vec![one]) };
        let _ = openssl::error::ErrorStack::get();
        found.unwrap_or_default().into_iter().filter_map(|x509| Certificate::parse(x509).ok()).collect()
    }

    pub fn extension(&self, oid: &str) -> Option<&[u8]> {
        self.extensions.iter().find(|(name, _)| name == oid).map(|(_, value)| value.as_slice())
    }

    pub fn key(&self) -> Option<PKey<Public>> {
        self.x509.public_key().ok()
    }

    pub fn sha256(&self) -> String {
        self.x509.digest(MessageDigest::sha256()).map(hex::encode).unwrap_or_default()
    }

    pub fn not_before(&self) -> Option<Moment> {
        moment::of(self.x509.not_before())
    }

    pub fn not_after(&self) -> Option<Moment> {
        moment::of(self.x509.not_after())
    }

    pub fn is_authority(&self) -> bool {
        let constraints = self.extension(BASIC_CONSTRAINTS).and_then(|value| ber::whole(value).ok()).and_then(|value| value.children().ok());
        constraints.is_some_and(|fields| fields.first().is_some_and(|field| field.tag == ber::BOOLEAN && field.content != [0]))
    }

    /// Is the certificate for this extended usage?
    pub fn serves(&self, usage: &str) -> bool {
        let usages = self.extension(EXTENDED_KEY_USAGE).and_then(|value| ber::whole(value).ok()).and_then(|value| value.children().ok());
        usages.is_some_and(|usages| usages.iter().any(|oid| oid.oid().as_deref() == Ok(usage)))
    }

    /// Whether the key may sign documents: no key usage at all, nonRepudiation or digitalSignature.
    pub fn may_sign(&self) -> bool {
        let Some(value) = self.extension(KEY_USAGE) else { return true };
        let bits = ber::whole(value).ok().and_then(|bits| bits.content.get(1).copied());
        bits.is_some_and(|bits| bits & 0xc0 != 0)
    }

    /// Does the certificate name a place where its revocation is published?
    pub fn names_revocation(&self) -> bool {
        let responder = self.extension(AUTHORITY_ACCESS).is_some_and(|value| memchr::memmem::find(value, &[0x2b, 6, 1, 5, 5, 7, 0x30, 1]).is_some());
        self.extension(CRL_POINTS).is_some() || responder
    }

    /// Certificates so short-lived that they are never revoked say so (ETSI EN 319 412-1; RFC 9608).
    pub fn is_never_revoked(&self) -> bool {
        self.extension(SHORT_TERM).is_some() || self.extension(NO_REVOCATION).is_some()
    }

    /// A value of the subject, by its object identifier.
    pub fn subject_value(&self, oid: &str) -> Option<String> {
        names(&self.subject).into_iter().find(|(name, _)| name == oid).map(|(_, value)| value)
    }

    pub fn describe(&self) -> Described {
        let statements = self.extension(QC_STATEMENTS).and_then(|value| ber::whole(value).ok()).and_then(|value| value.children().ok()).unwrap_or_default();
        let states = |oid: &str| {
            let stated = |statement: &Element| statement.children().ok().and_then(|parts| parts.first()?.oid().ok());
            statements.iter().any(|statement| stated(statement).as_deref() == Some(oid))
        };
        Described {
            subject: line(&self.subject),
            issuer: line(&self.issuer),
            serial: hex::encode(&self.serial),
            sha256: self.sha256(),
            not_before: self.not_before(),
            not_after: self.not_after(),
            qualified: states("0.4.0.1862.1.1"),
            qualified_device: states("0.4.0.1862.1.4"),
            der: base64::engine::general_purpose::STANDARD.encode(&self.der),
        }
    }

    /// The Italian fiscal code of the subject: `TINIT-…` (ETSI EN 319 412-1), or `IT:…` in certificates before 2016.
    pub fn fiscal_code(&self) -> Option<String> {
        let serial = self.subject_value("2.5.4.5")?;
        let code = serial.strip_prefix("TINIT-").or_else(|| serial.strip_prefix("IT:")).unwrap_or(&serial).trim().to_ascii_uppercase();
        is_fiscal_code(&code).then_some(code)
    }
}

/// The shape of a person's fiscal code (DM 23/12/1976), digits possibly replaced by letters for namesakes.
fn is_fiscal_code(text: &str) -> bool {
    let digit = |c: char| c.is_ascii_digit() || "LMNPQRSTUV".contains(c);
    text.len() == 16
        && text.chars().enumerate().all(|(at, c)| match at {
            0..=5 | 8 | 11 | 15 => c.is_ascii_uppercase(),
            _ => digit(c),
        })
}

fn extensions_of(field: &Element) -> Result<Vec<(String, Vec<u8>)>, Malformed> {
    let list = field.children()?;
    let mut found = Vec::new();
    for extension in list.first().ok_or(Malformed)?.children()? {
        let parts = extension.children()?;
        let value = parts.last().ok_or(Malformed)?.expect(OCTET_STRING)?;
        found.push((parts.first().ok_or(Malformed)?.oid()?, value.content.to_vec()));
    }
    Ok(found)
}

/// The attributes of a name in its order.
fn names(name: &[u8]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let sets = ber::whole(name).and_then(|name| name.children()).unwrap_or_default();
    for attribute in sets.iter().flat_map(|set| set.children().unwrap_or_default()) {
        if let Ok([oid, value]) = attribute.children().as_deref()
            && let Ok(oid) = oid.oid()
        {
            found.push((oid, text(value)));
        }
    }
    found
}

fn text(value: &Element) -> String {
    match value.tag {
        // BMPString is UTF-16.
        0x1e => {
            let units: Vec<u16> = value.content.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
            String::from_utf16_lossy(&units)
        }
        UTF8_STRING => String::from_utf8_lossy(value.content).into_owned(),
        // T61String is Latin-1 in practice.
        _ => value.content.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// A name on one line, with the usual short labels.
fn line(name: &[u8]) -> String {
    let label = |oid: &str| match oid {
        "2.5.4.3" => "CN",
        "2.5.4.4" => "SN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.12" => "title",
        "2.5.4.42" => "GN",
        "2.5.4.46" => "dnQualifier",
        "2.5.4.97" => "organizationIdentifier",
        "1.2.840.113549.1.9.1" => "emailAddress",
        _ => "",
    };
    let part = |(oid, value): (String, String)| format!("{}={value}", if label(&oid).is_empty() { oid.as_str() } else { label(&oid) });
    names(name).into_iter().map(part).collect::<Vec<_>>().join(", ")
}
