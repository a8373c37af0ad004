//! What is said of a file: the outcome, its reason, who signed, and the evidence.

use serde::Serialize;

use super::certificate::Described;
use super::finding::{self, Finding, Outcome, Weight, finding, spoken};
use super::judge::Judged;
use super::moment::Moment;
use super::timestamp::Timestamp;
use super::trust::Source;

/// One signature.
#[derive(Clone, Debug, Serialize)]
pub struct Signer {
    pub name: Option<String>,
    pub fiscal_code: Option<String>,
    /// The subject's serial number as it stands, such as `TINIT-…`.
    pub identifier: Option<String>,
    pub organization: Option<String>,
    pub result: Outcome,
    pub reason: String,
    pub reason_en: String,
    pub intact: bool,
    /// The layer of the file that carries the signature (0 is outermost), and the field of a PDF.
    pub layer: usize,
    pub field: Option<String>,
    pub claimed_time: Option<Moment>,
    /// The signature existed by this time: a timestamp's, or that of the verification.
    pub time: Moment,
    pub time_proved: bool,
    pub digest: String,
    pub algorithm: String,
    pub certificate: Option<Described>,
    #[serde(flatten)]
    pub judged: Judged,
    pub timestamps: Vec<Timestamp>,
    /// What the file holds beyond the signed part, in a PDF.
    pub changes: Vec<Change>,
    pub covers_whole_file: bool,
    pub countersigns: bool,
    pub findings: Vec<Finding>,
}

/// A change after signing: `kind` is content, annotation, form, signature, validation or metadata.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    pub kind: &'static str,
    pub place: String,
    pub allowed: bool,
}

/// A layer of the file: what it is, and the hash of its bytes.
#[derive(Clone, Debug, Serialize)]
pub struct Layer {
    pub kind: &'static str,
    pub bytes: usize,
    pub sha256: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub file: String,
    pub result: Outcome,
    pub reason: String,
    pub intact: bool,
    pub signers: Vec<Signer>,
    pub reason_en: String,
    /// The sub-indication of ETSI EN 319 102-1 that decided.
    pub subindication: Option<String>,
    pub format: &'static str,
    pub bytes: usize,
    pub sha256: String,
    pub verified_at: Moment,
    pub layers: Vec<Layer>,
    pub timestamps: Vec<Timestamp>,
    /// Active content of a PDF: scripts, programs to start, embedded files.
    pub active_content: Vec<String>,
    pub findings: Vec<Finding>,
    pub trust: Vec<Source>,
}

/// What an examination gathers before it becomes a report.
#[derive(Default)]
pub struct Gathered {
    pub format: &'static str,
    pub signers: Vec<Signer>,
    pub layers: Vec<Layer>,
    pub timestamps: Vec<Timestamp>,
    pub active_content: Vec<String>,
    pub findings: Vec<Finding>,
}

impl Gathered {
    pub fn find(&mut self, weight: Weight, code: &'static str, detail: impl AsRef<str>) {
        self.findings.push(finding(weight, code, detail));
    }

    /// All that weighs on the file: of itself and of each signature.
    fn weighing(&self) -> Vec<Finding> {
        let of_signers = self.signers.iter().flat_map(|signer| signer.findings.iter());
        self.findings.iter().chain(of_signers).cloned().collect()
    }

    pub fn report(mut self, file: String, bytes: usize, sha256: String, at: Moment, trust: Vec<Source>) -> Report {
        let weighing = self.weighing();
        let result = finding::outcome(&weighing);
        let (mut reason, mut reason_en) = finding::sentences(&weighing);
        if result == Outcome::Passed {
            let who = self.signers.iter().filter_map(|signer| signer.name.clone()).collect::<Vec<_>>().join(", ");
            let passed = if self.signers.is_empty() { finding(Weight::Note, "passed.timestamp", "") } else { finding(Weight::Note, "passed", who) };
            (reason, reason_en) = (passed.it.clone(), passed.en.clone());
            self.findings.insert(0, passed);
        }
        Report {
            file,
            result,
            reason,
            intact: finding::is_intact(&weighing) && !(self.signers.is_empty() && self.timestamps.is_empty()),
            signers: self.signers,
            reason_en,
            subindication: finding::etsi(&weighing),
            format: self.format,
            bytes,
            sha256,
            verified_at: at,
            layers: self.layers,
            timestamps: self.timestamps,
            active_content: self.active_content,
            findings: self.findings,
            trust,
        }
    }
}

/// The report on a file that the examining process did not survive, or that is beyond the bounds.
pub fn unexamined(file: String, bytes: usize, sha256: String, at: Moment, code: &'static str, (it, en): (&str, &str)) -> Report {
    let mut gathered = Gathered { format: "unknown", ..Gathered::default() };
    gathered.findings.push(spoken(Weight::Unproven, code, it, en));
    gathered.report(file, bytes, sha256, at, Vec::new())
}
