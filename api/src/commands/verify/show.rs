//! A report for people.

use std::io::{Result, Write};

use serde_json::Value;

use crate::commands::deliver::Language;

pub fn show(out: &mut impl Write, report: &Value, language: Language) -> Result<()> {
    let say = |it: &'static str, en: &'static str| if language == Language::It { it } else { en };
    let reason = say("reason", "reason_en");
    writeln!(out, "{}: {}", text(report, "file"), text(report, "result"))?;
    writeln!(out, "  {}", text(report, reason))?;
    let is_intact = report["intact"].as_bool().unwrap_or_default();
    writeln!(out, "  {}: {}", say("integro", "intact"), if is_intact { say("sì", "yes") } else { say("no, o non si può dire", "no, or it cannot be told") })?;
    if let Some(code) = report["subindication"].as_str() {
        writeln!(out, "  ETSI EN 319 102-1: {code}")?;
    }
    for signer in report["signers"].as_array().into_iter().flatten() {
        let role = if signer["countersigns"] == true { say("controfirma di", "countersigned by") } else { say("firmato da", "signed by") };
        let name = [text(signer, "name"), text(signer, "fiscal_code"), text(signer, "organization")]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(", ");
        writeln!(out, "  {role} {}: {}", if name.is_empty() { say("sconosciuto", "unknown") } else { &name }, text(signer, "result"))?;
        writeln!(out, "    {}", text(signer, reason))?;
        let proved = if signer["time_proved"] == true { say("provata", "proved") } else { say("della verifica", "of the verification") };
        writeln!(out, "    {}: {} ({proved})", say("data", "time"), text(signer, "time"))?;
        for (key, said) in
            [("claimed_time", say("data dichiarata", "claimed time")), ("algorithm", say("algoritmo", "algorithm")), ("anchor", say("prestatore", "provider"))]
        {
            if !text(signer, key).is_empty() {
                writeln!(out, "    {said}: {}", text(signer, key))?;
            }
        }
        let certificate = &signer["certificate"];
        if certificate.is_object() {
            writeln!(
                out,
                "    {}: {} ({} {})",
                say("certificato", "certificate"),
                text(certificate, "subject"),
                say("emesso da", "issued by"),
                text(certificate, "issuer")
            )?;
        }
        notes(out, signer, language)?;
    }
    for stamp in report["timestamps"].as_array().into_iter().flatten() {
        writeln!(out, "  {} {}: {} ({})", say("marca temporale", "timestamp"), text(stamp, "time"), text(stamp, "result"), text(stamp, "authority"))?;
    }
    notes(out, report, language)
}

/// Findings that decided nothing but are good to know.
fn notes(out: &mut impl Write, of: &Value, language: Language) -> Result<()> {
    let notes = of["findings"].as_array().into_iter().flatten().filter(|finding| finding["weight"] == "note");
    for finding in notes.filter(|finding| finding["code"] != "passed") {
        writeln!(out, "    - {}", text(finding, if language == Language::It { "it" } else { "en" }))?;
    }
    Ok(())
}

/// A value as text that cannot command a terminal: names in certificates are their makers' words.
fn text(of: &Value, key: &str) -> String {
    of[key].as_str().unwrap_or_default().chars().filter(|c| !c.is_control()).collect()
}
