//! Signatures in PDF (PAdES, ISO 32000-2 §12.8): found in the document's structure, checked over their byte ranges, newest first.

mod active;
mod changes;
mod compare;
mod field;
mod place;
mod tree;

use lopdf::{Document, LoadOptions};

use super::ber;
use super::cades::{self, Circumstances};
use super::cms;
use super::finding::{Weight, finding, spoken};
use super::moment::Moment;
use super::report::{Gathered, Signer};
use super::revocation::Evidence;
use super::timestamp;
use place::Placed;

/// A single stream may not unpack to more.
const MAX_UNPACKED: usize = 64 << 20;
/// Signatures of one file that are looked at.
const MAX_SIGNATURES: usize = 50;

pub fn load(bytes: &[u8]) -> Result<Document, String> {
    let options = LoadOptions { max_decompressed_size: Some(MAX_UNPACKED), ..LoadOptions::default() };
    Document::load_mem_with_options(bytes, options).map_err(|error| error.to_string())
}

/// The form of a signature, by its `/SubFilter`.
enum Form {
    Detached,
    /// The CMS carries the SHA-1 of the document (`adbe.pkcs7.sha1`).
    HashInside,
    Timestamp,
}

pub fn examine(bytes: &[u8], circumstances: &Circumstances, gathered: &mut Gathered) {
    // Within an envelope it is the envelope's signature that vouches for the bytes.
    let unreadable = if circumstances.layer == 0 { Weight::Unproven } else { Weight::Note };
    let document = match load(bytes) {
        Ok(document) => document,
        Err(error) => return gathered.find(unreadable, "pdf.unreadable", error),
    };
    if document.is_encrypted() && !document.was_encrypted() {
        return gathered.find(unreadable, "pdf.encrypted", "");
    }
    gathered.active_content = active::content(&document);
    if !gathered.active_content.is_empty() {
        let weight = if circumstances.intake { Weight::Unknown } else { Weight::Note };
        gathered.find(weight, "pdf.active", gathered.active_content.join(", "));
    }
    let mut found = place::find(&document, bytes);
    if found.len() > MAX_SIGNATURES {
        return gathered.find(Weight::Unproven, "pdf.complex", "");
    }
    if found.is_empty() {
        if memchr::memmem::find(bytes, b"/ByteRange").is_some() {
            gathered.find(Weight::Unproven, "pdf.lost", "");
        } else if circumstances.layer == 0 {
            gathered.find(Weight::Unproven, "unsigned", "");
        }
        return;
    }
    found.sort_by_key(|placed| std::cmp::Reverse(placed.end));
    let evidence = store(&document, circumstances.evidence);
    // The earliest time that a document timestamp proves for all that was signed before it.
    let mut existed = circumstances.existed;
    let mut signers = Vec::new();
    for at in 0..found.len() {
        let own = Circumstances { evidence: &evidence, existed, ..*circumstances };
        let earlier = &found[at + 1..];
        if let Some(time) = one(&found[at], earlier, &document, bytes, &own, gathered, &mut signers) {
            existed = Some(existed.map_or(time, |before| before.min(time)));
        }
    }
    signers.reverse();
    gathered.signers.extend(signers);
}

/// One signature or document timestamp; for a timestamp that holds, its time.
fn one(
    placed: &Placed,
    earlier: &[Placed],
    document: &Document,
    bytes: &[u8],
    circumstances: &Circumstances,
    gathered: &mut Gathered,
    signers: &mut Vec<Signer>,
) -> Option<Moment> {
    let mut findings = placed.findings.clone();
    let form = match placed.form.as_str() {
        "adbe.pkcs7.detached" | "ETSI.CAdES.detached" | "PBAD.PAdES" => Form::Detached,
        "adbe.pkcs7.sha1" => Form::HashInside,
        "ETSI.RFC3161" => Form::Timestamp,
        other => {
            findings.push(finding(Weight::Unproven, "pdf.form", other));
            gathered.findings.extend(findings);
            return None;
        }
    };
    let (changes, of_changes) = changes::after(placed, earlier, document, bytes);
    findings.extend(of_changes);
    let covered = placed.covered(bytes);
    let Ok((element, rest)) = ber::first(&placed.contents) else {
        findings.push(finding(Weight::Unproven, "pdf.empty", ""));
        gathered.findings.extend(findings);
        return None;
    };
    if rest.iter().any(|byte| *byte != 0) {
        findings.push(finding(Weight::Broken, "pdf.padding", ""));
    }
    if let Form::Timestamp = form {
        let mut stamp = timestamp::check(&element, "document", Some(&covered), circumstances.by(), circumstances.evidence, circumstances.trust);
        // A timestamp that does not match tells of an alteration; one that is not trusted only proves nothing.
        let broken = stamp.findings().iter().filter(|finding| finding.weight >= Weight::Unproven).cloned().collect::<Vec<_>>();
        if stamp.proves().is_none() && broken.is_empty() {
            findings.push(spoken(Weight::Note, "pdf.timestamp", &stamp.reason, &stamp.reason_en));
        }
        findings.extend(broken);
        let holds = findings.iter().all(|finding| finding.weight == Weight::Note);
        let time = stamp.proves().filter(|_| holds);
        stamp.judged.findings.extend(placed.findings.iter().cloned());
        gathered.timestamps.push(stamp);
        gathered.findings.extend(findings);
        return time;
    }
    let Ok(mut data) = cms::signed_data(&element) else {
        findings.push(finding(Weight::Unproven, "pdf.empty", ""));
        gathered.findings.extend(findings);
        return None;
    };
    let inside = data.content.take();
    let content = match (&form, inside) {
        (Form::HashInside, Some(inside)) => {
            if super::crypto::hash(openssl::hash::MessageDigest::sha1(), &covered).as_deref() != Some(&inside) {
                findings.push(finding(Weight::Broken, "content.altered", ""));
            }
            inside
        }
        (Form::HashInside, None) => covered,
        // An empty content inside is how some signers write none.
        (_, Some(inside)) if !inside.is_empty() => {
            findings.push(finding(Weight::Broken, "pdf.enveloping", ""));
            inside
        }
        _ => covered,
    };
    if data.signers.is_empty() {
        findings.push(finding(Weight::Unproven, "signers.none", ""));
        gathered.findings.extend(findings.clone());
    }
    for mut signer in cades::signers(&data, Some(&content), circumstances).into_iter().rev() {
        signer.field = placed.field.clone();
        signer.changes = changes.clone();
        signer.covers_whole_file = placed.end == bytes.len();
        signer.claimed_time = signer.claimed_time.or(placed.claimed);
        signer.findings.extend(findings.iter().cloned());
        cades::settle(&mut signer);
        signers.push(signer);
    }
    None
}

/// What the document security store holds (ISO 32000-2 §12.8.4.3), beside what is known already.
fn store(document: &Document, known: &Evidence) -> Evidence {
    let mut evidence = known.clone();
    let Some(store) = document.catalog().ok().and_then(|catalog| catalog.get_deref(b"DSS", document).ok()?.as_dict().ok()) else { return evidence };
    let streams = |name: &[u8]| {
        let list = store.get_deref(name, document).ok().and_then(|list| list.as_array().ok()).cloned().unwrap_or_default();
        let read = |entry: &lopdf::Object| document.dereference(entry).ok()?.1.as_stream().ok()?.get_plain_content_with_limit(MAX_UNPACKED).ok();
        list.iter().take(200).filter_map(read).collect::<Vec<_>>()
    };
    evidence.certificates.extend(streams(b"Certs").iter().filter_map(|der| super::certificate::Certificate::read(der)));
    evidence.crls.extend(streams(b"CRLs"));
    evidence.ocsps.extend(streams(b"OCSPs"));
    evidence
}
