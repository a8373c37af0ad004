//! Signatures in CMS, alone (CAdES, PKCS#7) or inside a PDF: each signer checked and judged, with its timestamps.

use super::ber::{self, Element};
use super::certificate::Certificate;
use super::cms::{self, SignedData, SignerInfo};
use super::finding::{Weight, finding, is_intact, outcome, sentences, spoken};
use super::judge::{self, Existence, Judged};
use super::moment::Moment;
use super::report::Signer;
use super::revocation::Evidence;
use super::signer::{self, Checked};
use super::timestamp::{self, Timestamp};
use super::trust::{Purpose, Trust};

/// Timestamps of one signature that are looked at.
const MAX_TIMESTAMPS: usize = 16;

/// What all signers of a file share.
pub struct Circumstances<'a> {
    pub evidence: &'a Evidence,
    pub trust: &'a Trust,
    pub at: Moment,
    /// A time by which the whole structure is proved to have existed.
    pub existed: Option<Moment>,
    pub layer: usize,
    /// Active content does not pass.
    pub intake: bool,
}

impl Circumstances<'_> {
    pub fn by(&self) -> Moment {
        self.existed.unwrap_or(self.at)
    }
}

/// All signers of a structure over `content`, and those who countersigned them.
pub fn signers(data: &SignedData, content: Option<&[u8]>, circumstances: &Circumstances) -> Vec<Signer> {
    let evidence = timestamp::with(circumstances.evidence, data);
    let mut found = Vec::new();
    for info in &data.signers {
        let mut evidence = evidence.clone();
        attached(info, &mut evidence);
        let checked = signer::check(info, Some(&data.content_type), content, &evidence.certificates);
        let signer = one(info, checked, content, &evidence, circumstances);
        found.push(signer);
        for counter in info.unsigned_values(cms::COUNTER_SIGNATURE) {
            if let Ok(counter) = cms::signer_info(&counter) {
                let checked = signer::check(&counter, None, Some(&info.signature), &evidence.certificates);
                let mut signer = one(&counter, checked, None, &evidence, circumstances);
                signer.countersigns = true;
                found.push(signer);
            }
        }
    }
    found
}

fn one(info: &SignerInfo, checked: Checked, content: Option<&[u8]>, evidence: &Evidence, circumstances: &Circumstances) -> Signer {
    let intact = is_intact(&checked.findings);
    let timestamps = timestamps(info, content, evidence, circumstances);
    let mut findings = checked.findings;
    for stamp in timestamps.iter().filter(|stamp| stamp.proves().is_none()) {
        // One that is not trusted proves nothing; one of something else was copied here.
        findings.push(match stamp.intact {
            true => spoken(Weight::Note, "timestamp.ignored", &stamp.reason, &stamp.reason_en),
            false => spoken(Weight::Unknown, "timestamp.foreign", &stamp.reason, &stamp.reason_en),
        });
    }
    let proofs = timestamps.iter().filter(|stamp| stamp.kind == "signature").filter_map(Timestamp::proves);
    let proved = proofs.chain(circumstances.existed).min();
    let content_time = timestamps.iter().filter(|stamp| stamp.kind == "content").filter_map(Timestamp::proves).max();
    let existence = Existence { by: proved.unwrap_or(circumstances.at), proved: proved.is_some(), after: content_time.max(checked.claimed) };
    let mut judged = Judged::default();
    if let Some(certificate) = checked.certificate.as_ref().filter(|_| intact) {
        judged = judge::judge(certificate, Purpose::Signature, existence, &[&checked.digest, checked.signature_digest], evidence, circumstances.trust);
        findings.append(&mut judged.findings);
        if !existence.proved {
            findings.push(finding(Weight::Note, "time.unproved", ""));
        }
    }
    // What the signer says cannot be later than what a timestamp proves, but for clocks that differ by a day.
    if proved.zip(checked.claimed).is_some_and(|(proved, claimed)| claimed > proved + chrono::Duration::days(1)) {
        findings.push(finding(Weight::Note, "time.contradicted", ""));
    }
    signed_by(
        checked.certificate.as_ref(),
        Signer {
            name: None,
            fiscal_code: None,
            identifier: None,
            organization: None,
            result: outcome(&findings),
            reason: String::new(),
            reason_en: String::new(),
            intact: is_intact(&findings),
            layer: circumstances.layer,
            field: None,
            claimed_time: checked.claimed,
            time: existence.by,
            time_proved: existence.proved,
            digest: checked.digest,
            algorithm: checked.algorithm,
            certificate: checked.certificate.as_ref().map(Certificate::describe),
            judged,
            timestamps,
            changes: Vec::new(),
            covers_whole_file: true,
            countersigns: false,
            findings,
        },
    )
}

/// Who the certificate names.
fn signed_by(certificate: Option<&Certificate>, mut signer: Signer) -> Signer {
    if let Some(certificate) = certificate {
        let value = |oid: &str| certificate.subject_value(oid);
        let full = value("2.5.4.42").zip(value("2.5.4.4")).map(|(given, surname)| format!("{given} {surname}"));
        signer.name = value("2.5.4.3").or(full);
        signer.fiscal_code = certificate.fiscal_code();
        signer.identifier = value("2.5.4.5");
        signer.organization = value("2.5.4.10");
    }
    settle(&mut signer);
    signer
}

/// Makes outcome and reason follow from the findings.
pub fn settle(signer: &mut Signer) {
    signer.result = outcome(&signer.findings);
    signer.intact = is_intact(&signer.findings);
    (signer.reason, signer.reason_en) = sentences(&signer.findings);
    if signer.reason.is_empty() {
        let passed = finding(Weight::Note, "passed.signer", "");
        (signer.reason, signer.reason_en) = (passed.it, passed.en);
    }
}

fn timestamps(info: &SignerInfo, content: Option<&[u8]>, evidence: &Evidence, circumstances: &Circumstances) -> Vec<Timestamp> {
    let check = |token: &Element, kind, data| timestamp::check(token, kind, data, circumstances.by(), evidence, circumstances.trust);
    let mut found = Vec::new();
    for token in info.unsigned_values(cms::SIGNATURE_TIMESTAMP).iter().take(MAX_TIMESTAMPS) {
        found.push(check(token, "signature", Some(&info.signature)));
    }
    for attribute in info.signed_attributes.iter().filter(|attribute| attribute.oid == cms::CONTENT_TIMESTAMP) {
        for token in attribute.values.iter().take(MAX_TIMESTAMPS) {
            found.push(check(token, "content", content));
        }
    }
    found
}

/// Certificates and revocation answers that the signer attached (ETSI EN 319 122-1 annex A; ISO 32000-1 §12.8.3.3.2).
fn attached(info: &SignerInfo, evidence: &mut Evidence) {
    for value in info.unsigned_values(cms::CERTIFICATE_VALUES) {
        let certificates = value.children().unwrap_or_default();
        evidence.certificates.extend(certificates.iter().take(200).filter_map(|certificate| Certificate::read(certificate.raw)));
    }
    let signed = info.signed_value(cms::ADOBE_REVOCATION);
    for value in info.unsigned_values(cms::REVOCATION_VALUES).into_iter().chain(signed) {
        for part in value.children().unwrap_or_default() {
            let Ok(list) = ber::whole(part.content).and_then(|list| list.children()) else { continue };
            match part.tag {
                0xa0 => evidence.crls.extend(list.iter().map(|entry| entry.raw.to_vec())),
                0xa1 => evidence.ocsps.extend(list.iter().map(|entry| entry.raw.to_vec())),
                _ => {}
            }
        }
    }
}
