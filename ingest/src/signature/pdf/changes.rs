//! What a PDF holds beyond the part that a signature covers, and whether that may be.

use std::collections::HashSet;
use std::sync::LazyLock;

use lopdf::Document;
use lopdf::xref::XrefRecovery;
use regex::bytes::Regex;

use super::compare::Compare;
use super::place::{Placed, Rules};
use crate::signature::finding::{Finding, Weight, finding, spoken};
use crate::signature::report::Change;

/// Changes that are named in a sentence.
const NAMED: usize = 4;

/// States of a file in need of repair that are looked at.
const MAX_STATES: usize = 32;

static OBJECTS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?-u)(?m)^[ \t]*([0-9]{1,10}[ \t]+[0-9]{1,5})[ \t]+obj\b").expect("the pattern is well formed"));

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
    let later = match later(&then, now, &bytes[placed.end..]) {
        Some(ends) if ends.len() <= MAX_STATES => ends,
        Some(_) => return (Vec::new(), vec![finding(Weight::Unproven, "pdf.complex", "")]),
        None => return (Vec::new(), vec![finding(Weight::Broken, "pdf.rewritten", "")]),
    };
    let mut rules = placed.rules.clone();
    for other in earlier.iter().filter(|other| other.end > 0) {
        rules.join(&other.rules);
    }
    let level = rules.certified.unwrap_or(3);
    let allowed = Allowed { forms: level >= 2, signatures: level >= 2, rules };
    let Some(mut changes) = Compare::new(&then, now, &allowed).run() else {
        return (Vec::new(), vec![finding(Weight::Unproven, "pdf.complex", "")]);
    };
    for end in later {
        let Ok(state) = super::load(&bytes[..placed.end + end]) else { return (Vec::new(), vec![finding(Weight::Broken, "pdf.rewritten", "")]) };
        match Compare::new(&then, &state, &allowed).run() {
            Some(found) => changes.extend(found.into_iter().filter(|change| !change.allowed)),
            None => return (Vec::new(), vec![finding(Weight::Unproven, "pdf.complex", "")]),
        }
    }
    let mut findings = Vec::new();
    let (good, bad): (Vec<&Change>, Vec<&Change>) = changes.iter().partition(|change| change.allowed);
    if !bad.is_empty() {
        findings.push(said(Weight::Broken, "pdf.changed", &bad));
    } else if !good.is_empty() {
        findings.push(said(Weight::Note, "pdf.allowed", &good));
    }
    (changes, findings)
}

/// Where the states between the signed one and the last end, if they have to be looked at; none if the update may not stand.
///
/// An update chains to what was signed. A file that has to be repaired to be read may be read as something else by the next program: then
/// every state it went through must hold, and no object may be there twice within one of them.
fn later(then: &Document, now: &Document, added: &[u8]) -> Option<Vec<usize>> {
    let mut ends: Vec<usize> = memchr::memmem::find_iter(added, b"%%EOF").map(|at| at + 5).collect();
    // What no reader reaches by the table, one that rebuilds the table would show.
    if !added[ends.last().copied().unwrap_or(0)..].iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0) {
        return None;
    }
    if now.xref_recovery.is_none() && then.xref_recovery.is_none() {
        return (now.xref_section_count > then.xref_section_count).then(Vec::new);
    }
    if then.xref_recovery == Some(XrefRecovery::Reconstructed) {
        return None;
    }
    let mut start = 0;
    for end in ends.iter().copied().chain([added.len()]) {
        let mut seen = HashSet::new();
        if OBJECTS.captures_iter(&added[start..end]).any(|found| !seen.insert(found[1].to_vec())) {
            return None;
        }
        start = end;
    }
    ends.pop();
    Some(ends)
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
