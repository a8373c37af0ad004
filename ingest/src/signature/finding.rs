//! What was found about a signature, with its weight and its sentence in both languages (`reasons.toml`).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// What is said of a finding; `etsi` is its sub-indication by EN 319 102-1.
#[derive(Deserialize)]
struct Sentence {
    it: String,
    en: String,
    etsi: Option<String>,
}

static SENTENCES: LazyLock<BTreeMap<String, Sentence>> = LazyLock::new(|| toml::from_str(include_str!("reasons.toml")).expect("reasons.toml is well formed"));

/// How much a finding weighs, lightest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// To know; changes nothing.
    Note,
    /// Validity cannot be decided. INDETERMINATE.
    Unknown,
    /// Nor can integrity. INDETERMINATE, not intact.
    Unproven,
    /// Not valid, though what was signed is unchanged. TOTAL-FAILED.
    Failed,
    /// What was signed is not what is here. TOTAL-FAILED, not intact.
    Broken,
}

#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    pub code: &'static str,
    pub weight: Weight,
    pub it: String,
    pub en: String,
}

pub fn finding(weight: Weight, code: &'static str, detail: impl AsRef<str>) -> Finding {
    spoken(weight, code, detail.as_ref(), detail.as_ref())
}

/// A finding whose detail is itself in two languages.
pub fn spoken(weight: Weight, code: &'static str, it: &str, en: &str) -> Finding {
    let said = |text: &Sentence| (text.it.replace("{}", it), text.en.replace("{}", en));
    let (it, en) = SENTENCES.get(code).map(said).unwrap_or_else(|| (code.to_string(), code.to_string()));
    Finding { code, weight, it, en }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Outcome {
    #[serde(rename = "TOTAL-PASSED")]
    Passed,
    #[serde(rename = "INDETERMINATE")]
    Indeterminate,
    #[serde(rename = "TOTAL-FAILED")]
    Failed,
}

/// The outcome of findings: the heaviest decides.
pub fn outcome(findings: &[Finding]) -> Outcome {
    match findings.iter().map(|finding| finding.weight).max() {
        None | Some(Weight::Note) => Outcome::Passed,
        Some(Weight::Unknown | Weight::Unproven) => Outcome::Indeterminate,
        Some(Weight::Failed | Weight::Broken) => Outcome::Failed,
    }
}

pub fn is_intact(findings: &[Finding]) -> bool {
    !findings.iter().any(|finding| matches!(finding.weight, Weight::Unproven | Weight::Broken))
}

/// The sub-indication of the finding that decided.
pub fn etsi(findings: &[Finding]) -> Option<String> {
    let heaviest = findings.iter().map(|finding| finding.weight).max().filter(|weight| *weight > Weight::Note)?;
    let deciding = findings.iter().filter(|finding| finding.weight == heaviest);
    deciding.filter_map(|finding| SENTENCES.get(finding.code)?.etsi.clone()).next()
}

/// The sentences that decided, heaviest first, each once; notes are left out.
pub fn sentences(findings: &[Finding]) -> (String, String) {
    let mut deciding: Vec<&Finding> = findings.iter().filter(|finding| finding.weight > Weight::Note).collect();
    deciding.sort_by_key(|finding| std::cmp::Reverse(finding.weight));
    let (mut it, mut en) = (Vec::<&str>::new(), Vec::<&str>::new());
    for finding in deciding {
        if !it.contains(&finding.it.as_str()) {
            it.push(&finding.it);
            en.push(&finding.en);
        }
    }
    (it.join(" "), en.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every code that the module's source names has its two sentences, and every sentence has a code.
    #[test]
    fn every_code_has_its_sentences() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/signature");
        let mut source = std::fs::read_to_string(folder.with_extension("rs")).unwrap();
        for path in [folder.clone(), folder.join("pdf")] {
            for entry in std::fs::read_dir(path).unwrap().flatten().filter(|entry| entry.path().extension().is_some_and(|e| e == "rs")) {
                source.push_str(&std::fs::read_to_string(entry.path()).unwrap());
            }
        }
        let codes = regex::Regex::new(r#"Weight::\w+,\s*"([a-z_.]+)""#).unwrap();
        for found in codes.captures_iter(&source) {
            assert!(SENTENCES.contains_key(&found[1]), "{} has no sentence", &found[1]);
        }
        for code in SENTENCES.keys() {
            assert!(source.contains(&format!("\"{code}\"")), "nobody says {code}");
        }
    }
}
