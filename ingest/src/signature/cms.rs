//! CMS `SignedData` (RFC 5652) and PKCS#7 before it, as a structure: who signed what, with which attributes.

use super::ber::{self, Element, Malformed, OCTET_STRING, SEQUENCE, SET};

pub const SIGNED_DATA: &str = "1.2.840.113549.1.7.2";
pub const TST_INFO: &str = "1.2.840.113549.1.9.16.1.4";
pub const TIMESTAMPED_DATA: &str = "1.2.840.113549.1.9.16.1.31";

pub const CONTENT_TYPE: &str = "1.2.840.113549.1.9.3";
pub const MESSAGE_DIGEST: &str = "1.2.840.113549.1.9.4";
pub const SIGNING_TIME: &str = "1.2.840.113549.1.9.5";
pub const COUNTER_SIGNATURE: &str = "1.2.840.113549.1.9.6";
pub const SIGNING_CERTIFICATE: &str = "1.2.840.113549.1.9.16.2.12";
pub const SIGNING_CERTIFICATE_V2: &str = "1.2.840.113549.1.9.16.2.47";
pub const SIGNATURE_TIMESTAMP: &str = "1.2.840.113549.1.9.16.2.14";
pub const CONTENT_TIMESTAMP: &str = "1.2.840.113549.1.9.16.2.20";
pub const REVOCATION_VALUES: &str = "1.2.840.113549.1.9.16.2.24";
pub const CERTIFICATE_VALUES: &str = "1.2.840.113549.1.9.16.2.23";
pub const ADOBE_REVOCATION: &str = "1.2.840.113583.1.1.8";

/// More signers than this are not looked at: the file is refused.
const MAX_SIGNERS: usize = 100;

/// How a signature names its signer's certificate.
pub enum Name<'a> {
    Issued { issuer: &'a [u8], serial: &'a [u8] },
    Key(&'a [u8]),
}

pub struct Attribute<'a> {
    pub oid: String,
    pub values: Vec<Element<'a>>,
}

pub struct SignerInfo<'a> {
    pub name: Name<'a>,
    pub digest: String,
    /// The signed attributes as one element, when there are any.
    pub signed: Option<Element<'a>>,
    pub signed_attributes: Vec<Attribute<'a>>,
    pub algorithm: Element<'a>,
    pub signature: Vec<u8>,
    pub unsigned_attributes: Vec<Attribute<'a>>,
}

pub struct SignedData<'a> {
    pub content_type: String,
    pub content: Option<Vec<u8>>,
    pub certificates: Vec<&'a [u8]>,
    pub crls: Vec<&'a [u8]>,
    pub ocsps: Vec<&'a [u8]>,
    pub signers: Vec<SignerInfo<'a>>,
}

/// The content type of a `ContentInfo` and its content.
pub fn content_info<'a>(element: &Element<'a>) -> Result<(String, Element<'a>), Malformed> {
    let parts = element.expect(SEQUENCE)?.children()?;
    let oid = parts.first().ok_or(Malformed)?.oid()?;
    let inner = parts.get(1).ok_or(Malformed)?.expect(0xa0)?.children()?;
    Ok((oid, *inner.first().ok_or(Malformed)?))
}

pub fn signed_data<'a>(element: &Element<'a>) -> Result<SignedData<'a>, Malformed> {
    let (oid, body) = content_info(element)?;
    if oid != SIGNED_DATA {
        return Err(Malformed);
    }
    let parts = body.expect(SEQUENCE)?.children()?;
    let encapsulated = parts.get(2).ok_or(Malformed)?.expect(SEQUENCE)?.children()?;
    let mut data = SignedData {
        content_type: encapsulated.first().ok_or(Malformed)?.oid()?,
        content: encapsulated.get(1).map(content).transpose()?,
        certificates: Vec::new(),
        crls: Vec::new(),
        ocsps: Vec::new(),
        signers: Vec::new(),
    };
    let mut last = None;
    for part in &parts[3..] {
        match part.tag {
            0xa0 => data.certificates.extend(part.children()?.iter().filter(|c| c.tag == SEQUENCE).map(|c| c.raw)),
            0xa1 => revocation(part, &mut data)?,
            SET => last = Some(*part),
            _ => return Err(Malformed),
        }
    }
    let signers = last.ok_or(Malformed)?.children()?;
    if signers.len() > MAX_SIGNERS {
        return Err(Malformed);
    }
    data.signers = signers.iter().map(signer_info).collect::<Result<_, _>>()?;
    Ok(data)
}

/// What is signed: the bytes of the octet string, or in PKCS#7 the inside of whatever stands there.
fn content(explicit: &Element) -> Result<Vec<u8>, Malformed> {
    let inner = explicit.expect(0xa0)?.children()?;
    let inner = inner.first().ok_or(Malformed)?;
    if inner.tag & !0x20 == OCTET_STRING { inner.octets() } else { Ok(inner.content.to_vec()) }
}

/// Revocation lists, and OCSP answers as `OtherRevocationInfoFormat` (RFC 5940).
fn revocation<'a>(part: &Element<'a>, data: &mut SignedData<'a>) -> Result<(), Malformed> {
    for entry in part.children()? {
        match entry.tag {
            SEQUENCE => data.crls.push(entry.raw),
            0xa1 => {
                if let [_, answer] = entry.children()?.as_slice() {
                    data.ocsps.push(answer.raw);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

pub fn signer_info<'a>(element: &Element<'a>) -> Result<SignerInfo<'a>, Malformed> {
    let parts = element.expect(SEQUENCE)?.children()?;
    let mut parts = parts.into_iter();
    let mut next = || parts.next().ok_or(Malformed);
    next()?.small()?;
    let identifier = next()?;
    let name = match identifier.tag {
        SEQUENCE => match identifier.children()?.as_slice() {
            [issuer, serial] => Name::Issued { issuer: issuer.raw, serial: serial.content },
            _ => return Err(Malformed),
        },
        0x80 => Name::Key(identifier.content),
        _ => return Err(Malformed),
    };
    let digest = next()?.expect(SEQUENCE)?.children()?.first().ok_or(Malformed)?.oid()?;
    let mut algorithm = next()?;
    let mut signed = None;
    if algorithm.tag == 0xa0 {
        signed = Some(algorithm);
        algorithm = next()?;
    }
    let signature = next()?;
    if signature.tag & !0x20 != OCTET_STRING {
        return Err(Malformed);
    }
    let unsigned = parts.next();
    Ok(SignerInfo {
        name,
        digest,
        signed,
        signed_attributes: signed.map(|set| attributes(&set)).transpose()?.unwrap_or_default(),
        algorithm: algorithm.expect(SEQUENCE)?,
        signature: signature.octets()?,
        unsigned_attributes: unsigned.filter(|set| set.tag == 0xa1).map(|set| attributes(&set)).transpose()?.unwrap_or_default(),
    })
}

fn attributes<'a>(set: &Element<'a>) -> Result<Vec<Attribute<'a>>, Malformed> {
    let one = |attribute: Element<'a>| {
        let parts = attribute.expect(SEQUENCE)?.children()?;
        match parts.as_slice() {
            [oid, values] => Ok(Attribute { oid: oid.oid()?, values: values.expect(SET)?.children()? }),
            _ => Err(Malformed),
        }
    };
    set.children()?.into_iter().map(one).collect()
}

impl<'a> SignerInfo<'a> {
    /// The one value of a signed attribute. An attribute given twice, or with several values, counts as absent.
    pub fn signed_value(&self, oid: &str) -> Option<Element<'a>> {
        let mut found = self.signed_attributes.iter().filter(|attribute| attribute.oid == oid);
        match (found.next(), found.next()) {
            (Some(attribute), None) if attribute.values.len() == 1 => attribute.values.first().copied(),
            _ => None,
        }
    }

    pub fn unsigned_values(&self, oid: &str) -> Vec<Element<'a>> {
        self.unsigned_attributes.iter().filter(|attribute| attribute.oid == oid).flat_map(|attribute| attribute.values.clone()).collect()
    }

    /// What may have been signed in place of the attributes: as they stand, and in the DER order that RFC 5652 §5.4 asks for. Signers exist
    /// that send them in another order than they signed.
    pub fn signed_forms(&self) -> Vec<Vec<u8>> {
        let Some(set) = self.signed else { return Vec::new() };
        let mut forms = vec![ber::encode(SET, set.content)];
        if let Some(sorted) = set.children().ok().and_then(|members| ber::der_set(&members).ok()) {
            forms.push(sorted);
        }
        forms.dedup();
        forms
    }
}
