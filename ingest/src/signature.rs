//! Signed documents: CAdES, PAdES and timestamped forms, verified as ETSI EN 319 102-1 has it, without network. See docs/SIGNATURES.md.

pub mod apart;
mod ber;
mod cades;
mod certificate;
mod chain;
mod cms;
mod container;
mod crypto;
mod finding;
mod judge;
pub mod kept;
mod material;
pub mod moment;
mod pdf;
pub mod report;
pub mod revocation;
mod signer;
mod timestamp;
pub mod trust;

use sha2::{Digest, Sha256};

use cades::Circumstances;
use container::Kind;
use finding::Weight;
use moment::Moment;
use report::{Gathered, Layer, Report};
use revocation::Evidence;
use trust::Trust;

/// Signatures around signatures; Italian offices send two, rarely three.
const MAX_LAYERS: usize = 5;
/// Larger files are refused before they are read.
pub const MAX_BYTES: u64 = 100 << 20;

/// What is asked about a file.
pub struct Question<'a> {
    pub file: String,
    pub bytes: &'a [u8],
    /// What a detached signature signs.
    pub content: Option<&'a [u8]>,
    /// Timestamps of the whole file that came beside it.
    pub timestamps: Vec<Vec<u8>>,
    pub evidence: Evidence,
    pub trust: &'a Trust,
    pub at: Moment,
    /// The fiscal code of who must have signed.
    pub signer: Option<String>,
    /// For intake: active content of a PDF does not pass.
    pub intake: bool,
}

/// Verifies a file. Whatever the file holds, the answer is a report.
pub fn verify(question: &Question) -> Report {
    let mut gathered = Gathered { format: "unknown", ..Gathered::default() };
    let existed = beside(question, &mut gathered);
    examine(question.bytes, question.content, existed, question, &mut gathered);
    if gathered.signers.is_empty() && gathered.timestamps.is_empty() && gathered.findings.is_empty() {
        gathered.find(Weight::Unproven, "unsigned", "");
    }
    expected(question, &mut gathered);
    for source in question.trust.sources.iter().filter(|source| source.next_update.is_some_and(|next| next < question.at)) {
        gathered.find(Weight::Note, "trust.stale", &source.file);
    }
    let sources = question.trust.sources.clone();
    gathered.report(question.file.clone(), question.bytes.len(), sha256(question.bytes), question.at, sources)
}

pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Timestamps that came beside the file: the earliest time that one of them proves.
fn beside(question: &Question, gathered: &mut Gathered) -> Option<Moment> {
    let mut times = Vec::new();
    for bytes in &question.timestamps {
        let decoded = container::decode(bytes);
        let Kind::Token(token) = container::kind(decoded.as_deref().unwrap_or(bytes)).0 else {
            gathered.find(Weight::Unknown, "timestamp.none", "");
            continue;
        };
        let stamp = timestamp::check(&token, "file", Some(question.bytes), question.at, &question.evidence, question.trust);
        match stamp.proves() {
            Some(time) => times.push(time),
            None => gathered.findings.push(finding::spoken(Weight::Note, "timestamp.ignored", &stamp.reason, &stamp.reason_en)),
        }
        gathered.timestamps.push(stamp);
    }
    times.into_iter().min()
}

/// Looks at the layers of a file from the outside in.
fn examine(bytes: &[u8], detached: Option<&[u8]>, mut existed: Option<Moment>, question: &Question, gathered: &mut Gathered) {
    let (mut inner, mut detached) = (bytes.to_vec(), detached);
    loop {
        let layer = gathered.layers.len();
        if layer >= MAX_LAYERS {
            return gathered.find(Weight::Unproven, "layers", MAX_LAYERS.to_string());
        }
        if matches!(container::kind(&inner).0, Kind::Other)
            && let Some(decoded) = container::decode(&inner)
            && !matches!(container::kind(&decoded).0, Kind::Other)
        {
            inner = decoded;
        }
        let (kind, added) = container::kind(&inner);
        let (name, format) = match &kind {
            Kind::Pdf => ("PDF", "PAdES"),
            Kind::Signed(_) => ("CMS", "CAdES"),
            Kind::Token(_) => ("timestamp", "RFC 3161"),
            Kind::Stamped(_) => ("timestamped data", "RFC 5544"),
            Kind::Damaged => ("damaged CMS", "CAdES"),
            Kind::Other => ("document", "unknown"),
        };
        gathered.layers.push(Layer { kind: name, bytes: inner.len(), sha256: sha256(&inner) });
        if layer == 0 {
            gathered.format = format;
        }
        if added {
            gathered.find(Weight::Broken, "bytes.after", "");
        }
        let circumstances = Circumstances { evidence: &question.evidence, trust: question.trust, at: question.at, existed, layer, intake: question.intake };
        let next = match kind {
            Kind::Pdf => {
                pdf::examine(&inner, &circumstances, gathered);
                None
            }
            Kind::Signed(element) => signed(&element, detached, &circumstances, gathered),
            Kind::Token(token) => {
                gathered.timestamps.push(timestamp::check(&token, "file", detached, circumstances.by(), &question.evidence, question.trust));
                weigh_last(gathered);
                None
            }
            Kind::Stamped(body) => match timestamp::unwrap(&body) {
                Ok(wrapped) => {
                    existed = stamped(&wrapped, &circumstances, gathered).or(existed);
                    Some(wrapped.content)
                }
                Err(_) => {
                    gathered.find(Weight::Unproven, "damaged", "");
                    None
                }
            },
            Kind::Damaged => {
                gathered.find(Weight::Unproven, "damaged", "");
                None
            }
            Kind::Other => None,
        };
        let Some(next) = next.filter(|next| !next.is_empty()) else { return };
        inner = next;
        detached = None;
    }
}

/// The signers of one CMS layer; what they signed is the next layer, when it is inside.
fn signed(element: &ber::Element, detached: Option<&[u8]>, circumstances: &Circumstances, gathered: &mut Gathered) -> Option<Vec<u8>> {
    let Ok(mut data) = cms::signed_data(element) else {
        gathered.find(Weight::Unproven, "damaged", "");
        return None;
    };
    if data.signers.is_empty() {
        gathered.find(Weight::Unproven, "signers.none", "");
    }
    let embedded = data.content.take();
    if let (Some(embedded), Some(detached)) = (&embedded, detached)
        && embedded != detached
    {
        gathered.find(Weight::Broken, "content.other", "");
    }
    gathered.signers.extend(cades::signers(&data, embedded.as_deref().or(detached), circumstances));
    embedded
}

/// The timestamps of a wrapped document; the first stamps its content, each further one those before it (RFC 5544 §2.3).
fn stamped(wrapped: &timestamp::Wrapped, circumstances: &Circumstances, gathered: &mut Gathered) -> Option<Moment> {
    let token = wrapped.tokens.first()?;
    let stamp = timestamp::check(token, "content", Some(&wrapped.content), circumstances.by(), circumstances.evidence, circumstances.trust);
    let proved = stamp.proves();
    gathered.timestamps.push(stamp);
    weigh_last(gathered);
    proved
}

/// A timestamp that is the file's own weighs as a signature does.
fn weigh_last(gathered: &mut Gathered) {
    let findings = gathered.timestamps.last().map(|stamp| stamp.findings().to_vec()).unwrap_or_default();
    gathered.findings.extend(findings.into_iter().filter(|finding| finding.weight > Weight::Note));
}

/// The right person must be among the signers: validity is not authorisation.
fn expected(question: &Question, gathered: &mut Gathered) {
    let Some(expected) = question.signer.as_ref().map(|code| code.trim().to_ascii_uppercase()) else { return };
    let named = |signer: &report::Signer| signer.fiscal_code.as_deref() == Some(&expected) && !signer.countersigns;
    if !gathered.signers.is_empty() && !gathered.signers.iter().any(named) {
        gathered.find(Weight::Failed, "signer.other", expected);
    }
}
