//! What a PDF holds beyond the part that a signature covers, and whether that may be.

use lopdf::Document;

use super::compare::Compare;
use super::place::{Placed, Rules};
use crate::signature::finding::{Finding, Weight, finding, spoken};
use crate::signature::report::Change;

/// Changes that are named in a sentence.
const NAMED: usize = 4;

/// What a signature and those before it allow to happen afterwards.
pub struct Allowed {
    /// Forms may be filled in (`/DocMDP` 2 or 3, or no certification).
    pub forms: bool,
    /// Further signatures may be added; document timestamps always may.
    pub signatures: bool,
    pub rules: Rules,
}

/// The changes after a signature, and what they mean for it.
pub fn after(placed: &Placed, earlier: &[Placed], now: &Document, bytes: &[u8]) -> (Vec<Change>, Vec<Finding>) {
    if placed.end == 0 || bytes[placed.end..].iter().all(u8::is_ascii_whitespace) {
        return (Vec::new(), Vec::new());
    }
    let Ok(then) = super::load(&bytes[..placed.end]) else {
        return (Vec::new(), vec![finding(Weight::Broken, "pdf.rewritten", "")]);
    };
    // An update chains to what was signed. A file that has to be repaired to be read may be read as something else by the next program.
    let repaired = then.xref_recovery.is_some() || now.xref_recovery.is_some();
    if repaired || now.xref_section_count <= then.xref_section_count {
        return (Vec::new(), vec![finding(Weight::Broken, "pdf.rewritten", "")]);
    }
    let mut rules = placed.rules.clone();
    for other in earlier.iter().filter(|other| other.end > 0) {
        rules.join(&other.rules);
    }
    let level = rules.certified.unwrap_or(3);
    let allowed = Allowed { forms: level >= 2, signatures: level >= 2, rules };
    let Some(changes) = Compare::new(&then, now, &allowed).run() else {
        return (Vec::new(), vec![finding(Weight::Unproven, "pdf.complex", "")]);
    };
    let mut findings = Vec::new();
    let (good, bad): (Vec<&Change>, Vec<&Change>) = changes.iter().partition(|change| change.allowed);
    if !bad.is_empty() {
        findings.push(said(Weight::Broken, "pdf.changed", &bad));
    } else if !good.is_empty() {
        findings.push(said(Weight::Note, "pdf.allowed", &good));
    }
    (changes, findings)
}

fn said(weight: Weight, code: &'static str, changes: &[&Change]) -> Finding {
    let kind = |kind: &str| match kind {
        "content" => ("contenuto", "content"),
        "annotation" => ("annotazione", "annotation"),
        "form" => ("campo compilato", "field filled in"),
        "signature" => ("firma aggiunta", "signature added"),
        "timestamp" => ("marca temporale aggiunta", "timestamp added"),
        "validation" => ("dati per la verifica", "validation data"),
        _ => ("metadati", "metadata"),
    };
    let (mut it, mut en) = (Vec::new(), Vec::new());
    for change in changes.iter().take(NAMED) {
        let (italian, english) = kind(change.kind);
        it.push(format!("{italian} ({})", change.place));
        en.push(format!("{english} ({})", change.place));
    }
    if changes.len() > NAMED {
        it.push(format!("e altre {}", changes.len() - NAMED));
        en.push(format!("and {} more", changes.len() - NAMED));
    }
    match code {
        "pdf.changed" => spoken(weight, "pdf.changed", &it.join(", "), &en.join(", ")),
        _ => spoken(weight, "pdf.allowed", &it.join(", "), &en.join(", ")),
    }
}
