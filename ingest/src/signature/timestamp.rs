//! Timestamps: RFC 3161 tokens and answers, and documents wrapped with their timestamp (RFC 5544).

use serde::Serialize;

use super::ber::{self, Element, INTEGER, Malformed, SEQUENCE};
use super::certificate::{Certificate, TIME_STAMPING};
use super::cms;
use super::crypto;
use super::finding::{Finding, Weight, finding, is_intact, outcome, sentences};
use super::judge::{self, Existence, Judged};
use super::moment::{self, Moment};
use super::revocation::Evidence;
use super::signer;
use super::trust::{Purpose, Trust};

/// A timestamp of `kind`: what it says and whether it may be relied on.
#[derive(Clone, Debug, Serialize)]
pub struct Timestamp {
    pub kind: &'static str,
    pub time: Option<Moment>,
    pub result: super::finding::Outcome,
    pub intact: bool,
    pub reason: String,
    pub reason_en: String,
    pub authority: Option<String>,
    pub digest: String,
    pub imprint: String,
    #[serde(flatten)]
    pub judged: Judged,
}

impl Timestamp {
    /// The time that it proves, if it may be relied on.
    pub fn proves(&self) -> Option<Moment> {
        self.time.filter(|_| self.result == super::finding::Outcome::Passed)
    }

    pub fn findings(&self) -> &[Finding] {
        &self.judged.findings
    }
}

struct Info {
    digest: String,
    imprint: Vec<u8>,
    time: Moment,
}

/// Checks a token over `data`; none if what it stamps is not at hand. `existed` is when the token itself is known to have existed.
pub fn check(token: &Element, kind: &'static str, data: Option<&[u8]>, existed: Moment, evidence: &Evidence, trust: &Trust) -> Timestamp {
    match read(token, data, existed, evidence, trust) {
        Ok((info, findings, mut judged)) => {
            judged.findings.extend(findings);
            let authority = judged.chain.first().map(|certificate| certificate.subject.clone());
            finish(kind, Some(info), authority, judged)
        }
        Err(Malformed) => {
            let findings = vec![finding(Weight::Unproven, "timestamp.malformed", "")];
            finish(kind, None, None, Judged { findings, ..Judged::default() })
        }
    }
}

fn finish(kind: &'static str, info: Option<Info>, authority: Option<String>, judged: Judged) -> Timestamp {
    let (reason, reason_en) = sentences(&judged.findings);
    Timestamp {
        kind,
        time: info.as_ref().map(|info| info.time),
        result: outcome(&judged.findings),
        intact: is_intact(&judged.findings),
        reason,
        reason_en,
        authority,
        digest: info.as_ref().and_then(|info| crypto::digest_of(&info.digest)).map(|(_, name)| name.to_string()).unwrap_or_default(),
        imprint: info.map(|info| hex::encode(info.imprint)).unwrap_or_default(),
        judged,
    }
}

fn read(token: &Element, data: Option<&[u8]>, existed: Moment, evidence: &Evidence, trust: &Trust) -> Result<(Info, Vec<Finding>, Judged), Malformed> {
    let signed = cms::signed_data(token)?;
    let content = signed.content.as_deref().ok_or(Malformed)?;
    if signed.content_type != cms::TST_INFO {
        return Err(Malformed);
    }
    let info = info(content)?;
    let mut findings = Vec::new();
    match (crypto::digest_of(&info.digest), data) {
        (None, _) => findings.push(finding(Weight::Unproven, "algorithm.unknown", &info.digest)),
        (_, None) => findings.push(finding(Weight::Unproven, "content.absent", "")),
        (Some((digest, name)), Some(data)) => {
            if crypto::hash(digest, data).as_deref() != Some(&info.imprint) {
                findings.push(finding(Weight::Broken, "timestamp.other", ""));
            }
            if let Some(weak) = crypto::weakness(name, None, existed) {
                findings.push(finding(Weight::Unknown, "algorithm.weak", weak));
            }
        }
    }
    let evidence = &with(evidence, &signed);
    // RFC 3161 §2.4.2: exactly one signer, with a reference to its certificate, which is for nothing else.
    let [signer] = signed.signers.as_slice() else { return Err(Malformed) };
    let checked = signer::check(signer, Some(cms::TST_INFO), Some(content), &evidence.certificates);
    let broken = !is_intact(&checked.findings);
    findings.extend(checked.findings.into_iter().filter(|finding| finding.code != "certificate.unreferenced"));
    let Some(certificate) = checked.certificate.filter(|_| !broken) else {
        return Ok((info, findings, Judged::default()));
    };
    if !certificate.serves(TIME_STAMPING) {
        findings.push(finding(Weight::Failed, "timestamp.usage", ""));
    }
    let existence = Existence { by: existed, proved: true, after: Some(info.time) };
    let judged = judge::judge(&certificate, Purpose::Timestamp, existence, &[&checked.digest, checked.signature_digest], evidence, trust);
    Ok((info, findings, judged))
}

/// Evidence, with what a signature brings along.
pub fn with(evidence: &Evidence, signed: &cms::SignedData) -> Evidence {
    let mut all = evidence.clone();
    let mut read: Vec<Certificate> = signed.certificates.iter().take(200).filter_map(|der| Certificate::read(der)).collect();
    read.append(&mut all.certificates);
    all.certificates = read;
    all.crls.extend(signed.crls.iter().map(|der| der.to_vec()));
    all.ocsps.extend(signed.ocsps.iter().map(|der| der.to_vec()));
    all
}

fn info(content: &[u8]) -> Result<Info, Malformed> {
    let fields = ber::whole(content)?.expect(SEQUENCE)?.children()?;
    let [_version, _policy, imprint, serial, time, ..] = fields.as_slice() else { return Err(Malformed) };
    let imprint = imprint.expect(SEQUENCE)?.children()?;
    serial.expect(INTEGER)?;
    Ok(Info {
        digest: imprint.first().ok_or(Malformed)?.children()?.first().ok_or(Malformed)?.oid()?,
        imprint: imprint.get(1).ok_or(Malformed)?.octets()?,
        time: moment::read(time)?,
    })
}

/// The token in an answer of a timestamping authority (`.tsr`), if these bytes are one that grants it.
pub fn in_response<'a>(element: &Element<'a>) -> Option<Element<'a>> {
    let parts = element.children().ok()?;
    let status = parts.first()?.expect(SEQUENCE).ok()?.children().ok()?.first()?.small().ok()?;
    let token = parts.get(1)?;
    (status <= 1 && cms::content_info(token).ok()?.0 == cms::SIGNED_DATA).then_some(*token)
}

/// A document with its timestamps (`.tsd`, RFC 5544): the content and the tokens, of which the first stamps the content.
pub struct Wrapped<'a> {
    pub content: Vec<u8>,
    pub tokens: Vec<Element<'a>>,
}

pub fn unwrap<'a>(body: &Element<'a>) -> Result<Wrapped<'a>, Malformed> {
    let fields = body.expect(SEQUENCE)?.children()?;
    let content = fields.iter().find(|field| field.tag & !0x20 == ber::OCTET_STRING).ok_or(Malformed)?.octets()?;
    let evidence = fields.iter().find(|field| field.tag == 0xa0).ok_or(Malformed)?;
    let mut tokens = Vec::new();
    for stamped in evidence.children()? {
        tokens.push(*stamped.expect(SEQUENCE)?.children()?.first().ok_or(Malformed)?);
    }
    if tokens.is_empty() { Err(Malformed) } else { Ok(Wrapped { content, tokens }) }
}
