//! Whom to trust: ETSI TS 119 612 trusted lists and PEM bundles, read from files. Nothing is trusted that no file names.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine;
use chrono::{DateTime, Utc};
use quick_xml::events::Event;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::certificate::Certificate;
use super::moment::Moment;

/// Larger files are no trusted list; the largest of the Union is about 6 MB.
const MAX_BYTES: usize = 64 << 20;

/// What a service of a trusted list is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Signature,
    Timestamp,
    Other,
}

/// A service of a list: its purpose, and whether it was granted, from each time on (oldest first).
#[derive(Clone, Debug)]
pub struct Service {
    pub provider: String,
    pub name: String,
    pub purpose: Purpose,
    pub history: Vec<(Moment, bool)>,
}

/// Where an anchor comes from: a bundle, which trusts it for everything, or a service of a list.
pub struct Anchor {
    pub certificate: Certificate,
    pub service: Option<Service>,
}

/// A file that was read, as evidence of what was trusted.
#[derive(Clone, Debug, Serialize)]
pub struct Source {
    pub file: String,
    pub sha256: String,
    pub kind: &'static str,
    pub anchors: usize,
    pub territory: Option<String>,
    pub sequence: Option<String>,
    pub issued: Option<Moment>,
    pub next_update: Option<Moment>,
}

#[derive(Default)]
pub struct Trust {
    pub anchors: Vec<Anchor>,
    pub sources: Vec<Source>,
}

impl Trust {
    /// Reads trusted lists (XML) and certificates (PEM or DER). The error says which file is wrong and why.
    pub fn read(files: &[impl AsRef<Path>]) -> Result<Trust, String> {
        let mut trust = Trust::default();
        for file in files {
            let name = file.as_ref().display().to_string();
            let bytes = std::fs::read(file).map_err(|e| format!("{name}: {e}"))?;
            trust.add(&name, &bytes).map_err(|e| format!("{name}: {e}"))?;
        }
        Ok(trust)
    }

    pub fn add(&mut self, file: &str, bytes: &[u8]) -> Result<(), String> {
        if bytes.len() > MAX_BYTES {
            return Err(format!("more than {MAX_BYTES} bytes"));
        }
        let start = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
        let mut source = Source {
            file: file.to_string(),
            sha256: hex::encode(Sha256::digest(bytes)),
            kind: "bundle",
            anchors: 0,
            territory: None,
            sequence: None,
            issued: None,
            next_update: None,
        };
        let before = self.anchors.len();
        if start.starts_with(b"<") {
            source.kind = "trusted list";
            self.list(start, &mut source)?;
        } else {
            self.anchors.extend(Certificate::bundle(bytes).into_iter().map(|certificate| Anchor { certificate, service: None }));
        }
        source.anchors = self.anchors.len() - before;
        if source.anchors == 0 {
            return Err("neither a trusted list in XML nor certificates in PEM or DER".to_string());
        }
        self.sources.push(source);
        Ok(())
    }

    /// A trusted list (ETSI TS 119 612). Its own signature is the operator's to check when installing it: see docs/SIGNATURES.md.
    fn list(&mut self, bytes: &[u8], source: &mut Source) -> Result<(), String> {
        let mut reader = quick_xml::Reader::from_reader(bytes);
        let (mut path, mut text) = (Vec::<String>::new(), String::new());
        let mut provider = String::new();
        let mut service = Reading::default();
        loop {
            let event = reader.read_event().map_err(|e| format!("not well-formed XML at byte {}: {e}", reader.error_position()))?;
            match event {
                Event::Start(tag) => {
                    if path.len() > 64 {
                        return Err("elements nested too deep".to_string());
                    }
                    path.push(tag.local_name().as_ref().to_string());
                    text.clear();
                }
                Event::Text(part) => text.push_str(&part),
                Event::GeneralRef(part) => text.push_str(match part.as_ref() {
                    "amp" => "&",
                    "lt" => "<",
                    "gt" => ">",
                    "quot" => "\"",
                    "apos" => "'",
                    _ => "",
                }),
                Event::DocType(_) => return Err("a document type is not allowed in a trusted list".to_string()),
                Event::End(_) => {
                    let name = path.pop().unwrap_or_default();
                    let within = |element: &str| path.iter().any(|step| step == element);
                    let value = text.trim();
                    match name.as_str() {
                        "SchemeTerritory" if within("SchemeInformation") && !within("PointersToOtherTSL") => source.territory = Some(value.to_string()),
                        "TSLSequenceNumber" => source.sequence = Some(value.to_string()),
                        "ListIssueDateTime" => source.issued = time(value),
                        "dateTime" if within("NextUpdate") => source.next_update = time(value),
                        "Name" if within("TSPName") && provider.is_empty() => provider = value.to_string(),
                        "TrustServiceProvider" => provider.clear(),
                        "ServiceTypeIdentifier" => service.kind = value.to_string(),
                        "Name" if within("ServiceName") && !within("ServiceHistory") && service.name.is_empty() => service.name = value.to_string(),
                        "X509Certificate" if within("ServiceDigitalIdentity") && !within("ServiceHistory") => service.certificates.push(value.to_string()),
                        "ServiceStatus" => service.status = value.to_string(),
                        "StatusStartingTime" => service.since(value),
                        "ServiceInformation" => service.purpose = Some(purpose(&service.kind)),
                        "TSPService" => self.anchors.extend(std::mem::take(&mut service).anchors(&provider)),
                        _ => {}
                    }
                    text.clear();
                }
                Event::Eof if path.is_empty() => return Ok(()),
                Event::Eof => return Err("the XML ends too early".to_string()),
                _ => {}
            }
        }
    }

    /// The services of a certificate that a list names, and whether a bundle holds it.
    pub fn of(&self, certificate: &Certificate) -> (Vec<&Service>, bool) {
        let same = |anchor: &&Anchor| {
            anchor.certificate.der == certificate.der
                || (anchor.certificate.subject == certificate.subject && anchor.certificate.key_bits == certificate.key_bits)
        };
        let found: Vec<&Anchor> = self.anchors.iter().filter(same).collect();
        (found.iter().filter_map(|anchor| anchor.service.as_ref()).collect(), found.iter().any(|anchor| anchor.service.is_none()))
    }

    /// The anchors' certificates, each once.
    pub fn certificates(&self) -> Vec<&Certificate> {
        let unique: BTreeMap<&[u8], &Certificate> = self.anchors.iter().map(|anchor| (anchor.certificate.der.as_slice(), &anchor.certificate)).collect();
        unique.into_values().collect()
    }
}

impl Service {
    /// Was the service granted at this time? None before the list knows it.
    pub fn granted(&self, time: Moment) -> Option<bool> {
        self.history.iter().rev().find(|(since, _)| *since <= time).map(|(_, granted)| *granted)
    }
}

/// A service while it is read.
#[derive(Default)]
struct Reading {
    kind: String,
    purpose: Option<Purpose>,
    name: String,
    status: String,
    certificates: Vec<String>,
    history: Vec<(Moment, bool)>,
}

impl Reading {
    fn since(&mut self, value: &str) {
        if let Some(since) = time(value) {
            self.history.push((since, granted(&self.status)));
        }
    }

    fn anchors(mut self, provider: &str) -> Vec<Anchor> {
        self.history.sort_by_key(|(since, _)| *since);
        let purpose = self.purpose.unwrap_or(Purpose::Other);
        let service = Service { provider: provider.to_string(), name: self.name, purpose, history: self.history };
        let decoded = self.certificates.iter().filter_map(|text| {
            let packed: String = text.split_ascii_whitespace().collect();
            Certificate::read(&base64::engine::general_purpose::STANDARD.decode(packed).ok()?)
        });
        decoded.map(|certificate| Anchor { certificate, service: Some(service.clone()) }).collect()
    }
}

fn time(text: &str) -> Option<Moment> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.with_timezone(&Utc))
}

/// The last part of a type or status address says it: `…/Svctype/CA/QC`, `…/Svcstatus/granted`.
fn purpose(kind: &str) -> Purpose {
    match kind.split_once("/Svctype/").map_or("", |(_, name)| name) {
        "CA/QC" => Purpose::Signature,
        "TSA" | "TSA/QTST" | "TSA/TSS-QC" | "TSA/TSS-AdESQCandQES" => Purpose::Timestamp,
        _ => Purpose::Other,
    }
}

/// Words of before and after 1 July 2016 (Regulation EU 910/2014) for a service that may be relied on.
fn granted(status: &str) -> bool {
    matches!(status.rsplit('/').next(), Some("granted" | "undersupervision" | "supervisionincessation" | "accredited"))
}
